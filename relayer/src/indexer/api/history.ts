// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Reader } from "../../ledger/schema.ts";
import type { IndexReader } from "../services.ts";
import { policyTerms } from "../terms.ts";
import { badQuery } from "./query.ts";
import { kindNames } from "./standing.ts";

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
  const bucketOf = (time: number) => Math.floor((time - from) / bucketSeconds);
  const lastBucket = bucketOf(Math.min(to, now + 1) - 1);
  const histories = new Map<string, KeyHistory>();
  for (const group of groups) {
    const key = keyOf(group, query.by);
    const history = histories.get(key) ?? newHistory();
    histories.set(key, history);
    const { servedAt, committedAt, finalAt, claims } = group;
    if (servedAt >= from && servedAt < to) countServed(history, bucketOf(servedAt), group, now);
    const end = group.endedAt ?? finalAt ?? Number.POSITIVE_INFINITY;
    // A claim is open at the end of the buckets from the one in which it began up to the one before that in which it ended.
    add(history.open, Math.max(0, bucketOf(servedAt)), bucketOf(end), claims);
    const bondWei = BigInt(claims) * (bonds.get(group.policyId)?.claimBondWei ?? 0n);
    addWei(history.exposureWei, Math.max(0, bucketOf(committedAt)), bucketOf(end), bondWei);
  }
  const buckets = [...histories].flatMap(([key, history]) => bucketsOf(history, key, query, lastBucket));
  buckets.sort((a, b) => a.start - b.start || (a.key < b.key ? -1 : 1));
  return { from, to, bucketSeconds, by: query.by, buckets };
}

/** The claims of one key, by the number of a bucket. What is open is kept as changes from one bucket to the next. */
interface KeyHistory {
  served: Map<number, ServedCounts>;
  open: Map<number, number>;
  exposureWei: Map<number, bigint>;
}

/** Claims that were served in one bucket, by the seconds that they waited. */
interface ServedCounts {
  claims: number;
  committed: Map<number, number>;
  evidence: Map<number, number>;
  final: Map<number, number>;
}

function newHistory(): KeyHistory {
  return { served: new Map(), open: new Map(), exposureWei: new Map() };
}

function countServed(history: KeyHistory, bucket: number, group: ClaimGroup, now: number): void {
  const { servedAt, committedAt, evidenceAt, finalAt, claims } = group;
  const counts = history.served.get(bucket) ?? {
    ...{ claims: 0, committed: new Map(), evidence: new Map(), final: new Map() },
  };
  history.served.set(bucket, counts);
  counts.claims += claims;
  count(counts.committed, committedAt - servedAt, claims);
  if (evidenceAt !== null) count(counts.evidence, evidenceAt - servedAt, claims);
  if (finalAt !== null && finalAt <= now) count(counts.final, finalAt - servedAt, claims);
}

function add(changes: Map<number, number>, first: number, end: number, claims: number): void {
  if (end <= first) return;
  changes.set(first, (changes.get(first) ?? 0) + claims);
  if (Number.isFinite(end)) changes.set(end, (changes.get(end) ?? 0) - claims);
}

function addWei(changes: Map<number, bigint>, first: number, end: number, wei: bigint): void {
  if (end <= first) return;
  changes.set(first, (changes.get(first) ?? 0n) + wei);
  if (Number.isFinite(end)) changes.set(end, (changes.get(end) ?? 0n) - wei);
}

/** The buckets of a key in which claims were served or open. */
function bucketsOf(
  { served, open, exposureWei }: KeyHistory,
  key: string,
  { from, bucketSeconds }: HistoryQuery,
  lastBucket: number,
) {
  const buckets: { start: number; key: string }[] = [];
  let [openClaims, openWei] = [0, 0n];
  for (let bucket = 0; bucket <= lastBucket; bucket++) {
    openClaims += open.get(bucket) ?? 0;
    openWei += exposureWei.get(bucket) ?? 0n;
    const counts = served.get(bucket);
    if (!counts && openClaims === 0) continue;
    buckets.push({
      start: from + bucket * bucketSeconds,
      key,
      ...{ claims: counts?.claims ?? 0, ...percentilesOf(counts) },
      ...{ openClaims, exposureWei: openWei.toString() },
    });
  }
  return buckets;
}

function percentilesOf(counts: ServedCounts | undefined) {
  return {
    servedToCommitted: percentiles(counts?.committed),
    servedToEvidence: percentiles(counts?.evidence),
    servedToFinal: percentiles(counts?.final),
  };
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

function count(counts: Map<number, number>, seconds: number, claims: number): void {
  const waited = Math.max(0, seconds);
  counts.set(waited, (counts.get(waited) ?? 0) + claims);
}

function percentiles(counts: ReadonlyMap<number, number> = new Map()): Percentiles | null {
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

/** Claims that were served before `to` and were not over by `from`. */
async function claimGroups(db: Reader, { from, to }: HistoryQuery): Promise<ClaimGroup[]> {
  const groups = () =>
    db
      .selectFrom("index_groups as g")
      .innerJoin("index_batches as b", "b.ordinal", "g.ordinal")
      .select(["b.operator", "b.policy_id as policyId", "b.committed_at as committedAt"])
      .select(["g.model_id as modelId", "g.kinds", "g.served_at as servedAt", "g.claims"])
      .select(["g.evidence_at as evidenceAt", "g.final_at as finalAt", "g.ended_at as endedAt"])
      .where("g.served_at", "<", to);
  const closing = await groups().where("g.final_at", ">=", from).execute();
  // In dispute, or ended badly: few.
  const others = await groups().where("g.final_at", "is", null).execute();
  return [...closing, ...others.filter(({ endedAt }) => endedAt === null || endedAt >= from)];
}
