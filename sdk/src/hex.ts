// SPDX-License-Identifier: MIT
import { keccak_256 } from "@noble/hashes/sha3.js";
import {
  concatBytes,
  bytesToHex as nobleBytesToHex,
  hexToBytes as nobleHexToBytes,
} from "@noble/hashes/utils.js";
import { MeantimeError } from "./errors.ts";

/** Bytes as a lower-case hexadecimal string with the prefix 0x. */
export type Hex = `0x${string}`;

/** A 20-byte address as lower-case `Hex`, without checksum. */
export type Address = Hex;

export { concatBytes };

/** 32 zero bytes: the absent model, root or measurement. */
export const ZERO_HASH: Hex = `0x${"00".repeat(32)}`;

/** The address that is nobody; as a token, ether. */
export const ZERO_ADDRESS: Address = `0x${"00".repeat(20)}`;

/** The bytes of a hexadecimal string. Throws MT-SDK-001 where it is none. */
export function hexToBytes(hex: string): Uint8Array {
  // Without a group to repeat, so that megabytes do not exhaust the regular expression's stack.
  if (hex.length % 2 !== 0 || !/^0x[0-9a-fA-F]*$/.test(hex)) {
    throw new MeantimeError("MT-SDK-001", `not a hexadecimal byte string: ${abbreviate(hex)}`, {
      hint: "Write 0x followed by an even number of hexadecimal digits.",
    });
  }
  return nobleHexToBytes(hex.slice(2));
}

/** The bytes as lower-case hexadecimal. */
export function bytesToHex(bytes: Uint8Array): Hex {
  return `0x${nobleBytesToHex(bytes)}`;
}

/** Keccak-256 of bytes, or of the bytes a hexadecimal string stands for. */
export function keccak256(data: Uint8Array | Hex): Hex {
  return bytesToHex(keccak256Bytes(typeof data === "string" ? hexToBytes(data) : data));
}

/** Keccak-256 as bytes. */
export function keccak256Bytes(data: Uint8Array): Uint8Array {
  return hasher(data);
}

/** Computes Keccak-256 of bytes, as 32 bytes of their own. */
export type Keccak256 = (data: Uint8Array) => Uint8Array;

const javascriptKeccak256: Keccak256 = (data) => keccak_256(data);

let hasher = javascriptKeccak256;

/** Around the 136 bytes that Keccak-256 takes in at a time, and its double. */
const TRIAL_LENGTHS = [0, 1, 135, 136, 137, 271, 272, 500];

/**
 * Lets a faster implementation compute every hash of this library, in this process and thread. It is tried first: throws
 * MT-SDK-009, and changes nothing, if it computes something else.
 */
export function registerKeccak256(faster: Keccak256): void {
  const trials = TRIAL_LENGTHS.map((length) => Uint8Array.from({ length }, (_, at) => at % 251));
  // All of them before the first is looked at: one buffer for every hash would be seen.
  const hashes = trials.map((data) => faster(data));
  for (const [at, data] of trials.entries()) {
    if (bytesToHex(hashes[at] ?? new Uint8Array()) === bytesToHex(javascriptKeccak256(data))) continue;
    throw new MeantimeError("MT-SDK-009", `this is no Keccak-256: it hashes ${data.length} bytes otherwise`, {
      hint: "Pass Keccak with the padding of 2011, as Ethereum uses it, not SHA3-256, that gives 32 new bytes each time.",
    });
  }
  hasher = faster;
}

/** Keccak-256 of the UTF-8 bytes of a text: how type hashes and names are formed. */
export function keccak256Text(text: string): Hex {
  return keccak256(new TextEncoder().encode(text));
}

/** The value as 32 bytes of lower-case hexadecimal. Throws MT-SDK-002 naming `field`. */
export function asHex32(value: unknown, field: string): Hex {
  return asHexOf(value, 32, field);
}

/** The value as a lower-case address. Throws MT-SDK-002 naming `field`. */
export function asAddress(value: unknown, field: string): Address {
  return asHexOf(value, 20, field);
}

/** The value as lower-case hexadecimal of exactly `lengthBytes`. Throws MT-SDK-002 naming `field`. */
export function asHexOf(value: unknown, lengthBytes: number, field: string): Hex {
  if (typeof value !== "string" || value.length !== 2 + 2 * lengthBytes || !/^0x[0-9a-fA-F]+$/.test(value)) {
    throw new MeantimeError("MT-SDK-002", `${field} is not ${lengthBytes} bytes of hexadecimal`, {
      hint: `Write ${field} as 0x and ${2 * lengthBytes} hexadecimal digits.`,
      details: { field },
    });
  }
  return value.toLowerCase() as Hex;
}

/** Asking the platform for many bytes at once costs hardly more than for a few. */
const RANDOM_POOL_BYTES = 4_096;

let randomPool = new Uint8Array(0);

/** Bytes from the platform's secure random source, handed out once. */
export function randomBytes(length: number): Uint8Array {
  if (randomPool.length < length) {
    randomPool = crypto.getRandomValues(new Uint8Array(Math.max(RANDOM_POOL_BYTES, length)));
  }
  const bytes = randomPool.slice(0, length);
  randomPool.fill(0, 0, length);
  randomPool = randomPool.subarray(length);
  return bytes;
}

/** 32 bytes from the platform's secure random source. */
export function randomBytes32(): Hex {
  return bytesToHex(randomBytes(32));
}

function abbreviate(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
