// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { LeafStateName } from "@meantime/sdk/status";
import { sql } from "kysely";
import { byClock, type ClaimStanding, type Standing, standingOfClaim } from "../chain/claim-standing.ts";
import type { LeafState, Reader } from "./schema.ts";

/** One of our claims with what the chain says about it. Times are unix seconds. */
export interface ClaimRow {
  claim_id: Hex;
  policy_id: Hex;
  model_id: Hex;
  served_at: number;
  commit_by: number;
  batch_id: Hex | null;
  leaf_index: number | null;
  committed_at: number | null;
  committed_tx: Hex | null;
  final_at: number | null;
  attested_at: number | null;
  attested_tx: Hex | null;
  released_tx: Hex | null;
  state: LeafState | null;
  kinds: number | null;
  disputed_at: number | null;
  disputed_tx: Hex | null;
  deadline: number | null;
  evidence_at: number | null;
  evidence_tx: Hex | null;
  leaf_final_at: number | null;
  ended_at: number | null;
  ended_tx: Hex | null;
  changed_at: number | null;
}

/** A claim's status, with `Served` for one that is not on chain yet. Our own claims are never `Unknown`. */
export type ClaimStatus = Standing | "Served";

/** What a status follows from. */
export type StatusFacts = Pick<ClaimRow, "committed_at" | "final_at" | "attested_at" | keyof LeafColumns>;

/** What the status of a claim that is in a batch on chain follows from. */
export type CommittedFacts = Pick<ClaimRow, keyof LeafColumns | "attested_at"> & { final_at: number };

type LeafColumns = Pick<ClaimRow, "state" | "kinds" | "leaf_final_at" | "changed_at">;

/** The columns of a leaf to which nothing has happened. */
export const UNTOUCHED = { state: null, kinds: null, leaf_final_at: null, changed_at: null };

/** A claim's status and the moment it is final: past, to come, or null while a dispute is open and after it ended badly. */
export interface DerivedStatus {
  status: ClaimStatus;
  finalAt: number | null;
}

/** The latest claims, newest first. */
export function latestClaims(db: Reader, limit: number): Promise<ClaimRow[]> {
  return claims(db).orderBy("r.sequence", "desc").limit(limit).execute();
}

/** One claim. */
export function findClaim(db: Reader, claimId: Hex): Promise<ClaimRow | undefined> {
  return claims(db).where("r.claim_id", "=", claimId).executeTakeFirst();
}

/** The claims of a committed batch, in the order of its leaves. */
export function claimsOfBatch(db: Reader, batchId: Hex): Promise<ClaimRow[]> {
  return claims(db).where("r.batch_id", "=", batchId).orderBy("r.leaf_index").execute();
}

function claims(db: Reader) {
  return db
    .selectFrom("receipts as r")
    .leftJoin("chain_batches as b", "b.batch_id", "r.batch_id")
    .leftJoin("chain_leaves as c", (join) =>
      join.onRef("c.batch_id", "=", "r.batch_id").onRef("c.leaf_index", "=", "r.leaf_index"),
    )
    .select([
      "r.claim_id",
      "r.policy_id",
      "r.model_id",
      "r.served_at",
      "r.commit_by",
      "r.batch_id",
      "r.leaf_index",
    ])
    .select([
      "b.committed_at",
      "b.committed_tx",
      "b.final_at",
      "b.attested_at",
      "b.attested_tx",
      "b.released_tx",
    ])
    .select(["c.state", "c.kinds", "c.disputed_at", "c.disputed_tx", "c.deadline"])
    .select(["c.evidence_at", "c.evidence_tx", "c.final_at as leaf_final_at", "c.ended_at", "c.ended_tx"])
    .select("c.changed_at");
}

/**
 * Our committed claims by where they stand at a moment. What the clock made final, in time nearly everything, is not looked at:
 * it is what was committed, less what stands otherwise.
 *
 * @param ruleOf a policy's rule, by number
 */
export async function committedCounts(
  db: Reader,
  ruleOf: (policyId: Hex) => number,
  nowSeconds: number,
): Promise<Record<Standing, number>> {
  const counts = {
    ...{ Committed: 0, Attested: 0, Proven: 0, Final: await committedClaims(db) },
    ...{ Challenged: 0, Rejected: 0, Voided: 0 },
  };
  const count = (standing: Standing, claims: number) => {
    counts.Final -= claims;
    counts[standing] += claims;
  };
  for (const { claims, policy_id, ...row } of await openGroups(db, nowSeconds)) {
    count(byClock(standingOfRow(row, ruleOf(policy_id)), nowSeconds), claims);
  }
  for (const { state, claims } of await endedOrDisputed(db, nowSeconds)) {
    count(ASIDE[state] ?? "Final", claims);
  }
  return counts;
}

async function committedClaims(db: Reader): Promise<number> {
  const { claims } = await db
    .selectFrom("batches")
    // PostgreSQL adds integers up to a decimal.
    .select(sql<number>`CAST(COALESCE(SUM(count), 0) AS BIGINT)`.as("claims"))
    .where("committed_block", "is not", null)
    .executeTakeFirstOrThrow();
  return claims;
}

type Group = CommittedFacts & { policy_id: Hex; claims: number };

/**
 * What the clock of its batch has not made final: claims of open batches, the untouched ones of each together, and single ones that
 * stay open for longer than their batch.
 */
async function openGroups(db: Reader, nowSeconds: number): Promise<Group[]> {
  const open = await ownBatches(db)
    .select(["b.batch_id", "own.count"])
    .where("b.final_at", ">", nowSeconds)
    .execute();
  const touched = await ownLeaves(db).select("b.batch_id").where("b.final_at", ">", nowSeconds).execute();
  const touchedOf = new Map<Hex, number>();
  for (const { batch_id } of touched) touchedOf.set(batch_id, (touchedOf.get(batch_id) ?? 0) + 1);
  const changedLate = await ownLeaves(db).where("c.changed_at", ">", nowSeconds).execute();
  const openLate = await ownLeaves(db)
    .where("c.final_at", ">", nowSeconds)
    .where("c.changed_at", "<=", nowSeconds)
    .execute();
  const late = [...changedLate, ...openLate].filter(
    // Not in the query: the batches that are not open are nearly all.
    ({ final_at, state }) => final_at <= nowSeconds && ASIDE[state] === undefined,
  );
  return [
    ...open.map(({ batch_id, count, ...batch }) => ({
      ...{ ...batch, ...UNTOUCHED, claims: count - (touchedOf.get(batch_id) ?? 0) },
    })),
    ...touched.map(({ batch_id: _, ...leaf }) => ({ ...leaf, claims: 1 })),
    ...late.map((leaf) => ({ ...leaf, claims: 1 })),
  ];
}

/** Claims of batches that are not open, by what keeps the clock from making them final. */
async function endedOrDisputed(
  db: Reader,
  nowSeconds: number,
): Promise<{ state: LeafState; claims: number }[]> {
  return db
    .selectFrom("chain_leaves as c")
    .innerJoin("chain_batches as b", "b.batch_id", "c.batch_id")
    .innerJoin("batches as own", "own.batch_id", "b.batch_id")
    .select((eb) => ["c.state", eb.fn.countAll<number>().as("claims")])
    .where("c.state", "in", Object.keys(ASIDE) as LeafState[])
    .where("b.final_at", "<=", nowSeconds)
    .groupBy("c.state")
    .execute();
}

function ownBatches(db: Reader) {
  return db
    .selectFrom("chain_batches as b")
    .innerJoin("batches as own", "own.batch_id", "b.batch_id")
    .select(["b.policy_id", "b.final_at", "b.attested_at"]);
}

function ownLeaves(db: Reader) {
  return ownBatches(db)
    .innerJoin("chain_leaves as c", "c.batch_id", "b.batch_id")
    .select(["c.state", "c.kinds", "c.final_at as leaf_final_at", "c.changed_at"]);
}

/** States in which neither evidence nor the clock makes a claim final. */
const ASIDE: Partial<Record<LeafState, Standing>> = {
  challenged: "Challenged",
  demanded: "Challenged",
  rejected: "Rejected",
  voided: "Voided",
};

/** When the oldest of our claims in batches that are not final was served, unix seconds; undefined: there are none. */
export async function oldestInBatches(db: Reader, nowSeconds: number): Promise<number | undefined> {
  const sealed = await db
    .selectFrom("batches")
    .select((eb) => eb.fn.min<number | null>("oldest_served_at").as("at"))
    .where("committed_block", "is", null)
    .executeTakeFirst();
  const committed = await db
    .selectFrom("chain_batches as b")
    .innerJoin("batches as own", "own.batch_id", "b.batch_id")
    .select((eb) => eb.fn.min<number | null>("own.oldest_served_at").as("at"))
    .where("b.final_at", ">", nowSeconds)
    .executeTakeFirst();
  const times = [sealed?.at, committed?.at].filter((at) => typeof at === "number");
  return times.length === 0 ? undefined : Math.min(...times);
}

/**
 * A claim's status at `nowSeconds`.
 *
 * @param rule the policy's rule, by number
 */
export function deriveStatus(row: StatusFacts, rule: number, nowSeconds: number): DerivedStatus {
  if (row.committed_at === null || row.final_at === null) return { status: "Served", finalAt: null };
  const resting = standingOfRow({ ...row, final_at: row.final_at }, rule);
  return { status: byClock(resting, nowSeconds), finalAt: resting.finalAt };
}

/**
 * Where a committed claim stands as long as no clock is asked.
 *
 * @param rule the policy's rule, by number
 */
export function standingOfRow(row: CommittedFacts, rule: number): ClaimStanding {
  const { final_at, attested_at, state, kinds, leaf_final_at, changed_at } = row;
  const leaf = state && {
    ...{ state: STATE_NAMES[state], kinds: kinds ?? 0, openUntil: leaf_final_at, changedAt: changed_at ?? 0 },
  };
  return standingOfClaim({ rule, batchFinalAt: final_at, attestedAt: attested_at, leaf });
}

const STATE_NAMES: Record<LeafState, LeafStateName> = {
  quiet: "Quiet",
  challenged: "Challenged",
  answered: "Answered",
  rejected: "Rejected",
  voided: "Voided",
  demanded: "Demanded",
  revealed: "Revealed",
};
