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
 * The transactions that bring a bundle on chain, in an order in which each finds what it needs. Those of documents that
 * are there already are refused by the contract, so ask it first. Throws MT-SDK-650 to 652 for broken certificates and
 * MT-SDK-001 for broken hexadecimal.
 */
export function collateralCalls(bundle: CollateralBundle): CollateralCall[] {
  const [pckAuthority] = chainOf(bundle.pck_crl_issuer_chain);
  const [tcbSigner] = chainOf(bundle.tcb_info_issuer_chain);
  const [qeSigner] = chainOf(bundle.qe_identity_issuer_chain);
  const authorities = new Set([pckAuthority, tcbSigner, qeSigner].map(bytesToHex));
  return [
    { method: "enterCrl", args: [asHex(bundle.root_ca_crl)] },
    ...[...authorities].map(
      (certificate): CollateralCall => ({ method: "enterAuthority", args: [certificate] }),
    ),
    { method: "enterCrl", args: [asHex(bundle.pck_crl)] },
    {
      method: "enterTcbInfo",
      args: documentArgs(bundle.tcb_info, bundle.tcb_info_signature, tcbSigner),
    },
    {
      method: "enterQeIdentity",
      args: documentArgs(bundle.qe_identity, bundle.qe_identity_signature, qeSigner),
    },
  ];
}

/** The certificate of the root that a bundle names. It proves nothing: the contract's root is the one it was built on. */
export function rootOf(bundle: CollateralBundle): Uint8Array {
  const chain = pemToDer(bundle.tcb_info_issuer_chain);
  return chain.at(-1) ?? new Uint8Array();
}

function documentArgs(json: string, signature: string, signer: Uint8Array): [Hex, Hex, Hex] {
  const { authorityId } = certificateIds(signer);
  return [bytesToHex(new TextEncoder().encode(json)), asHex(signature), authorityId];
}

function chainOf(pem: string): [Uint8Array, ...Uint8Array[]] {
  const [signer = new Uint8Array(), ...above] = pemToDer(pem);
  return [signer, ...above];
}

function asHex(text: string): Hex {
  return bytesToHex(hexToBytes(text.startsWith("0x") ? text : `0x${text}`));
}
