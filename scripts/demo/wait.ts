// SPDX-License-Identifier: MIT
import { setTimeout as delay } from "node:timers/promises";

const POLL_MILLISECONDS = 50;

/** Waits until `check` returns something. Rejects, naming what was awaited, after `seconds`. */
export async function until<T>(
  what: string,
  seconds: number,
  check: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await check();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited ${seconds} s in vain for: ${what}`);
    await delay(POLL_MILLISECONDS);
  }
}
