// SPDX-License-Identifier: MIT

import { MeantimeError } from "../errors.ts";
import { concatBytes } from "../hex.ts";
import { type CborMap, type CborValue, readCbor } from "./cbor.ts";

/** An attestation document of an AWS Nitro enclave that was read, not judged. */
export interface NitroDocument {
  moduleId: string;
  timestampMs: number;
  /** 48 bytes each, by number. */
  pcrs: Map<number, Uint8Array>;
  /** DER, the root first and the enclave's own last. */
  certificates: Uint8Array[];
  publicKey: Uint8Array | null;
  userData: Uint8Array | null;
  nonce: Uint8Array | null;
  /** What the enclave's key has signed. */
  signedBytes: Uint8Array;
  /** r and s, 48 bytes each. */
  signature: Uint8Array;
}

const COSE_TAG = 0xd2;
const COSE_HEAD = Uint8Array.of(0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0);
/** Sig_structure up to the payload (RFC 9052, 4.4). */
const SIGNED_HEAD = concatBytes(
  Uint8Array.of(0x84, 0x6a),
  new TextEncoder().encode("Signature1"),
  Uint8Array.of(0x44, 0xa1, 0x01, 0x38, 0x22, 0x40),
);
const SIGNATURE_BYTES = 96;
const SIGNATURE_HEAD_BYTES = 2;

/**
 * Takes a document apart: a COSE_Sign1, tagged or not, as AWS's specification of the Nitro security module has it. Throws
 * MT-SDK-602 where the bytes are no CBOR, MT-SDK-603 where they are no such document.
 */
export function readNitroDocument(document: Uint8Array): NitroDocument {
  const untagged = document[0] === COSE_TAG ? document.subarray(1) : document;
  if (!COSE_HEAD.every((byte, index) => untagged[index] === byte)) {
    throw badDocument("it is no COSE_Sign1 with ECDSA over SHA-384");
  }
  const items = readCbor(untagged.subarray(0)) as CborValue[];
  const [, , payload, signature] = items.map((item) => (item instanceof Uint8Array ? item : undefined));
  if (!payload || !signature || items.length !== 4 || signature.length !== SIGNATURE_BYTES) {
    throw badDocument("it has not a payload and a signature of 96 bytes");
  }
  const signedPayload = untagged.subarray(
    COSE_HEAD.length,
    untagged.length - SIGNATURE_HEAD_BYTES - SIGNATURE_BYTES,
  );
  return { ...readPayload(payload), signedBytes: concatBytes(SIGNED_HEAD, signedPayload), signature };
}

function readPayload(payload: Uint8Array): Omit<NitroDocument, "signedBytes" | "signature"> {
  const fields = readCbor(payload);
  if (!(fields instanceof Map)) throw badDocument("its payload is no map");
  const authorities = fieldOf(fields, "cabundle", Array.isArray);
  return {
    moduleId: fieldOf(fields, "module_id", isText),
    timestampMs: fieldOf(fields, "timestamp", isNumber),
    pcrs: new Map(
      [...fieldOf(fields, "pcrs", isMap)].flatMap(([index, value]) =>
        isNumber(index) && isBytes(value) ? [[index, value] as const] : [],
      ),
    ),
    certificates: [...authorities, fieldOf(fields, "certificate", isBytes)].filter(isBytes),
    publicKey: optionalOf(fields, "public_key"),
    userData: optionalOf(fields, "user_data"),
    nonce: optionalOf(fields, "nonce"),
  };
}

function fieldOf<T extends CborValue>(
  fields: CborMap,
  name: string,
  is: (value: CborValue) => value is T,
): T {
  const value = fields.get(name) ?? null;
  if (!is(value)) throw badDocument(`${name} is missing or of another type`);
  return value;
}

function optionalOf(fields: CborMap, name: string): Uint8Array | null {
  const value = fields.get(name) ?? null;
  return isBytes(value) ? value : null;
}

function isBytes(value: CborValue): value is Uint8Array {
  return value instanceof Uint8Array;
}

function isMap(value: CborValue): value is CborMap {
  return value instanceof Map;
}

function isText(value: CborValue): value is string {
  return typeof value === "string";
}

function isNumber(value: CborValue): value is number {
  return typeof value === "number";
}

function badDocument(why: string): MeantimeError {
  return new MeantimeError("MT-SDK-603", `not an attestation document of a Nitro enclave: ${why}`, {
    hint: "Give the bytes that the security module returned for the Attestation request.",
  });
}
