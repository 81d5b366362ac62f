// SPDX-License-Identifier: MIT
import { MeantimeError } from "./errors.ts";
import { type Hex, hexToBytes } from "./hex.ts";

const WORD_BYTES = 32;
const WORD_LIMIT = 1n << 256n;

/** Anything that one static ABI word holds: an unsigned integer, or up to 32 bytes read as one (an address, a hash). */
export type WordValue = bigint | number | Hex;

/**
 * The static ABI words of some values, one after the other: what Solidity's `abi.encode` makes of static types.
 * Throws MT-SDK-003 for what does not fit a word.
 */
export function encodeWords(...values: WordValue[]): Uint8Array {
  const bytes = new Uint8Array(WORD_BYTES * values.length);
  for (const [place, value] of values.entries()) writeWord(bytes, WORD_BYTES * place, value);
  return bytes;
}

function writeWord(target: Uint8Array, offset: number, value: WordValue): void {
  if (typeof value === "string") {
    const bytes = hexToBytes(value);
    if (bytes.length > WORD_BYTES) throw outOfRange(value);
    target.set(bytes, offset + WORD_BYTES - bytes.length);
    return;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw outOfRange(value);
  let rest = BigInt(value);
  if (rest < 0n || rest >= WORD_LIMIT) throw outOfRange(value);
  for (let at = offset + WORD_BYTES - 1; rest > 0n; at--) {
    target[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
}

function outOfRange(value: WordValue): MeantimeError {
  return new MeantimeError("MT-SDK-003", `${value} does not fit an unsigned 256-bit word`, {
    hint: "Pass a whole number from 0 to 2^256 - 1, or at most 32 bytes.",
  });
}
