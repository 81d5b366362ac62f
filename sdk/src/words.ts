// SPDX-License-Identifier: MIT
import { MeantimeError } from "./errors.ts";
import { type Hex, hexToBytes } from "./hex.ts";

const WORD_BYTES = 32;
const WORD_LIMIT = 1n << 256n;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

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
    writeHex(target, offset, value);
    return;
  }
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw outOfRange(value);
  if (value < 0 || value >= WORD_LIMIT) throw outOfRange(value);
  let at = offset + WORD_BYTES - 1;
  // Arithmetic on big integers takes ten times as long, and nearly all values are small.
  let rest = BigInt(value);
  for (; rest > MAX_SAFE; at--) {
    target[at] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  for (let small = Number(rest); small > 0; at--) {
    target[at] = small % 256;
    small = Math.floor(small / 256);
  }
}

// Without an array in between: a claim id is made of seven of them.
function writeHex(target: Uint8Array, offset: number, value: Hex): void {
  const length = value.length / 2 - 1;
  const start = offset + WORD_BYTES - length;
  let isHex = value.startsWith("0x") && start >= offset && Number.isInteger(length);
  for (let at = 0; isHex && at < length; at++) {
    const byte = (nibbleAt(value, 2 * at + 2) << 4) | nibbleAt(value, 2 * at + 3);
    target[start + at] = byte;
    isHex = byte >= 0;
  }
  if (isHex) return;
  hexToBytes(value);
  throw outOfRange(value);
}

/** Less than zero where there is no hexadecimal digit. */
function nibbleAt(hex: Hex, at: number): number {
  const code = hex.charCodeAt(at);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}

function outOfRange(value: WordValue): MeantimeError {
  return new MeantimeError("MT-SDK-003", `${value} does not fit an unsigned 256-bit word`, {
    hint: "Pass a whole number from 0 to 2^256 - 1, or at most 32 bytes.",
  });
}
