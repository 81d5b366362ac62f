// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { LeafStateName } from "@meantime/sdk/status";
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

/** Our committed batches, as groups of claims of equal standing: untouched ones together, touched ones singly. */
export async function standingGroups(
  db: Reader,
): Promise<(StatusFacts & { policy_id: Hex; claims: number })[]> {
  const own = () =>
    db
      .selectFrom("chain_batches as b")
      .innerJoin("batches as own", "own.batch_id", "b.batch_id")
      .select(["b.batch_id", "b.policy_id", "b.committed_at", "b.final_at", "b.attested_at"]);
  const touched = await own()
    .innerJoin("chain_leaves as c", "c.batch_id", "b.batch_id")
    .select(["c.state", "c.kinds", "c.final_at as leaf_final_at", "c.changed_at"])
    .execute();
  const touchedLeaves = new Map<Hex, number>();
  for (const { batch_id } of touched) touchedLeaves.set(batch_id, (touchedLeaves.get(batch_id) ?? 0) + 1);
  const untouched = await own().select("b.count").execute();
  return [
    ...untouched.map(({ count, batch_id, ...batch }) => ({
      ...batch,
      ...UNTOUCHED,
      claims: count - (touchedLeaves.get(batch_id) ?? 0),
    })),
    ...touched.map((leaf) => ({ ...leaf, claims: 1 })),
  ];
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
