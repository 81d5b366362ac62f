// SPDX-License-Identifier: GPL-3.0-or-later

import { Hono } from "hono";
import { type ChainView, pollEvents } from "../chain/follow.ts";
import type { IndexerConfig } from "../config/indexer.ts";
import { describeError, TemporaryError } from "../errors.ts";
import { errorBody, HttpError } from "../gateway/http-error.ts";
import { servePage } from "../gateway/page.ts";
import { listen } from "../gateway/server.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { type DaemonBase, startDaemon, stopOnce, whileHeld } from "../ops/daemon.ts";
import { createLaneLease, type LaneLease, renewMilliseconds } from "../ops/lane-lease.ts";
import { createLogger, type Logger } from "../ops/logger.ts";
import { createIndexMetrics } from "../ops/metrics/index-metrics.ts";
import { supervise, type Task, type TaskHealth } from "../ops/supervisor.ts";
import { createIndexApi, INDEX_PATH } from "./api/app.ts";
import { IndexDuty } from "./duty.ts";
import { observeIndex } from "./observe.ts";
import type { IndexReader, IndexServices } from "./services.ts";
import { dutiesOf } from "./tasks.ts";

/** An indexer at work. */
export interface RunningIndexer {
  /** Where it listens. */
  url: string;
  ledger: Ledger;
  health(): TaskHealth[];
  stop(): Promise<void>;
}

/** What the ledger of an indexer belongs to, where a relayer's has its operator. */
const NO_OPERATOR = "none (an index)";
const DRAIN_MILLISECONDS = 5_000;

/**
 * Starts an index that serves nobody's claims but everybody's questions. Resolves when it listens; what it has read by then
 * its root says. It needs no keys. Several may share a PostgreSQL database: one of them reads the chain.
 *
 * @throws MeantimeError with a code of `docs/ERRORS.md` when the configuration, the chain and the ledger do not fit together
 */
export async function startIndexer(
  config: IndexerConfig,
  logger: Logger = createLogger(config.log.level),
): Promise<RunningIndexer> {
  return startDaemon(config, { operator: NO_OPERATOR }, logger, (base) => run(config, base));
}

async function run(config: IndexerConfig, base: DaemonBase): Promise<RunningIndexer> {
  const { ledger, logger } = base;
  const { startBlock, inferenceRequests } = config.chain;
  const { allowPrivateAddresses } = config.index;
  const services: IndexServices = { ...base, startBlock, inferenceRequests, allowPrivateAddresses };
  const lane = createLaneLease(ledger, "operator", logger, config.leaseMilliseconds);
  await lane.keep();
  const writing = { ...services, ledger: lane.ledger };
  // Before the first events are read, so that those of all contracts are read together.
  if (lane.holds()) await new IndexDuty(writing).noteSources();
  let view: Pick<ChainView, "head" | "readUpTo"> | undefined;
  const poll = async () => {
    view = await pollEvents({ ...writing, config }, lane.holds());
  };
  let isStopping = false;
  const app = createApp(config, { ...services, view: () => view, isStopping: () => isStopping });
  const server = await listen(app, config.gateway.host, config.gateway.port);
  const supervisor = supervise(tasksOf(config, writing, lane, poll), logger);
  logger.info({ url: server.url, settlement: config.chain.settlement }, "index started");
  const stop = async () => {
    isStopping = true;
    await Promise.all([supervisor.stop(), server.close(DRAIN_MILLISECONDS)]);
    base.rpc.destroy();
    await lane.leave();
    await ledger.close();
  };
  return { url: server.url, ledger, health: () => supervisor.health(), stop: stopOnce(stop) };
}

function tasksOf(
  { chain, leaseMilliseconds }: IndexerConfig,
  services: IndexServices,
  lane: LaneLease,
  poll: () => Promise<void>,
): Task[] {
  const every = chain.pollMilliseconds;
  const task = (name: string, run: Task["run"]) => whileHeld(lane, { name, everyMilliseconds: every, run });
  return [
    { name: "leases", everyMilliseconds: renewMilliseconds(leaseMilliseconds), run: () => lane.keep() },
    { name: "chain", everyMilliseconds: every, run: poll },
    ...dutiesOf(services, task),
  ];
}

function createApp(config: IndexerConfig, reader: IndexServices & IndexReader): Hono {
  const { view, logger } = reader;
  const app = new Hono();
  app.use(async (context, next) => {
    await next();
    context.header("x-content-type-options", "nosniff");
  });
  app.route(INDEX_PATH, createIndexApi(reader, config.gateway));
  app.get("/healthz", (context) => context.json({ status: "ok" }));
  app.get("/readyz", (context) => {
    const ready = view() !== undefined;
    return context.json({ ready }, ready ? 200 : 503);
  });
  if (config.gateway.metrics) {
    const metrics = createIndexMetrics();
    app.get("/metrics", async (context) => {
      await observeIndex(reader, metrics);
      return context.text(await metrics.registry.metrics());
    });
  }
  servePage(app);
  app.notFound((context) =>
    refuse(
      context,
      new HttpError(404, "MT-GW-012", "there is nothing here", "docs/INDEXING.md lists the paths."),
    ),
  );
  app.onError((error, context) => {
    if (error instanceof HttpError) return refuse(context, error);
    logger.error({ ...describeError(error), path: context.req.path }, "request failed");
    const [status, code] =
      error instanceof TemporaryError ? ([503, error.code] as const) : ([500, "MT-GW-013"] as const);
    return refuse(
      context,
      new HttpError(status, code, "the index cannot answer for now", "Ask again later."),
    );
  });
  return app;
}

type ErrorContext = Parameters<Parameters<Hono["onError"]>[0]>[1];

function refuse(context: ErrorContext, error: HttpError) {
  const { status, retryAfterSeconds, headers } = error;
  if (retryAfterSeconds !== undefined) context.header("retry-after", String(retryAfterSeconds));
  return context.json(errorBody(error), status, headers);
}
