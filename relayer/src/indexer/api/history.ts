// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import type { Reader, Standing } from "../../ledger/schema.ts";
import type { IndexReader } from "../services.ts";
import { policyTerms } from "../terms.ts";
import { badQuery } from "./query.ts";
import { isOpen, kindNames } from "./standing.ts";

/** By what claims are told apart in the history of the gap. */
export const HISTORY_KEYS = ["operator", "model", "policy", "evidence", "none"] as const;

export interface HistoryQuery {
  /** Unix seconds. */
  from: number;
  to: number;
  bucketSeconds: number;
  by: (typeof HISTORY_KEYS)[number];
}

const MOST_BUCKETS = 2_000;

/** Seconds below which lie so many of all: by nearest rank, over every claim, none left out. */
interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/**
 * `GET /gap/history`: per bucket, the claims that were served in it, how long they took, and what was open at its end.
 * Exact: counted by second over every claim whose data is known. Claims that have not reached a phase do not count in it.
 *
 * @throws HttpError `MT-IDX-001` more buckets than are answered
 */
export async function gapHistory(reader: IndexReader, query: HistoryQuery): Promise<object> {
  const { from, to, bucketSeconds } = query;
  if (to <= from) throw badQuery("to", "must be later than from");
  if ((to - from) / bucketSeconds > MOST_BUCKETS) {
    throw badQuery("bucketSeconds", `more than ${MOST_BUCKETS} buckets; take larger ones, or a shorter time`);
  }
  const now = reader.clock.nowSeconds();
  const groups = await claimGroups(reader.ledger, query);
  const bonds = await policyTerms(
    reader.ledger,
    groups.map(({ policyId }) => policyId),
  );
  const counts = new Map<string, BucketCounts>();
  const bucketAt = (start: number, key: string) => {
    const name = `${start}:${key}`;
    const known = counts.get(name) ?? newBucket(start, key);
    counts.set(name, known);
    return known;
  };
  const startOf = (time: number) => from + Math.floor((time - from) / bucketSeconds) * bucketSeconds;
  const lastStart = startOf(Math.min(to, now + 1) - 1);
  for (const group of groups) {
    const key = keyOf(group, query.by);
    const { servedAt, committedAt, evidenceAt, finalAt, endedAt, claims } = group;
    if (servedAt >= from && servedAt < to) {
      const bucket = bucketAt(startOf(servedAt), key);
      bucket.claims += claims;
      count(bucket.committed, committedAt - servedAt, claims);
      if (evidenceAt !== null) count(bucket.evidence, evidenceAt - servedAt, claims);
      if (finalAt !== null && finalAt <= now) count(bucket.final, finalAt - servedAt, claims);
    }
    const end = endedAt ?? finalAt ?? Number.POSITIVE_INFINITY;
    const bondWei = BigInt(claims) * (bonds.get(group.policyId)?.claimBondWei ?? 0n);
    const firstOpen = Math.max(from, startOf(servedAt));
    for (let start = firstOpen; start <= lastStart; start += bucketSeconds) {
      const bucketEnd = Math.min(start + bucketSeconds - 1, now);
      if (end <= bucketEnd) break;
      const bucket = bucketAt(start, key);
      bucket.openClaims += claims;
      if (committedAt <= bucketEnd) bucket.exposureWei += bondWei;
    }
  }
  const buckets = [...counts.values()].sort((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1));
  return { from, to, bucketSeconds, by: query.by, buckets: buckets.map(bucketView) };
}

/** Claims that have all of these in common. */
interface ClaimGroup {
  operator: string;
  modelId: Hex;
  policyId: Hex;
  /** Of evidence, as flags. */
  kinds: number;
  servedAt: number;
  committedAt: number;
  evidenceAt: number | null;
  /** By evidence or the clock, past or to come; null: not before its dispute ends, or never. */
  finalAt: number | null;
  /** Rejected or voided. */
  endedAt: number | null;
  claims: number;
}

interface BucketCounts {
  start: number;
  key: string;
  claims: number;
  committed: Map<number, number>;
  evidence: Map<number, number>;
  final: Map<number, number>;
  openClaims: number;
  exposureWei: bigint;
}

function newBucket(start: number, key: string): BucketCounts {
  return {
    ...{ start, key, claims: 0, openClaims: 0, exposureWei: 0n },
    ...{ committed: new Map(), evidence: new Map(), final: new Map() },
  };
}

function bucketView(bucket: BucketCounts) {
  return {
    start: bucket.start,
    key: bucket.key,
    claims: bucket.claims,
    servedToCommitted: percentiles(bucket.committed),
    servedToEvidence: percentiles(bucket.evidence),
    servedToFinal: percentiles(bucket.final),
    openClaims: bucket.openClaims,
    exposureWei: bucket.exposureWei.toString(),
  };
}

function count(counts: Map<number, number>, seconds: number, claims: number): void {
  const waited = Math.max(0, seconds);
  counts.set(waited, (counts.get(waited) ?? 0) + claims);
}

function percentiles(counts: ReadonlyMap<number, number>): Percentiles | null {
  const sorted = [...counts].sort(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, claims]) => sum + claims, 0);
  if (total === 0) return null;
  const at = (share: number) => {
    let left = Math.max(1, Math.ceil(total * share));
    for (const [seconds, claims] of sorted) {
      left -= claims;
      if (left <= 0) return seconds;
    }
    return sorted.at(-1)?.[0] ?? 0;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function keyOf(group: ClaimGroup, by: HistoryQuery["by"]): string {
  if (by === "operator") return group.operator;
  if (by === "model") return group.modelId;
  if (by === "policy") return group.policyId;
  if (by === "evidence") return kindNames(group.kinds).join("+") || "none";
  return "";
}

/** Claims of batches that were served before `to` and were not over by `from`. */
async function claimGroups(db: Reader, { from, to }: HistoryQuery): Promise<ClaimGroup[]> {
  const served = await db
    .selectFrom("index_batches as b")
    .innerJoin("index_served as s", "s.ordinal", "b.ordinal")
    .select(["b.ordinal", "b.operator", "b.policy_id", "b.committed_at", "b.attested_at", "b.final_at"])
    .select(["s.model_id", "s.served_at", "s.claims"])
    .where("b.final_at", ">=", from)
    .where("b.oldest_served_at", "<", to)
    .execute();
  const leaves = await db
    .selectFrom("index_batches as b")
    .innerJoin("index_leaves as l", "l.ordinal", "b.ordinal")
    .innerJoin("index_claims as c", (join) =>
      join.onRef("c.ordinal", "=", "l.ordinal").onRef("c.leaf_index", "=", "l.leaf_index"),
    )
    .select(["b.ordinal", "b.operator", "b.policy_id", "b.committed_at", "c.model_id", "c.served_at"])
    .select(["l.standing", "l.kinds", "l.evidence_at", "l.final_at", "l.ended_at"])
    .where("b.final_at", ">=", from)
    .where("b.oldest_served_at", "<", to)
    .where("b.touched", ">", 0)
    .where("c.stray", "is", null)
    .execute();
  const touched = new Map<string, number>();
  for (const { ordinal, model_id, served_at } of leaves) {
    const key = `${ordinal}:${model_id}:${served_at}`;
    touched.set(key, (touched.get(key) ?? 0) + 1);
  }
  const untouched = served.map(
    (row): ClaimGroup => ({
      ...{ operator: row.operator, modelId: row.model_id, policyId: row.policy_id },
      kinds: row.attested_at === null ? 0 : EVIDENCE_KINDS.tee,
      ...{ servedAt: row.served_at, committedAt: row.committed_at, evidenceAt: row.attested_at },
      ...{ finalAt: row.final_at, endedAt: null },
      claims: row.claims - (touched.get(`${row.ordinal}:${row.model_id}:${row.served_at}`) ?? 0),
    }),
  );
  return [
    ...untouched.filter(({ claims }) => claims > 0),
    ...leaves.map(
      (row): ClaimGroup => ({
        ...{ operator: row.operator, modelId: row.model_id, policyId: row.policy_id, kinds: row.kinds },
        ...{ servedAt: row.served_at, committedAt: row.committed_at, evidenceAt: row.evidence_at },
        ...{ finalAt: row.final_at, endedAt: hasEnded(row.standing) ? row.ended_at : null, claims: 1 },
      }),
    ),
  ];
}

function hasEnded(standing: Standing): boolean {
  return !isOpen(standing) && standing !== "Challenged" && standing !== "Final";
}
