// SPDX-License-Identifier: GPL-3.0-or-later

import { HttpError } from "../http-error.ts";

/** Counts the streams that were begun for a payment and failed: what was shown of each was had for the one payment. */
export interface FailedStreams {
  /** @throws HttpError 409 `MT-ACC-020` too many have failed */
  check(payment: string): void;
  note(payment: string): void;
}

const MOST = 5;
/** Of which failed longest ago is forgotten beyond so many. */
const MAX_PAYMENTS = 65_536;

/** Those of this process. */
export function createFailedStreams(): FailedStreams {
  // In the order of their last failure.
  const counts = new Map<string, number>();
  return {
    check(payment) {
      if ((counts.get(payment) ?? 0) >= MOST) throw failedTooOften();
    },
    note(payment) {
      const count = (counts.get(payment) ?? 0) + 1;
      counts.delete(payment);
      counts.set(payment, count);
      const [oldest] = counts.keys();
      if (counts.size > MAX_PAYMENTS && oldest !== undefined) counts.delete(oldest);
    },
  };
}

function failedTooOften(): HttpError {
  return new HttpError(
    409,
    "MT-ACC-020",
    `${MOST} streams of this payment have begun and failed`,
    "Ask the operator; or ask for less, or for a whole answer, with another payment.",
  );
}
