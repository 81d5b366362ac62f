// SPDX-License-Identifier: MIT
import { closes, EVIDENCE_KINDS } from "../policy.ts";
import type { StatusName } from "../status.ts";
import type { Check, Verdict } from "../verdict.ts";

/** What the chain says of a claim, as somebody read it there. */
export interface ChainWord {
  status: StatusName;
  /** Kinds of evidence that the contract holds for it, as flags of `EVIDENCE_KINDS`. Undefined: not read. */
  evidenceKinds?: number;
}

/** What finality is judged by. */
export interface FinalityFacts {
  /** The policy's rule, a number of `EVIDENCE_RULES`. Undefined: not known. */
  rule?: number;
  /** Kinds of the evidence that was verified, as flags of `EVIDENCE_KINDS`. */
  verifiedKinds: number;
  /** Undefined: nobody asked the chain. */
  onChain?: ChainWord;
}

const KIND_NAMES = {
  zk: "a proof",
  tee: "an enclave's signature",
  quorum: "the re-executors' verdict",
} as const;

/**
 * What stands behind a claim's being final: evidence that was verified, or the chain's word alone. `valid` only where all that
 * the claim rests on was verified, or where the chain says that it rests on nothing but the clock; `invalid` where the chain has
 * rejected or voided the claim, or does not have it.
 */
export function judgeFinality({ rule, verifiedKinds, onChain }: FinalityFacts): Check {
  if (onChain !== undefined) return byChain(rule, verifiedKinds, onChain);
  if (rule !== undefined && closes(rule, verifiedKinds)) {
    return finality(
      "valid",
      "evidence verified: by the policy's rule it makes the claim final once the chain has it",
    );
  }
  return finality(
    "cannot tell",
    verifiedKinds === 0
      ? "no evidence was verified: if the claim is final, that is the chain's word alone"
      : "the evidence that was verified does not make the claim final by itself: if it is, that is the chain's word",
  );
}

/** The kinds of `EVIDENCE_KINDS` among some flags, in words. */
export function evidenceKindNames(kinds: number): string {
  return (Object.keys(KIND_NAMES) as (keyof typeof KIND_NAMES)[])
    .filter((name) => (kinds & EVIDENCE_KINDS[name]) !== 0)
    .map((name) => KIND_NAMES[name])
    .join(" and ");
}

function byChain(
  rule: number | undefined,
  verifiedKinds: number,
  { status, evidenceKinds }: ChainWord,
): Check {
  if (status === "Unknown") return finality("invalid", "the chain does not have the claim at this place");
  if (status === "Rejected" || status === "Voided") return finality("invalid", `the chain says ${status}`);
  if (status !== "Final") return finality("cannot tell", `the claim is not final: the chain says ${status}`);
  if (evidenceKinds === undefined) {
    return rule !== undefined && closes(rule, verifiedKinds)
      ? finality("valid", "evidence verified, by which the policy makes the claim final")
      : finality("cannot tell", "final by the chain's word: what evidence it has for that was not checked");
  }
  if (evidenceKinds === 0)
    return finality(
      "valid",
      "final by the clock, as the chain says: nobody brought evidence, and none was needed",
    );
  const unchecked = evidenceKinds & ~verifiedKinds;
  if (unchecked === 0)
    return finality("valid", "evidence verified: all kinds that the chain has for this final claim");
  const kinds = evidenceKindNames(unchecked);
  return finality("cannot tell", `final by the chain's word: it has ${kinds}, which was not checked`);
}

function finality(verdict: Verdict, reason: string): Check {
  return { name: "finality", verdict, reason };
}
