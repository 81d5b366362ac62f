// SPDX-License-Identifier: MIT
import { closes } from "../policy.ts";
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
  rule: number | undefined;
  /** Kinds of the evidence that was verified, as flags of `EVIDENCE_KINDS`. */
  verifiedKinds: number;
  /** Undefined: nobody asked the chain. */
  onChain: ChainWord | undefined;
}

/**
 * What stands behind a claim's being final. `valid` only where the chain calls it final and all that it rests on was verified, or
 * nothing but the clock is; `invalid` where the chain has rejected or voided the claim, or does not have it. Without the chain's
 * word it is `cannot tell`: evidence holds in itself also of a claim that was rejected because it came too late.
 */
export function judgeFinality(facts: FinalityFacts): Check {
  const [verdict, reason] = judge(facts);
  return { name: "finality", verdict, reason };
}

function judge({ rule, verifiedKinds, onChain }: FinalityFacts): [Verdict, string] {
  const isClosed = rule !== undefined && closes(rule, verifiedKinds);
  if (onChain === undefined) {
    const verified = isClosed ? "verified" : "not verified";
    return ["cannot tell", `evidence ${verified}; how the claim stands is on the chain`];
  }
  const { status, evidenceKinds } = onChain;
  if (status !== "Final") {
    const isLost = ["Unknown", "Rejected", "Voided"].includes(status);
    return [isLost ? "invalid" : "cannot tell", `the chain says ${status}`];
  }
  if (evidenceKinds === 0) return ["valid", "final by the clock, by the chain's word"];
  const isVerified = evidenceKinds === undefined ? isClosed : !(evidenceKinds & ~verifiedKinds);
  if (isVerified) return ["valid", "evidence verified"];
  return ["cannot tell", "final by the chain's word: evidence not verified"];
}
