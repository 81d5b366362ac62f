// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";

/** What documents hold. Maps keep the order in which they were written. */
export type CborValue = number | Uint8Array | string | null | CborValue[] | CborMap;
export type CborMap = Map<CborValue, CborValue>;

const UINT = 0;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const INDEFINITE = 31;
const NULL = 0xf6;
const BREAK = 0xff;

/**
 * Reads the one CBOR item that `bytes` holds: unsigned integers, byte strings, texts, arrays, maps and null (RFC 8949), as
 * strictly as `contracts/enclave/nitro/Cbor.sol`. Throws MT-SDK-602 where it is none.
 */
export function readCbor(bytes: Uint8Array): CborValue {
  const [value, end] = itemAt(bytes, 0);
  if (end !== bytes.length) throw badCbor(end, "bytes follow it");
  return value;
}

/** The item at `at`, and where its neighbour begins. Throws MT-SDK-602. */
export function itemAt(bytes: Uint8Array, at: number): [CborValue, number] {
  const initial = byteAt(bytes, at);
  if (initial === NULL) return [null, at + 1];
  const major = initial >> 5;
  if ((major === ARRAY || major === MAP) && (initial & 31) === INDEFINITE) {
    return itemsAt(bytes, at + 1, major, undefined);
  }
  const [number, next] = headAt(bytes, at);
  switch (major) {
    case UINT:
      return [number, next];
    case BYTES:
      return [stringAt(bytes, next, number), next + number];
    case TEXT:
      return [new TextDecoder().decode(stringAt(bytes, next, number)), next + number];
    case ARRAY:
    case MAP:
      return itemsAt(bytes, next, major, number);
    default:
      throw badCbor(at, "no attestation document holds such an item");
  }
}

/** The number in the head at `at`, and where the head ends. Throws MT-SDK-602. */
export function headAt(bytes: Uint8Array, at: number): [number, number] {
  const info = byteAt(bytes, at) & 31;
  if (info < 24) return [info, at + 1];
  if (info > 27) throw badCbor(at, "its length is reserved or indefinite");
  const octets = 1 << (info - 24);
  const value = stringAt(bytes, at + 1, octets).reduce((sum, byte) => sum * 256 + byte, 0);
  const isShortest = octets === 1 ? value >= 24 : value >= 256 ** (octets / 2);
  if (!isShortest) throw badCbor(at, "its length is not the shortest");
  return [value, at + 1 + octets];
}

function itemsAt(
  bytes: Uint8Array,
  start: number,
  major: number,
  count: number | undefined,
): [CborValue, number] {
  const values: CborValue[] = [];
  const wanted = count === undefined ? Number.POSITIVE_INFINITY : count * (major === MAP ? 2 : 1);
  let at = start;
  while (values.length < wanted) {
    if (count === undefined && values.length % (major === MAP ? 2 : 1) === 0 && byteAt(bytes, at) === BREAK) {
      at++;
      break;
    }
    const [value, next] = itemAt(bytes, at);
    values.push(value);
    at = next;
  }
  if (major === ARRAY) return [values, at];
  const map: CborMap = new Map();
  for (let index = 0; index < values.length; index += 2) {
    const key = values[index] ?? null;
    if (map.has(key)) throw badCbor(start, `a map has the key ${key} twice`);
    map.set(key, values[index + 1] ?? null);
  }
  return [map, at];
}

function stringAt(bytes: Uint8Array, at: number, length: number): Uint8Array {
  if (at + length > bytes.length) throw badCbor(at, "it ends early");
  return bytes.subarray(at, at + length);
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw badCbor(at, "it ends early");
  return byte;
}

function badCbor(at: number, why: string): MeantimeError {
  return new MeantimeError("MT-SDK-602", `not the CBOR of an attestation document, at byte ${at}: ${why}`, {
    hint: "Give the document's bytes as the security module returned them, not in Base64 or hexadecimal.",
  });
}
