// SPDX-License-Identifier: GPL-3.0-or-later

/** More logs than a block can have: the smallest event costs 375 gas. */
const LOGS_PER_BLOCK = 2 ** 20;

/** The place of a commit in the chain as one number: commits compare like their ordinals. Below 2^53 for 2^33 blocks. */
export function ordinalOf(blockNumber: number, logIndex: number): number {
  return blockNumber * LOGS_PER_BLOCK + logIndex;
}

/** The block of a commit. */
export function blockOf(ordinal: number): number {
  return Math.floor(ordinal / LOGS_PER_BLOCK);
}

/** No commit up to the block has an ordinal this high, and every later one has. */
export function firstOrdinalAfter(blockNumber: number): number {
  return ordinalOf(blockNumber + 1, 0);
}
