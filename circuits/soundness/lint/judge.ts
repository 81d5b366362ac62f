// SPDX-License-Identifier: GPL-3.0-or-later
import type { Finding } from "./circomspect.ts";
import type { ExpectedFinding } from "./expected.ts";

/** Findings beside the expected ones. Both lists must be empty. */
export interface Judgement {
  unexpected: Finding[];
  /** Expected findings that there are no more: their explanation is stale. */
  stale: ExpectedFinding[];
}

export function judge(findings: readonly Finding[], expected: readonly ExpectedFinding[]): Judgement {
  const isSame = (finding: Finding, other: ExpectedFinding) =>
    finding.file === other.file && finding.rule === other.rule && finding.line === other.line;
  return {
    unexpected: findings.filter((finding) => !expected.some((other) => isSame(finding, other))),
    stale: expected.filter((other) => !findings.some((finding) => isSame(finding, other))),
  };
}
