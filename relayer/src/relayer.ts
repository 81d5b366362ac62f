// SPDX-License-Identifier: GPL-3.0-or-later

import { attestBatches } from "./attest/attestor.ts";
import type { EnclaveKeyFacts } from "./attest/renewal.ts";
import { startEnclaveUpkeep } from "./attest/upkeep.ts";
import { openBlobs } from "./availability/blob-reader.ts";
import { bindModelRegistries } from "./chain/contracts.ts";
import { type ChainView, pollChain } from "./chain/follow.ts";
import { reportSuspension } from "./chain/suspension.ts";
import { sealDueBatches } from "./commit/committer.ts";
import { feeLimits } from "./config/fees.ts";
import type { RelayerConfig } from "./config/load.ts";
import { defendClaims } from "./defend/defender.ts";
import { describeError } from "./errors.ts";
import { releaseFinalBatches } from "./finalise/finaliser.ts";
import { CREDITS_MILLISECONDS, type Credit, withdrawCredits } from "./finalise/withdraw.ts";
import { createPaywall } from "./gateway/access/x402.ts";
import { createGateway } from "./gateway/app.ts";
import { type GatewayServer, listen } from "./gateway/server.ts";
import { createUnwatched } from "./gateway/unwatched.ts";
import { indexTasks } from "./indexer/tasks.ts";
import type { Ledger } from "./ledger/ledger.ts";
import { type AdminState, createAdminApp } from "./ops/admin/app.ts";
import { listenLocally } from "./ops/admin/socket.ts";
import { announceEndpoint } from "./ops/announce.ts";
import { BACKLOG_MILLISECONDS, createBacklog } from "./ops/backlog.ts";
import { BALANCES_MILLISECONDS, createBalances } from "./ops/balances.ts";
import { Breaker } from "./ops/breaker.ts";
import { type DaemonBase, startDaemon } from "./ops/daemon.ts";
import { createLaneLease, type LaneLease, renewMilliseconds } from "./ops/lane-lease.ts";
import { createLogger, type Logger } from "./ops/logger.ts";
import { createMarginAlarm } from "./ops/margin-alarm.ts";
import { createCollector } from "./ops/metrics/collect.ts";
import { createMetrics, type Metrics } from "./ops/metrics/metrics.ts";
import { readEnclaveExpiry } from "./ops/standing.ts";
import { type Supervisor, supervise, type Task } from "./ops/supervisor.ts";
import { createProver, type ProvableModel } from "./prove/create-prover.ts";
import { ProofDuty } from "./prove/obligations.ts";
import type { Prover } from "./prove/prover.ts";
import { loadModels } from "./registry/models.ts";
import { loadPolicies } from "./registry/policies.ts";
import { isNetwork, type ModelRuntime, type Services } from "./services.ts";
import { curve as openedCurve } from "./signers/curve.ts";
import { useFastKeccak } from "./signers/keccak.ts";
import { OPERATOR_LANES, openSigners, type Signers } from "./signers/open.ts";
import { createPredicates } from "./tx/predicates.ts";
import { createSenders, type Sender } from "./tx/senders.ts";
import { createStakes } from "./tx/stakes.ts";
import { watchTasks } from "./watch/watchtower.ts";

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
  /** How the enclave's key stands; undefined where none is to be registered. */
  enclaveKey(): EnclaveKeyFacts | undefined;
  /** Drains and stops; at most about ten seconds. Whatever is not done by then continues after the next start. */
  stop(): Promise<void>;
}

const DRAIN_MILLISECONDS = 8_000;
const STANDING_MILLISECONDS = 15_000;
const BREAKER_MILLISECONDS = 2_000;
const WEI_PER_GWEI = 1e9;

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
  const metrics = createMetrics();
  const logger =
    options.logger ?? createLogger(config.log.level, undefined, (code) => metrics.errors.inc({ code }));
  const signers = await openSigners(config);
  const { enclaveEvidence } = config.chain;
  const belonging = {
    operator: config.operator.address,
    addresses: enclaveEvidence ? { "chain.enclaveEvidence": enclaveEvidence } : {},
  };
  const runtimes = options.runtimes ?? new Map<string, ModelRuntime>();
  return startDaemon(config, belonging, logger, async (base) => {
    const { services, poll } = await assemble(config, signers, base, runtimes);
    const holds: Holds = {
      operator: createLaneLease(base.ledger, "operator", logger, config.leaseMilliseconds),
      watch: createLaneLease(base.ledger, "watch", logger, config.leaseMilliseconds),
      senders: await sendersOf(services),
    };
    await keepLeases(config, holds);
    const pollAsHolder = () => poll(holds.operator);
    await pollAsHolder();
    await services.breaker.look();
    await services.backlog.look();
    await services.balances.look();
    return run(services, metrics, holds, pollAsHolder);
  });
}

async function assemble(
  config: RelayerConfig,
  signers: Signers,
  base: DaemonBase,
  runtimes: ReadonlyMap<string, ModelRuntime>,
): Promise<{ services: Services; poll: (duties: LaneLease) => Promise<void> }> {
  const { rpc, ledger, contracts, clock, logger } = base;
  const policies = await loadPolicies(config.policies, contracts, logger);
  const evidence = policies.flatMap(({ terms }) => [terms.zkEvidence, terms.teeEvidence]);
  const registries = await bindModelRegistries(
    rpc,
    evidence.filter((address) => BigInt(address) !== 0n),
  );
  const models = await loadModels(config.models, registries, runtimes);
  let view: ChainView | undefined;
  const operatorSenders = [signers.senders.answer, signers.senders.finalise, signers.senders.commit];
  const senderAddresses = [...operatorSenders, ...(signers.challenger ? [signers.challenger] : [])].map(
    ({ address }) => address,
  );
  const services: Services = {
    ...base,
    config,
    models,
    policies,
    signers,
    senderAddresses: {
      answer: signers.senders.answer.address,
      finalise: signers.senders.finalise.address,
      commit: signers.senders.commit.address,
    },
    receiptKeyAddress: signers.receipts.address,
    challengerAddress: signers.challenger?.address,
    blobs: openBlobs(config.watch.blobs),
    breaker: new Breaker({
      ...{ ledger, clock, logger, operator: config.operator.address },
      maxFailedObligations: config.breaker.maxFailedObligations,
    }),
    backlog: createBacklog({
      ...{ ledger, clock, logger },
      commitHorizonSeconds: config.commit.commitHorizonSeconds,
    }),
    balances: createBalances(rpc, senderAddresses, config.fees.floorTransactions, logger),
    view: () => view,
  };
  const poll = async (duties: LaneLease) => {
    const latest = await pollChain({
      ...services,
      ledger: duties.ledger,
      sender: services.senderAddresses.commit,
      follows: duties.holds(),
    });
    reportSuspension(view, latest, logger);
    view = latest;
  };
  return { services, poll };
}

async function run(
  services: Services,
  metrics: Metrics,
  holds: Holds,
  poll: () => Promise<void>,
): Promise<RunningRelayer> {
  const { config, ledger, rpc, logger } = services;
  const stopTracing = await tracingOf(services);
  const prover = await proverOf(services, metrics);
  const enclave = await startEnclaveUpkeep(services);
  let supervisor: Supervisor | undefined;
  let server: GatewayServer | undefined;
  let draining = false;
  const unwatched = createUnwatched();
  const publicUrl = () => config.gateway.publicUrl ?? server?.url ?? "";
  const tasks = () => supervisor?.health() ?? [];
  let enclaveExpirySeconds: number | undefined;
  let credits: readonly Credit[] = [];
  const collect = createCollector(services, metrics, {
    ...{ tasks, draining: () => draining, enclaveExpirySeconds: () => enclaveExpirySeconds },
    credits: () => credits,
    proofsWaiting: () => prover.waiting,
  });
  const paywall =
    config.gateway.auth.mode === "x402"
      ? createPaywall(services, config.gateway.auth, (state) => metrics.payments.inc({ state }))
      : undefined;
  const app = createGateway(
    services,
    {
      ...{ publicUrl, tasks, draining: () => draining, unwatched },
      metrics: async () => {
        await collect();
        return metrics.registry.metrics();
      },
      onAnswered(route, status, seconds) {
        metrics.requests.inc({ route, status });
        metrics.requestSeconds.observe({ route }, seconds);
      },
      onRefused: (code) => metrics.refusals.inc({ code }),
      onReceipt: (policy) => metrics.receipts.inc({ policy }),
      onKey: (key) => metrics.keyRequests.inc({ key }),
    },
    paywall,
  );
  const observeStanding = async () => {
    enclaveExpirySeconds = await readEnclaveExpiry(services);
  };
  const { senderAddresses, challengerAddress } = services;
  const watches = config.watch.mode !== "off" && challengerAddress !== undefined;
  const withdrawOnce = async () => {
    credits = await withdrawCredits({
      ...{ ...services, ledger: holds.operator.ledger, withdraw: config.withdraw },
      senders: { ...senderAddresses, ...(watches ? { challenge: challengerAddress } : {}) },
      others: [config.operator.address],
    });
  };
  // Whatever was prepared above may have taken minutes: nobody is refused for a look at the chain that is too old.
  await poll();
  server = await listen(app, config.gateway.host, config.gateway.port, (code) =>
    metrics.refusals.inc({ code }),
  );
  const { senders } = holds;
  supervisor = supervise(
    [
      ...tasksOf(services, holds, poll, prover, publicUrl),
      ...enclave.tasks,
      ...(paywall ? [dutyTask(config, "payments", () => paywall.reconcile(), holds.operator)] : []),
      ...senders.map((sender) =>
        dutyTask(config, outboxName(sender), () => sender.outbox().step(), sender.lease),
      ),
      { name: "standing", everyMilliseconds: STANDING_MILLISECONDS, run: observeStanding },
      {
        ...dutyTask(config, "withdraw", withdrawOnce, holds.operator),
        everyMilliseconds: CREDITS_MILLISECONDS,
      },
    ],
    logger,
  );
  const closeAdmin = await adminSocket(services, {
    ...{ tasks, draining: () => draining },
    outboxes: () => senders.filter(({ lease }) => lease.holds()).map(({ outbox }) => outbox()),
  });
  const { implementation: curve } = openedCurve();
  const { implementation: keccak } = await useFastKeccak();
  logger.info({ url: server.url, operator: config.operator.address, curve, keccak }, "relayer started");
  const { url, close } = server;
  const running = supervisor;
  return {
    url,
    ledger,
    enclaveKey: enclave.facts,
    async stop() {
      if (draining) return;
      draining = true;
      closeAdmin();
      // The prover first: a task that waits for a proof ends as soon as the proof is given up.
      const tasksEnded = running.stop();
      prover.close();
      services.blobs.kzg.close();
      await Promise.all([
        close(DRAIN_MILLISECONDS),
        unwatched.end(DRAIN_MILLISECONDS),
        within(tasksEnded, DRAIN_MILLISECONDS, logger),
      ]);
      rpc.destroy();
      const leases = [holds.operator, holds.watch, ...senders.map(({ lease }) => lease)];
      await Promise.allSettled(leases.map((lease) => lease.leave()));
      await ledger.close();
      await stopTracing();
      logger.info("relayer stopped");
    },
  };
}

async function tracingOf({ config }: Services): Promise<() => Promise<void>> {
  const { otlpUrl } = config.telemetry ?? {};
  if (otlpUrl === undefined) return async () => undefined;
  const { startTracing } = await import("./ops/tracing/opentelemetry.ts");
  const { chainId, settlement } = config.chain;
  const { address } = config.operator;
  return startTracing(otlpUrl, {
    ...{ "meantime.chain_id": chainId, "meantime.settlement": settlement, "meantime.operator": address },
  });
}

async function proverOf({ config, models, policies, logger }: Services, metrics: Metrics): Promise<Prover> {
  const provable = models
    .filter(isNetwork)
    .flatMap(({ spec, proving, verificationKey }): ProvableModel[] =>
      proving && verificationKey ? [{ spec, ...proving, verificationKey }] : [],
    );
  const prover = await createProver(
    config.prover,
    provable[0],
    (fault) => logger.error(describeError(fault), "the external prover is not used"),
    (outcome, seconds) => {
      metrics.proofs.inc({ outcome });
      metrics.proofSeconds.observe(seconds);
    },
  );
  if (provable.length > 0 && policies.some(({ prove }) => prove !== "never")) prover.warmUp();
  return prover;
}

/** What this worker may hold, for itself among those that share the database: duties by role, and senders. */
interface Holds {
  operator: LaneLease;
  watch: LaneLease;
  senders: readonly Sender[];
}

function tasksOf(
  services: Services,
  holds: Holds,
  poll: () => Promise<void>,
  prover: Prover,
  publicUrl: () => string,
): Task[] {
  const { config } = services;
  const { operator, watch } = holds;
  const every = config.chain.pollMilliseconds;
  const own = { ...services, ledger: operator.ledger };
  const proofs = new ProofDuty(own, prover);
  const task = (name: string, run: Task["run"]) => dutyTask(config, name, run, operator);
  const tasks = [
    { name: "chain", everyMilliseconds: every, run: poll },
    {
      name: "leases",
      everyMilliseconds: renewMilliseconds(config.leaseMilliseconds),
      run: () => keepLeases(config, holds),
    },
    task("commit", () => sealDueBatches(own)),
    task("defend", () => defendClaims(own)),
    task("attest", () => attestBatches(own)),
    task("prove", (signal) => proofs.run(signal)),
    task("finalise", () => releaseFinalBatches(own)),
    task("announce", () => announceEndpoint(own, publicUrl())),
    { name: "breaker", everyMilliseconds: BREAKER_MILLISECONDS, run: () => services.breaker.look() },
    { name: "backlog", everyMilliseconds: BACKLOG_MILLISECONDS, run: () => services.backlog.look() },
    { name: "balances", everyMilliseconds: BALANCES_MILLISECONDS, run: () => services.balances.look() },
    {
      name: "margins",
      everyMilliseconds: BREAKER_MILLISECONDS,
      run: createMarginAlarm({ ...services, operator: config.operator.address }),
    },
  ];
  if (config.index.enabled) tasks.push(...indexTasks(own, task));
  if (config.watch.mode === "off") return tasks;
  const watching = { ...services, ledger: watch.ledger };
  return [...tasks, ...watchTasks(watching, (name, run) => dutyTask(config, name, run, watch), prover)];
}

/** Runs only while this worker has the lease. */
function dutyTask({ chain }: RelayerConfig, name: string, run: Task["run"], lease: LaneLease): Task {
  return {
    name,
    everyMilliseconds: chain.pollMilliseconds,
    run: async (signal) => {
      if (lease.holds()) await run(signal);
    },
  };
}

async function keepLeases({ watch }: RelayerConfig, holds: Holds): Promise<void> {
  await holds.operator.keep();
  if (watch.mode !== "off") await holds.watch.keep();
  for (const { lease } of holds.senders) await lease.keep();
}

function sendersOf(services: Services): Promise<Sender[]> {
  const { config, ledger, rpc, contracts, clock, logger, signers, balances } = services;
  const { chainId, confirmations } = config.chain;
  const { senders, challenger } = signers;
  const watches = config.watch.mode !== "off";
  const keys = [
    ...OPERATOR_LANES.map((lane) => [lane, senders[lane]] as const),
    ...(watches && challenger ? [["challenge", challenger] as const] : []),
  ];
  return createSenders(keys, ledger, config.leaseMilliseconds, {
    ...{ chainId, confirmations, rpc, logger },
    predicates: createPredicates({ contracts, clock, rpc, chainId, confirmations }),
    stakeOf: createStakes({ ledger, contracts }),
    limits: feeLimits(config.fees),
    maxBlobFeeWei: BigInt(Math.round(config.commit.blobs.maxFeeGwei * WEI_PER_GWEI)),
    isPoor: (sender) => balances.of(sender)?.isPoor ?? false,
  });
}

function outboxName({ lanes, address }: Sender): string {
  return `outbox-${lanes.join("-") || address}`;
}

async function adminSocket(services: Services, state: AdminState): Promise<() => void> {
  const { socket } = services.config.admin;
  if (socket === undefined) return () => undefined;
  return listenLocally(createAdminApp(services, state), socket, services.logger);
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
