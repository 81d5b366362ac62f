// SPDX-License-Identifier: GPL-3.0-or-later
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { hasAnvil } from "../scripts/stack/anvil.ts";
import { type ChainKind, type LocalStack, startLocalStack } from "../scripts/stack/local.ts";
import { startRelayerProcess, writeRelayerConfig } from "../scripts/stack/relayer.ts";
import { registerVariant } from "../test/relayer/local-relayer.ts";
import { acceptPolicy } from "./accept-policy.ts";
import type { LoadFigures, LoadOrder } from "./gateway-load.ts";
import { BENCH_MODEL, registerBenchModel } from "./gateway-model.ts";

/** How much load is made. */
export interface GatewayOptions {
  /** Of each phase. */
  seconds: number;
  /** Kept busy while requests a second are counted. */
  connections: number;
  /** Of both gateways in turn; their middlemost counts. */
  rounds: number;
}

const REQUESTS_PER_SECOND = 200;
const WARM_UP_SECONDS = 3;
/** A helper that says nothing for this long never will. */
const SILENCE_MILLISECONDS = 120_000;
const KILLS = 3;
const KILLED_AFTER_MILLISECONDS = 1_500;
/** The least that a claim can be bonded with: the stake is not what this measures. */
const BOND_WEI = 10n ** 9n;
const PATH = "/v1/chat/completions";
const BODY = JSON.stringify({
  model: BENCH_MODEL,
  messages: [
    {
      role: "system",
      content: "You answer briefly, in one sentence, and never about anything but settlement.",
    },
    { role: "user", content: "Question %NUMBER%: why can settlement wait while the answer is used already?" },
  ],
  temperature: 0.2,
  max_tokens: 64,
});

/** A gateway under load. */
interface Subject {
  url: string;
  pid: number | undefined;
  path?: string;
}

/** Requests a second and latency with and without receipts, and what a killed daemon has lost. */
export async function benchGateway(options: GatewayOptions): Promise<Record<string, unknown>> {
  const chain: ChainKind = hasAnvil() ? "anvil" : "hardhat";
  const stack = await startLocalStack(0, chain);
  const folder = await mkdtemp(join(tmpdir(), "meantime-bench-"));
  const helpers: Helper[] = [];
  try {
    const upstream = startHelper("gateway-upstream.ts", helpers);
    const port = await upstream.next<number>();
    const configFile = await writeConfig(stack, folder, `http://127.0.0.1:${port}/v1`);
    const bare = startHelper("gateway-baseline.ts", helpers, configFile);
    const baseline: Subject = { url: await bare.next<string>(), pid: bare.child.pid };
    const load = startHelper("gateway-load.ts", helpers);
    return { ...(await measure(options, load, baseline, configFile)), chain };
  } finally {
    for (const { child } of helpers) child.kill("SIGKILL");
    await stack.chain.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(
  { seconds, connections, rounds }: GatewayOptions,
  load: Helper,
  baseline: Subject,
  configFile: string,
): Promise<Record<string, unknown>> {
  const daemon = await startRelayerProcess(configFile);
  const closed = (subject: Subject, milliseconds: number) =>
    loaded(load, subject, { connections, milliseconds });
  const open = (subject: Subject) =>
    loaded(load, subject, {
      connections,
      milliseconds: 2_000 * seconds,
      perSecond: REQUESTS_PER_SECOND,
    });
  const subjects = { baseline, receipts: daemon };
  const rates: Record<keyof typeof subjects, Loaded[]> = { baseline: [], receipts: [] };
  const latencies: Record<keyof typeof subjects, Loaded[]> = { baseline: [], receipts: [] };
  const names = ["baseline", "receipts"] as const;
  const proxy = { ...baseline, path: "/proxy" };
  for (const name of names) await closed(subjects[name], 1_000 * WARM_UP_SECONDS);
  await closed(proxy, 1_000 * WARM_UP_SECONDS);
  const proxied = report("proxy", await closed(proxy, 1_000 * seconds));
  for (let round = 0; round < rounds; round++) {
    for (const name of names) rates[name].push(report(name, await closed(subjects[name], 1_000 * seconds)));
  }
  for (let round = 0; round < rounds; round++) {
    for (const name of names) latencies[name].push(report(name, await open(subjects[name])));
  }
  await daemon.stop();
  const [baselineRps, receiptRps] = names.map((name) =>
    median(rates[name].map(({ perSecond }) => perSecond)),
  );
  const added = (share: number) => {
    const [without = Number.NaN, withReceipts = Number.NaN] = names.map((name) =>
      median(latencies[name].map(({ figures }) => quantile(figures.milliseconds, share))),
    );
    return {
      without: round(without),
      withReceipts: round(withReceipts),
      added: round(withReceipts - without),
    };
  };
  const [p50, p99] = [added(0.5), added(0.99)];
  return {
    baselineRps: Math.round(baselineRps ?? Number.NaN),
    receiptRps: Math.round(receiptRps ?? Number.NaN),
    ratio: round((receiptRps ?? Number.NaN) / (baselineRps ?? Number.NaN)),
    addedP50Ms: p50.added,
    addedP99Ms: p99.added,
    ...(await killed(load, configFile, connections)),
    proxyRps: Math.round(proxied.perSecond),
    baselineP50Ms: p50.without,
    baselineP99Ms: p99.without,
    receiptP50Ms: p50.withReceipts,
    receiptP99Ms: p99.withReceipts,
    baselineLoopMs: round(median(rates.baseline.map(({ loopMs }) => loopMs))),
    receiptLoopMs: round(median(rates.receipts.map(({ loopMs }) => loopMs))),
    ...{ connections, seconds, rounds },
  };
}

interface Loaded {
  figures: LoadFigures;
  perSecond: number;
  /** Processor time of the gateway's event loop for each answer. */
  loopMs: number;
}

async function loaded(
  load: Helper,
  { url, pid, path = PATH }: Subject,
  change: Pick<LoadOrder, "connections" | "milliseconds" | "perSecond">,
): Promise<Loaded> {
  const before = cpuMilliseconds(pid);
  const figures = await load.ask<LoadFigures>({ url, path, body: BODY, ...change } satisfies LoadOrder);
  if (figures.refused > 0 || figures.broken > 0) {
    throw new Error(`${figures.refused} refused, ${figures.broken} broken: ${figures.refusal}`);
  }
  return {
    figures,
    perSecond: figures.answered / figures.seconds,
    loopMs: (cpuMilliseconds(pid) - before) / figures.answered,
  };
}

function report(name: string, load: Loaded): Loaded {
  const { milliseconds } = load.figures;
  process.stderr.write(
    `${name}: ${Math.round(load.perSecond)} a second, ${round(load.loopMs)} ms of processor time each, p50 ` +
      `${round(quantile(milliseconds, 0.5))} ms, p99 ${round(quantile(milliseconds, 0.99))} ms\n`,
  );
  return load;
}

/** Kills the daemon under load, starts it anew and asks it for every receipt that a client got. */
async function killed(load: Helper, configFile: string, connections: number) {
  let [acknowledged, lost] = [0, 0];
  for (let kill = 0; kill < KILLS; kill++) {
    const daemon = await startRelayerProcess(configFile);
    const figures = load.ask<LoadFigures>({
      ...{ url: daemon.url, path: PATH, body: BODY, connections, keepsReceipts: true },
      milliseconds: 60_000,
    } satisfies LoadOrder);
    await delay(KILLED_AFTER_MILLISECONDS + 100 * kill);
    await daemon.kill();
    const { claimIds, answered } = await figures;
    if (answered === 0 || claimIds.length !== answered)
      throw new Error(`${answered} answers, ${claimIds.length} receipts`);
    const again = await startRelayerProcess(configFile);
    const missing = await countMissing(again.url, claimIds);
    await again.stop();
    process.stderr.write(`killed after ${answered} receipts: ${missing} lost\n`);
    acknowledged += answered;
    lost += missing;
  }
  return { lost, acknowledged, kills: KILLS };
}

async function countMissing(url: string, claimIds: readonly string[]): Promise<number> {
  let missing = 0;
  for (const claimId of claimIds) {
    const response = await fetch(new URL(`/v1/receipts/${claimId}`, url));
    const text = await response.text();
    if (response.status !== 200 || !text.includes(claimId)) missing += 1;
  }
  return missing;
}

/** A model behind the upstream, under a policy of its own, in a configuration that else is the default. */
async function writeConfig(stack: LocalStack, folder: string, upstreamUrl: string): Promise<string> {
  const { chain, deployment, operator, policyIds } = stack;
  const file = await writeRelayerConfig({
    ...{ folder, operator, policyIds, rpcUrl: chain.url, watches: false },
    settlement: await deployment.settlement.getAddress(),
    enclaveEvidence: await deployment.enclaveEvidence.getAddress(),
  });
  const policyId = await registerVariant(stack, {
    answerKinds: EVIDENCE_KINDS.tee,
    claimBondWei: BOND_WEI,
    challengeBondWei: BOND_WEI,
  });
  await acceptPolicy(stack, policyId);
  const config = JSON.parse(await readFile(file, "utf8")) as Record<string, Record<string, unknown>>;
  const { pollMilliseconds: _, ...rest } = config.chain ?? {};
  const changed = {
    ...config,
    chain: rest,
    models: [await registerBenchModel(deployment, upstreamUrl)],
    policies: [{ name: "bench", id: policyId }],
    commit: {},
    log: { level: "warn" },
  };
  await writeFile(file, JSON.stringify(changed));
  return file;
}

/** A process that answers with messages. */
interface Helper {
  child: ChildProcess;
  next<Message>(): Promise<Message>;
  ask<Message>(order: object): Promise<Message>;
}

function startHelper(file: string, all: Helper[], ...parameters: string[]): Helper {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), parameters, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const next = <Message>(): Promise<Message> =>
    new Promise((resolve, reject) => {
      const onMessage = (message: unknown) => settle(() => resolve(message as Message));
      const onExit = (code: number | null) => settle(() => reject(new Error(`${file} ended with ${code}`)));
      const onSilence = () => settle(() => reject(new Error(`${file} does not answer`)));
      const timer = setTimeout(onSilence, SILENCE_MILLISECONDS);
      const settle = (end: () => void) => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit);
        end();
      };
      child.once("message", onMessage).once("exit", onExit);
    });
  const helper: Helper = {
    child,
    next,
    ask(order) {
      child.send(order);
      return next();
    },
  };
  all.push(helper);
  return helper;
}

/** User and system time so far of the thread that runs another process's event loop; NaN where the system has no /proc. */
function cpuMilliseconds(pid: number | undefined): number {
  try {
    // Fields 14 and 15, in ticks of a hundredth of a second; the second may hold spaces and ends with a parenthesis.
    const fields = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return Number.NaN;
  }
}

/** Nearest rank. */
function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
