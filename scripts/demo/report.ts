// SPDX-License-Identifier: MIT
import type { SettledClaim } from "./chain-story.ts";
import type { Served } from "./serve.ts";

/** One line of the demo's table. Times in seconds of chain time, money in wei. */
export interface PhaseReport {
  phase: string;
  claims: number;
  batches: number;
  /** How many claims ended in each status. */
  outcome: Record<string, number>;
  accuracy: number;
  gapSecondsP50: number;
  gapSecondsP95: number;
  gasPerClaim: number;
  bonds: BondsMoved;
}

/** Money that changed hands over a phase's claims. */
export interface BondsMoved {
  lockedWei: string;
  slashedWei: string;
  challengerWei: string;
  requesterWei: string;
  burntWei: string;
}

/** An outcome that had to come, and whether it did. */
export interface Expectation {
  expected: string;
  met: boolean;
}

/** Puts one phase together from what the users hold and what the chain says. */
export function reportPhase(
  phase: string,
  served: Served[],
  settled: SettledClaim[],
  bonds: BondsMoved,
): PhaseReport {
  const gaps = settled
    .map(({ gapSeconds }) => gapSeconds)
    .filter((gap) => gap !== undefined)
    .sort((a, b) => a - b);
  const outcome: Record<string, number> = {};
  for (const { status } of settled) outcome[status] = (outcome[status] ?? 0) + 1;
  return {
    phase,
    claims: served.length,
    batches: new Set(settled.map(({ batchId }) => batchId)).size,
    outcome,
    accuracy: served.filter(({ label, truth }) => label === truth).length / served.length,
    gapSecondsP50: percentile(gaps, 0.5),
    gapSecondsP95: percentile(gaps, 0.95),
    gasPerClaim: Math.round(settled.reduce((sum, { gas }) => sum + gas, 0) / served.length),
    bonds,
  };
}

/** The table as text, one line a phase. */
export function formatTable(reports: PhaseReport[]): string {
  const head = ["phase", "claims", "ended as", "accuracy", "gap p50", "gap p95", "gas/claim", "bonds moved"];
  const rows = reports.map((report) => [
    report.phase,
    `${report.claims} in ${report.batches}`,
    Object.entries(report.outcome)
      .map(([status, count]) => `${count} ${status}`)
      .join(", "),
    `${(100 * report.accuracy).toFixed(1)} %`,
    `${report.gapSecondsP50} s`,
    `${report.gapSecondsP95} s`,
    report.gasPerClaim.toLocaleString("en"),
    formatBonds(report.bonds),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function formatBonds(bonds: BondsMoved): string {
  if (bonds.slashedWei === "0") return `${ether(bonds.lockedWei)} locked and freed`;
  return `${ether(bonds.slashedWei)} slashed: ${ether(bonds.challengerWei)} challenger, ${ether(bonds.requesterWei)} user, ${ether(bonds.burntWei)} burnt`;
}

function ether(wei: string): string {
  return `${Number(wei) / 1e18} ETH`;
}

// The smallest value that at least this share of the values does not exceed (nearest rank).
function percentile(sorted: number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
