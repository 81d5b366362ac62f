// SPDX-License-Identifier: GPL-3.0-or-later

import { HttpError } from "../http-error.ts";

/** Ends a turn; further calls do nothing. */
export type EndTurn = () => void;

/** Lets so many work at a time and so many wait, in the order in which they came. */
export interface Turns {
  /**
   * Resolves when it is one's turn.
   *
   * @param signal gives the place in the queue up
   * @throws HttpError 503 `MT-GW-060` too many wait; the signal's reason
   */
  take(signal: AbortSignal): Promise<EndTurn>;
}

const RETRY_AFTER_SECONDS = 1;

/** A bounded queue before bounded work. */
export function createTurns(limits: { maxConcurrent: number; maxWaiting: number }): Turns {
  const waiting = new Set<() => void>();
  let running = 0;

  function begin(): EndTurn {
    running += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      running -= 1;
      const [next] = waiting;
      if (next) next();
    };
  }

  return {
    async take(signal) {
      signal.throwIfAborted();
      if (running < limits.maxConcurrent) return begin();
      if (waiting.size >= limits.maxWaiting) throw full();
      return new Promise((resolve, reject) => {
        const start = () => {
          leave();
          resolve(begin());
        };
        const giveUp = () => {
          leave();
          reject(signal.reason);
        };
        const leave = () => {
          waiting.delete(start);
          signal.removeEventListener("abort", giveUp);
        };
        waiting.add(start);
        signal.addEventListener("abort", giveUp);
      });
    },
  };
}

function full(): HttpError {
  return new HttpError(
    503,
    "MT-GW-060",
    "too many requests wait for this model",
    "Repeat it later; no receipt was given.",
    RETRY_AFTER_SECONDS,
  );
}
