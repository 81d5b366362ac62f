// SPDX-License-Identifier: GPL-3.0-or-later

import { closes, EVIDENCE_KINDS } from "@meantime/sdk/policy";
import type { LeafStateName, StatusName } from "@meantime/sdk/status";

/** Where a claim that is in a batch stands. */
export type Standing = Exclude<StatusName, "Unknown">;

/** What the chain says of a claim that its status follows from. Times are unix seconds. */
export interface ClaimFacts {
  /** The policy's, by number. */
  rule: number;
  /** When the clock makes the batch's claims final. */
  batchFinalAt: number;
  /** When an enclave vouched for the whole batch, if that counts. */
  attestedAt: number | null;
  /** Null: nothing has happened to this claim alone. */
  leaf: LeafFacts | null;
}

/** What has happened to one claim of a batch. Times are unix seconds. */
export interface LeafFacts {
  state: LeafStateName;
  /** Of the evidence for this claim alone that counts, as flags. */
  kinds: number;
  /** Of a revealed claim: before this the clock does not make it final. Null: as its batch. */
  openUntil: number | null;
  /** When something last happened to it. Nothing happens to a claim that is final. */
  changedAt: number;
}

/**
 * Where a claim stands before any clock is asked: what evidence does not close is not final. `finalAt` is when it became
 * final, or when the clock will make it so or has; null while it is disputed and after it ended badly.
 */
export interface ClaimStanding {
  standing: Standing;
  finalAt: number | null;
}

/** The rules of `contracts/types/Standing.sol`, in their order, without its clock. */
export function standingOfClaim(facts: ClaimFacts): ClaimStanding {
  const { rule, leaf } = facts;
  const standing = leaf && ASIDE[leaf.state];
  if (standing) return { standing, finalAt: null };
  const kinds = kindsOf(facts);
  const finalAt = Math.max(Math.min(clockFinalAt(facts), closedAt(facts)), leaf?.changedAt ?? 0);
  if (closes(rule, kinds)) return { standing: "Final", finalAt };
  if (kinds & EVIDENCE_KINDS.zk) return { standing: "Proven", finalAt };
  return { standing: kinds === 0 ? "Committed" : "Attested", finalAt };
}

/** Where a claim stands at a moment. */
export function byClock({ standing, finalAt }: ClaimStanding, nowSeconds: number): Standing {
  return isOpen(standing) && finalAt !== null && finalAt <= nowSeconds ? "Final" : standing;
}

/** Whether a claim that stands so becomes final by the clock. */
export function isOpen(standing: Standing): boolean {
  return standing === "Committed" || standing === "Attested" || standing === "Proven";
}

/** Kinds of the evidence that counts for a claim, its own and its batch's, as flags. */
export function kindsOf({ attestedAt, leaf }: Pick<ClaimFacts, "attestedAt" | "leaf">): number {
  return (leaf?.kinds ?? 0) | (attestedAt === null ? 0 : EVIDENCE_KINDS.tee);
}

/** When the clock alone makes a claim final that is neither disputed nor ended. */
export function clockFinalAt({ batchFinalAt, leaf }: Pick<ClaimFacts, "batchFinalAt" | "leaf">): number {
  return leaf?.state === "Revealed" ? Math.max(leaf.openUntil ?? 0, batchFinalAt) : batchFinalAt;
}

/** States in which neither evidence nor the clock makes a claim final. */
const ASIDE: Partial<Record<LeafStateName, Standing>> = {
  Challenged: "Challenged",
  Demanded: "Challenged",
  Rejected: "Rejected",
  Voided: "Voided",
};

/**
 * When the evidence was complete, at the latest: what closes a claim on its own evidence was the last that happened to it,
 * and so needs no time here.
 */
function closedAt({ rule, attestedAt, leaf }: ClaimFacts): number {
  const own = leaf?.kinds ?? 0;
  if (closes(rule, own)) return 0;
  const isClosed = attestedAt !== null && closes(rule, own | EVIDENCE_KINDS.tee);
  return isClosed ? attestedAt : Number.POSITIVE_INFINITY;
}
