// SPDX-License-Identifier: MIT
import { signal } from "@preact/signals";

const TICK_MS = 1_000;

/** Chains run ahead of and behind the visitor's clock; times of claims are told by the chain's. */
let aheadSeconds = 0;

/** The chain's time now, unix seconds: its latest block's, and what has passed since. */
export const chainNow = signal(ownSeconds());

/** A block was made at this time, and is the latest. */
export function sawBlockAt(unixSeconds: number): void {
  aheadSeconds = unixSeconds - ownSeconds();
  chainNow.value = unixSeconds;
}

/** Starts the clock. */
export function startClock(): void {
  setInterval(() => {
    chainNow.value = ownSeconds() + aheadSeconds;
  }, TICK_MS);
}

function ownSeconds(): number {
  return Math.floor(Date.now() / 1_000);
}
