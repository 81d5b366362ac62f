// SPDX-License-Identifier: GPL-3.0-or-later

import { EVIDENCE_KINDS, type Policy } from "@meantime/sdk/policy";
import {
  byClock,
  type ClaimFacts,
  clockFinalAt,
  kindsOf,
  type Standing as StatusInBatch,
  standingOfClaim,
} from "../chain/claim-standing.ts";
import type { BatchRecord, LeafRecord } from "./record.ts";

/** What made a claim final, or vouches for it so far. */
export type EvidenceName = "clock" | "enclave" | "proof" | "enclave and proof" | "committee";

/** How a claim stands, and when and by what it became so. Times are unix seconds. */
export interface Standing {
  status: StatusInBatch;
  /** What the claim rests on. */
  by: EvidenceName;
  /** When the first evidence that still counts was accepted. */
  evidenceAt?: number;
  /** Only of a final claim. */
  finalAt?: number;
}

/** How a claim stands at a moment. */
export function standingOf(
  batch: BatchRecord,
  leaf: LeafRecord | undefined,
  { rule }: Pick<Policy, "rule">,
  nowSeconds: number,
): Standing {
  const attestedAt = batch.attested?.place.blockTime ?? null;
  const facts: ClaimFacts = {
    ...{ rule, batchFinalAt: batch.finalAt, attestedAt },
    leaf: leaf ? { ...leaf, openUntil: leaf.deadline } : null,
  };
  const times = [...(leaf?.evidence.map(({ at }) => at) ?? []), ...(attestedAt === null ? [] : [attestedAt])];
  const resting = standingOfClaim(facts);
  const status = byClock(resting, nowSeconds);
  const by = nameOf(kindsOf(facts));
  const known = { by, ...(times.length === 0 ? {} : { evidenceAt: Math.min(...times) }) };
  const { finalAt } = resting;
  if (status !== "Final" || finalAt === null) return { status, ...known };
  const isEarly = resting.standing === "Final" && finalAt <= clockFinalAt(facts);
  return { status, ...known, by: isEarly || batch.attested ? by : "clock", finalAt };
}

function nameOf(kinds: number): EvidenceName {
  const { zk, tee, quorum } = EVIDENCE_KINDS;
  if (kinds & zk) return kinds & tee ? "enclave and proof" : "proof";
  if (kinds & tee) return "enclave";
  return kinds & quorum ? "committee" : "clock";
}
