// SPDX-License-Identifier: MIT

/** What can be said of a statement without asking anybody. */
export type Verdict = "valid" | "invalid" | "cannot tell";

/** One thing that was looked at. */
export interface Check {
  name: string;
  verdict: Verdict;
  /** Why, in one sentence. */
  reason: string;
}

/** `invalid` if any check is; else `cannot tell` if any check is; else `valid`. */
export function overall(checks: readonly Check[]): Verdict {
  const verdicts = checks.map(({ verdict }) => verdict);
  if (verdicts.includes("invalid")) return "invalid";
  return verdicts.includes("cannot tell") ? "cannot tell" : "valid";
}

/** A check that has an answer, worded by `what` was looked for. */
export function judged(name: string, holds: boolean, what: string): Check {
  return { name, verdict: holds ? "valid" : "invalid", reason: `this is ${holds ? "" : "not "}${what}` };
}
