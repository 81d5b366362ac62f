// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { countSeconds, type Percentiles, type SecondsCounted } from "./gaps.ts";
import { type BatchRecord, type ChainRecord, pair } from "./record.ts";
import { type EvidenceName, type Standing, standingOf } from "./standing.ts";

/** What became of a batch's data. `root only`: openings are private. `private`: and nobody showed the claims. */
export type DataState = "complete" | "root only" | "missing" | "wrong" | "private";

/** How many claims stand how. Open is everything that is neither final nor ended. */
export interface ClaimCounts {
  claims: number;
  final: number;
  rejected: number;
  voided: number;
  open: number;
  /** Leaves that contradict their header or themselves: they settle nowhere. */
  nowhere: number;
}

/** The waiting of one operator's claims, by what they rest on. Seconds. Null: no claim got so far. */
export interface GapReport {
  operator: Address;
  evidence: EvidenceName;
  claims: number;
  servedToCommitted: Percentiles | null;
  servedToEvidence: Percentiles | null;
  servedToFinal: Percentiles | null;
}

/** Claims committed in a slice of time, by how they stand. */
export interface TimelineBucket {
  start: number;
  final: number;
  rejected: number;
  voided: number;
  open: number;
}

/** What is counted while claims are looked at. */
export interface Tally {
  data(state: DataState): void;
  /** A claim that was seen. */
  claim(batch: BatchRecord, standing: Standing, servedAt: number): void;
  /** A leaf that no claim of the batch is at. */
  nowhere(batch: BatchRecord, index: number): void;
  /** A batch whose claims nobody saw: they count as the chain has them. */
  unseen(batch: BatchRecord): void;
  receipt(verdict: "valid" | "invalid" | "missing"): void;
  rerun(result: "right" | "wrong" | "junk" | "unchecked" | "skipped"): void;
  result(): TallyResult;
}

/** What was counted. */
export interface TallyResult {
  counts: ClaimCounts;
  /** Of the open ones. */
  open: Record<"Committed" | "Attested" | "Proven" | "Challenged", number>;
  /** Of all claims, those whose data nobody saw. */
  unseen: number;
  data: Record<DataState, number>;
  receipts: Record<"valid" | "invalid" | "missing", number>;
  reexecution: Record<"right" | "wrong" | "junk" | "unchecked" | "skipped", number>;
  operators: Map<Address, ClaimCounts & { batches: number }>;
  gaps: GapReport[];
  timeline: { bucketSeconds: number; buckets: TimelineBucket[] };
}

const MAX_BUCKETS = 40;
/** Round lengths of a slice of time, seconds. */
const BUCKET_SECONDS = [60, 300, 900, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000];

/** Counts the claims of some batches. */
export function createTally(record: ChainRecord, batches: readonly BatchRecord[], nowSeconds: number): Tally {
  const counts = noClaims();
  const operators = new Map<Address, ClaimCounts & { batches: number }>();
  const open = { Committed: 0, Attested: 0, Proven: 0, Challenged: 0 };
  const data: Record<DataState, number> = { complete: 0, "root only": 0, missing: 0, wrong: 0, private: 0 };
  const receipts = { valid: 0, invalid: 0, missing: 0 };
  const reexecution = { right: 0, wrong: 0, junk: 0, unchecked: 0, skipped: 0 };
  const gaps = new Map<string, Gap>();
  const slices = slicesOf(batches);
  let unseen = 0;
  for (const { header } of batches) operatorOf(operators, header.operator).batches++;

  const count = (batch: BatchRecord, standing: Standing, claims: number) => {
    const place = placeOf(standing);
    const bucket = slices.bucketAt(batch.committed.blockTime);
    for (const one of [counts, operatorOf(operators, batch.header.operator)]) {
      one.claims += claims;
      one[place] += claims;
    }
    bucket[place] += claims;
    if (place === "open") open[standing.status as keyof typeof open] += claims;
  };
  return {
    data: (state) => data[state]++,
    claim(batch, standing, servedAt) {
      count(batch, standing, 1);
      const gap = gapOf(gaps, batch.header.operator, standing.by);
      gap.committed.add(batch.committed.blockTime - servedAt);
      if (standing.evidenceAt !== undefined) gap.evidence.add(standing.evidenceAt - servedAt);
      if (standing.finalAt !== undefined) gap.final.add(standing.finalAt - servedAt);
    },
    nowhere({ header }) {
      for (const one of [counts, operatorOf(operators, header.operator)]) {
        one.claims++;
        one.nowhere++;
      }
    },
    unseen(batch) {
      const { header, leaves } = batch;
      const policy = record.policies.get(header.policyId)?.policy ?? { rule: 0 };
      unseen += header.count;
      for (const leaf of leaves.values()) count(batch, standingOf(batch, leaf, policy, nowSeconds), 1);
      const untouched = header.count - leaves.size;
      if (untouched > 0) count(batch, standingOf(batch, undefined, policy, nowSeconds), untouched);
    },
    receipt: (verdict) => receipts[verdict]++,
    rerun: (result) => reexecution[result]++,
    result: () => ({
      ...{ counts, open, unseen, data, receipts, reexecution, operators },
      gaps: [...gaps.values()].map(reportOf).sort(byOperatorAndEvidence),
      timeline: { bucketSeconds: slices.bucketSeconds, buckets: slices.buckets },
    }),
  };
}

interface Gap {
  operator: Address;
  by: EvidenceName;
  committed: SecondsCounted;
  evidence: SecondsCounted;
  final: SecondsCounted;
}

function gapOf(gaps: Map<string, Gap>, operator: Address, by: EvidenceName): Gap {
  const known = gaps.get(pair(operator, by));
  if (known) return known;
  const counted = { committed: countSeconds(), evidence: countSeconds(), final: countSeconds() };
  const gap = { operator, by, ...counted };
  gaps.set(pair(operator, by), gap);
  return gap;
}

function reportOf({ operator, by, committed, evidence, final }: Gap): GapReport {
  return {
    ...{ operator, evidence: by, claims: committed.count },
    servedToCommitted: committed.percentiles(),
    servedToEvidence: evidence.percentiles(),
    servedToFinal: final.percentiles(),
  };
}

function byOperatorAndEvidence(a: GapReport, b: GapReport): number {
  return pair(a.operator, a.evidence) < pair(b.operator, b.evidence) ? -1 : 1;
}

function placeOf({ status }: Standing): "final" | "rejected" | "voided" | "open" {
  if (status === "Final") return "final";
  if (status === "Rejected") return "rejected";
  return status === "Voided" ? "voided" : "open";
}

function noClaims(): ClaimCounts {
  return { claims: 0, final: 0, rejected: 0, voided: 0, open: 0, nowhere: 0 };
}

function operatorOf(operators: Map<Address, ClaimCounts & { batches: number }>, operator: Address) {
  const known = operators.get(operator);
  if (known) return known;
  const fresh = { ...noClaims(), batches: 0 };
  operators.set(operator, fresh);
  return fresh;
}

function slicesOf(batches: readonly BatchRecord[]) {
  const first = batches[0]?.committed.blockTime ?? 0;
  const last = batches.at(-1)?.committed.blockTime ?? first;
  const bucketSeconds =
    BUCKET_SECONDS.find(
      (seconds) => Math.floor(last / seconds) - Math.floor(first / seconds) < MAX_BUCKETS,
    ) ?? Math.ceil((last - first + 1) / MAX_BUCKETS);
  const start = Math.floor(first / bucketSeconds);
  const many = batches.length === 0 ? 0 : Math.floor(last / bucketSeconds) - start + 1;
  const buckets = Array.from({ length: many }, (_, at): TimelineBucket => {
    return { start: (start + at) * bucketSeconds, final: 0, rejected: 0, voided: 0, open: 0 };
  });
  const bucketAt = (time: number): TimelineBucket => {
    const found = buckets[Math.floor(time / bucketSeconds) - start];
    if (found === undefined) throw new RangeError(`no slice of time has ${time}`);
    return found;
  };
  return { bucketSeconds, buckets, bucketAt };
}
