// SPDX-License-Identifier: GPL-3.0-or-later
import { concatBytes, hexToBytes } from "@meantime/sdk/hex";
import { sha256 } from "@noble/hashes/sha2.js";
import { QE_SIGNER } from "./documents.ts";
import { authorityCertificate, PCK, PLATFORM_CA, pckCertificate, rootCertificate } from "./intel.ts";
import { type Key, P256 } from "./keys.ts";
import { pem } from "./x509.ts";

/** Bytes to write over a report: place and content in hexadecimal. */
export type Patch = readonly [place: number, hex: string];

/** What kind of quote, and what is wrong with it. */
export interface QuoteContent {
  version: 3 | 4 | 5;
  tee: "sgx" | "tdx";
  /** TD 1.5 reports are those of version 5 only. */
  isTd15: boolean;
  header: Patch[];
  description: Patch[];
  report: Patch[];
  qeReport: Patch[];
  qeData: Uint8Array;
  pck: Uint8Array;
  pckKey: Key;
  attestationKey: Key;
  /** Who signs the quote in place of the attestation key. */
  quoteSigner: Key;
  /** Changes r and s of both signatures. */
  alterSignature: (signature: Uint8Array) => Uint8Array;
  /** The certificates in the quote; by default the leaf, the Platform CA and the root. */
  chain: Uint8Array[];
}

const HEADER_BYTES = 48;
const VENDOR = "939a7233f79c4ca9940a0db3957f0607";
const SGX_BYTES = 384;
const TD_10_BYTES = 584;
const TD_15_BYTES = 648;
const ATTESTATION_KEY = P256.keyOf("attestation");
const MEASUREMENT = "ab".repeat(48);
const REPORT_DATA = "cd".repeat(64);

/** The report of an enclave that runs in production. */
export const SGX_REPORT: Patch[] = [
  [48, "0500000000000000e700000000000000"],
  [64, "12".repeat(32)],
  [128, "34".repeat(32)],
  [256, "01000200"],
  [320, REPORT_DATA],
];

/** The report of a trust domain that runs in production, under the newest module of version 1. */
export const TD_REPORT: Patch[] = [
  [0, "04010300000000000000000000000000"],
  [16, "56".repeat(48)],
  [120, "0000001000000000"],
  [128, "e702060000000000"],
  ...[136, 328, 376, 424, 472].map((place): Patch => [place, MEASUREMENT]),
  [520, REPORT_DATA],
];

/** The report of the newest quoting enclave of either kind, but for its report data. */
export function qeReport(tee: "sgx" | "tdx"): Patch[] {
  return [
    [48, "1500000000000000e700000000000000"],
    [64, "78".repeat(32)],
    [128, QE_SIGNER],
    [256, tee === "tdx" ? "02000600" : "01000600"],
  ];
}

/** A quote, signed all the way. */
export function quote(changes: Partial<QuoteContent> = {}): Uint8Array {
  const tee = changes.tee ?? "tdx";
  const content: QuoteContent = {
    ...{ version: tee === "tdx" ? 4 : 3, tee, isTd15: false },
    ...{ header: [], description: [], report: [], qeReport: [], qeData: new Uint8Array(32).fill(7) },
    ...{ pck: changes.pck ?? pckCertificate(), pckKey: PCK.key },
    ...{ attestationKey: ATTESTATION_KEY, quoteSigner: changes.attestationKey ?? ATTESTATION_KEY },
    alterSignature: (signature) => signature,
    chain: [],
    ...changes,
  };
  const signed = signedPart(content);
  const authentication = authenticationPart(content, signed);
  return concatBytes(signed, u32(authentication.length), authentication);
}

function signedPart(content: QuoteContent): Uint8Array {
  const { version, tee, isTd15 } = content;
  const reportBytes = tee === "sgx" ? SGX_BYTES : isTd15 ? TD_15_BYTES : TD_10_BYTES;
  const head = concatBytes(u16(version), u16(2), u32(tee === "sgx" ? 0 : 0x81), u16(9), u16(13));
  const header = patched(concatBytes(head, hexToBytes(`0x${VENDOR}`), new Uint8Array(20)), content.header);
  if (header.length !== HEADER_BYTES) throw new Error("the header has another length");
  const bodyType = tee === "sgx" ? 1 : isTd15 ? 3 : 2;
  const description = patched(concatBytes(u16(bodyType), u32(reportBytes)), content.description);
  const report = patched(new Uint8Array(reportBytes), [
    ...(tee === "sgx" ? SGX_REPORT : TD_REPORT),
    ...content.report,
  ]);
  return concatBytes(header, ...(version === 5 ? [description] : []), report);
}

function authenticationPart(content: QuoteContent, signed: Uint8Array): Uint8Array {
  const { attestationKey, qeData, tee, alterSignature } = content;
  const bound = Buffer.from(sha256(concatBytes(attestationKey.point, qeData))).toString("hex");
  const report = patched(new Uint8Array(SGX_BYTES), [...qeReport(tee), [320, bound], ...content.qeReport]);
  const chain =
    content.chain.length > 0
      ? content.chain
      : [content.pck, authorityCertificate(PLATFORM_CA), rootCertificate()];
  const qe = concatBytes(
    report,
    alterSignature(P256.sign(report, content.pckKey)),
    u16(qeData.length),
    qeData,
    typed(5, concatBytes(new TextEncoder().encode(pem(...chain)), Uint8Array.of(0))),
  );
  const head = concatBytes(alterSignature(P256.sign(signed, content.quoteSigner)), attestationKey.point);
  return concatBytes(head, content.version === 3 ? qe : typed(6, qe));
}

function typed(type: number, data: Uint8Array): Uint8Array {
  return concatBytes(u16(type), u32(data.length), data);
}

function patched(bytes: Uint8Array, patches: Patch[]): Uint8Array {
  const copy = bytes.slice();
  for (const [place, hex] of patches) copy.set(hexToBytes(`0x${hex}`), place);
  return copy;
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value & 0xff, value >> 8);
}

function u32(value: number): Uint8Array {
  return concatBytes(u16(value & 0xffff), u16(value >>> 16));
}
