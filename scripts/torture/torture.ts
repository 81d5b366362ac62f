// SPDX-License-Identifier: MIT
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { getClaim } from "@meantime/sdk/client";
import type { Receipt } from "@meantime/sdk/receipt";
import { ZeroAddress } from "ethers";
import { seededRandom } from "../../circuits/training/random.ts";
import type { LedgerSource } from "../../relayer/src/ledger/ledger.ts";
import { type Faults, startChaosProxy } from "../../test/relayer/chaos-proxy.ts";
import { TEST_DATABASES } from "../../test/relayer/databases.ts";
import { until } from "../demo/wait.ts";
import { type ChainKind, type LocalStack, startLocalStack } from "../stack/local.ts";
import { localKey } from "../stack/operators.ts";
import { CHALLENGE_WINDOW_SECONDS } from "../stack/policies.ts";
import { type RelayerProcess, startRelayerProcess, writeRelayerConfig } from "../stack/relayer.ts";
import { DEEPEST_REORG_BLOCKS, makeBlocks } from "./blocks.ts";
import { applyLoad } from "./load.ts";
import { statusOnChain, type Tally, tally } from "./tally.ts";

/** Where the daemon keeps its ledger. */
export const STORES = ["sqlite", "postgres"] as const;

export type Store = (typeof STORES)[number];

/** What a run does to the daemon. */
export interface TortureOptions {
  kills: number;
  /** Decides when it is killed, which requests fail, and where the chain reorganises. */
  seed: number;
  chain: ChainKind;
  store: Store;
}

/** What came of it, and what was done. */
export interface TortureResult extends Tally {
  kills: number;
  seed: number;
  chain: ChainKind;
  store: Store;
  reorgs: number;
  challenges: number;
  /** What clients got instead of a receipt, by code. */
  refusals: Readonly<Record<string, number>>;
  /** Faults of both nodes, by name. */
  faults: Record<string, number>;
  seconds: number;
}

const FAULTS: Faults = {
  ...{ latency: 0.2, latencyMilliseconds: 80, tooManyRequests: 0.01, reset: 0.02, resetAfter: 0.02 },
  ...{ garbage: 0.01, stale: 0.1, staleBlocks: 2, dropSend: 0.15, duplicateSend: 0.15, truncateLogs: 0.2 },
};
const DATABASE_NAMES = { sqlite: "SQLite", postgres: "PostgreSQL" } as const;
const SHORTEST_LIFE_MILLISECONDS = 300;
const LONGEST_LIFE_MILLISECONDS: Readonly<Record<Store, number>> = {
  sqlite: 6_000,
  // A shared database keeps the lane of a dead worker for a while: some lives have to be longer than that.
  postgres: 12_000,
};
/** Of a shared database: shorter than most lives, so that most of them act. */
const LEASE_SECONDS = 3;
const MOST_CLAIMS = 1_500;
const SETTLE_SECONDS = 240;
/** About every other block. More often, and what a node that limits requests lets through goes into looking at the head. */
const POLL_MILLISECONDS = 500;
const STRANGER_ACCOUNT = 14;
const CHALLENGE_SHARE = 0.8;
const MOST_STARTS = 20;

/** Whether nothing went wrong that must not. */
export function isClean({ acknowledged, settled, lost, ...rest }: Tally): boolean {
  const { doubleCommitted, missedDeadlines, wrongfullySlashed } = rest;
  return (
    settled === acknowledged &&
    lost + doubleCommitted + missedDeadlines === 0 &&
    BigInt(wrongfullySlashed) === 0n
  );
}

/** Runs the daemon as a process of its own through `kills` deaths, lets it finish, and reads the end off the chain. */
export async function torture(
  { kills, seed, chain, store }: TortureOptions,
  report: (line: string) => void,
): Promise<TortureResult> {
  const started = performance.now();
  const random = seededRandom(seed);
  const stack = await startLocalStack(0, chain);
  const { stakeWei } = await stack.deployment.settlement.operatorOf(
    stack.operator.owner.address,
    ZeroAddress,
  );
  const proxies = await Promise.all(
    [1, 2].map((at) => startChaosProxy(stack.chain.url, seed * 10 + at, FAULTS)),
  );
  const blocks = await makeBlocks(stack, chain, seededRandom(seed + 1));
  const folder = await mkdtemp(join(tmpdir(), "meantime-torture-"));
  const database = TEST_DATABASES.find(({ name }) => name === DATABASE_NAMES[store]);
  if (!database) throw new Error(`there is no database ${store}`);
  const ledger = await database.fresh();
  const configFile = await writeConfig(
    stack,
    folder,
    proxies.map(({ url }) => url),
    ledger,
  );

  let daemon: RelayerProcess | undefined;
  let lives = 0;
  // Spread over the lives, so that every death meets claims in all states; the stake bears no more.
  const most = () => (MOST_CLAIMS * lives) / (kills + 1);
  const load = await applyLoad(stack, () => daemon?.url, most);
  let challenges = 0;
  for (let death = 0; death < kills; death++) {
    lives += 1;
    daemon = await startSomehow(configFile, report);
    const life = SHORTEST_LIFE_MILLISECONDS + random() ** 2 * LONGEST_LIFE_MILLISECONDS[store];
    await delay(life / 2);
    if (
      random() < CHALLENGE_SHARE &&
      (await challengeSomething(stack, daemon.url, load.acknowledged, random))
    ) {
      challenges += 1;
    }
    await delay(life / 2);
    const dying = daemon;
    daemon = undefined;
    await dying.kill();
    report(`kill ${death + 1} of ${kills}: ${load.acknowledged.length} receipts, ${blocks.reorgs} reorgs`);
  }

  await load.stop();
  blocks.calm();
  for (const proxy of proxies) proxy.set({});
  const last = await startSomehow(configFile, report);
  await settleAll(stack, last.url, load.acknowledged, report);
  await blocks.stop();
  await stack.chain.moveTo((await stack.chain.now()) + CHALLENGE_WINDOW_SECONDS + 1);
  const result = await tally(stack, last.url, load.acknowledged, stakeWei);
  await last.stop();
  await Promise.all(proxies.map((proxy) => proxy.close()));
  await stack.chain.close();
  await database.stop();
  await rm(folder, { recursive: true });
  const seconds = Math.round((performance.now() - started) / 1_000);
  const faults = sumOf(proxies.map(({ happened }) => happened));
  const { reorgs } = blocks;
  const { refusals } = load;
  return { ...result, kills, seed, chain, store, reorgs, challenges, refusals, faults, seconds };
}

/** Behind nodes that fail a start may fail as well; then an operator's supervisor starts it again. */
async function startSomehow(configFile: string, report: (line: string) => void): Promise<RelayerProcess> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startRelayerProcess(configFile);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      report(`start ${attempt} failed: ${text.split("\n").slice(-2).join(" ").slice(0, 300)}`);
      if (attempt === MOST_STARTS) throw error;
    }
  }
}

/** Somebody challenges an honest claim: the daemon has to answer with a proof. @returns whether there was one */
async function challengeSomething(
  { chain, deployment, policyIds }: LocalStack,
  url: string,
  receipts: readonly Receipt[],
  random: () => number,
): Promise<boolean> {
  // Of the older half: the newer ones are hardly on chain yet.
  const candidates = receipts
    .slice(0, Math.ceil(receipts.length / 2))
    .filter(({ claim }) => claim.policyId === policyIds.window);
  const receipt = candidates[Math.floor(random() * candidates.length)];
  if (!receipt) return false;
  try {
    const { batch, claim } = await getClaim({ baseUrl: url }, receipt.claimId);
    if (!batch) return false;
    const { challengeBondWei } = (await deployment.policies.policyOf(policyIds.window)).policy;
    const stranger = localKey(STRANGER_ACCOUNT).connect(chain.connection.ethers.provider);
    const settlement = deployment.settlement.connect(stranger);
    await settlement.challenge(batch.header, claim, batch.index, batch.proof, { value: challengeBondWei });
    return true;
  } catch {
    // Not on chain any more or yet, challenged already, or the daemon has just died.
    return false;
  }
}

/** Waits until the chain has every claim and no challenge is open. What is not there in time, the tally will say. */
async function settleAll(
  stack: LocalStack,
  url: string,
  receipts: readonly Receipt[],
  report: (line: string) => void,
): Promise<void> {
  const open = new Set(receipts.map(({ claimId }) => claimId));
  try {
    await until("every claim to be on chain and every challenge answered", SETTLE_SECONDS, async () => {
      for (const claimId of open) {
        const status = await statusOnChain(stack, url, claimId);
        if (status === undefined || status === "Unknown" || status === "Challenged") return undefined;
        open.delete(claimId);
      }
      return true;
    });
  } catch (error) {
    report(
      `${error instanceof Error ? error.message : error}: ${open.size} claims open, ${[...open].slice(0, 5)}`,
    );
  }
}

async function writeConfig(
  stack: LocalStack,
  folder: string,
  rpcUrls: string[],
  ledger: LedgerSource,
): Promise<string> {
  const file = await writeRelayerConfig({
    folder,
    rpcUrl: rpcUrls[0] ?? "",
    settlement: await stack.deployment.settlement.getAddress(),
    enclaveEvidence: await stack.deployment.enclaveEvidence.getAddress(),
    operator: stack.operator,
    enclaveKey: stack.enclaveKey,
    policyIds: stack.policyIds,
    watches: false,
  });
  const config = JSON.parse(await readFile(file, "utf8")) as {
    chain: object;
    commit: object;
    ledger: object;
  };
  Object.assign(config.chain, {
    ...{ rpcUrls, confirmations: DEEPEST_REORG_BLOCKS + 1, pollMilliseconds: POLL_MILLISECONDS },
  });
  config.ledger = { ...ledger, leaseSeconds: LEASE_SECONDS };
  Object.assign(config.commit, { maxAgeSeconds: 1, maxClaims: 32 });
  await writeFile(file, JSON.stringify(config));
  return file;
}

function sumOf(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [name, count] of counts.flatMap((one) => Object.entries(one)))
    sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
