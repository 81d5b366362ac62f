// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";

/** Well under what anybody who asks the gateway would notice. */
const SLICE_MILLISECONDS = 5;

/**
 * Runs a long computation in slices of some milliseconds. Between two of them the event loop turns, so that requests are
 * answered and deadlines are looked after meanwhile.
 *
 * @param steps the computation; each step much shorter than a slice
 */
export async function inSlices<Result>(steps: Generator<undefined, Result>): Promise<Result> {
  let sliceEnd = performance.now() + SLICE_MILLISECONDS;
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    if (performance.now() < sliceEnd) continue;
    await setImmediate();
    sliceEnd = performance.now() + SLICE_MILLISECONDS;
  }
}
