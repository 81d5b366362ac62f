// SPDX-License-Identifier: MIT
import { seededRandom } from "../../circuits/training/random.ts";

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

/** The numbers of one mutant: each can be made again without those before it. */
export function randomOf(seed: number, turn: number): Random {
  const next = seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(turn + 1, 0x85ebca6b));
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
