// SPDX-License-Identifier: GPL-3.0-or-later

import { freeStakeWei, promisedWei } from "../commit/exposure.ts";
import {
  type ClaimRow,
  type ClaimStatus,
  deriveStatus,
  latestClaims,
  standingGroups,
} from "../ledger/claim-status.ts";
import { openOmissions } from "../ledger/omissions.ts";
import type { TaskHealth } from "../ops/supervisor.ts";
import type { Services } from "../services.ts";
import { countOpen } from "../tx/intents.ts";
import { statusOf } from "./views.ts";

const LATEST_CLAIMS = 100;
/** The trust gap is measured over this many of the latest claims. */
const GAP_SAMPLE = 2_000;

/** `GET /v1/status`: the trust gap now. Times are unix seconds, amounts decimal wei. */
export function statusView(services: Services, tasks: readonly TaskHealth[]) {
  const { config, clock, view, policies, models, ledger } = services;
  const chain = view();
  const sample = latestClaims(ledger, GAP_SAMPLE);
  const nameOf = <Named extends { id: string; name: string }>(all: readonly Named[], id: string) =>
    all.find((one) => one.id === id)?.name ?? id;
  return {
    operator: config.operator.address,
    chainId: config.chain.chainId,
    settlement: config.chain.settlement,
    nowSeconds: clock.nowSeconds(),
    chain: chain ? { head: chain.head.number, readUpTo: chain.readUpTo } : null,
    claims: countByStatus(services),
    gap: trustGap(services, sample),
    exposure: [...(chain?.accounts ?? [])].map(([token, account]) => ({
      token,
      stakeWei: account.stakeWei.toString(),
      lockableWei: account.lockableWei.toString(),
      lockedWei: account.lockedWei.toString(),
      unbondingWei: account.unbondingWei.toString(),
      promisedWei: promisedWei(services, token).toString(),
      freeWei: (freeStakeWei(services, token) ?? 0n).toString(),
      suspended: account.suspended,
    })),
    commitsPausedUntil:
      chain && chain.commitsPausedUntil > clock.nowSeconds() ? chain.commitsPausedUntil : null,
    obligations: obligations(services),
    watch: coverage(services),
    tasks,
    latest: sample.slice(0, LATEST_CLAIMS).map((row) => ({
      claimId: row.claim_id,
      model: nameOf(models, row.model_id),
      policy: nameOf(policies, row.policy_id),
      ...statusOf(services, row),
    })),
  };
}

function countByStatus(services: Services): Record<ClaimStatus | "total", number> {
  const { ledger, policies, clock } = services;
  const counts = {
    Served: 0,
    Committed: 0,
    Attested: 0,
    Proven: 0,
    Final: 0,
    Challenged: 0,
    Rejected: 0,
    Voided: 0,
    total: 0,
  };
  for (const group of standingGroups(ledger)) {
    const rule = policies.find(({ id }) => id === group.policy_id)?.terms.rule ?? 0;
    counts[deriveStatus(group, rule, clock.nowSeconds()).status] += group.claims;
    counts.total += group.claims;
  }
  const waiting = waitingClaims(services);
  return { ...counts, Served: waiting, total: counts.total + waiting };
}

function waitingClaims({ ledger }: Services): number {
  const row = ledger.get<{ count: number }>(
    `SELECT (SELECT COUNT(*) FROM receipts WHERE state = 'served')
       + (SELECT COALESCE(SUM(count), 0) FROM batches
          WHERE batch_id NOT IN (SELECT batch_id FROM chain_batches)) AS count`,
  );
  return row?.count ?? 0;
}

/** From the answer to finality, over the latest claims that are final. */
function trustGap({ policies, clock }: Services, rows: readonly ClaimRow[]) {
  const gaps = rows
    .flatMap((row) => {
      const rule = policies.find(({ id }) => id === row.policy_id)?.terms.rule ?? 0;
      const { status, finalAt } = deriveStatus(row, rule, clock.nowSeconds());
      return status === "Final" && finalAt !== null ? [Math.max(0, finalAt - row.served_at)] : [];
    })
    .sort((a, b) => a - b);
  return { samples: gaps.length, p50Seconds: quantile(gaps, 0.5), p95Seconds: quantile(gaps, 0.95) };
}

/** Nearest rank. */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

function obligations(services: Services) {
  const { ledger, config } = services;
  const disputes = (state: "challenged" | "demanded") =>
    ledger.get<{ count: number; next: number | null }>(
      `SELECT COUNT(*) AS count, MIN(c.deadline) AS next FROM chain_leaves c
       JOIN batches own ON own.batch_id = c.batch_id WHERE c.state = ?`,
      state,
    );
  const [challenges, demands] = [disputes("challenged"), disputes("demanded")];
  return {
    receiptsToCommit: waitingClaims(services),
    challengesToAnswer: challenges?.count ?? 0,
    nextProveBy: challenges?.next ?? null,
    demandsToReveal: demands?.count ?? 0,
    nextRevealBy: demands?.next ?? null,
    omissionsToRefute: openOmissions(ledger, config.operator.address).length,
    transactionsOpen: countOpen(ledger),
  };
}

/** How much of what other operators committed was truly checked. */
function coverage({ ledger, config }: Services) {
  const row = ledger.get<Record<string, number>>(
    `SELECT COUNT(*) AS batches, COALESCE(SUM(state = 'pending'), 0) AS batchesPending,
       COALESCE(SUM(state = 'withheld'), 0) AS batchesWithheld, COALESCE(SUM(claims_checked), 0) AS claimsChecked,
       COALESCE(SUM(claims_wrong), 0) AS claimsWrong, COALESCE(SUM(claims_unchecked), 0) AS claimsUnchecked
     FROM watched`,
  );
  return { mode: config.watch.mode, ...row };
}
