// SPDX-License-Identifier: MIT

/** Numbers that look random and are the same for the same seed and turn. */
export interface Random {
  /** A whole number from 0 to below the bound. */
  below(bound: number): number;
  /** True this often, from 0 to 1. */
  chance(probability: number): boolean;
  /** One of the list, which must not be empty. */
  pick<T>(list: readonly T[]): T;
  bytes(length: number): Uint8Array;
}

/** The numbers of one mutant: each can be made again without those before it. The generator is mulberry32. */
export function randomOf(seed: number, turn: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(turn + 1, 0x85ebca6b)) >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    below,
    chance: (probability) => next() < probability,
    pick<T>(list: readonly T[]): T {
      const index = below(list.length);
      if (index >= list.length) throw new RangeError("there is nothing to pick from");
      return list[index] as T;
    },
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}
