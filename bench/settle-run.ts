// SPDX-License-Identifier: GPL-3.0-or-later
// A process of its own (see settle.ts), so that nothing else counts into its memory and time: the relayer as
// `meantime start` runs it, which is given claims that others make. Its argument is a SettleRun as JSON; it sends its parent the
// times that the chain's clock has to be moved to, and last a SettleFigures.
import { fork } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { commitInput, commitLabel, randomSalt } from "@meantime/sdk/commitment";
import type { Hex } from "@meantime/sdk/hex";
import { loadConfig, type RelayerConfig } from "../relayer/src/config/load.ts";
import type { Ledger } from "../relayer/src/ledger/ledger.ts";
import { insertReceipt, type StoredReceipt } from "../relayer/src/ledger/receipts.ts";
import { createLogger } from "../relayer/src/ops/logger.ts";
import { type RunningRelayer, startRelayer } from "../relayer/src/relayer.ts";
import type { ClaimRequest, ClaimTerms, MadeClaims } from "./settle-claims.ts";

/** One run. */
export interface SettleRun {
  configFile: string;
  receiptKey: Hex;
  modelId: Hex;
  policyId: Hex;
  claims: number;
  /** Of the latest block. */
  chainSeconds: number;
}

/** What one run took, all from the first claim that counts to the last that was released. */
export interface SettleFigures {
  claims: number;
  seconds: number;
  claimsPerSecond: number;
  batches: number;
  /** Claims in the middlemost batch. */
  batchSize: number;
  /** From a receipt on disk to its commit read back from the chain. */
  p50CommitSeconds: number;
  p99CommitSeconds: number;
  /** Of the relayer, all its threads, and of what makes claims. */
  cpuMsPerClaim: number;
  /** The part that makes and signs claims. */
  signCpuMsPerClaim: number;
  /** The rest: ledger, trees, chain. */
  settleCpuMsPerClaim: number;
  /** The highest of the relayer. */
  rssMb: number;
  ledgerMb: number;
  /** The longest that the event loop was held up, by this process or by others on the machine. */
  longestBlockMs: number;
}

/** A message to the parent, which answers the first kind with the time of the block that it mined. */
export type SettleMessage = { moveToSeconds: number } | { figures: SettleFigures };

const MAKER = fileURLToPath(new URL("settle-claims.ts", import.meta.url));
const MAX_CLAIMS = 4_096;
/** Settled before the measurement begins, so that the compiler's work does not count into it. */
const WARM_UP_CLAIMS = MAX_CLAIMS;
const MAX_AGE_SECONDS = 4;
const HORIZON_SECONDS = 3_600;
/** Receipts on their way to the disk at the same time: so many clients wait for an answer. */
const CLIENTS = 256;
const CLAIMS_PER_REQUEST = 64;
const LOOK_MILLISECONDS = 50;
const PROGRESS_CLAIMS = 20_000;

const run = JSON.parse(process.argv[2] ?? "") as SettleRun;
/** The chain's clock, less the wall's. */
let clockOffsetSeconds = run.chainSeconds - Date.now() / 1_000;
const relayer = await startRelayer(configOf(run), { logger: createLogger("warn") });
const terms = termsOf(run);
const makers = Array.from({ length: Math.max(1, availableParallelism() - 1) }, () => startMaker(terms));
await settle(relayer, WARM_UP_CLAIMS, WARM_UP_CLAIMS);
const figures = await measured(relayer);
for (const maker of makers) maker.stop();
await relayer.stop();
process.send?.({ figures } satisfies SettleMessage, undefined, undefined, () => process.exit(0));

async function measured({ ledger }: RunningRelayer): Promise<SettleFigures> {
  const { claims } = run;
  const [signedBefore, cpuBefore, startedAt] = [makersCpu(), process.cpuUsage(), performance.now()];
  const blocks = monitorEventLoopDelay({ resolution: 2 });
  blocks.enable();
  const commitSeconds = await settle(relayer, claims, PROGRESS_CLAIMS);
  blocks.disable();
  const seconds = (performance.now() - startedAt) / 1_000;
  const settleCpuMsPerClaim = cpuMilliseconds(cpuBefore) / claims;
  const signCpuMsPerClaim = (makersCpu() - signedBefore) / claims;
  const sizes = (await ledger.selectFrom("batches").select("count").orderBy("count").execute()).map(
    ({ count }) => count,
  );
  return {
    claims,
    seconds: round(seconds),
    claimsPerSecond: Math.round(claims / seconds),
    batches: sizes.length,
    batchSize: sizes[Math.floor(sizes.length / 2)] ?? 0,
    p50CommitSeconds: round(quantile(commitSeconds, 0.5)),
    p99CommitSeconds: round(quantile(commitSeconds, 0.99)),
    cpuMsPerClaim: round(settleCpuMsPerClaim + signCpuMsPerClaim),
    signCpuMsPerClaim: round(signCpuMsPerClaim),
    settleCpuMsPerClaim: round(settleCpuMsPerClaim),
    rssMb: Math.round(process.resourceUsage().maxRSS / 1_024),
    ledgerMb: Math.round(statSync(ledgerFile(configOf(run))).size / 2 ** 20),
    longestBlockMs: Math.round(blocks.max / 1e6),
  };
}

/**
 * Settles so many claims: stored, batched, committed, read back from the chain, final and released.
 *
 * @returns how long each took from disk to chain, in seconds
 */
async function settle({ ledger }: RunningRelayer, claims: number, progressEvery: number) {
  const firstSequence = 1 + (await lastSequence(ledger));
  const storedAt = new Float64Array(claims);
  const commitSeconds = new Float64Array(claims);
  let stored = 0;
  let [reportedAt, cpuAtReport] = [0, process.cpuUsage()];
  const store = async (receipt: StoredReceipt) => {
    if ((await insertReceipt(ledger, receipt)) !== "stored") throw new Error("a receipt was not stored");
    // Answers come in the order of the rows.
    storedAt[stored++] = performance.now();
    if (stored - reportedAt < progressEvery) return;
    const cpu = cpuMilliseconds(cpuAtReport) / (stored - reportedAt);
    const residentMb = Math.round(process.memoryUsage.rss() / 2 ** 20);
    process.stderr.write(
      `  ${stored} of ${claims} stored, ${cpu.toFixed(3)} ms of the relayer's time each, ${residentMb} MB\n`,
    );
    [reportedAt, cpuAtReport] = [stored, process.cpuUsage()];
  };
  const storing = Promise.all(makers.map((maker, at) => feed(maker, share(claims, at), store)));
  await Promise.all([storing, followCommits(ledger, firstSequence, storedAt, commitSeconds)]);
  await followReleases(ledger);
  return commitSeconds;
}

/** Keeps so many clients busy with one maker's claims. */
async function feed(maker: Maker, claims: number, store: (receipt: StoredReceipt) => Promise<void>) {
  const waiting = new Set<Promise<void>>();
  const clients = Math.ceil(CLIENTS / makers.length);
  let next = maker.make(Math.min(claims, CLAIMS_PER_REQUEST));
  for (let left = claims; left > 0; ) {
    const receipts = await next;
    left -= receipts.length;
    next = maker.make(Math.min(left, CLAIMS_PER_REQUEST));
    for (const receipt of receipts) {
      while (waiting.size >= clients) await Promise.race(waiting);
      const storing: Promise<void> = store(receipt).finally(() => waiting.delete(storing));
      waiting.add(storing);
    }
  }
  await Promise.all(waiting);
}

async function followCommits(
  ledger: Ledger,
  firstSequence: number,
  storedAt: Float64Array,
  commitSeconds: Float64Array,
): Promise<void> {
  let [committed, seenBlock] = [0, await lastCommittedBlock(ledger)];
  while (committed < storedAt.length) {
    await delay(LOOK_MILLISECONDS);
    const batches = await ledger
      .selectFrom("batches")
      .select(["batch_id", "count", "committed_block as block"])
      .where("committed_block", ">", seenBlock)
      .execute();
    const now = performance.now();
    for (const { batch_id: batchId, count, block } of batches) {
      const first = (await firstSequenceOf(ledger, batchId)) - firstSequence;
      for (let at = first; at < first + count; at++) commitSeconds[at] = (now - (storedAt[at] ?? 0)) / 1_000;
      committed += count;
      seenBlock = Math.max(seenBlock, block ?? 0);
    }
  }
}

/** Not by a join: without statistics SQLite reads all receipts for it, and this would measure that. */
async function firstSequenceOf(ledger: Ledger, batchId: Hex): Promise<number> {
  const { sequence } = await ledger
    .selectFrom("receipts")
    .select("sequence")
    .where("batch_id", "=", batchId)
    .where("leaf_index", "=", 0)
    .executeTakeFirstOrThrow();
  return sequence;
}

/** Lets time pass on the chain until every batch is final, and waits until every one is released. */
async function followReleases(ledger: Ledger): Promise<void> {
  const held = () =>
    ledger
      .selectFrom("chain_batches")
      .select("final_at")
      .where("released_tx", "is", null)
      .orderBy("final_at", "desc")
      .limit(1)
      .executeTakeFirst();
  const last = await held();
  if (last) {
    process.send?.({ moveToSeconds: last.final_at } satisfies SettleMessage);
    const [chainSeconds] = (await once(process, "message")) as [number];
    clockOffsetSeconds = chainSeconds - Date.now() / 1_000;
  }
  while (await held()) await delay(LOOK_MILLISECONDS);
}

interface Maker {
  make(count: number): Promise<StoredReceipt[]>;
  /** Processor time so far. */
  cpuMilliseconds(): number;
  stop(): void;
}

function startMaker(terms: ClaimTerms): Maker {
  const child = fork(MAKER, { serialization: "advanced", stdio: ["ignore", "ignore", "inherit", "ipc"] });
  child.send(terms);
  let cpu = 0;
  return {
    make: (count) =>
      new Promise((resolve, reject) => {
        const fail = (code: number | null) =>
          reject(new Error(`the process that makes claims ended with ${code}`));
        child.once("exit", fail);
        child.once("message", ({ stored, cpuMilliseconds: spent }: MadeClaims) => {
          child.off("exit", fail);
          cpu = spent;
          resolve(stored);
        });
        const servedAt = BigInt(Math.floor(Date.now() / 1_000 + clockOffsetSeconds));
        child.send({ count, servedAt } satisfies ClaimRequest);
      }),
    cpuMilliseconds: () => cpu,
    stop: () => child.disconnect(),
  };
}

function configOf({ configFile, policyId }: SettleRun): RelayerConfig {
  const config = loadConfig(configFile);
  return {
    ...config,
    chain: { ...config.chain, pollMilliseconds: 250 },
    policies: [{ name: "bench", id: policyId, prove: "never" }],
    commit: {
      ...config.commit,
      maxAgeSeconds: MAX_AGE_SECONDS,
      maxClaims: MAX_CLAIMS,
      commitHorizonSeconds: HORIZON_SECONDS,
    },
  };
}

/** One input for all claims: its commitment is the gateway's work, not the ledger's. */
function termsOf({ receiptKey, modelId, policyId }: SettleRun): ClaimTerms {
  const { chain, operator } = configOf(run);
  const input = Uint8Array.from({ length: 196 }, (_, place) => (place * 7) % 16);
  const [salt, label] = [randomSalt(), 3];
  return {
    ...{ modelId, policyId, receiptKey, operator: operator.address },
    domain: { chainId: BigInt(chain.chainId), settlement: chain.settlement },
    horizonSeconds: HORIZON_SECONDS,
    opening: { input, salt, output: Uint8Array.of(label) },
    inputHash: commitInput({ bits: 4, elements: input, salt }),
    outputHash: commitLabel(label, 10),
  };
}

function ledgerFile({ ledger }: RelayerConfig): string {
  if ("file" in ledger) return ledger.file;
  throw new Error("the ledger of this benchmark is a file");
}

async function lastSequence(ledger: Ledger): Promise<number> {
  const row = await ledger
    .selectFrom("receipts")
    .select("sequence")
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.sequence ?? 0;
}

async function lastCommittedBlock(ledger: Ledger): Promise<number> {
  const row = await ledger
    .selectFrom("batches")
    .select("committed_block")
    .orderBy("committed_block", "desc")
    .limit(1)
    .executeTakeFirst();
  return row?.committed_block ?? 0;
}

function share(claims: number, at: number): number {
  return Math.floor(claims / makers.length) + (at < claims % makers.length ? 1 : 0);
}

function makersCpu(): number {
  return makers.reduce((sum, maker) => sum + maker.cpuMilliseconds(), 0);
}

function cpuMilliseconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1_000;
}

function quantile(values: Float64Array, share: number): number {
  return values.toSorted()[Math.ceil(values.length * share) - 1] ?? Number.NaN;
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
