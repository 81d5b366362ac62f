// SPDX-License-Identifier: MIT
import { p256 } from "@noble/curves/nist.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, hexToBytes } from "../hex.ts";
import { childAt, childrenOf, elementAt } from "./der.ts";
import type { QuoteParts } from "./quote.ts";

const SIGNATURE_BYTES = 64;
const KEY_BYTES = 64;
const REPORT_BYTES = 384;
const KEY_AT = SIGNATURE_BYTES;
const REPORT_AT = KEY_AT + KEY_BYTES;
const REPORT_SIGNATURE_AT = REPORT_AT + REPORT_BYTES;
const DATA_AT = REPORT_SIGNATURE_AT + SIGNATURE_BYTES;
const REPORT_DATA_AT = 320;
const HASH_BYTES = 32;
// Places of a certificate's parts (RFC 5280, 4.1).
const KEY_PLACE = 6;

/**
 * Judges the three signatures inside an Intel quote: the attestation key's over the report, the quoting enclave's word for
 * that key, and the processor's over the quoting enclave's report. Whether the processor's certificate is Intel's, and what
 * Intel says of the platform, is in documents that no quote carries.
 *
 * @returns what does not hold; undefined: all three do
 * @throws MeantimeError MT-SDK-650 for a malformed certificate
 */
export function quoteFault({ signed, authentication, pckCertificate }: QuoteParts): string | undefined {
  const bytes = hexToBytes(authentication);
  const part = (start: number, length: number) => bytes.subarray(start, start + length);
  const signature = part(0, SIGNATURE_BYTES);
  const key = part(KEY_AT, KEY_BYTES);
  const report = part(REPORT_AT, REPORT_BYTES);
  const reportSignature = part(REPORT_SIGNATURE_AT, SIGNATURE_BYTES);
  const data = bytes.subarray(DATA_AT);
  if (bytes.length < DATA_AT) return "its authentication ends early";
  if (!isSigned(signature, hexToBytes(signed), concatBytes(Uint8Array.of(4), key)))
    return "the attestation key did not sign it";
  const bound = concatBytes(sha256(concatBytes(key, data)), new Uint8Array(HASH_BYTES));
  const shown = report.subarray(REPORT_DATA_AT);
  if (!bound.every((byte, index) => byte === shown[index]))
    return "the quoting enclave does not vouch for the attestation key";
  if (!isSigned(reportSignature, report, keyOf(hexToBytes(pckCertificate))))
    return "the processor's key did not sign the quoting enclave's report";
  return undefined;
}

function isSigned(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return p256.verify(signature, sha256(message), publicKey, { prehash: false, lowS: false });
  } catch {
    // No point of the curve.
    return false;
  }
}

/** The point behind the count of unused bits. */
function keyOf(certificate: Uint8Array): Uint8Array {
  const tbs = childAt(childrenOf(certificate, elementAt(certificate, 0)), 0);
  const info = childAt(childrenOf(certificate, tbs), KEY_PLACE);
  const { content, end } = childAt(childrenOf(certificate, info), 1);
  return certificate.subarray(content + 1, end);
}
