// SPDX-License-Identifier: GPL-3.0-or-later

import { openBlobs } from "../availability/blob-reader.ts";
import { pollEvents } from "../chain/follow.ts";
import { feeLimits } from "../config/fees.ts";
import type { WatchtowerConfig } from "../config/watch.ts";
import { describeError } from "../errors.ts";
import { CREDITS_MILLISECONDS, withdrawCredits } from "../finalise/withdraw.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { BALANCES_MILLISECONDS, type Balances, createBalances } from "../ops/balances.ts";
import { type DaemonBase, startDaemon, stopOnce, whileHeld } from "../ops/daemon.ts";
import { createLaneLease, type LaneLease, renewMilliseconds } from "../ops/lane-lease.ts";
import { createLogger, type Logger } from "../ops/logger.ts";
import { supervise, type Task, type TaskHealth } from "../ops/supervisor.ts";
import { createProver, type ProvableModel } from "../prove/create-prover.ts";
import type { Prover } from "../prove/prover.ts";
import { loadModels } from "../registry/models.ts";
import { isNetwork } from "../services.ts";
import { openSigner } from "../signers/open.ts";
import type { Signer } from "../signers/signer.ts";
import { createPredicates } from "../tx/predicates.ts";
import { createSenders, type Sender } from "../tx/senders.ts";
import { createStakes } from "../tx/stakes.ts";
import type { WatchServices } from "./services.ts";
import { watchTasks } from "./watchtower.ts";

/** A watchtower at work. */
export interface RunningWatchtower {
  ledger: Ledger;
  health(): TaskHealth[];
  stop(): Promise<void>;
}

/** What the ledger of a watchtower belongs to, where a relayer's has its operator. */
const NO_OPERATOR = "none (a watchtower)";

/**
 * Starts a watchtower that serves nobody. Resolves when it has read the chain once.
 *
 * @throws MeantimeError with a code of `relayer/README.md` when the configuration, the chain and the ledger do not fit
 * together
 */
export async function startWatchtower(
  config: WatchtowerConfig,
  logger: Logger = createLogger(config.log.level),
): Promise<RunningWatchtower> {
  const { challengerKey } = config.watch;
  const challenger = challengerKey && (await openSigner(challengerKey));
  return startDaemon(config, { operator: NO_OPERATOR }, logger, (base) => run(config, base, challenger));
}

async function run(
  config: WatchtowerConfig,
  base: DaemonBase,
  challenger: Signer | undefined,
): Promise<RunningWatchtower> {
  const { ledger, rpc, logger } = base;
  const services: WatchServices & { config: WatchtowerConfig } = {
    ...{ ...base, config, challengerAddress: challenger?.address },
    // A model's id is the hash of its content: a claim of another content names another id, whatever a registry says.
    models: await loadModels(config.models, [], new Map()),
    blobs: openBlobs(config.watch.blobs),
  };
  const lane = createLaneLease(ledger, "watch", logger, config.leaseMilliseconds);
  const watched = challenger ? [challenger.address] : [];
  const balances = createBalances(rpc, watched, config.fees.floorTransactions, logger);
  await balances.look();
  const senders = await sendersOf(config, services, balances, challenger);
  const leases = [lane, ...senders.map(({ lease }) => lease)];
  const keep = async () => {
    for (const lease of leases) await lease.keep();
  };
  await keep();
  const watching = { ...services, ledger: lane.ledger };
  if (lane.holds()) await pollEvents(watching);
  const prover = await proverOf(config, watching);
  const supervisor = supervise(tasksOf(config, watching, { lane, senders, keep, prover, balances }), logger);
  logger.info({ mode: config.watch.mode, challenger: services.challengerAddress }, "watchtower started");
  const stop = async () => {
    const ended = supervisor.stop();
    prover.close();
    services.blobs.kzg.close();
    await ended;
    rpc.destroy();
    await Promise.allSettled(leases.map((lease) => lease.leave()));
    await ledger.close();
  };
  return { ledger, health: () => supervisor.health(), stop: stopOnce(stop) };
}

function proverOf({ prover, watch }: WatchtowerConfig, { models, logger }: WatchServices): Promise<Prover> {
  const provable = models
    .filter(isNetwork)
    .flatMap(({ spec, proving, verificationKey }): ProvableModel[] =>
      watch.disprove && proving && verificationKey ? [{ spec, ...proving, verificationKey }] : [],
    );
  return createProver(prover, provable[0], (fault) =>
    logger.error(describeError(fault), "the external prover is not used"),
  );
}

function sendersOf(
  { chain, fees, leaseMilliseconds }: WatchtowerConfig,
  { ledger, contracts, clock, rpc, logger }: WatchServices,
  balances: Balances,
  challenger: Signer | undefined,
): Promise<Sender[]> {
  const { chainId, confirmations } = chain;
  const keys = challenger ? [["challenge", challenger] as const] : [];
  return createSenders(keys, ledger, leaseMilliseconds, {
    ...{ chainId, confirmations, rpc, logger },
    predicates: createPredicates({ contracts, clock, rpc, chainId, confirmations }),
    stakeOf: createStakes({ ledger, contracts }),
    limits: feeLimits(fees),
    isPoor: (sender) => balances.of(sender)?.isPoor ?? false,
  });
}

async function collect(services: WatchServices & { config: WatchtowerConfig }): Promise<void> {
  const { challengerAddress: challenge, config } = services;
  await withdrawCredits({
    ...{ ...services, withdraw: config.withdraw },
    ...{ senders: challenge ? { challenge } : {}, others: [] },
  });
}

interface Work {
  lane: LaneLease;
  senders: readonly Sender[];
  keep: () => Promise<void>;
  prover: Prover;
  balances: Balances;
}

function tasksOf(
  { chain, leaseMilliseconds }: WatchtowerConfig,
  services: WatchServices & { config: WatchtowerConfig },
  { lane, senders, keep, prover, balances }: Work,
): Task[] {
  const task = (name: string, run: Task["run"], lease = lane) =>
    whileHeld(lease, { name, everyMilliseconds: chain.pollMilliseconds, run });
  return [
    { name: "leases", everyMilliseconds: renewMilliseconds(leaseMilliseconds), run: keep },
    { name: "balances", everyMilliseconds: BALANCES_MILLISECONDS, run: () => balances.look() },
    task("chain", async () => void (await pollEvents(services))),
    ...watchTasks(services, task, prover),
    { ...task("withdraw", () => collect(services)), everyMilliseconds: CREDITS_MILLISECONDS },
    ...senders.map(({ lanes, address, lease, outbox }) =>
      task(`outbox-${lanes.join("-") || address}`, () => outbox().step(), lease),
    ),
  ];
}
