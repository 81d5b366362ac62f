// SPDX-License-Identifier: GPL-3.0-or-later

/** Order of BN254's groups: the field of witnesses and of the setup's secrets. */
export const R = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
/** The field of BN254's coordinates. */
export const Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583n;
const GENERATOR = 5n;

/** L_i(tau) for the n-th roots of unity w^i: (tau^n - 1) / n * w^i / (tau - w^i), with one inversion for all. */
export function lagrangeAt(tau: bigint, n: number): bigint[] {
  const root = power(GENERATOR, (R - 1n) / BigInt(n));
  const roots: bigint[] = [];
  const gaps: bigint[] = [];
  const products = [1n];
  for (let i = 0, value = 1n; i < n; i++, value = (value * root) % R) {
    const gap = modulo(tau - value);
    roots.push(value);
    gaps.push(gap);
    products.push(((products[i] ?? 0n) * gap) % R);
  }
  const vanishing = (modulo(power(tau, BigInt(n)) - 1n) * inverse(BigInt(n))) % R;
  const values = new Array<bigint>(n);
  let rest = inverse(products[n] ?? 0n);
  for (let i = n - 1; i >= 0; i--) {
    const inverseGap = (rest * (products[i] ?? 0n)) % R;
    values[i] = (((vanishing * (roots[i] ?? 0n)) % R) * inverseGap) % R;
    rest = (rest * (gaps[i] ?? 0n)) % R;
  }
  return values;
}

/** 1, tau, tau^2, ... */
export function powersOf(tau: bigint, count: number): bigint[] {
  const values: bigint[] = [];
  for (let i = 0, value = 1n; i < count; i++, value = (value * tau) % R) values.push(value);
  return values;
}

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base % R, rest = exponent; rest > 0n; rest >>= 1n, square = (square * square) % R) {
    if (rest & 1n) result = (result * square) % R;
  }
  return result;
}

export function inverse(value: bigint): bigint {
  return power(value, R - 2n);
}

export function modulo(value: bigint): bigint {
  return ((value % R) + R) % R;
}
