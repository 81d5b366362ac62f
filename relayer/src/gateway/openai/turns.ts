// SPDX-License-Identifier: GPL-3.0-or-later

import { createShares } from "../access/shares.ts";
import { HttpError } from "../http-error.ts";

/** Ends a turn; further calls do nothing. */
export type EndTurn = () => void;

/** Lets so many work at a time and so many wait, in the order in which they came. */
export interface Turns {
  /**
   * Resolves when it is one's turn.
   *
   * @param caller who holds the place, working or waiting
   * @param signal gives the place in the queue up
   * @throws HttpError 503 `MT-GW-060` too many wait; 429 `MT-ACC-019` the caller has its share; the signal's reason
   */
  take(caller: string, signal: AbortSignal): Promise<EndTurn>;
}

/** How many places there are, and for whom. */
export interface TurnLimits {
  maxConcurrent: number;
  maxWaiting: number;
  /** Of both together, for one caller. Default: a quarter. */
  perCaller?: number | undefined;
}

const RETRY_AFTER_SECONDS = 1;
/** Not all of them: one caller alone would keep every other one out. */
const SHARE_OF_ONE = 1 / 4;

/** A bounded queue before bounded work. */
export function createTurns({ maxConcurrent, maxWaiting, perCaller }: TurnLimits): Turns {
  const places = maxConcurrent + maxWaiting;
  const most = perCaller ?? Math.max(1, Math.floor(places * SHARE_OF_ONE));
  const shares = createShares(most);
  const waiting = new Set<() => void>();
  let running = 0;

  function begin(leaveShare: () => void): EndTurn {
    running += 1;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      running -= 1;
      leaveShare();
      const [next] = waiting;
      if (next) next();
    };
  }

  return {
    async take(caller, signal) {
      signal.throwIfAborted();
      const hasToWait = running >= maxConcurrent;
      if (hasToWait && waiting.size >= maxWaiting) throw full();
      const leaveShare = shares.take(caller);
      if (!leaveShare) throw tooManyOfOne(most);
      if (!hasToWait) return begin(leaveShare);
      return new Promise((resolve, reject) => {
        const start = () => {
          leave();
          resolve(begin(leaveShare));
        };
        const giveUp = () => {
          leave();
          leaveShare();
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

function tooManyOfOne(most: number): HttpError {
  return new HttpError(
    429,
    "MT-ACC-019",
    `${most} requests of this caller are under way for this model`,
    "Wait until one of them is answered and repeat it; no receipt was given.",
    RETRY_AFTER_SECONDS,
  );
}
