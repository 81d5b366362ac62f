// SPDX-License-Identifier: GPL-3.0-or-later

/** `value` modulo the prime, in 0 .. prime - 1. */
export function modulo(value: bigint, prime: bigint): bigint {
  const rest = value % prime;
  return rest < 0n ? rest + prime : rest;
}

/** The representative of a field element that is nearest to zero. */
export function signed(value: bigint, prime: bigint): bigint {
  return value > prime >> 1n ? value - prime : value;
}

/** Inverse of a nonzero field element (extended Euclid). */
export function inverse(value: bigint, prime: bigint): bigint {
  let [low, high] = [value, prime];
  let [atLow, atHigh] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high - quotient * low, low];
    [atLow, atHigh] = [atHigh - quotient * atLow, atLow];
  }
  return modulo(atLow, prime);
}

export function power(base: bigint, exponent: bigint, prime: bigint): bigint {
  let result = 1n;
  let square = modulo(base, prime);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}

/** A square root for an odd prime (Tonelli, Shanks), or undefined when there is none. */
export function squareRoot(value: bigint, prime: bigint): bigint | undefined {
  if (value === 0n) return 0n;
  if (power(value, (prime - 1n) >> 1n, prime) !== 1n) return undefined;
  let odd = prime - 1n;
  let twos = 0n;
  while ((odd & 1n) === 0n) {
    odd >>= 1n;
    twos++;
  }
  let nonResidue = 2n;
  while (power(nonResidue, (prime - 1n) >> 1n, prime) === 1n) nonResidue++;
  let generator = power(nonResidue, odd, prime);
  let root = power(value, (odd + 1n) >> 1n, prime);
  let defect = power(value, odd, prime);
  while (defect !== 1n) {
    let order = 0n;
    for (let square = defect; square !== 1n; square = (square * square) % prime) order++;
    const step = power(generator, 1n << (twos - order - 1n), prime);
    root = (root * step) % prime;
    generator = (step * step) % prime;
    defect = (defect * generator) % prime;
    twos = order;
  }
  return root;
}
