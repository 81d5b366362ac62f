// SPDX-License-Identifier: GPL-3.0-or-later

import type { Command } from "commander";
import { z } from "zod";
import { loadWatchedPlaces, loadWatchtowerConfig, watchtowerSchema } from "../config/watch.ts";
import { RelayerError } from "../errors.ts";
import { besideLedger } from "../ledger/beside.ts";
import { stopRequested } from "../ops/shutdown.ts";
import { decideProposal, listProposals, type Proposal } from "../watch/actions.ts";
import { readCoverage } from "../watch/coverage.ts";
import { storeReceiptFile } from "../watch/known-receipts.ts";
import { startWatchtower } from "../watch/standalone.ts";
import { type AddCommand, JSON_OPTION, SET_OPTION } from "./options.ts";

interface WatchOptions {
  config: string;
  set?: string[];
  json?: true;
}

/** Adds `meantime watch` and what is done beside a running watchtower. */
export function addWatchCommands(command: AddCommand): void {
  const watch = command("watch", "watch operators until it is told to stop, alone or beside a relayer")
    .option("--config <file>", "a watchtower's configuration file (JSON)", "watchtower.json")
    .option(...SET_OPTION)
    .option(...JSON_OPTION)
    .action((options: WatchOptions) => run(options));
  const optionsOf = (sub: Command) => sub.optsWithGlobals() as WatchOptions;
  command("proposals", "actions that wait for a decision", watch)
    .option("--all", "decided ones too")
    .action((options: { all?: true }, sub: Command) => proposals(optionsOf(sub), options.all === true));
  for (const [name, decision] of [
    ["approve", "approved"],
    ["reject", "rejected"],
  ] as const) {
    command(name, `${name} a proposal`, watch)
      .argument("<id>", "its number")
      .action((id: string, _: object, sub: Command) => decide(optionsOf(sub), id, decision));
  }
  command("add-receipt", "hold an operator to a receipt", watch)
    .argument("<file>", "a receipt, or the answer that holds one (JSON)")
    .action((file: string, _: object, sub: Command) => addReceipt(optionsOf(sub), file));
  command("coverage", "how much was truly checked, and how", watch).action((_: object, sub: Command) =>
    coverage(optionsOf(sub)),
  );
  command("schema", "print the JSON Schema of a watchtower's configuration file", watch).action(() => {
    process.stdout.write(`${JSON.stringify(z.toJSONSchema(watchtowerSchema, { io: "input" }), null, 2)}\n`);
  });
}

async function run({ config, set, json }: WatchOptions): Promise<void> {
  const stop = stopRequested();
  const loaded = loadWatchtowerConfig(config, { flags: set ?? [] });
  const tower = await startWatchtower(loaded);
  const { mode } = loaded.watch;
  process.stdout.write(
    json
      ? `${JSON.stringify({ mode, settlement: loaded.chain.settlement, pid: process.pid })}\n`
      : `Meantime watchtower of ${loaded.chain.settlement}, mode ${mode}\n`,
  );
  await stop;
  await tower.stop();
}

async function proposals({ config, set, json }: WatchOptions, all: boolean): Promise<void> {
  const { ledger } = loadWatchedPlaces(config, set);
  const listed = await besideLedger(ledger, (opened) => listProposals(opened, all));
  print(json, { proposals: listed }, listed.map(lineOf).join("\n") || "nothing waits for you");
}

function lineOf({ id, state, kind, operator, claimId, batchId, bondWei, dueBy, reason }: Proposal): string {
  const until = new Date(dueBy * 1_000).toISOString();
  return `${id} ${state} ${kind} against ${operator}: ${reason} (${claimId ?? batchId}, bond ${bondWei} wei, until ${until})`;
}

async function decide(
  { config, set, json }: WatchOptions,
  id: string,
  decision: "approved" | "rejected",
): Promise<void> {
  if (!/^[1-9][0-9]{0,14}$/.test(id)) {
    throw new RelayerError(
      "MT-WATCH-010",
      `${id} is no number of a proposal`,
      "Give a number of `proposals`.",
    );
  }
  const { ledger } = loadWatchedPlaces(config, set);
  await besideLedger(ledger, (opened) => decideProposal(opened, Number(id), decision));
  print(json, { id: Number(id), state: decision }, `proposal ${id} ${decision}`);
}

async function addReceipt({ config, set, json }: WatchOptions, file: string): Promise<void> {
  const { chain, watch } = loadWatchedPlaces(config, set);
  if (watch.receiptsFolder === undefined) {
    throw new RelayerError(
      "MT-CFG-006",
      "watch.receiptsFolder: is missing",
      "Name the folder in the configuration; the watchtower reads it.",
      { path: "watch.receiptsFolder" },
    );
  }
  const domain = { chainId: BigInt(chain.chainId), settlement: chain.settlement };
  const stored = await storeReceiptFile(file, watch.receiptsFolder, domain);
  print(json, stored, `claim ${stored.claimId} is watched for`);
}

async function coverage({ config, set, json }: WatchOptions): Promise<void> {
  const { ledger } = loadWatchedPlaces(config, set);
  const read = await besideLedger(ledger, readCoverage);
  const { claims, reExecuted, signatureOnly, inclusionOnly, unchecked, reasons } = read;
  const lines = [
    `${claims} claims: ${reExecuted} re-executed, ${signatureOnly} by signature only, ${inclusionOnly} by inclusion only, ${unchecked} unchecked`,
    ...Object.entries(reasons).map(([reason, many]) => `  ${many}: ${reason}`),
  ];
  print(json, read, lines.join("\n"));
}

function print(json: true | undefined, value: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : text}\n`);
}
