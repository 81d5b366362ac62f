// SPDX-License-Identifier: GPL-3.0-or-later

import { z } from "zod";
import { type IndexerFlags, indexerSchema, loadIndexerConfig } from "../config/indexer.ts";
import { redactUrl } from "../config/redact.ts";
import { RelayerError, TemporaryError } from "../errors.ts";
import { startIndexer } from "../indexer/standalone.ts";
import { stopRequested } from "../ops/shutdown.ts";
import { type AddCommand, collect, JSON_OPTION } from "./options.ts";

interface IndexOptions {
  config?: string;
  rpc?: string[];
  settlement?: string;
  requests?: string;
  chainId?: string;
  from?: string;
  confirmations?: string;
  host?: string;
  port?: string;
  ledger?: string;
  json?: true;
}

const ASK_MILLISECONDS = 10_000;

/** Adds `meantime index`. */
export function addIndexCommand(command: AddCommand): void {
  const index = command(
    "index",
    "index a deployment for anybody's questions, without keys, until it is told to stop",
  )
    .option("--config <file>", "an indexer's configuration file (JSON); options lie over it")
    .option("--rpc <url>", "JSON-RPC endpoint; may be repeated", collect)
    .option("--settlement <address>", "the Settlement contract; the others are found by it")
    .option("--requests <address>", "the InferenceRequests contract, to index requests too")
    .option("--chain-id <number>", "default: what the endpoint says")
    .option("--from <block>", "first block to read events from: that of the first deployed contract")
    .option("--confirmations <number>", "blocks until an event counts")
    .option("--ledger <place>", "SQLite file, or URL of a PostgreSQL database; default: index.sqlite")
    .option("--host <name>", "where to listen")
    .option("--port <number>", "0: any free one")
    .option(...JSON_OPTION)
    .action((options: IndexOptions) => run(options));
  command("schema", "print the JSON Schema of an indexer's configuration file", index).action(() => {
    process.stdout.write(`${JSON.stringify(z.toJSONSchema(indexerSchema, { io: "input" }), null, 2)}\n`);
  });
}

async function run({ config: file, json, ...options }: IndexOptions): Promise<void> {
  const stop = stopRequested();
  const config = await loadIndexerConfig(file, flagsOf(options), askChainId);
  const indexer = await startIndexer(config);
  const { url } = indexer;
  process.stdout.write(
    json
      ? `${JSON.stringify({ url, settlement: config.chain.settlement, pid: process.pid })}\n`
      : `Meantime index of ${config.chain.settlement} at ${url}\n`,
  );
  await stop;
  await indexer.stop();
}

function flagsOf(options: IndexOptions): IndexerFlags {
  const { rpc, settlement, requests, chainId, from, confirmations, host, port, ledger } = options;
  return {
    ...(rpc ? { rpcUrls: rpc } : {}),
    ...(settlement === undefined ? {} : { settlement }),
    ...(requests === undefined ? {} : { inferenceRequests: requests }),
    ...(chainId === undefined ? {} : { chainId: wholeNumber(chainId, "--chain-id") }),
    ...(from === undefined ? {} : { startBlock: wholeNumber(from, "--from") }),
    ...(confirmations === undefined ? {} : { confirmations: wholeNumber(confirmations, "--confirmations") }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port: wholeNumber(port, "--port") }),
    ...(ledger === undefined ? {} : { ledger }),
  };
}

function wholeNumber(text: string, option: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new RelayerError("MT-CFG-003", `${option}: ${text} is no whole number`, "Give digits.", {
    path: option,
  });
}

/** @throws TemporaryError `MT-CHAIN-001` no endpoint answers */
async function askChainId(urls: readonly string[]): Promise<number> {
  for (const url of urls) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] }),
        signal: AbortSignal.timeout(ASK_MILLISECONDS),
      });
      const { result } = (await response.json()) as { result?: unknown };
      if (typeof result === "string" && /^0x[0-9a-f]{1,12}$/i.test(result)) return Number(result);
    } catch {
      // The next one may answer.
    }
  }
  throw new TemporaryError(
    "MT-CHAIN-001",
    `no node at ${urls.map(redactUrl).join(" and ")} says which chain it follows`,
    "Start the node or correct --rpc; or name the chain with --chain-id.",
  );
}
