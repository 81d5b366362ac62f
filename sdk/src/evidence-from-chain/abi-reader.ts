// SPDX-License-Identifier: MIT
import type { BatchHeader } from "../batch.ts";
import type { Claim } from "../claim.ts";
import { MeantimeError } from "../errors.ts";
import type { Address, Hex } from "../hex.ts";

/** ABI-encoded arguments or return values: where words are counted from is a byte offset of its own. */
export interface AbiWords {
  /** Hexadecimal without the prefix. */
  digits: string;
  /** The byte that word 0 begins at. */
  origin: number;
}

/** Words of a header in calldata. */
export const HEADER_WORDS = 8;

/** Words of a claim in calldata. */
export const CLAIM_WORDS = 9;

const WORD_BYTES = 32;
const WORD_DIGITS = 64;
const SELECTOR_BYTES = 4;
const ADDRESS_BITS = 160;
/** No transaction is as long: an offset or a length beyond it points nowhere. */
const MAX_BYTES = 1n << 32n;

/** What stands behind the selector of a call. */
export function argumentsOf(input: Hex): AbiWords {
  return { digits: input.slice(2), origin: SELECTOR_BYTES };
}

/** What a call returned. */
export function returnedBy(output: Hex): AbiWords {
  return { digits: output.slice(2), origin: 0 };
}

/** A word of 32 bytes. Throws MT-SDK-706 where the data ends before it. */
export function hashAt({ digits, origin }: AbiWords, word: number): Hex {
  const start = 2 * (origin + word * WORD_BYTES);
  const found = digits.slice(start, start + WORD_DIGITS);
  if (found.length === WORD_DIGITS) return `0x${found}`;
  throw malformed(`it ends before word ${word}`);
}

/** An unsigned integer of at most `bits` bits. Throws MT-SDK-706 for more: the contracts refuse it too. */
export function uintAt(words: AbiWords, word: number, bits = 256): bigint {
  const value = BigInt(hashAt(words, word));
  if (bits < 256 && value >= 1n << BigInt(bits)) throw malformed(`word ${word} has more than ${bits} bits`);
  return value;
}

/** An address. Throws MT-SDK-706 for what is none. */
export function addressAt(words: AbiWords, word: number): Address {
  return `0x${uintAt(words, word, ADDRESS_BITS).toString(16).padStart(40, "0")}`;
}

/** A list, struct or byte string that the word points to: words are counted from its beginning on. */
export function pointedAt(words: AbiWords, word: number): AbiWords {
  return { digits: words.digits, origin: words.origin + smallAt(words, word) };
}

/** A byte string that the word points to. Throws MT-SDK-706 where the data ends before it. */
export function bytesAt(words: AbiWords, word: number): Hex {
  const target = pointedAt(words, word);
  const length = smallAt(target, 0);
  const start = 2 * (target.origin + WORD_BYTES);
  const found = target.digits.slice(start, start + 2 * length);
  if (found.length === 2 * length) return `0x${found}`;
  throw malformed(`it ends before ${length} bytes`);
}

/** A list of 32-byte words that the word points to. */
export function hashesAt(words: AbiWords, word: number): Hex[] {
  const target = pointedAt(words, word);
  return Array.from({ length: lengthOf(target) }, (_, at) => hashAt(target, at + 1));
}

/** How many elements the list at the beginning has. Throws MT-SDK-706 for more than the data has words. */
export function lengthOf(list: AbiWords): number {
  const length = smallAt(list, 0);
  if (length <= list.digits.length / WORD_DIGITS) return length;
  throw malformed(`it ends before ${length} elements`);
}

/** What stands behind the length of a list: offsets in it are counted from here. */
export function elementsOf({ digits, origin }: AbiWords): AbiWords {
  return { digits, origin: origin + WORD_BYTES };
}

/** A header from this word on. */
export function headerAt(words: AbiWords, word: number): BatchHeader {
  return {
    operator: addressAt(words, word),
    policyId: hashAt(words, word + 1),
    modelId: hashAt(words, word + 2),
    root: hashAt(words, word + 3),
    dataRoot: hashAt(words, word + 4),
    count: Number(uintAt(words, word + 5, 32)),
    oldestServedAt: uintAt(words, word + 6, 64),
    nonce: uintAt(words, word + 7, 64),
  };
}

/** A claim from this word on. */
export function claimAt(words: AbiWords, word: number): Claim {
  return {
    modelId: hashAt(words, word),
    policyId: hashAt(words, word + 1),
    operator: addressAt(words, word + 2),
    requester: addressAt(words, word + 3),
    requestId: hashAt(words, word + 4),
    inputHash: hashAt(words, word + 5),
    outputHash: hashAt(words, word + 6),
    servedAt: uintAt(words, word + 7, 64),
    commitBy: uintAt(words, word + 8, 64),
  };
}

function smallAt(words: AbiWords, word: number): number {
  const value = uintAt(words, word);
  if (value >= MAX_BYTES) throw malformed(`word ${word} points beyond it`);
  return Number(value);
}

function malformed(why: string): MeantimeError {
  return new MeantimeError("MT-SDK-706", `the data is not what the function takes or returns: ${why}`, {
    hint: "Take it as the chain has it, of contracts of this version.",
  });
}
