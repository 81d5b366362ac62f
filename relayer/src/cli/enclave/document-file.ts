// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { pemToDer } from "@meantime/sdk/dcap/pem";
import { BadInputError } from "./bad-input.ts";

/** What an attestation is of. */
export type AttestationKind = "nitro" | "tdx" | "sgx";

const MAX_FILE_BYTES = 1_048_576;
const HINT = "Give the document as raw bytes, as hexadecimal or as Base64.";
/** Fields under which services hand documents out. */
const FIELDS = [
  "document",
  "quote",
  "attestation_document",
  "attestationDocument",
  "attestation",
  "data",
  "raw",
];

/** {1: -35}, the protected header of a Nitro document, near its beginning. */
const COSE_HEADER = Buffer.from("44a1013822", "hex");
const COSE_WITHIN_BYTES = 8;
/** Intel's quoting enclave, in a quote's header. */
const QUOTE_VENDOR = Buffer.from("939a7233f79c4ca9940a0db3957f0607", "hex");
const QUOTE_VENDOR_AT = 12;
const QUOTE_VERSIONS = [3, 4, 5];

/**
 * The bytes of an attestation document in a file: raw, as hexadecimal, as Base64 (of either alphabet, in lines or not), or
 * as such a text in a field of JSON.
 *
 * @throws BadInputError `MT-ENC-001` for a file that cannot be read, is empty or too long, or holds no document
 */
export function readDocumentFile(file: string, kind: AttestationKind): Uint8Array {
  const bytes = decodeBytes(readBytes(file, "MT-ENC-001"), file);
  if (!(kind === "nitro" ? isLikeNitro(bytes) : isLikeQuote(bytes))) {
    const other = isLikeNitro(bytes) ? "nitro" : isLikeQuote(bytes) ? "tdx or sgx" : undefined;
    throw new BadInputError(
      "MT-ENC-001",
      `${file} holds no ${kind === "nitro" ? "attestation document of a Nitro enclave" : "Intel quote"}`,
      other === undefined ? HINT : `It looks like --kind ${other}.`,
      { file },
    );
  }
  return bytes;
}

/**
 * The DER of a root's certificate in a file of PEM (of a chain the last), DER, hexadecimal or Base64.
 *
 * @throws BadInputError `MT-ENC-003`
 */
export function readRootFile(file: string): Uint8Array {
  const bytes = readBytes(file, "MT-ENC-003");
  try {
    const text = Buffer.from(bytes).toString("latin1");
    const root = text.includes("-----BEGIN") ? pemToDer(text).at(-1) : decodeBytes(bytes, file);
    if (root?.[0] === 0x30) return root;
  } catch {
    // Said below, in the terms of --root.
  }
  throw new BadInputError(
    "MT-ENC-003",
    `${file} holds no certificate`,
    "Give --root aws, intel, or a PEM or DER file.",
  );
}

/** The content of a file. @throws BadInputError with this code */
export function readBytes(file: string, code: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new BadInputError(code, `${file} cannot be read: ${message}`, "Name a readable file.", { file });
  }
  if (bytes.length === 0 || bytes.length > MAX_FILE_BYTES) {
    throw new BadInputError(
      code,
      `${file} has ${bytes.length} bytes`,
      `It must have 1 to ${MAX_FILE_BYTES}.`,
      { file },
    );
  }
  return bytes;
}

function decodeBytes(bytes: Uint8Array, file: string): Uint8Array {
  const text = printableText(bytes);
  if (text === undefined) return bytes;
  const decoded = decodeText(text);
  if (decoded && decoded.length > 0) return decoded;
  throw new BadInputError("MT-ENC-001", `${file} is neither hexadecimal nor Base64`, HINT, { file });
}

function printableText(bytes: Uint8Array): string | undefined {
  const isText = bytes.every(
    (byte) => (byte >= 0x20 && byte < 0x7f) || byte === 9 || byte === 10 || byte === 13,
  );
  return isText ? Buffer.from(bytes).toString("latin1").trim() : undefined;
}

function decodeText(text: string): Uint8Array | undefined {
  if (/^[{"]/.test(text)) return decodeJson(text);
  const solid = text.replace(/\s/g, "");
  if (solid.length % 2 === 0 && /^(0x)?[0-9a-f]+$/i.test(solid))
    return Buffer.from(solid.replace(/^0x/i, ""), "hex");
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(solid)) return Buffer.from(solid, "base64");
  if (/^[A-Za-z0-9_-]+={0,2}$/.test(solid)) return Buffer.from(solid, "base64url");
  return undefined;
}

function decodeJson(text: string): Uint8Array | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json === "string") return decodeText(json.trim());
  if (typeof json !== "object" || json === null) return undefined;
  const record = json as Record<string, unknown>;
  const field = FIELDS.find((name) => typeof record[name] === "string");
  return field === undefined ? undefined : decodeText(String(record[field]).trim());
}

/** Not whether it is right, which the contract judges, but whether it is such a thing at all. */
function isLikeNitro(bytes: Uint8Array): boolean {
  const at = Buffer.from(bytes).indexOf(COSE_HEADER);
  return (
    (at >= 0 && at < COSE_WITHIN_BYTES) || ((bytes[0] === 0x84 || bytes[0] === 0xd2) && bytes.length > 64)
  );
}

function isLikeQuote(bytes: Uint8Array): boolean {
  const vendor = Buffer.from(bytes.subarray(QUOTE_VENDOR_AT, QUOTE_VENDOR_AT + QUOTE_VENDOR.length));
  return vendor.equals(QUOTE_VENDOR) || (QUOTE_VERSIONS.includes(bytes[0] ?? 0) && bytes[1] === 0);
}
