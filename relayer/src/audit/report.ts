// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { EnclaveReport } from "./attestations.ts";
import type { DataSource } from "./data-source.ts";
import type { EvidenceReport } from "./evidence.ts";
import type { AuditVerdict, Finding, Severity } from "./findings.ts";
import type { Percentiles } from "./gaps.ts";
import type { GovernanceReport } from "./governance.ts";
import type { MoneyReport } from "./money.ts";
import type { DisputeCounts } from "./record.ts";
import type { ClaimCounts, GapReport, TallyResult } from "./tally.ts";

/** What an audit's JSON says it is. */
export const AUDIT_FORMAT = "meantime-audit";

/** Its version. */
export const AUDIT_VERSION = 1;

/** All that an audit found. Two audits of one block, with one source of data, are equal. */
export interface AuditReport {
  format: typeof AUDIT_FORMAT;
  version: typeof AUDIT_VERSION;
  /** `cannot tell`: no anomaly was found, and something could not be checked, or was not to be. */
  verdict: AuditVerdict;
  chain: {
    chainId: string;
    settlement: Address;
    receipts: Address;
    policies: Address;
    /** The block that everything was read at. */
    block: number;
    blockHash: Hex;
    blockTime: number;
  };
  /** Batches committed in these blocks were audited. */
  range: { fromBlock: number; toBlock: number; batches: number };
  scope: {
    data: DataSource["kind"];
    /** Whether proofs and signatures of evidence were judged anew. */
    evidence: boolean;
    /** Models that were run again, by id. */
    models: Hex[];
    /** What this audit did not look at, in sentences. */
    unchecked: string[];
  };
  /** `claims = final + rejected + voided + open + nowhere`. */
  claims: ClaimCounts & { identity: string; holds: boolean; openBy: TallyResult["open"]; unseen: number };
  data: TallyResult["data"];
  receipts: TallyResult["receipts"];
  reexecution: TallyResult["reexecution"];
  evidence: EvidenceReport;
  enclaves: EnclaveReport;
  money: MoneyReport[];
  operators: OperatorReport[];
  gaps: GapReport[];
  governance: GovernanceReport;
  timeline: TallyResult["timeline"];
  exposure: { time: number; token: Address; lockedWei: bigint; stakeWei: bigint }[];
  /** How often each name was found; `findings` has at most 500 of a name. */
  findingCounts: Record<string, { severity: Severity; count: number }>;
  findings: Finding[];
}

/** One operator. */
export interface OperatorReport extends ClaimCounts {
  operator: Address;
  batches: number;
  endpoint: string | null;
  stakes: { token: Address; stakeWei: bigint; lockedWei: bigint; unbondingWei: bigint }[];
  disputes: Omit<DisputeCounts, "answerSeconds"> & { answerSeconds: Percentiles | null };
}

/** A report as JSON: amounts as decimal strings. */
export function reportToJson(report: AuditReport): string {
  return JSON.stringify(
    report,
    (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value),
    2,
  );
}
