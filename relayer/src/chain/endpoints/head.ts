// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Logger } from "../../ops/logger.ts";

/** A block as a node sends it, without transactions. What is used of it is named; the rest is passed on. */
export interface RawBlock {
  number: Hex;
  hash: Hex;
  parentHash: Hex;
  timestamp: Hex;
  logsBloom: Hex;
}

/** The highest block seen. It goes back only when the chain does. */
export interface HeadKeeper {
  readonly seen: RawBlock | undefined;
  /** Takes note of what an endpoint calls its latest block. */
  observe(block: RawBlock): HeadObservation;
  /** The hash of the head's ancestor at a height, where the way to it was seen block by block. */
  hashAt(number: number): Hex | undefined;
}

/** `lagging`: the endpoint is behind what has been seen. `advanced`: what it showed is the head now. */
export type HeadObservation = "advanced" | "same" | "lagging";

const REMEMBERED_BLOCKS = 512;

/**
 * Keeps the head from going back because one answer came from a node that is behind.
 *
 * A lower block is believed at once when it is another one than was seen at its height: then the chain was reorganised. A
 * lower block that was seen before only says that its node lags; it becomes the head when for `patienceMilliseconds`
 * nobody has shown the higher one.
 *
 * @param now milliseconds, never running backwards
 */
export function createHeadKeeper(
  patienceMilliseconds: number,
  logger: Logger,
  now: () => number = () => performance.now(),
): HeadKeeper {
  let seen: RawBlock | undefined;
  let confirmedAt = 0;
  const hashes = new Map<number, Hex>();

  function accept(block: RawBlock): void {
    const number = Number(block.number);
    // Only what this block descends from stays: of another branch, or across a gap, nothing is known.
    const isNext = hashes.get(number - 1) === block.parentHash;
    for (const height of hashes.keys()) {
      if (!isNext || height >= number || height <= number - REMEMBERED_BLOCKS) hashes.delete(height);
    }
    hashes.set(number, block.hash);
    seen = block;
    confirmedAt = now();
  }

  return {
    get seen() {
      return seen;
    },
    observe(block) {
      if (seen?.hash === block.hash) {
        confirmedAt = now();
        return "same";
      }
      const number = Number(block.number);
      const height = seen === undefined ? -1 : Number(seen.number);
      if (number < height) {
        const known = hashes.get(number);
        const isReorg = known !== undefined && known !== block.hash;
        const isPatienceOver = now() - confirmedAt >= patienceMilliseconds;
        if (!isReorg && !isPatienceOver) return "lagging";
        logger.warn(
          { code: "MT-CHAIN-009", from: height, to: number },
          isReorg ? "the head went back to another branch" : "nobody has the head any more that was seen",
        );
      }
      accept(block);
      return "advanced";
    },
    hashAt: (number) => hashes.get(number),
  };
}
