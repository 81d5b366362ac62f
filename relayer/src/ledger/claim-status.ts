// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { closes, EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import type { StatusName } from "@meantime/sdk/status";
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
}

/** A claim's status, with `Served` for one that is not on chain yet. Our own claims are never `Unknown`. */
export type ClaimStatus = Exclude<StatusName, "Unknown"> | "Served";

/** What a status follows from. */
export type StatusFacts = Pick<
  ClaimRow,
  | "committed_at"
  | "final_at"
  | "attested_at"
  | "state"
  | "kinds"
  | "disputed_at"
  | "evidence_at"
  | "leaf_final_at"
>;

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
    .select(["c.evidence_at", "c.evidence_tx", "c.final_at as leaf_final_at", "c.ended_at", "c.ended_tx"]);
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
    .select(["c.state", "c.kinds", "c.disputed_at", "c.evidence_at", "c.final_at as leaf_final_at"])
    .execute();
  const touchedLeaves = new Map<Hex, number>();
  for (const { batch_id } of touched) touchedLeaves.set(batch_id, (touchedLeaves.get(batch_id) ?? 0) + 1);
  const untouched = await own().select("b.count").execute();
  return [
    ...untouched.map(({ count, batch_id, ...batch }) => ({
      ...batch,
      ...{ state: null, kinds: null, disputed_at: null, evidence_at: null, leaf_final_at: null },
      claims: count - (touchedLeaves.get(batch_id) ?? 0),
    })),
    ...touched.map((leaf) => ({ ...leaf, claims: 1 })),
  ];
}

/**
 * Where a claim stands at `nowSeconds`: the same rules, in the same order, as `Settlement._status`.
 *
 * @param rule the policy's rule, by number
 */
export function deriveStatus(facts: StatusFacts, rule: number, nowSeconds: number): DerivedStatus {
  if (facts.committed_at === null || facts.final_at === null) return { status: "Served", finalAt: null };
  if (facts.state === "challenged" || facts.state === "demanded")
    return { status: "Challenged", finalAt: null };
  if (facts.state === "rejected") return { status: "Rejected", finalAt: null };
  if (facts.state === "voided") return { status: "Voided", finalAt: null };
  const kinds = (facts.kinds ?? 0) | (facts.attested_at === null ? 0 : EVIDENCE_KINDS.tee);
  const clockFinalAt =
    facts.state === "revealed" ? Math.max(facts.final_at, facts.leaf_final_at ?? 0) : facts.final_at;
  const byClock = Math.max(clockFinalAt, answeredAt(facts));
  const finalAt = Math.min(byClock, closes(rule, kinds) ? evidenceAt(facts, rule) : Number.POSITIVE_INFINITY);
  if (nowSeconds >= clockFinalAt || closes(rule, kinds)) return { status: "Final", finalAt };
  if (kinds & EVIDENCE_KINDS.zk) return { status: "Proven", finalAt };
  if (kinds !== 0) return { status: "Attested", finalAt };
  return { status: "Committed", finalAt };
}

/** A claim whose dispute was answered after the window could not be final before the answer. */
function answeredAt(facts: StatusFacts): number {
  return facts.disputed_at === null ? 0 : (facts.evidence_at ?? 0);
}

/** When the evidence was complete: the later of both where the rule wants both, else the earlier of what there is. */
function evidenceAt(facts: StatusFacts, rule: number): number {
  const times = [facts.attested_at, facts.evidence_at].filter((at) => at !== null);
  return rule === EVIDENCE_RULES.teeAndZk ? Math.max(...times) : Math.min(...times);
}
