// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { addressOf } from "@meantime/sdk/signature";
import { attestBatches } from "./attest/attestor.ts";
import { createChainClock } from "./chain/clock.ts";
import { bindContracts, bindModelRegistries } from "./chain/contracts.ts";
import { type ChainView, pollChain } from "./chain/follow.ts";
import { checkChain, connectRpc, type Rpc } from "./chain/rpc.ts";
import { reportSuspension } from "./chain/suspension.ts";
import { sealDueBatches } from "./commit/committer.ts";
import type { RelayerConfig } from "./config/load.ts";
import { defendClaims } from "./defend/defender.ts";
import { describeError } from "./errors.ts";
import { releaseFinalBatches } from "./finalise/finaliser.ts";
import { createGateway } from "./gateway/app.ts";
import { type GatewayServer, listen } from "./gateway/server.ts";
import { claimIdentity } from "./ledger/facts.ts";
import { type Ledger, openLedger } from "./ledger/ledger.ts";
import { announceEndpoint } from "./ops/announce.ts";
import { createLogger, type Logger } from "./ops/logger.ts";
import { type Supervisor, supervise, type Task } from "./ops/supervisor.ts";
import { createProver, type ProvableModel } from "./prove/create-prover.ts";
import { ProofDuty } from "./prove/obligations.ts";
import type { Prover } from "./prove/prover.ts";
import { loadModels } from "./registry/models.ts";
import { loadPolicies } from "./registry/policies.ts";
import type { ModelRuntime, Services } from "./services.ts";
import { Outbox } from "./tx/outbox.ts";
import { createPredicates } from "./tx/predicates.ts";
import { watchOnce } from "./watch/watchtower.ts";

export type { ModelRuntime } from "./services.ts";

/** What a caller in the same process may replace. */
export interface RelayerOptions {
  /** Runs a model by name instead of its specification: another engine for the same arithmetic. */
  runtimes?: ReadonlyMap<string, ModelRuntime>;
  logger?: Logger;
}

/** A relayer at work. */
export interface RunningRelayer {
  /** Where its gateway listens. */
  url: string;
  ledger: Ledger;
  /** Drains and stops; at most about ten seconds. Whatever is not done by then continues after the next start. */
  stop(): Promise<void>;
}

const DRAIN_MILLISECONDS = 8_000;

/**
 * Starts a relayer: ledger, chain, gateway and every task. Resolves when it listens and has seen the chain once.
 *
 * @throws MeantimeError with a code of `relayer/README.md` when the configuration, the chain and the ledger do not fit
 * together
 */
export async function startRelayer(
  config: RelayerConfig,
  options: RelayerOptions = {},
): Promise<RunningRelayer> {
  const logger = options.logger ?? createLogger(config.log.level);
  const rpc = connectRpc(config.chain.rpcUrl, config.chain.chainId);
  const ledger = openLedger(config.ledger.file);
  try {
    const { services, poll } = await assemble(config, ledger, rpc, logger, options.runtimes ?? new Map());
    await poll();
    return await run(services, poll);
  } catch (error) {
    ledger.close();
    rpc.destroy();
    throw error;
  }
}

async function assemble(
  config: RelayerConfig,
  ledger: Ledger,
  rpc: Rpc,
  logger: Logger,
  runtimes: ReadonlyMap<string, ModelRuntime>,
): Promise<{ services: Services; poll: () => Promise<void> }> {
  const { rpcUrl, chainId, settlement, enclaveEvidence } = config.chain;
  await checkChain(rpc, rpcUrl, chainId, {
    "chain.settlement": settlement,
    ...(enclaveEvidence ? { "chain.enclaveEvidence": enclaveEvidence } : {}),
  });
  // Before a new ledger is tied to the address for ever.
  const contracts = await bindContracts(rpc, settlement);
  const genesis = await rpc.getBlock(0);
  claimIdentity(ledger, {
    chainId,
    genesisHash: genesis?.hash ?? "unknown",
    settlement,
    operator: config.operator.address,
  });
  const policies = await loadPolicies(config.policies, contracts, logger);
  const evidence = policies.flatMap(({ terms }) => [terms.zkEvidence, terms.teeEvidence]);
  const registries = await bindModelRegistries(
    rpc,
    evidence.filter((address) => BigInt(address) !== 0n),
  );
  const models = await loadModels(config.models, registries, runtimes);
  let view: ChainView | undefined;
  const services: Services = {
    config,
    domain: { chainId: BigInt(chainId), settlement },
    ledger,
    rpc,
    contracts,
    clock: createChainClock(),
    logger,
    models,
    policies,
    senderAddress: addressOf(config.operator.senderKey),
    receiptKeyAddress: addressOf(config.operator.receiptKey),
    challengerAddress: config.watch.challengerKey && addressOf(config.watch.challengerKey),
    view: () => view,
  };
  const poll = async () => {
    const latest = await pollChain({ ...services, sender: services.senderAddress });
    reportSuspension(view, latest, logger);
    view = latest;
  };
  return { services, poll };
}

async function run(services: Services, poll: () => Promise<void>): Promise<RunningRelayer> {
  const { config, ledger, rpc, logger } = services;
  const prover = await proverOf(services);
  let supervisor: Supervisor | undefined;
  let server: GatewayServer | undefined;
  let draining = false;
  const publicUrl = () => config.gateway.publicUrl ?? server?.url ?? "";
  const app = createGateway(services, {
    publicUrl,
    tasks: () => supervisor?.health() ?? [],
    draining: () => draining,
  });
  server = await listen(app, config.gateway.host, config.gateway.port);
  supervisor = supervise(tasksOf(services, poll, prover, publicUrl), logger);
  logger.info({ url: server.url, operator: config.operator.address }, "relayer started");
  const { url, close } = server;
  const running = supervisor;
  return {
    url,
    ledger,
    async stop() {
      if (draining) return;
      draining = true;
      // The prover first: a task that waits for a proof ends as soon as the proof is given up.
      const tasksEnded = running.stop();
      prover.close();
      await Promise.all([close(DRAIN_MILLISECONDS), within(tasksEnded, DRAIN_MILLISECONDS, logger)]);
      rpc.destroy();
      ledger.close();
      logger.info("relayer stopped");
    },
  };
}

async function proverOf({ config, models, policies, logger }: Services): Promise<Prover> {
  const provable = models.flatMap(({ spec, proving, verificationKey }): ProvableModel[] =>
    proving && verificationKey ? [{ spec, ...proving, verificationKey }] : [],
  );
  const prover = await createProver(config.prover, provable[0], (fault) =>
    logger.error(describeError(fault), "the external prover is not used"),
  );
  if (provable.length > 0 && policies.some(({ prove }) => prove !== "never")) prover.warmUp();
  return prover;
}

function tasksOf(
  services: Services,
  poll: () => Promise<void>,
  prover: Prover,
  publicUrl: () => string,
): Task[] {
  const { config } = services;
  const every = config.chain.pollMilliseconds;
  const proofs = new ProofDuty(services, prover);
  const task = (name: string, run: Task["run"]): Task => ({ name, everyMilliseconds: every, run });
  const tasks = [
    task("chain", poll),
    task("commit", async () => sealDueBatches(services)),
    task("defend", () => defendClaims(services)),
    task("attest", async () => attestBatches(services)),
    task("prove", (signal) => proofs.run(signal)),
    task("finalise", async () => releaseFinalBatches(services)),
    task("announce", async () => announceEndpoint(services, publicUrl())),
    outboxTask(services, "operator", config.operator.senderKey),
  ];
  if (config.watch.mode === "off") return tasks;
  tasks.push(task("watch", (signal) => watchOnce(services, signal)));
  if (config.watch.challengerKey) tasks.push(outboxTask(services, "watch", config.watch.challengerKey));
  return tasks;
}

function outboxTask(services: Services, lane: "operator" | "watch", senderKey: Hex): Task {
  const { config, ledger, rpc, contracts, clock, logger } = services;
  const outbox = new Outbox({
    lane,
    senderKey,
    chainId: config.chain.chainId,
    confirmations: config.chain.confirmations,
    ledger,
    rpc,
    predicates: createPredicates({ contracts, clock, rpc, chainId: config.chain.chainId }),
    logger,
  });
  return {
    name: `outbox-${lane}`,
    everyMilliseconds: config.chain.pollMilliseconds,
    run: () => outbox.step(),
  };
}

/** Nothing depends on a graceful end, so it is bounded: what is cut off here goes on after the next start. */
async function within(work: Promise<void>, milliseconds: number, logger: Logger): Promise<void> {
  const timer = new AbortController();
  const bound = new Promise<void>((resolve) => {
    const timeout = setTimeout(() => {
      logger.warn({ code: "MT-OPS-002" }, "a task did not end in time and is cut off");
      resolve();
    }, milliseconds);
    timer.signal.addEventListener("abort", () => clearTimeout(timeout));
  });
  try {
    await Promise.race([work, bound]);
  } catch (error) {
    logger.error(describeError(error), "a task failed while stopping");
  } finally {
    timer.abort();
  }
}
