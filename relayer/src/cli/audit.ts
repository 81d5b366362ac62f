// SPDX-License-Identifier: GPL-3.0-or-later

import { writeFileSync } from "node:fs";
import { type Address, asAddress } from "@meantime/sdk/hex";
import { type AuditProgress, audit } from "../audit/audit.ts";
import { reportToHtml, VERDICTS } from "../audit/html/page.ts";
import { loadAuditModels } from "../audit/models.ts";
import type { PinnedAt } from "../audit/pinned-chain.ts";
import { type AuditReport, reportToJson } from "../audit/report.ts";
import { loadConfig } from "../config/load.ts";
import { BadInputError } from "./enclave/bad-input.ts";
import { EXIT } from "./exit.ts";
import { type AddCommand, JSON_OPTION } from "./options.ts";

interface AuditFlags {
  rpc: string;
  settlement?: string;
  config?: string;
  requests?: string[];
  from?: string;
  to?: string;
  startBlock?: string;
  data?: string;
  models?: string;
  allowPrivate?: true;
  proofs: boolean;
  json?: true;
  html?: string;
}

const MILLISECONDS_PER_LINE = 1_000;

/** Adds `meantime audit`. */
export function addAuditCommand(command: AddCommand, exitWith: (code: number) => void): void {
  command(
    "audit",
    "rebuild everything from the chain and published data; exits with 1 on an anomaly, 3 where something is open",
  )
    .requiredOption("--rpc <url>", "JSON-RPC endpoint")
    .option("--settlement <address>", "the Settlement contract")
    .option("--config <file>", "take it from a relayer's configuration instead")
    .option(
      "--requests <address...>",
      "InferenceRequests; default: whatever took a request for this Settlement",
    )
    .option("--from <block>", "audit batches committed from this block on; default: all")
    .option("--to <block>", 'the block that everything is read at; default: "finalized"')
    .option("--start-block <block>", "no contract is older; default: found out")
    .option("--data <source>", "a URL or folder of batch data; default: what operators announced")
    .option("--models <folder>", "specifications of models to run again, beside the built-in ones")
    .option("--allow-private", "follow announced endpoints to private addresses")
    .option("--no-proofs", "neither judge evidence anew nor run models again")
    .option(...JSON_OPTION)
    .option("--html <file>", "write a report to look at")
    .action(async (flags: AuditFlags) => exitWith(await runAudit(flags)));
}

async function runAudit(flags: AuditFlags): Promise<number> {
  const { rpc: rpcUrl, from, to, startBlock, data, allowPrivate, proofs } = flags;
  const report = await audit({
    ...{
      rpcUrl,
      settlement: settlementOf(flags),
      proofs,
      models: proofs ? loadAuditModels(flags.models) : [],
    },
    ...(from === undefined ? {} : { fromBlock: blockOf(from, "--from") }),
    ...(to === undefined ? {} : { at: pinOf(to) }),
    ...(startBlock === undefined ? {} : { startBlock: blockOf(startBlock, "--start-block") }),
    ...(flags.requests === undefined ? {} : { requests: flags.requests.map(asRequests) }),
    ...(data === undefined ? {} : { data }),
    ...(allowPrivate === undefined ? {} : { allowPrivate }),
    onProgress: progressLines(),
  });
  if (flags.html !== undefined) writeFileSync(flags.html, reportToHtml(report));
  process.stdout.write(flags.json ? `${reportToJson(report)}\n` : summary(report));
  return { clean: EXIT.ok, anomalies: EXIT.error, "cannot tell": EXIT.undecided }[report.verdict];
}

function settlementOf({ settlement, config }: AuditFlags): Address {
  const address = settlement ?? (config === undefined ? undefined : loadConfig(config).chain.settlement);
  if (address === undefined)
    throw badFlag("which contract to audit is not said", "--settlement, or --config");
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) throw badFlag(`${address} is no address`, "--settlement");
  return asAddress(address, "--settlement");
}

function asRequests(address: string): Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(address)) throw badFlag(`${address} is no address`, "--requests");
  return asAddress(address, "--requests");
}

function pinOf(to: string): PinnedAt {
  return to === "latest" || to === "finalized" ? to : blockOf(to, "--to");
}

function blockOf(text: string, flag: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badFlag(`${text} is no number of a block`, flag);
}

function badFlag(what: string, flag: string): BadInputError {
  return new BadInputError("MT-AUDIT-003", what, `Correct ${flag}.`);
}

/** A line a second at most: the report alone goes to standard output. */
function progressLines(): (progress: AuditProgress) => void {
  let last = Number.NEGATIVE_INFINITY;
  return ({ stage, done, total }) => {
    const now = performance.now();
    if (now - last < MILLISECONDS_PER_LINE) return;
    last = now;
    process.stderr.write(`audit: ${stage} ${done} of ${total}\n`);
  };
}

function summary({ verdict, chain, claims, findings, findingCounts, range, scope }: AuditReport): string {
  const counted = Object.entries(findingCounts).map(
    ([name, { severity, count }]) => `  ${severity.padEnd(8)} ${String(count).padStart(6)}  ${name}`,
  );
  const worst = findings
    .filter(({ severity }) => severity !== "info")
    .slice(0, 20)
    .map(
      ({ severity, name, what, block }) =>
        `${severity} ${name}${block === null ? "" : ` at block ${block}`}: ${what}`,
    );
  const lines = [
    `${VERDICTS[verdict]}: ${chain.settlement} at block ${chain.block}`,
    `  ${claims.identity}, in ${range.batches} batches`,
    ...(scope.unchecked.length > 0 ? ["not checked", ...scope.unchecked.map((line) => `  ${line}`)] : []),
    ...(counted.length > 0 ? ["findings", ...counted] : []),
    ...worst,
  ];
  return `${lines.join("\n")}\n`;
}
