// SPDX-License-Identifier: GPL-3.0-or-later
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Hex } from "@meantime/sdk/hex";
import { hasAnvil } from "../scripts/stack/anvil.ts";
import { type ChainKind, type LocalStack, startLocalStack } from "../scripts/stack/local.ts";
import { writeRelayerConfig } from "../scripts/stack/relayer.ts";
import { registerVariant } from "../test/relayer/local-relayer.ts";
import { acceptPolicy } from "./accept-policy.ts";
import type { SettleFigures, SettleMessage, SettleRun } from "./settle-run.ts";
import { type TreeFigures, timeTree } from "./settle-tree.ts";

/** What `npm run bench -- settle` may be told. */
export interface SettleOptions {
  /** How many claims each run settles; the last run's figures are the result's. */
  claims: readonly number[];
  /** Default: Anvil where it is installed. */
  chain?: ChainKind | undefined;
}

const RUN = fileURLToPath(new URL("settle-run.ts", import.meta.url));
/** The least that a claim can be bonded with: the stake is not what this measures. */
const BOND_WEI = 10n ** 9n;
/** The shortest window, so that in a long run bonds are released while claims come in. */
const WINDOW_SECONDS = 300;

/** The last run's figures, a tree's, and how the cost of a claim grows with their number. */
export async function benchSettle({ claims, chain }: SettleOptions): Promise<Record<string, unknown>> {
  const tree: TreeFigures = await timeTree();
  const kind = chain ?? (hasAnvil() ? "anvil" : "hardhat");
  const growth: SettleFigures[] = [];
  for (const count of claims) {
    process.stderr.write(`${count} claims on SQLite and ${kind}\n`);
    const figures = await settleOn(kind, count);
    process.stderr.write(`  ${JSON.stringify(figures)}\n`);
    growth.push(figures);
  }
  const [first, last] = [growth[0], growth.at(-1)];
  const ratio = (last?.cpuMsPerClaim ?? Number.NaN) / (first?.cpuMsPerClaim ?? Number.NaN);
  return { ...last, ...tree, chain: kind, costRatio: Math.round(ratio * 1_000) / 1_000, growth };
}

async function settleOn(kind: ChainKind, claims: number): Promise<SettleFigures> {
  const stack = await startLocalStack(0, kind);
  const folder = await mkdtemp(join(tmpdir(), "meantime-bench-"));
  try {
    return await runIn(stack, folder, claims);
  } finally {
    await stack.chain.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function runIn(stack: LocalStack, folder: string, claims: number): Promise<SettleFigures> {
  const { chain, deployment, operator, modelId, policyIds } = stack;
  const configFile = await writeRelayerConfig({
    ...{ folder, operator, policyIds, rpcUrl: chain.url, watches: false },
    settlement: await deployment.settlement.getAddress(),
    enclaveEvidence: await deployment.enclaveEvidence.getAddress(),
  });
  const policyId = await registerVariant(stack, {
    challengeWindowSeconds: WINDOW_SECONDS,
    claimBondWei: BOND_WEI,
    challengeBondWei: BOND_WEI,
  });
  await acceptPolicy(stack, policyId);
  const chainSeconds = await chain.now();
  const receiptKey = operator.receiptKey.privateKey as Hex;
  return runChild(stack, { configFile, receiptKey, modelId, policyId, claims, chainSeconds });
}

function runChild({ chain }: LocalStack, run: SettleRun): Promise<SettleFigures> {
  return new Promise((resolve, reject) => {
    let figures: SettleFigures | undefined;
    const child = fork(RUN, [JSON.stringify(run)], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const move = async (seconds: number) => {
      await chain.moveTo(seconds);
      child.send(await chain.now());
    };
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    child.on("message", (message: SettleMessage) => {
      if ("figures" in message) figures = message.figures;
      else void move(message.moveToSeconds).catch(reject);
    });
    child.once("exit", (code) => {
      process.off("exit", kill);
      if (figures && code === 0) resolve(figures);
      else reject(new Error(`the run of ${run.claims} claims ended with ${code}`));
    });
  });
}
