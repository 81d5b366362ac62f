// SPDX-License-Identifier: GPL-3.0-or-later

import { sql } from "kysely";
import { freeStakeWei, promisedWei, unlockedNow } from "../commit/exposure.ts";
import {
  type ClaimStatus,
  committedCounts,
  deriveStatus,
  latestClaims,
  oldestInBatches,
} from "../ledger/claim-status.ts";
import { openOmissions } from "../ledger/omissions.ts";
import { paymentCounts } from "../ledger/payments.ts";
import { unlockedCounts, waitingGroups } from "../ledger/receipts.ts";
import type { TaskHealth } from "../ops/supervisor.ts";
import type { Services } from "../services.ts";
import { countOpen } from "../tx/intents.ts";
import { readCoverage } from "../watch/coverage.ts";
import { oncePerMoment } from "./once-per-moment.ts";
import { statusOf } from "./views.ts";

const LATEST_CLAIMS = 100;
/** The trust gap is measured over this many of the latest claims. */
const GAP_SAMPLE = 2_000;

/** `GET /v1/status`: the trust gap now. Times are unix seconds, amounts decimal wei. */
export async function statusView(services: Services, tasks: readonly TaskHealth[]) {
  const { config, clock, view, policies, models, ledger } = services;
  const chain = view();
  const latest = await latestClaims(ledger, LATEST_CLAIMS);
  const unlocked = await unlockedNow(services);
  const nameOf = <Named extends { id: string; name: string }>(all: readonly Named[], id: string) =>
    all.find((one) => one.id === id)?.name ?? id;
  return {
    operator: config.operator.address,
    chainId: config.chain.chainId,
    settlement: config.chain.settlement,
    nowSeconds: clock.nowSeconds(),
    chain: chain ? { head: chain.head.number, readUpTo: chain.readUpTo } : null,
    claims: await claimCounts(services),
    gap: await trustGap(services),
    exposure: [...(chain?.accounts ?? [])].map(([token, account]) => ({
      token,
      stakeWei: account.stakeWei.toString(),
      lockableWei: account.lockableWei.toString(),
      lockedWei: account.lockedWei.toString(),
      unbondingWei: account.unbondingWei.toString(),
      promisedWei: promisedWei(services, token, unlocked).toString(),
      freeWei: (freeStakeWei(services, token, unlocked) ?? 0n).toString(),
      suspended: account.suspended,
    })),
    commitsPausedUntil:
      chain && chain.commitsPausedUntil > clock.nowSeconds() ? chain.commitsPausedUntil : null,
    obligations: await obligations(services),
    payments: await paymentCounts(ledger),
    watch: await coverage(services),
    tasks: [...tasks],
    latest: latest.map((row) => ({
      claimId: row.claim_id,
      model: nameOf(models, row.model_id),
      policy: nameOf(policies, row.policy_id),
      ...statusOf(services, row),
    })),
  };
}

/** Our claims by status. */
export async function claimCounts(services: Services): Promise<Record<ClaimStatus | "total", number>> {
  const committed = await committedNow(services);
  const waiting = await waitingClaims(services);
  const total = Object.values(committed).reduce((sum, claims) => sum + claims, waiting);
  return { Served: waiting, ...committed, total };
}

const committedNow = oncePerMoment((services, nowSeconds) =>
  committedCounts(services.ledger, (policyId) => ruleOf(services, policyId), nowSeconds),
);

function ruleOf({ policies }: Services, policyId: string): number {
  return policies.find(({ id }) => id === policyId)?.terms.rule ?? 0;
}

async function waitingClaims({ ledger }: Services): Promise<number> {
  const counts = await unlockedCounts(ledger, Number.MAX_SAFE_INTEGER);
  return counts.reduce((sum, { count }) => sum + count, 0);
}

/** From the answer to finality, over the latest claims that are final. */
const trustGap = oncePerMoment(async (services, nowSeconds) => {
  const rows = await latestClaims(services.ledger, GAP_SAMPLE);
  const gaps = rows
    .flatMap((row) => {
      const { status, finalAt } = deriveStatus(row, ruleOf(services, row.policy_id), nowSeconds);
      return status === "Final" && finalAt !== null ? [Math.max(0, finalAt - row.served_at)] : [];
    })
    .sort((a, b) => a - b);
  return { samples: gaps.length, p50Seconds: quantile(gaps, 0.5), p95Seconds: quantile(gaps, 0.95) };
});

/** Nearest rank. */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

async function obligations(services: Services) {
  const { ledger, config } = services;
  const disputes = (state: "challenged" | "demanded") =>
    ledger
      .selectFrom("chain_leaves as c")
      .innerJoin("batches as own", "own.batch_id", "c.batch_id")
      .select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.min("c.deadline").as("next")])
      .where("c.state", "=", sql.lit(state))
      .executeTakeFirst();
  const [challenges, demands] = [await disputes("challenged"), await disputes("demanded")];
  return {
    receiptsToCommit: await waitingClaims(services),
    challengesToAnswer: challenges?.count ?? 0,
    nextProveBy: challenges?.next ?? null,
    demandsToReveal: demands?.count ?? 0,
    nextRevealBy: demands?.next ?? null,
    omissionsToRefute: (await openOmissions(ledger, config.operator.address)).length,
    transactionsOpen: await countOpen(ledger),
  };
}

/** When the oldest claim that is not final was served; undefined: every claim is. Unix seconds. */
export async function oldestOpenAt({ ledger, clock }: Services): Promise<number | undefined> {
  const waiting = (await waitingGroups(ledger)).map(({ oldestServedAt }) => oldestServedAt);
  const batched = await oldestInBatches(ledger, clock.nowSeconds());
  const times = batched === undefined ? waiting : [...waiting, batched];
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Batches and claims of other operators by what came of looking at them, and claims by how they were checked. */
export async function watchedCounts(services: Services) {
  const { batches, batchesPending, batchesWithheld, claimsChecked, claimsWrong, claimsUnchecked, ...rest } =
    await coverage(services);
  const { reExecuted, signatureOnly, inclusionOnly, unchecked } = rest.coverage;
  return {
    batches: {
      pending: batchesPending,
      withheld: batchesWithheld,
      checked: batches - batchesPending - batchesWithheld,
    },
    claims: { checked: claimsChecked, wrong: claimsWrong, unchecked: claimsUnchecked },
    coverage: {
      "re-executed": reExecuted,
      signature: signatureOnly,
      inclusion: inclusionOnly,
      unchecked,
    },
  };
}

/** How much of what other operators committed was truly checked. */
const coverage = oncePerMoment(async ({ ledger, config }) => {
  const counted = await ledger
    .selectFrom("watched")
    .select((eb) => [
      eb.fn.countAll<number>().as("batches"),
      eb.fn.countAll<number>().filterWhere("state", "=", "pending").as("batchesPending"),
      eb.fn.countAll<number>().filterWhere("state", "=", "withheld").as("batchesWithheld"),
      total("claims_checked").as("claimsChecked"),
      total("claims_wrong").as("claimsWrong"),
      total("claims_unchecked").as("claimsUnchecked"),
    ])
    .executeTakeFirstOrThrow();
  return { mode: config.watch.mode, ...counted, coverage: await readCoverage(ledger) };
});

/** PostgreSQL adds integers up to a decimal. */
function total(column: "claims_checked" | "claims_wrong" | "claims_unchecked") {
  return sql<number>`CAST(COALESCE(SUM(${sql.ref(column)}), 0) AS BIGINT)`;
}
