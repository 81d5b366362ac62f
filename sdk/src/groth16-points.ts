// SPDX-License-Identifier: MIT
import { bn254 } from "@noble/curves/bn254.js";
import { MeantimeError } from "./errors.ts";
import { bytesToHex, type Hex, hexToBytes } from "./hex.ts";

export type G1Point = typeof bn254.G1.Point.BASE;
export type G2Point = typeof bn254.G2.Point.BASE;

/** What to throw for words that are no point. */
export type PointError = (what: string, cause?: unknown) => MeantimeError;

const WORD_BYTES = 32;

/** MT-SDK-401. */
export function badKey(what: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-401", `unusable verification key: ${what}`, {
    hint: "Use the verification_key.json that snarkjs exports.",
    cause,
  });
}

/** MT-SDK-402. */
export function badProof(what: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-402", `not a proof: ${what}`, {
    hint: "Use the bytes that encodeGroth16Proof makes.",
    cause,
  });
}

/** The 32-byte words of some bytes; a shorter rest is a word too. */
export function wordsOf(hex: Hex): bigint[] {
  const bytes = hexToBytes(hex);
  return Array.from({ length: Math.ceil(bytes.length / WORD_BYTES) }, (_, at) =>
    BigInt(bytesToHex(bytes.subarray(at * WORD_BYTES, (at + 1) * WORD_BYTES))),
  );
}

/** Whether the product of pairings is one. A pair with the point at infinity contributes the factor one. */
export function productIsOne(pairs: [G1Point, G2Point][]): boolean {
  const finite = pairs.filter(([g1, g2]) => !g1.is0() && !g2.is0()).map(([g1, g2]) => ({ g1, g2 }));
  const { Fp12 } = bn254.fields;
  return finite.length === 0 || Fp12.eql(bn254.pairingBatch(finite), Fp12.ONE);
}

/** The point (x, y) at a place of some words, infinity as two zeros. */
export function g1At(words: readonly bigint[], at: number, error: PointError): G1Point {
  const [x = 0n, y = 0n] = words.slice(at, at + 2);
  if (x === 0n && y === 0n) return bn254.G1.Point.ZERO;
  return valid(() => bn254.G1.Point.fromAffine({ x: canonical(x), y: canonical(y) }), at, error);
}

/** The point (x.im, x.re, y.im, y.re) at a place of some words, infinity as four zeros. */
export function g2At(words: readonly bigint[], at: number, error: PointError): G2Point {
  const [xIm = 0n, xRe = 0n, yIm = 0n, yRe = 0n] = words.slice(at, at + 4);
  if (xIm === 0n && xRe === 0n && yIm === 0n && yRe === 0n) return bn254.G2.Point.ZERO;
  const { Fp2 } = bn254.fields;
  return valid(
    () =>
      bn254.G2.Point.fromAffine({
        x: Fp2.fromBigTuple([canonical(xRe), canonical(xIm)]),
        y: Fp2.fromBigTuple([canonical(yRe), canonical(yIm)]),
      }),
    at,
    error,
  );
}

// On the curve and, on the twist, in the subgroup: what the precompiles of EIP-196 and EIP-197 demand.
function valid<P extends { assertValidity(): void }>(read: () => P, at: number, error: PointError): P {
  try {
    const point = read();
    point.assertValidity();
    return point;
  } catch (cause) {
    throw error(`the point at word ${at} is not valid`, cause);
  }
}

function canonical(coordinate: bigint): bigint {
  if (coordinate >= bn254.fields.Fp.ORDER)
    throw new RangeError("the coordinate is not below the field's order");
  return coordinate;
}
