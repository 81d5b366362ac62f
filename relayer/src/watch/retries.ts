// SPDX-License-Identifier: GPL-3.0-or-later

const FIRST_RETRY_MILLISECONDS = 500;
/** The longest pause before the data of a batch is asked for again. */
export const LAST_RETRY_MILLISECONDS = 30_000;

/** The pause after so many tries. */
export function retryDelay(tries: number): number {
  return Math.min(FIRST_RETRY_MILLISECONDS * 2 ** Math.min(tries, 10), LAST_RETRY_MILLISECONDS);
}
