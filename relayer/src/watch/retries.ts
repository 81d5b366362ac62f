// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";

const FIRST_RETRY_MILLISECONDS = 500;
/** The longest pause before the data of a batch is asked for again. */
export const LAST_RETRY_MILLISECONDS = 30_000;

/** Batches that this process has asked for in vain. By ledger, so that nothing outlives it. */
const inVain = new WeakMap<object, Set<Hex>>();

/** The pause after so many tries. */
export function retryDelay(tries: number): number {
  return Math.min(FIRST_RETRY_MILLISECONDS * 2 ** Math.min(tries, 10), LAST_RETRY_MILLISECONDS);
}

/** Batches of a ledger that were asked for in vain since this process began: what an earlier one found may be over. */
export function askedInVain(ledger: object): Set<Hex> {
  const known = inVain.get(ledger) ?? new Set<Hex>();
  inVain.set(ledger, known);
  return known;
}
