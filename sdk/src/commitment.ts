// SPDX-License-Identifier: MIT
import { MeantimeError } from "./errors.ts";
import { type Hex, keccak256Text } from "./hex.ts";
import { poseidon } from "./poseidon.ts";
import { randomSalt } from "./salt.ts";

export { randomSalt };

const WORD_BITS = 248;
const MAX_ARITY = 16;

/** Everything an input commitment is made of. */
export interface InputOpening {
  /** Width of one element, 1..16 bits. */
  bits: number;
  /** The input, each element in 0 .. 2^bits - 1. */
  elements: ArrayLike<number>;
  /** 31 random bytes as a 32-byte word whose first byte is zero. */
  salt: Hex;
}

/** Name of the input scheme for `length` elements of `bits` bits: keccak256("meantime.input.poseidon.v1:<bits>:<length>"). */
export function inputScheme(bits: number, length: number): Hex {
  return keccak256Text(`meantime.input.poseidon.v1:${bits}:${length}`);
}

/** Name of the output scheme for a label out of `classes`: keccak256("meantime.output.label.v1:<classes>"). */
export function outputScheme(classes: number): Hex {
  return keccak256Text(`meantime.output.label.v1:${classes}`);
}

/** The domain tag of an input scheme. */
export function inputSchemeTag(bits: number, length: number): bigint {
  return schemeTag(inputScheme(bits, length));
}

/**
 * Salted commitment to an input: what a claim carries as `inputHash`.
 *
 * Elements are packed `floor(248 / bits)` to a word, the first lowest, and absorbed by circomlib's Poseidon
 * (https://eprint.iacr.org/2019/458): first (tag, salt, 14 words), then (hash so far, 15 words) until all are consumed.
 *
 * @returns a BN254 field element as 32 bytes.
 * @throws MeantimeError MT-SDK-201 width out of range, MT-SDK-202 element out of range, MT-SDK-203 salt malformed,
 *   MT-SDK-205 no elements.
 */
export function commitInput(opening: InputOpening): Hex {
  return commitElements(inputSchemeTag(opening.bits, opening.elements.length), opening);
}

/** The commitment of {@link commitInput} under another scheme's domain tag. */
export function commitElements(tag: bigint, { bits, elements, salt }: InputOpening): Hex {
  const words = packWords(bits, elements);
  return chainPoseidon([tag, saltElement(salt), ...words]);
}

/**
 * Poseidon of any number of field elements: the first call takes 16 of them, each further call the hash so far and 15
 * more. The first element should be a tag that names the number of the others.
 */
export function chainPoseidon(elements: readonly bigint[]): Hex {
  let hash = poseidon(elements.slice(0, MAX_ARITY));
  for (let from = MAX_ARITY; from < elements.length; from += MAX_ARITY - 1) {
    hash = poseidon([hash, ...elements.slice(from, from + MAX_ARITY - 1)]);
  }
  return fieldElementToHex(hash);
}

/** The domain tag of a scheme inside Poseidon: the top 248 bits of its name's hash, so that it is a field element. */
export function schemeTag(scheme: Hex): bigint {
  return BigInt(scheme) >> 8n;
}

/**
 * A label as a claim carries it in `outputHash`: the label itself, so that a contract reads it without an opening.
 *
 * @throws MeantimeError MT-SDK-204 when the label is not an integer in 0 .. classes - 1.
 */
export function commitLabel(label: number, classes: number): Hex {
  if (!Number.isInteger(label) || label < 0 || label >= classes) {
    throw new MeantimeError("MT-SDK-204", `label ${label} is not one of ${classes} classes`, {
      hint: `Pass an integer from 0 to ${classes - 1}.`,
      details: { label, classes },
    });
  }
  return fieldElementToHex(BigInt(label));
}

function packWords(bits: number, elements: ArrayLike<number>): bigint[] {
  if (!Number.isInteger(bits) || bits < 1 || bits > 16) {
    throw new MeantimeError("MT-SDK-201", `element width ${bits} is not in 1..16 bits`, {
      hint: "Use the model's inputBits.",
      details: { bits },
    });
  }
  if (elements.length === 0) {
    throw new MeantimeError("MT-SDK-205", "an input has at least one element", {
      hint: "Pass the elements that the model reads.",
    });
  }
  const perWord = Math.floor(WORD_BITS / bits);
  const words = new Array<bigint>(Math.ceil(elements.length / perWord)).fill(0n);
  for (const [position, element] of Array.from(elements).entries()) {
    if (!Number.isInteger(element) || element < 0 || element >= 2 ** bits) {
      throw new MeantimeError(
        "MT-SDK-202",
        `element ${position} is ${element}, not an integer of ${bits} bits`,
        {
          hint: `Each element is an integer from 0 to ${2 ** bits - 1}.`,
          details: { position, element, bits },
        },
      );
    }
    const word = Math.floor(position / perWord);
    words[word] = (words[word] ?? 0n) + (BigInt(element) << BigInt(bits * (position % perWord)));
  }
  return words;
}

function saltElement(salt: Hex): bigint {
  if (!/^0x00[0-9a-f]{62}$/.test(salt)) {
    throw new MeantimeError("MT-SDK-203", "a salt is 32 lower-case hex bytes, the first of them zero", {
      hint: "Make salts with randomSalt().",
    });
  }
  return BigInt(salt);
}

function fieldElementToHex(element: bigint): Hex {
  return `0x${element.toString(16).padStart(64, "0")}`;
}
