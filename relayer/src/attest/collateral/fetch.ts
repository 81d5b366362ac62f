// SPDX-License-Identifier: GPL-3.0-or-later

import { certificateIds } from "@meantime/sdk/dcap/certificate";
import type { CollateralBundle } from "@meantime/sdk/dcap/collateral";
import type { SplitQuote } from "@meantime/sdk/dcap/quote";
import { bytesToHex } from "@meantime/sdk/hex";
import { RelayerError } from "../../errors.ts";
import { type Answer, ask } from "../http.ts";
import { hexOf, pemOf, signedDocumentOf } from "./parse.ts";

/** Where collateral comes from. */
export interface CollateralSource {
  /** Intel's service or a caching one (PCCS), without the path. */
  url: string;
  /** Where the root's revocation list is; a PCCS has it itself. */
  rootCrlUrl?: string | undefined;
}

/** Intel's own, which asks for no key for what is needed here. */
export const INTEL_SERVICE: Required<CollateralSource> = {
  url: "https://api.trustedservices.intel.com",
  rootCrlUrl: "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
};

const NAME = "the collateral service";
/** SEQUENCE field 1.2.840.113741.1.13.1.4 of the PCK certificate's SGX extension: an OCTET STRING of six bytes. */
const FMSPC_FIELD = Buffer.from("060a2a864886f84d010d01040406", "hex");
const FMSPC_BYTES = 6;

/**
 * Fetches what judging a platform's quotes takes (Intel PCS API, version 4).
 *
 * @throws TemporaryError `MT-ATT-010`, RelayerError `MT-ATT-011`
 */
export async function fetchCollateral(
  { url, rootCrlUrl }: CollateralSource,
  quote: SplitQuote,
): Promise<CollateralBundle> {
  const { tee } = quote;
  const get = (path: string) => ask(NAME, { url: new URL(path, url) });
  const [crl, tcb, identity, rootCrl] = await Promise.all([
    get(`/sgx/certification/v4/pckcrl?ca=${authorityOf(quote)}&encoding=der`),
    get(`/${tee}/certification/v4/tcb?fmspc=${fmspcOf(quote)}`),
    get(`/${tee}/certification/v4/qe/identity`),
    rootCrlUrl ? ask(NAME, { url: new URL(rootCrlUrl) }) : get("/sgx/certification/v4/rootcacrl"),
  ]);
  const tcbInfo = signedDocumentOf(tcb.body.toString("utf8"), "tcb_info");
  const qeIdentity = signedDocumentOf(identity.body.toString("utf8"), "qe_identity");
  return {
    pck_crl_issuer_chain: chainOf(crl, "sgx-pck-crl-issuer-chain"),
    root_ca_crl: crlIn(rootCrl),
    pck_crl: crlIn(crl),
    tcb_info_issuer_chain: chainOf(tcb, "tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"),
    tcb_info: present(tcbInfo.json, "TCB info"),
    tcb_info_signature: present(tcbInfo.signature, "signature of the TCB info"),
    qe_identity_issuer_chain: chainOf(identity, "sgx-enclave-identity-issuer-chain"),
    qe_identity: present(qeIdentity.json, "QE identity"),
    qe_identity_signature: present(qeIdentity.signature, "signature of the QE identity"),
  };
}

function authorityOf({ certificates }: SplitQuote): "platform" | "processor" {
  const name = certificates[1] ? certificateIds(certificates[1]).commonName : "";
  return /processor/i.test(name) ? "processor" : "platform";
}

function fmspcOf({ certificates }: SplitQuote): string {
  const der = Buffer.from(certificates[0] ?? []);
  const at = der.indexOf(FMSPC_FIELD);
  if (at < 0) throw incomplete("FMSPC in the quote's PCK certificate");
  const start = at + FMSPC_FIELD.length;
  return der.subarray(start, start + FMSPC_BYTES).toString("hex");
}

function chainOf({ headers }: Answer, ...names: string[]): string {
  const value = names.map((name) => headers[name]).find((one) => typeof one === "string");
  return present(pemOf(value), names[0] ?? "issuer chain");
}

/** DER as it is, or a text of it. */
function crlIn({ body }: Answer): string {
  if (body[0] === 0x30 && (body[1] ?? 0) > 0x80) return bytesToHex(body).slice(2);
  return present(hexOf(body.toString("latin1")), "revocation list");
}

function present(value: string | undefined, what: string): string {
  if (value === undefined) throw incomplete(what);
  return value;
}

function incomplete(what: string): RelayerError {
  return new RelayerError(
    "MT-ATT-011",
    `${NAME} answers without ${what}`,
    "Does a service of Intel's API, version 4, listen there?",
  );
}
