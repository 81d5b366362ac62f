// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";

/** How bad a finding is. `info` is what a reader should know and nobody did wrong: it is no anomaly. */
export const SEVERITIES = ["info", "low", "medium", "high", "critical"] as const;

/** How bad a finding is. */
export type Severity = (typeof SEVERITIES)[number];

/** What was found. `docs/AUDITING.md` has a line for each name. */
export interface Finding {
  name: FindingName;
  severity: Severity;
  /** Null: it is about no one block. */
  block: number | null;
  /** Unix seconds. */
  time: number | null;
  tx: Hex | null;
  /** What is the case. */
  what: string;
  /** Why it matters. */
  why: string;
  /** Ids that it is about. */
  about: Readonly<Record<string, string>>;
}

/** Every name of a finding with the severity that it has unless something speaks against it, and why it matters. */
export const FINDINGS = {
  "data-missing": ["high", "nobody but the operator can check these claims"],
  "data-wrong": [
    "high",
    "what the operator serves is not what it committed to: nobody can check these claims",
  ],
  "claim-outside": ["medium", "a leaf that contradicts its header settles nowhere: its holder has nothing"],
  equivocation: ["high", "the operator gave one request two answers and can be penalised for it"],
  "late-commit": ["medium", "the operator did not keep its receipt, and can be reported for it"],
  "claim-rejected": ["info", "the claim was a lie or was not answered in time; its bond was slashed"],
  "claim-voided": ["info", "the means to answer were gone: nobody lost, and the claim never becomes final"],
  "lie-final": ["critical", "the model gives another output, and the claim is final"],
  "lie-open": ["high", "the model gives another output; the claim can still be challenged"],
  "opening-junk": ["medium", "what is served as the opening is not what the input hash stands for (A-12)"],
  "signature-missing": ["low", "without its signature a receipt cannot be shown to bind its operator"],
  "revoked-receipt-key": [
    "high",
    "the key had been revoked when the answer was served: the receipt binds nobody",
  ],
  "compromised-receipt-key": ["high", "the key was marked compromised since before the answer was served"],
  "foreign-receipt-key": ["high", "the receipt is signed by no key of the operator: it binds nobody"],
  "model-unregistered": [
    "medium",
    "a claim about a model that nobody registered can be challenged and never answered",
  ],
  "model-retired": ["low", "the model should have taken no new work"],
  "policy-closed": ["medium", "the policy took no new work any more: the receipt binds nobody"],
  "policy-not-accepted": ["low", "the operator had not accepted the policy: the receipt binds nobody"],
  "evidence-invalid": ["critical", "the chain accepted evidence that does not hold"],
  "evidence-unverifiable": ["low", "the evidence could not be judged anew"],
  "evidence-unexplained": ["low", "another contract made the evidence: it is in no calldata"],
  "evidence-delisted": ["info", "the evidence contract was taken off the list for new policies"],
  "verification-key-wrong": [
    "critical",
    "the node's bytes of a verification key are not what its id is the hash of",
  ],
  "breaker-tripped": ["high", "the key has proven a contradiction: what it ever proved is in doubt"],
  "proof-of-tripped-key": ["high", "the claim rests on a proof of a key that proves contradictions"],
  "compromised-enclave-key": ["high", "the enclave that vouched was compromised by then"],
  "attestation-invalid": [
    "critical",
    "a key was entered as an enclave's by a document that does not show it",
  ],
  "attestation-unverifiable": ["low", "whether an enclave made the key, the chain alone has judged"],
  "enclave-not-allowed": ["critical", "the chain took the word of a key that attested nothing then"],
  "enclave-root-foreign": [
    "high",
    "the root above the enclaves is not their manufacturer's: whoever has it can make them",
  ],
  "state-mismatch": ["critical", "the contract's state is not what its events say"],
  "balance-short": ["critical", "the contract holds less than it owes: somebody cannot be paid"],
  "balance-unasked": [
    "info",
    "somebody sent the contract what it never asked for; it is in nobody's account",
  ],
  "exposure-uncovered": ["critical", "more is locked than staked: claims without a bond"],
  "accounts-unchecked": ["low", "not every amount could be told from the chain's data"],
  "omission-upheld": ["info", "the operator did not keep a receipt and was penalised"],
  "equivocation-reported": ["info", "the operator gave one request two answers and was penalised"],
  "contradiction-reported": ["info", "a signer of the committee contradicted itself and was slashed"],
  "action-without-delay": ["high", "what needs an announcement was done without one"],
  "role-without-delay": ["high", "whoever has the role can act at once: nobody is warned"],
  "role-with-short-delay": ["medium", "whoever has the role warns for less than the roles' rules promise"],
  "administrator-without-delay": ["high", "work began while somebody could change the rules at once"],
  "authority-changed": ["high", "another contract now decides who may do what"],
  "guardian-action": ["info", "the guardian acted, at once as it may"],
  "dispute-overdue": ["low", "a dispute ran out and nobody ended it: bonds are stuck meanwhile"],
} as const satisfies Record<string, readonly [Severity, string]>;

/** The name of a kind of finding. */
export type FindingName = keyof typeof FINDINGS;

/** Findings that say that something could not be checked, and no more: nothing speaks against it. */
const UNCHECKED: ReadonlySet<string> = new Set<FindingName>([
  ...(["evidence-unverifiable", "evidence-unexplained"] as const),
  ...(["accounts-unchecked", "attestation-unverifiable"] as const),
]);

/** What an audit says on the whole. */
export type AuditVerdict = "clean" | "anomalies" | "cannot tell";

/** Where a finding is. */
export interface Place {
  blockNumber: number;
  blockTime: number;
  txHash: Hex;
}

/** Findings as they come, so many of a name and no more. */
export interface Findings {
  /** @param severity where it is not the usual one of the name */
  add(
    name: FindingName,
    what: string,
    place: Place | undefined,
    about?: Record<string, string | undefined>,
    severity?: Severity,
  ): void;
  /** All that are kept, the worst first, in the chain's order. */
  sorted(): Finding[];
  /** How often each name was found, kept or not. */
  counts(): Record<string, { severity: Severity; count: number }>;
  /** `anomalies` if one was found; else `cannot tell` if something could not be checked; else `clean`. */
  verdict(): AuditVerdict;
}

const KEPT_OF_A_NAME = 500;

/** No findings yet. */
export function createFindings(): Findings {
  const kept: Finding[] = [];
  const totals = new Map<string, { severity: Severity; count: number }>();
  return {
    add(name, what, place, about = {}, severity = FINDINGS[name][0]) {
      const total = totals.get(name) ?? { severity, count: 0 };
      total.count++;
      if (rank(severity) > rank(total.severity)) total.severity = severity;
      totals.set(name, total);
      if (total.count > KEPT_OF_A_NAME) return;
      const known = Object.entries(about).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      );
      kept.push({
        ...{ name, severity, what, why: FINDINGS[name][1], about: Object.fromEntries(known) },
        ...{ block: place?.blockNumber ?? null, time: place?.blockTime ?? null, tx: place?.txHash ?? null },
      });
    },
    sorted: () =>
      [...kept].sort(
        (a, b) =>
          rank(b.severity) - rank(a.severity) ||
          (a.block ?? Number.MAX_SAFE_INTEGER) - (b.block ?? Number.MAX_SAFE_INTEGER) ||
          compare(a.name, b.name) ||
          compare(a.what, b.what),
      ),
    counts: () => Object.fromEntries([...totals].sort(([a], [b]) => compare(a, b))),
    verdict() {
      const counted = [...totals].filter(([, { severity }]) => isAnomaly(severity));
      if (counted.some(([name]) => !UNCHECKED.has(name))) return "anomalies";
      return counted.length > 0 ? "cannot tell" : "clean";
    },
  };
}

/** Findings of the lowest severity are none. */
function isAnomaly(severity: Severity): boolean {
  return rank(severity) > 0;
}

function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
