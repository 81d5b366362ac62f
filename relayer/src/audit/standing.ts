// SPDX-License-Identifier: GPL-3.0-or-later

import { closes, EVIDENCE_KINDS, EVIDENCE_RULES, type Policy } from "@meantime/sdk/policy";
import type { StatusName } from "@meantime/sdk/status";
import type { BatchRecord, LeafRecord } from "./record.ts";

/** What made a claim final, or vouches for it so far. */
export type EvidenceName = "clock" | "enclave" | "proof" | "enclave and proof" | "committee";

/** How a claim stands, and when and by what it became so. Times are unix seconds. */
export interface Standing {
  status: Exclude<StatusName, "Unknown">;
  /** What the claim rests on. */
  by: EvidenceName;
  /** When the first evidence that still counts was accepted. */
  evidenceAt?: number;
  /** Only of a final claim. */
  finalAt?: number;
}

/** How a claim stands at a moment: the rules of `contracts/types/Standing.sol`, in their order. */
export function standingOf(
  batch: BatchRecord,
  leaf: LeafRecord | undefined,
  { rule }: Pick<Policy, "rule">,
  nowSeconds: number,
): Standing {
  const attestedAt = batch.attested?.place.blockTime;
  const times = [
    ...(leaf?.evidence.map(({ at }) => at) ?? []),
    ...(attestedAt === undefined ? [] : [attestedAt]),
  ];
  const evidenceAt = times.length === 0 ? undefined : Math.min(...times);
  const kinds = (leaf?.kinds ?? 0) | (attestedAt === undefined ? 0 : EVIDENCE_KINDS.tee);
  const by = nameOf(kinds);
  const known = { by, ...(evidenceAt === undefined ? {} : { evidenceAt }) };
  if (leaf?.state === "Challenged" || leaf?.state === "Demanded") return { status: "Challenged", ...known };
  if (leaf?.state === "Rejected" || leaf?.state === "Voided") return { status: leaf.state, ...known };

  const clockAt = leaf?.state === "Revealed" ? Math.max(leaf.deadline, batch.finalAt) : batch.finalAt;
  const closedAt = closes(rule, kinds) ? closedAtBy(rule, leaf, attestedAt) : Number.POSITIVE_INFINITY;
  if (nowSeconds >= clockAt || closedAt <= nowSeconds) {
    // A claim whose dispute was answered after the window could not be final before the answer.
    const answeredAt = leaf?.state === "Answered" ? (leaf.evidence.at(-1)?.at ?? 0) : 0;
    const finalAt = Math.min(Math.max(clockAt, answeredAt), closedAt);
    const isEarly = closedAt <= clockAt || batch.attested !== undefined;
    return { status: "Final", ...known, by: isEarly ? by : "clock", finalAt };
  }
  if (kinds & EVIDENCE_KINDS.zk) return { status: "Proven", ...known };
  return { status: kinds === 0 ? "Committed" : "Attested", ...known };
}

/** When the evidence that the rule wants was complete. */
function closedAtBy(rule: number, leaf: LeafRecord | undefined, attestedAt: number | undefined): number {
  const { zk, tee } = EVIDENCE_KINDS;
  const first = (kind: number) =>
    leaf?.evidence.find((one) => one.kind === kind)?.at ?? Number.POSITIVE_INFINITY;
  const teeAt = Math.min(first(tee), attestedAt ?? Number.POSITIVE_INFINITY);
  if (rule === EVIDENCE_RULES.tee) return teeAt;
  if (rule === EVIDENCE_RULES.zk) return first(zk);
  return rule === EVIDENCE_RULES.teeAndZk ? Math.max(teeAt, first(zk)) : Math.min(teeAt, first(zk));
}

function nameOf(kinds: number): EvidenceName {
  const { zk, tee, quorum } = EVIDENCE_KINDS;
  if (kinds & zk) return kinds & tee ? "enclave and proof" : "proof";
  if (kinds & tee) return "enclave";
  return kinds & quorum ? "committee" : "clock";
}
