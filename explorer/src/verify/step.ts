// SPDX-License-Identifier: MIT
import type { StatusName } from "@meantime/sdk/status";
import type { Check, Verdict } from "@meantime/sdk/verdict";

/** What this browser found: it checked and it holds, it checked and it does not, or it cannot tell. */
export type Finding = "checked" | "wrong" | "unknown";

/** One thing that was looked at. */
export interface Step {
  /** Tells it from the others. */
  name: string;
  title: string;
  finding: Finding;
  /** Why, in a sentence or two. */
  reason: string;
  /** What it was found with: a label and a value each. */
  facts: [string, string][];
}

/** What all steps together say. */
export interface Judgement {
  finding: Finding;
  steps: Step[];
  /** What the chain says of the claim, where it was asked. */
  chainStatus?: StatusName;
  /**
   * Of a claim that the chain calls final, what that rests on: nothing but the clock, evidence that was verified here, or the
   * chain's word alone.
   */
  finality?: "clock" | "evidence" | "chain";
  /** What it was held against: a node's block, and a contract; nothing without a node. */
  against?: {
    rpcUrl: string;
    settlement: string;
    chainId: string;
    blockNumber: string;
    blockSeconds: number;
  };
}

const FINDINGS: Record<Verdict, Finding> = { valid: "checked", invalid: "wrong", "cannot tell": "unknown" };

const TITLES: Record<string, string> = {
  "claim id": "Claim id",
  "receipt signature": "Receipt's signature",
  "receipt key": "Receipt key on the chain",
  model: "Model's entry",
  policy: "Policy's terms",
  opening: "Input and output",
  inclusion: "Merkle path to the batch",
  commitment: "Batch on the chain",
};

/** A check of the SDK as a step. */
export function stepOf({ name, verdict, reason }: Check, facts: [string, string][] = []): Step {
  return { name, title: TITLES[name] ?? name, finding: FINDINGS[verdict], reason: sentence(reason), facts };
}

/** Wrong if any step is; else unknown if any is, or if there are none; else checked. */
export function overallOf(steps: readonly Step[]): Finding {
  if (steps.some(({ finding }) => finding === "wrong")) return "wrong";
  return steps.length === 0 || steps.some(({ finding }) => finding === "unknown") ? "unknown" : "checked";
}

/** What holds in itself has not been held against anything: without a chain nothing counts as checked. */
export function withoutChain(steps: readonly Step[]): Step[] {
  return steps.map((step) =>
    step.finding === "checked"
      ? {
          ...step,
          finding: "unknown",
          reason: `${step.reason} No node of yours has confirmed it.`,
        }
      : step,
  );
}

/** With a capital and a full stop. */
export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}
