// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { AuditReport } from "../report.ts";
import { groupedBars, stackedBars, steps } from "./charts.ts";
import { html, type Markup, type Part } from "./escape.ts";
import { STYLE } from "./style.ts";

const WEI_PER_UNIT = 1e18;
const SHORT_DIGITS = 10;

/** What an audit says on the whole, for people. */
export const VERDICTS: Record<AuditReport["verdict"], string> = {
  clean: "Clean",
  anomalies: "Anomalies found",
  "cannot tell": "Cannot tell: no anomaly found, but not everything was checked",
};

/** An audit as one file that needs nothing else: no script, no font, no picture from anywhere. */
export function reportToHtml(report: AuditReport): string {
  const { chain, verdict } = report;
  const title = `Audit of ${chain.settlement} at block ${chain.block}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<main>
<h1>Meantime audit</h1>
<p><span class="verdict ${verdict.replace(" ", "-")}">${VERDICTS[verdict]}</span></p>
${unchecked(report)}
<p class="soft">Settlement <code>${chain.settlement}</code> on chain ${chain.chainId}, as of block ${chain.block} (<code>${chain.blockHash}</code>, ${timeOf(chain.blockTime)}). Batches committed in blocks ${report.range.fromBlock} to ${report.range.toBlock}; batch data: ${report.scope.data}; evidence ${report.scope.evidence ? "judged anew" : "not judged"}; ${report.scope.models.length} models run again.</p>
${claims(report)}
${findings(report)}
${gaps(report)}
${timeline(report)}
${exposure(report)}
${evidence(report)}
${enclaves(report)}
${operators(report)}
${money(report)}
${governance(report)}
</main>
</body>
</html>
`;
  return page.markup;
}

function unchecked({ scope }: AuditReport): Markup {
  if (scope.unchecked.length === 0) return html``;
  return html`<p>Not checked:</p><ul>${scope.unchecked.map((line) => html`<li>${line}</li>`)}</ul>`;
}

function claims({ claims: counts, range, data, receipts, reexecution }: AuditReport): Markup {
  const { identity, holds, openBy, unseen } = counts;
  const open = `${openBy.Committed} committed, ${openBy.Attested} attested, ${openBy.Proven} proven, ${openBy.Challenged} disputed`;
  return html`<section><h2>Claims</h2>
<p><strong>${identity}</strong> (${holds ? "adds up" : "does not add up"}), in ${range.batches} batches. Open: ${open}.${unseen > 0 ? ` Of all, ${unseen} were not seen: they count as the chain has them.` : ""}</p>
${table(
  ["", "number of"],
  [
    ["batches with complete data", data.complete],
    ["batches of private openings, claims checked", data["root only"]],
    ["batches of private data, not shown", data.private],
    ["batches without data", data.missing],
    ["batches with other data than was committed", data.wrong],
    ["receipts whose key was valid", receipts.valid],
    ["receipts whose key was not", receipts.invalid],
    ["claims published without a signature", receipts.missing],
    ["claims run again: right", reexecution.right],
    ["claims run again: wrong", reexecution.wrong],
    ["claims whose opening is junk", reexecution.junk],
    ["claims not run again", reexecution.unchecked + reexecution.skipped],
  ],
)}</section>`;
}

function findings({ findings: found, findingCounts }: AuditReport): Markup {
  if (found.length === 0) return html`<section><h2>Findings</h2><p>None.</p></section>`;
  const more = Object.entries(findingCounts).flatMap(([name, { count }]) => {
    const shown = found.filter((one) => one.name === name).length;
    return shown < count ? [`${count - shown} more of ${name}`] : [];
  });
  return html`<section><h2>Findings</h2>
${table(
  ["severity", "finding", "block", "transaction"],
  found.map(({ severity, name, what, why, block, time, tx }) => [
    html`<span class="${severity}">${severity}</span>`,
    html`<strong>${name}</strong><br>${what}<br><span class="soft">${why}</span>`,
    block === null
      ? ""
      : html`${block}${time === null ? "" : html`<br><span class="soft">${timeOf(time)}</span>`}`,
    tx === null ? "" : html`<code>${tx}</code>`,
  ]),
  [2],
)}${more.length > 0 ? html`<p class="soft">${more.join(", ")}.</p>` : ""}</section>`;
}

function gaps({ gaps: all }: AuditReport): Markup {
  if (all.length === 0) return html``;
  const series = [
    { name: "p50", className: "fill-a" },
    { name: "p95", className: "fill-b" },
    { name: "p99", className: "fill-c" },
  ];
  const groups = all.map(({ operator, evidence: by, servedToFinal }) => ({
    label: `${short(operator)} ${by}`,
    values: servedToFinal ? [servedToFinal.p50, servedToFinal.p95, servedToFinal.p99] : [null, null, null],
  }));
  const cell = (percentiles: { p50: number; p95: number; p99: number } | null) =>
    percentiles ? [percentiles.p50, percentiles.p95, percentiles.p99].map(seconds).join(" / ") : "none";
  return html`<section><h2>Trust gap</h2>
${groupedBars("From served to final, by operator and what the claims rest on (logarithmic)", groups, series, seconds)}
${table(
  ["operator", "rests on", "claims", "to committed (p50 / p95 / p99)", "to evidence", "to final"],
  all.map(({ operator, evidence: by, claims: many, ...gap }) => [
    ...[html`<code>${operator}</code>`, by, many, cell(gap.servedToCommitted)],
    ...[cell(gap.servedToEvidence), cell(gap.servedToFinal)],
  ]),
  [2],
)}</section>`;
}

function timeline({ timeline: { buckets, bucketSeconds } }: AuditReport): Markup {
  if (buckets.length === 0) return html``;
  const series = [
    { name: "final", className: "fill-ok" },
    { name: "open", className: "fill-a" },
    { name: "rejected", className: "fill-high" },
    { name: "voided", className: "fill-low" },
  ];
  const slices = buckets.map(({ start, final, open, rejected, voided }) => ({
    label: timeOf(start).slice(5, 16),
    values: [final, open, rejected, voided],
  }));
  return html`<section><h2>Timeline</h2>${stackedBars(`Claims committed in each ${seconds(bucketSeconds)}, as they stand`, slices, series)}</section>`;
}

function exposure({ exposure: points }: AuditReport): Markup {
  const series = [
    { name: "locked for open claims", className: "line-a" },
    { name: "staked", className: "line-b" },
  ];
  const tokens = [...new Set(points.map(({ token }) => token))];
  const figures = tokens.map((token) => {
    const ofToken = points
      .filter((point) => point.token === token)
      .map(({ time, lockedWei, stakeWei }) => ({
        time,
        values: [Number(lockedWei) / WEI_PER_UNIT, Number(stakeWei) / WEI_PER_UNIT],
      }));
    const name = BigInt(token) === 0n ? "ether" : `${token} (units of 10^18)`;
    const label = { time: (at: number) => timeOf(at).slice(5, 16), value: (value: number) => String(value) };
    return steps(`Exposure in ${name}`, ofToken, series, label);
  });
  return figures.length === 0 ? html`` : html`<section><h2>Exposure</h2>${figures}</section>`;
}

function evidence({ evidence: kinds }: AuditReport): Markup {
  const rows = Object.entries(kinds).map(([kind, verdicts]) => [
    ...[kind, verdicts.valid, verdicts.invalid, verdicts["cannot tell"], verdicts.unexplained],
  ]);
  return html`<section><h2>Evidence, judged anew</h2>${table(["kind", "valid", "invalid", "cannot tell", "in no calldata"], rows, [1, 2, 3, 4])}</section>`;
}

function enclaves({ enclaves: { registrations, evidence: counts } }: AuditReport): Markup {
  if (registrations.length === 0) return html``;
  const rows = registrations.map((one) => [
    ...[html`<code>${one.keyId}</code>`, html`<code>${one.measurement}</code>`, one.block],
    html`<span class="${{ valid: "", invalid: "critical", "cannot tell": "low" }[one.verdict]}">${one.verdict}</span><br><span class="soft">${one.reason}</span>`,
  ]);
  return html`<section><h2>Enclaves</h2>
<p>Of the evidence of enclaves ${counts.valid} rest on a key whose document was verified anew and that the list allowed then, ${counts["cannot tell"]} on one of which that cannot be told, ${counts.invalid} on none.</p>
${table(["key", "measurement", "block", "document"], rows, [2])}</section>`;
}

function operators({ operators: all }: AuditReport): Markup {
  const rows = all.map((one) => [
    html`<code>${one.operator}</code>`,
    ...[one.batches, one.claims, one.final, one.rejected, one.voided, one.open, one.nowhere],
    ...[one.disputes.challenged, one.disputes.answered, one.disputes.unanswered, one.disputes.disproven],
    ...[one.disputes.demanded, one.disputes.revealed, one.endpoint ?? "none announced"],
  ]);
  const head = [
    ...["operator", "batches", "claims", "final", "rejected", "voided", "open", "nowhere"],
    ...["challenged", "answered", "not answered", "disproven", "demanded", "revealed", "data at"],
  ];
  const numbers = Array.from({ length: 13 }, (_, at) => at + 1);
  return html`<section><h2>Operators</h2>${table(head, rows, numbers)}</section>`;
}

function money({ money: all }: AuditReport): Markup {
  const rows = all.map((one) => [
    ...[one.contract, BigInt(one.token) === 0n ? "ether" : html`<code>${one.token}</code>`],
    ...[one.stakesWei, one.unbondingWei, one.bondsWei, one.feesWei, one.creditsWei, one.burntWei].map(String),
    ...[one.expectedWei, one.balanceWei].map(String),
    one.unaskedWei < 0n
      ? html`<span class="critical">${String(-one.unaskedWei)} short</span>`
      : String(one.unaskedWei),
  ]);
  const head = [
    ...["contract", "token", "stakes", "unbonding", "bonds of disputes", "fees", "credits", "burnt"],
    ...["sum", "balance", "sent unasked"],
  ];
  return html`<section><h2>Money, in wei</h2>${table(head, rows, [2, 3, 4, 5, 6, 7, 8, 9, 10])}</section>`;
}

function governance({ governance: { actions, setupUntilBlock, setupActions } }: AuditReport): Markup {
  const setup =
    setupUntilBlock === null
      ? "The deployment was never handed over: somebody can still act at once."
      : `${setupActions} actions set the deployment up, until block ${setupUntilBlock}.`;
  const time = (at: number | null) => (at === null ? "" : timeOf(at));
  const rows = actions.map((one) => [
    ...[one.role, html`<code>${one.what}</code>`, time(one.announcedAt), time(one.executedAt)],
    ...[time(one.cancelledAt), one.waitedSeconds === null ? "" : seconds(one.waitedSeconds), one.block],
  ]);
  const head = ["role", "what", "announced", "done", "cancelled", "waited", "block"];
  return html`<section><h2>Governance</h2><p>${setup}</p>${rows.length > 0 ? table(head, rows, [6]) : html`<p>Nothing was done since.</p>`}</section>`;
}

function table(
  head: readonly string[],
  rows: readonly (readonly Part[])[],
  numbers: readonly number[] = [1],
): Markup {
  const classOf = (at: number) => (numbers.includes(at) ? "number" : "");
  return html`<div class="wide"><table><thead><tr>${head.map((cell, at) => html`<th scope="col" class="${classOf(at)}">${cell}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((cell, at) => html`<td class="${classOf(at)}">${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}

function timeOf(unixSeconds: number): string {
  return `${new Date(unixSeconds * 1_000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function seconds(value: number): string {
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7_200) return `${Math.round(value / 60)} min`;
  return value < 172_800 ? `${Math.round(value / 3_600)} h` : `${Math.round(value / 86_400)} d`;
}

function short(hex: Hex): string {
  return hex.slice(0, SHORT_DIGITS);
}
