// SPDX-License-Identifier: GPL-3.0-or-later

import type { ChainClock } from "../chain/clock.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { nearestCommitBy } from "../ledger/margins.ts";
import type { Logger } from "./logger.ts";

/** How often the backlog is looked at: so long new work is taken at most that should not be. */
export const BACKLOG_MILLISECONDS = 1_000;

/**
 * With less than this share of its time to `commitBy` left, a receipt should be in a block: batches are sealed by half of it. Then
 * what is promised comes first, and nothing is added to it.
 */
const BEHIND_SHARE = 1 / 3;

/** What the backlog is measured by. */
export interface BacklogContext {
  ledger: Ledger;
  clock: ChainClock;
  logger: Logger;
  commitHorizonSeconds: number;
}

/** Whether commits keep up with what is promised, as of the last look. */
export interface Backlog {
  look(): Promise<void>;
  isBehind(): boolean;
}

/**
 * Watches what is promised and not on chain. Senders that fall behind, whatever the cause, would make each new receipt a
 * promise that is broken later.
 */
export function createBacklog({ ledger, clock, logger, commitHorizonSeconds }: BacklogContext): Backlog {
  let behind = false;
  return {
    async look() {
      const commitBy = await nearestCommitBy(ledger);
      const secondsLeft = commitBy === undefined ? Number.POSITIVE_INFINITY : commitBy - clock.nowSeconds();
      const isBehind = secondsLeft < BEHIND_SHARE * commitHorizonSeconds;
      if (isBehind && !behind) {
        logger.error({ code: "MT-OPS-010", secondsLeft }, "commits are behind: no new work is taken");
      }
      if (!isBehind && behind) logger.info({}, "commits have caught up: new work is taken again");
      behind = isBehind;
    },
    isBehind: () => behind,
  };
}
