// SPDX-License-Identifier: GPL-3.0-or-later

import { sql } from "kysely";
import { freeStakeWei, promisedWei, unlockedNow } from "../commit/exposure.ts";
import {
  type ClaimRow,
  type ClaimStatus,
  deriveStatus,
  latestClaims,
  standingGroups,
} from "../ledger/claim-status.ts";
import { openOmissions } from "../ledger/omissions.ts";
import { paymentCounts } from "../ledger/payments.ts";
import { unlockedCounts, waitingGroups } from "../ledger/receipts.ts";
import type { TaskHealth } from "../ops/supervisor.ts";
import type { Services } from "../services.ts";
import { countOpen } from "../tx/intents.ts";
import { readCoverage } from "../watch/coverage.ts";
import { statusOf } from "./views.ts";

const LATEST_CLAIMS = 100;
/** The trust gap is measured over this many of the latest claims. */
const GAP_SAMPLE = 2_000;

/** `GET /v1/status`: the trust gap now. Times are unix seconds, amounts decimal wei. */
export async function statusView(services: Services, tasks: readonly TaskHealth[]) {
  const { config, clock, view, policies, models, ledger } = services;
  const chain = view();
  const sample = await latestClaims(ledger, GAP_SAMPLE);
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
    gap: trustGap(services, sample),
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
    latest: sample.slice(0, LATEST_CLAIMS).map((row) => ({
      claimId: row.claim_id,
      model: nameOf(models, row.model_id),
      policy: nameOf(policies, row.policy_id),
      ...statusOf(services, row),
    })),
  };
}

/** Our claims by status. */
export async function claimCounts(services: Services): Promise<Record<ClaimStatus | "total", number>> {
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
  for (const group of await standingGroups(ledger)) {
    const rule = policies.find(({ id }) => id === group.policy_id)?.terms.rule ?? 0;
    counts[deriveStatus(group, rule, clock.nowSeconds()).status] += group.claims;
    counts.total += group.claims;
  }
  const waiting = await waitingClaims(services);
  return { ...counts, Served: waiting, total: counts.total + waiting };
}

async function waitingClaims({ ledger }: Services): Promise<number> {
  const counts = await unlockedCounts(ledger, Number.MAX_SAFE_INTEGER);
  return counts.reduce((sum, { count }) => sum + count, 0);
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
  const sealed = await ledger
    .selectFrom("batches as own")
    .leftJoin("chain_batches as b", "b.batch_id", "own.batch_id")
    .select((eb) => eb.fn.min<number | null>("own.oldest_served_at").as("at"))
    .where((eb) => eb.or([eb("b.final_at", "is", null), eb("b.final_at", ">", clock.nowSeconds())]))
    .executeTakeFirst();
  const times = [...waiting, ...(sealed?.at == null ? [] : [sealed.at])];
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
async function coverage({ ledger, config }: Services) {
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
}

/** PostgreSQL adds integers up to a decimal. */
function total(column: "claims_checked" | "claims_wrong" | "claims_unchecked") {
  return sql<number>`CAST(COALESCE(SUM(${sql.ref(column)}), 0) AS BIGINT)`;
}
