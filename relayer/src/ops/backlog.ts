// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { ChainClock } from "../chain/clock.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type OwedCommit, owedCommits } from "../ledger/owed-commits.ts";
import { isRefusedByChain } from "../tx/outcomes.ts";
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
  /** Whether what is promised comes before new work under a policy. */
  isBehind(policyId: Hex): boolean;
}

/**
 * Watches what is promised and not on chain. Senders that fall behind, whatever the cause, would make each new receipt a
 * promise that is broken later: under every policy, since all share the way to the chain. A commit that the contract itself
 * refuses tells of its own policy alone, and holds back no other.
 */
export function createBacklog({ ledger, clock, logger, commitHorizonSeconds }: BacklogContext): Backlog {
  let isBehindForAll = false;
  let refused: readonly RefusedCommit[] = [];

  const tellOfAll = (first: OwedCommit | undefined) => {
    if (first && !isBehindForAll) {
      logger.error(
        { code: "MT-OPS-010", ...about(first, clock.nowSeconds()) },
        "commits are behind: no new work is taken; `meantime tx list` shows what they wait for",
      );
    }
    if (!first && isBehindForAll) logger.info({}, "commits have caught up");
  };
  const tellOfRefused = (now: readonly RefusedCommit[]) => {
    const isIn = (some: readonly RefusedCommit[], { batch }: RefusedCommit) =>
      some.some((other) => other.batch.id === batch.id);
    for (const commit of now.filter((each) => !isIn(refused, each))) {
      logger.error(
        { code: "MT-OPS-010", ...about(commit, clock.nowSeconds()) },
        "the contract refuses a commit: no new work is taken under its policy. Repair what the error names, or give the commit " +
          `and its bonds up: \`meantime tx cancel ${commit.batch.transaction} --force\``,
      );
    }
    for (const commit of refused.filter((each) => !isIn(now, each))) {
      logger.info(
        { batchId: commit.batch.id, policyId: commit.policyId },
        "the refused commit holds back no new work any more",
      );
    }
  };

  return {
    async look() {
      const late = (await owedCommits(ledger)).filter(
        ({ commitBy }) => commitBy - clock.nowSeconds() < BEHIND_SHARE * commitHorizonSeconds,
      );
      const firstOfAll = late.find((commit) => !isRefused(commit));
      const refusedNow = late.filter(isRefused);
      tellOfAll(firstOfAll);
      tellOfRefused(refusedNow);
      isBehindForAll = firstOfAll !== undefined;
      refused = refusedNow;
    },
    isBehind: (policyId) => isBehindForAll || refused.some((commit) => commit.policyId === policyId),
  };
}

type RefusedCommit = OwedCommit & Required<Pick<OwedCommit, "batch">>;

function isRefused(commit: OwedCommit): commit is RefusedCommit {
  return commit.batch !== undefined && isRefusedByChain(commit.batch.error);
}

function about({ policyId, commitBy, batch }: OwedCommit, nowSeconds: number) {
  const { id: batchId, transaction, error: reason } = batch ?? {};
  return { policyId, batchId, transaction, reason, secondsLeft: commitBy - nowSeconds };
}
