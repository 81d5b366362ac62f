// SPDX-License-Identifier: GPL-3.0-or-later
import { inverse, modulo, signed } from "../field.ts";

/** A summand weight * k of a row, with an unknown integer k of 0 .. count. */
export interface WeightedDigit {
  weight: bigint;
  count: bigint;
}

/**
 * Whether the digits of "sum of weight * k = a known value" are unique: the binary sum, and any mixed
 * radix.
 *
 * Proof. Two solutions differ by integers d with |d_j| <= count_j and sum of weight_j d_j = 0 in the field.
 * Multiply by a nonzero `scale`; let e_j be the representative of scale * weight_j nearest to zero. The
 * integer sum of e_j d_j is a multiple of the prime and its size is at most T = sum of |e_j| count_j. With
 * T < prime it is the integer 0. Sort by |e_j|. If every |e_j| exceeds the sum of |e_i| count_i over the
 * smaller ones, then the largest j with d_j != 0 gives a term that the others cannot cancel. So all d_j are
 * 0.
 */
export function areDigitsUnique(digits: readonly WeightedDigit[], prime: bigint): boolean {
  return scalesOf(digits, prime).some((scale) => isSuperincreasing(digits, scale, prime));
}

/** Interval of integers, one of which is congruent to the sum of weight * k times `scale`. */
export interface ScaledRange {
  scale: bigint;
  low: bigint;
  high: bigint;
}

/**
 * The shortest such interval among the natural scales, or the unscaled one if it is short beside the field.
 * Every solution's sum lies in it, whatever its digits.
 */
export function tightestRange(digits: readonly WeightedDigit[], prime: bigint): ScaledRange {
  const plain = rangeAt(digits, 1n, prime);
  if (plain.high - plain.low < prime >> 64n) return plain;
  const ranges = scalesOf(digits, prime).map((scale) => rangeAt(digits, scale, prime));
  return ranges.reduce((best, range) => (range.high - range.low < best.high - best.low ? range : best));
}

export function rangeAt(digits: readonly WeightedDigit[], scale: bigint, prime: bigint): ScaledRange {
  let [low, high] = [0n, 0n];
  for (const { weight, count } of digits) {
    const reach = signed(modulo(weight * scale, prime), prime) * count;
    if (reach < 0n) low += reach;
    else high += reach;
  }
  return { scale, low, high };
}

/**
 * One, and the scales that bring some weight to one: the circuit divides by a power of two, or by nothing.
 */
function scalesOf(digits: readonly WeightedDigit[], prime: bigint): bigint[] {
  const weights = new Set(digits.map(({ weight }) => weight));
  return [1n, ...[...weights].map((weight) => inverseOf(weight, prime))];
}

function isSuperincreasing(digits: readonly WeightedDigit[], scale: bigint, prime: bigint): boolean {
  const scaled = digits.map(({ weight, count }) => {
    const nearest = signed(modulo(weight * scale, prime), prime);
    return { size: nearest < 0n ? -nearest : nearest, count };
  });
  scaled.sort((x, y) => (x.size < y.size ? -1 : 1));
  let reach = 0n;
  for (const { size, count } of scaled) {
    if (size <= reach) return false;
    reach += size * count;
    if (reach >= prime) return false;
  }
  return true;
}

const inverses = new Map<string, bigint>();

/** The same few weights come again in every range check. */
function inverseOf(value: bigint, prime: bigint): bigint {
  const key = `${value}/${prime}`;
  const known = inverses.get(key);
  if (known !== undefined) return known;
  const result = inverse(value, prime);
  inverses.set(key, result);
  return result;
}
