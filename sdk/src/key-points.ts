// SPDX-License-Identifier: MIT
import { bn254 } from "@noble/curves/bn254.js";
import type { KeyFindingCode } from "./key-lint.ts";

/** A point of a key that lies where it should, or is at infinity. */
export interface KeyPoint {
  name: string;
  /** One word in G1, real and imaginary part in G2. */
  x: readonly bigint[];
  isInfinity: boolean;
}

/** Called for what is wrong with a point: code, and what follows. */
export type RefusePoint = (code: KeyFindingCode, why: string) => void;

const { Fp, Fp2 } = bn254.fields;

/** A point of G1 in snarkjs' JSON: [x, y, z], decimal. Undefined, and `refuse` called, where it cannot be used. */
export function readG1(name: string, json: unknown, refuse: RefusePoint): KeyPoint | undefined {
  const words = wordsOf(json, [3], refuse);
  if (!words) return undefined;
  const [x = 0n, y = 0n, z = 0n] = words;
  if (z === 0n || (x === 0n && y === 0n)) return { name, x: [], isInfinity: true };
  if (z !== 1n) return notAffine(refuse);
  if (Fp.mul(y, y) !== Fp.add(Fp.mul(Fp.mul(x, x), x), bn254.G1.Point.CURVE().b)) return offCurve(refuse);
  return { name, x: [x], isInfinity: false };
}

/** A point of G2 in snarkjs' JSON: [x, y, z], each [real, imaginary]. As `readG1`. */
export function readG2(name: string, json: unknown, refuse: RefusePoint): KeyPoint | undefined {
  const words = wordsOf(json, [3, 2], refuse);
  if (!words) return undefined;
  const [xRe = 0n, xIm = 0n, yRe = 0n, yIm = 0n, zRe = 0n, zIm = 0n] = words;
  const isZero = xRe === 0n && xIm === 0n && yRe === 0n && yIm === 0n;
  if (isZero || (zRe === 0n && zIm === 0n)) return { name, x: [], isInfinity: true };
  if (zRe !== 1n || zIm !== 0n) return notAffine(refuse);
  const [x, y] = [Fp2.fromBigTuple([xRe, xIm]), Fp2.fromBigTuple([yRe, yIm])];
  const { b } = bn254.G2.Point.CURVE();
  if (!Fp2.eql(Fp2.sqr(y), Fp2.add(Fp2.mul(Fp2.sqr(x), x), b))) return offCurve(refuse);
  if (!bn254.G2.Point.fromAffine({ x, y }).isTorsionFree()) {
    refuse("point-outside-subgroup", "pairings with it prove nothing, and no precompile accepts it");
    return undefined;
  }
  return { name, x: [xRe, xIm], isInfinity: false };
}

function notAffine(refuse: RefusePoint): undefined {
  refuse("point-not-affine", "its last coordinate is not one: verifiers read the first two alone");
}

function offCurve(refuse: RefusePoint): undefined {
  refuse("point-off-curve", "no verifier accepts it");
}

/** The canonical coordinates, flat. */
function wordsOf(json: unknown, shape: readonly number[], refuse: RefusePoint): bigint[] | undefined {
  const texts = textsOf(json, shape);
  if (!texts) {
    refuse("point-malformed", "it is missing, or its coordinates are no decimal numbers");
    return undefined;
  }
  const words = texts.map(BigInt);
  if (words.every((word) => word < Fp.ORDER)) return words;
  refuse(
    "point-not-canonical",
    "a coordinate is not below the field's order: verifiers refuse it, or read another",
  );
  return undefined;
}

function textsOf(json: unknown, [length, ...inner]: readonly number[]): string[] | undefined {
  if (length === undefined) return typeof json === "string" && /^\d{1,78}$/.test(json) ? [json] : undefined;
  if (!Array.isArray(json) || json.length !== length) return undefined;
  const parts = json.map((part: unknown) => textsOf(part, inner));
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}
