// SPDX-License-Identifier: GPL-3.0-or-later

/** The time that deadlines are judged by. */
export interface ChainClock {
  /** Unix seconds, whole. */
  nowSeconds(): number;
  /** Tells the clock of a block's timestamp, in unix seconds. */
  observe(blockTimestampSeconds: number): void;
}

/**
 * A clock that is never behind the chain: the later of the wall clock and the latest block's timestamp plus the time
 * that passed since it was seen. Local chains move their time forwards at will, and a wall clock may be wrong.
 *
 * @param wallMilliseconds unix milliseconds
 * @param steadyMilliseconds a clock that only runs forwards, from any origin
 */
export function createChainClock(
  wallMilliseconds: () => number = Date.now,
  steadyMilliseconds: () => number = () => performance.now(),
): ChainClock {
  let blockSeconds = 0;
  let seenAtMilliseconds = steadyMilliseconds();
  const chainSeconds = () => blockSeconds + (steadyMilliseconds() - seenAtMilliseconds) / 1_000;
  return {
    nowSeconds: () =>
      Math.floor(Math.max(wallMilliseconds() / 1_000, blockSeconds === 0 ? 0 : chainSeconds())),
    observe(timestampSeconds) {
      if (timestampSeconds <= chainSeconds() && blockSeconds !== 0) return;
      blockSeconds = timestampSeconds;
      seenAtMilliseconds = steadyMilliseconds();
    },
  };
}
