// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";
import { bytesToHex, type Hex, hexToBytes } from "../hex.ts";
import { certificateIds } from "./certificate.ts";
import { pemToDer } from "./pem.ts";

/**
 * Intel's documents for one platform, as collateral services hand them out: JSON texts byte for byte as signed,
 * signatures and revocation lists in hexadecimal, chains in PEM with the signer first and the root last.
 */
export interface CollateralBundle {
  pck_crl_issuer_chain: string;
  root_ca_crl: string;
  pck_crl: string;
  tcb_info_issuer_chain: string;
  tcb_info: string;
  tcb_info_signature: string;
  qe_identity_issuer_chain: string;
  qe_identity: string;
  qe_identity_signature: string;
}

/** A transaction to IntelCollateral: the name of a function and its arguments. */
export type CollateralCall =
  | { method: "enterAuthority"; args: [certificate: Hex] }
  | { method: "enterCrl"; args: [crl: Hex] }
  | { method: "enterTcbInfo" | "enterQeIdentity"; args: [json: Hex, signature: Hex, authorityId: Hex] };

const FIELDS = [
  "pck_crl_issuer_chain",
  "root_ca_crl",
  "pck_crl",
  "tcb_info_issuer_chain",
  "tcb_info",
  "tcb_info_signature",
  "qe_identity_issuer_chain",
  "qe_identity",
  "qe_identity_signature",
] as const;

/** Reads a bundle from parsed JSON. Throws MT-SDK-654 naming a field that is absent or no text. */
export function readCollateral(value: unknown): CollateralBundle {
  const record = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const absent = FIELDS.find((field) => typeof record[field] !== "string");
  if (absent) {
    throw new MeantimeError("MT-SDK-654", `the collateral has no text ${absent}`, {
      hint: `Pass an object with the texts ${FIELDS.join(", ")}.`,
      details: { field: absent },
    });
  }
  return Object.fromEntries(FIELDS.map((field) => [field, record[field]])) as unknown as CollateralBundle;
}

/**
 * The transactions that bring a bundle on chain, in an order in which each finds what it needs; of an incomplete bundle
 * those of what is there. Those of documents that are there already are refused by the contract, so ask it first. Chains
 * may be in either order. Throws MT-SDK-650 to 652 for broken certificates and MT-SDK-001 for broken hexadecimal.
 *
 * @param authorities More certificates of authorities, DER, such as those that a quote carries.
 */
export function collateralCalls(
  bundle: Partial<CollateralBundle>,
  authorities: readonly Uint8Array[] = [],
): CollateralCall[] {
  const pckAuthority = signerOf(bundle.pck_crl_issuer_chain);
  const tcbSigner = signerOf(bundle.tcb_info_issuer_chain ?? bundle.qe_identity_issuer_chain);
  const qeSigner = signerOf(bundle.qe_identity_issuer_chain ?? bundle.tcb_info_issuer_chain);
  const certificates = new Set(
    [...authorities, pckAuthority, tcbSigner, qeSigner].filter((one) => one !== undefined).map(bytesToHex),
  );
  return [
    ...crlCalls(bundle.root_ca_crl),
    ...[...certificates].map(
      (certificate): CollateralCall => ({ method: "enterAuthority", args: [certificate] }),
    ),
    ...crlCalls(bundle.pck_crl),
    ...documentCalls("enterTcbInfo", bundle.tcb_info, bundle.tcb_info_signature, tcbSigner),
    ...documentCalls("enterQeIdentity", bundle.qe_identity, bundle.qe_identity_signature, qeSigner),
  ];
}

/** The certificate of the root that a bundle names. It proves nothing: the contract's root is the one it was built on. */
export function rootOf(bundle: CollateralBundle): Uint8Array {
  const chain = pemToDer(bundle.tcb_info_issuer_chain);
  return chain.at(-1) ?? new Uint8Array();
}

function crlCalls(crl: string | undefined): CollateralCall[] {
  return crl === undefined ? [] : [{ method: "enterCrl", args: [asHex(crl)] }];
}

function documentCalls(
  method: "enterTcbInfo" | "enterQeIdentity",
  json: string | undefined,
  signature: string | undefined,
  signer: Uint8Array | undefined,
): CollateralCall[] {
  if (json === undefined || signature === undefined || signer === undefined) return [];
  const { authorityId } = certificateIds(signer);
  return [{ method, args: [bytesToHex(new TextEncoder().encode(json)), asHex(signature), authorityId] }];
}

/** The certificate of a chain that is not the root's. */
function signerOf(pem: string | undefined): Uint8Array | undefined {
  if (pem === undefined) return undefined;
  const chain = pemToDer(pem);
  return chain.find((certificate) => !isRoot(certificate)) ?? chain[0];
}

function isRoot(certificate: Uint8Array): boolean {
  const { authorityId, issuerId } = certificateIds(certificate);
  return authorityId === issuerId;
}

function asHex(text: string): Hex {
  return bytesToHex(hexToBytes(text.startsWith("0x") ? text : `0x${text}`));
}
