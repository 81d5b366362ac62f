// SPDX-License-Identifier: GPL-3.0-or-later

import { AsyncLocalStorage } from "node:async_hooks";

const urgency = new AsyncLocalStorage<true>();

/** Where endpoints limit requests, those of `work` go before others: a bond depends on them. */
export function urgently<Result>(work: () => Result): Result {
  return urgency.run(true, work);
}

/** Whether what runs now was called by {@link urgently}. */
export function isUrgent(): boolean {
  return urgency.getStore() === true;
}
