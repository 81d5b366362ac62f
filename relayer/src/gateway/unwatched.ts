// SPDX-License-Identifier: GPL-3.0-or-later

import { setTimeout as pause } from "node:timers/promises";

/** Work that goes on when its client has gone. A stop waits for it as it does for requests. */
export interface Unwatched {
  /** @param giveUp ends it early; called at once after the end */
  add(work: Promise<unknown>, giveUp: () => void): void;
  /** Waits for what is under way, at most so long, then gives up whatever is left. */
  end(withinMilliseconds: number): Promise<void>;
}

/** None yet. */
export function createUnwatched(): Unwatched {
  const underWay = new Map<Promise<void>, () => void>();
  let hasEnded = false;
  return {
    add(work, giveUp) {
      if (hasEnded) return giveUp();
      const forget = () => void underWay.delete(done);
      const done: Promise<void> = work.then(forget, forget);
      underWay.set(done, giveUp);
    },
    async end(withinMilliseconds) {
      const waiting = new AbortController();
      const time = pause(withinMilliseconds, undefined, waiting).catch(() => undefined);
      await Promise.race([Promise.all(underWay.keys()), time]);
      waiting.abort();
      hasEnded = true;
      for (const giveUp of underWay.values()) giveUp();
    },
  };
}
