// SPDX-License-Identifier: MIT
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { SETTLEMENT_INTERFACE } from "../relayer/src/chain/contracts.ts";
import { decodeLog } from "../relayer/src/chain/follow.ts";
import { listen } from "../relayer/src/gateway/server.ts";
import { BatchDataDuty } from "../relayer/src/indexer/batch-data.ts";
import { groupClaims } from "../relayer/src/indexer/groups.ts";
import type { IndexServices } from "../relayer/src/indexer/services.ts";
import { advance, type ChainEvent } from "../relayer/src/ledger/chain-facts.ts";
import { type Ledger, openLedger } from "../relayer/src/ledger/ledger.ts";
import {
  addressOf,
  type BuiltBatch,
  batchFile,
  buildBatch,
  commitOf,
  eventAt,
  hashOfBlock,
  INDEX_DOMAIN,
  idOf,
  indexApi,
  policyEvent,
  timeOf,
} from "../test/relayer/index-ledger.ts";
import { silentLogger } from "../test/relayer/local-relayer.ts";

/** How fast the audit goes over the same claims; see {@link benchIndex}. */
export type AuditRate = (batches: readonly BuiltBatch[]) => Promise<number>;

const CLAIMS = 100_000;
const CLAIMS_PER_BATCH = 1_000;
const OPERATORS = 4;
const MODELS = 3;
const REQUESTERS = 50;
/** Of the claims, one in so many has evidence of its own. */
const CLAIMS_PER_EVIDENCE = 5;
const EVENTS_PER_BLOCK = 100;
const WINDOW_SECONDS = 5_000;
const ROUNDS = 25;
const SETTLEMENT = INDEX_DOMAIN.settlement;

/**
 * Indexes claims of batches that operators serve over HTTP, then asks for them in every way.
 *
 * @param audit goes over the same claims, where there is one; without it `auditClaimsPerSecond` is null
 */
export async function benchIndex(audit?: AuditRate): Promise<Record<string, unknown>> {
  const batches = buildBatches();
  const files = new Map(batches.map((built) => [`/v1/batches/${built.batchId}`, batchFile(built)]));
  const operator = createServer((request, response) => response.end(files.get(request.url ?? "") ?? ""));
  await once(operator.listen(0, "127.0.0.1"), "listening");
  const folder = await mkdtemp(join(tmpdir(), "meantime-bench-"));
  const ledger = await openLedger({ file: join(folder, "ledger.sqlite") });
  try {
    const eventsPerSecond = await followEvents(ledger, batches, operator);
    const data = await fetchData(ledger);
    await groupClaims(ledger);
    const api = await askEverything(ledger, batches);
    const auditClaimsPerSecond = audit ? Math.round(await audit(batches)) : null;
    return { eventsPerSecond, ...data, claims: CLAIMS, ...api, auditClaimsPerSecond };
  } finally {
    await ledger.close();
    operator.closeAllConnections();
    operator.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function buildBatches(): BuiltBatch[] {
  return Array.from({ length: CLAIMS / CLAIMS_PER_BATCH }, (_, at) =>
    buildBatch({
      operator: addressOf(1 + (at % OPERATORS)),
      policyId: idOf(10 + (at % 2)),
      modelId: idOf(20 + (at % MODELS)),
      nonce: at + 1,
      served: Array.from({ length: CLAIMS_PER_BATCH }, (__, index) => ({
        at: timeOf(blockOf(at)) - (index % 20),
        requester: addressOf(100 + (index % REQUESTERS)),
      })),
    }),
  );
}

function blockOf(batch: number): number {
  return 10 + batch * 10;
}

/** From logs as a node sends them to what follows from them, in one transaction a block. */
async function followEvents(
  ledger: Ledger,
  batches: readonly BuiltBatch[],
  operator: Server,
): Promise<number> {
  const { port } = operator.address() as AddressInfo;
  const setUp: ChainEvent[] = [10, 11].map((seed, at) =>
    policyEvent(1, at, idOf(seed), { rule: at === 0 ? 0 : 3 }),
  );
  for (let seed = 1; seed <= OPERATORS; seed++) {
    const endpoint = `http://127.0.0.1:${port}`;
    setUp.push(eventAt(1, 10 + seed, "EndpointAnnounced", { operator: addressOf(seed), endpoint }));
  }
  await advance(ledger, setUp, { number: 1, hash: hashOfBlock(1) });
  const events = batches.flatMap(eventsOf);
  const logs = events.map(logOf);
  const emitters = new Map([[SETTLEMENT, SETTLEMENT_INTERFACE]]);
  const startedAt = performance.now();
  for (let from = 0; from < logs.length; from += EVENTS_PER_BLOCK) {
    const block = logs.slice(from, from + EVENTS_PER_BLOCK);
    const number = block.at(-1)?.blockNumber ?? 0;
    const decoded = block.flatMap((log) => decodeLog(emitters, log, timeOf(log.blockNumber)) ?? []);
    await advance(ledger, decoded, { number, hash: hashOfBlock(number) });
  }
  return Math.round((logs.length * 1_000) / (performance.now() - startedAt));
}

function eventsOf(built: BuiltBatch, at: number): ChainEvent[] {
  const block = blockOf(at);
  const proven = built.claims.flatMap(({ claimId }, index) =>
    index % CLAIMS_PER_EVIDENCE === 0 ? [{ claimId, index }] : [],
  );
  return [
    commitOf(built, block, 0, WINDOW_SECONDS),
    ...proven.map(({ claimId, index }, log) =>
      eventAt(block + 1, log, "EvidenceAccepted", {
        ...{ batchId: built.batchId, claimId, beneficiary: built.header.operator, index: String(index) },
        ...{ kind: "1", source: "0", paidWei: "0" },
      }),
    ),
    eventAt(block + 2, 0, "BatchReleased", {
      ...{ batchId: built.batchId, operator: built.header.operator, unlockedWei: "1" },
    }),
  ];
}

function logOf(event: ChainEvent) {
  const fragment = SETTLEMENT_INTERFACE.getEvent(event.name);
  if (!fragment) throw new Error(`no event ${event.name}`);
  const values = fragment.inputs.map(({ name }) => event.arguments[name]);
  const { data, topics } = SETTLEMENT_INTERFACE.encodeEventLog(fragment, values);
  const { blockNumber, logIndex: index, blockHash, txHash: transactionHash } = event;
  return { address: SETTLEMENT, data, topics, blockNumber, index, blockHash, transactionHash };
}

/** From the operators' endpoints, through both roots, into the ledger. */
async function fetchData(ledger: Ledger) {
  const services: Partial<IndexServices> = {
    ...{ ledger, domain: INDEX_DOMAIN, logger: silentLogger, allowPrivateAddresses: true },
  };
  const duty = new BatchDataDuty(services as IndexServices);
  const never = new AbortController().signal;
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  for (;;) {
    await duty.step(never);
    const { left } = await ledger
      .selectFrom("index_data")
      .select((eb) => eb.fn.countAll<number>().as("left"))
      .where(sql<boolean>`state IN ('pending', 'withheld', 'mismatch')`)
      .executeTakeFirstOrThrow();
    if (left === 0) break;
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    claimsPerSecond: Math.round((CLAIMS * 1_000) / (performance.now() - startedAt)),
    // Of this process, which serves the operators' data as well: what a busy machine does not change.
    cpuMsPerClaim: Math.round((user + system) / CLAIMS) / 1_000,
  };
}

/** Every question in turn, over a socket, one after the other. */
async function askEverything(ledger: Ledger, batches: readonly BuiltBatch[]) {
  const lastBlock = blockOf(batches.length - 1);
  // Half of the batches are final by now.
  const now = { seconds: timeOf(Math.floor(lastBlock / 2)) + WINDOW_SECONDS };
  const server = await listen(indexApi(ledger, now).app, "127.0.0.1", 0);
  const times = new Map<string, number[]>();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const [what, path] of questions(batches, round, now.seconds)) {
        const askedAt = performance.now();
        const response = await fetch(`${server.url}${path}`);
        await response.arrayBuffer();
        if (response.status !== 200) throw new Error(`${path}: status ${response.status}`);
        times.set(what, [...(times.get(what) ?? []), performance.now() - askedAt]);
      }
    }
  } finally {
    await server.close(0);
  }
  const all = [...times.values()].flat();
  const slowest = [...times]
    .map(([what, of]) => ({ what, p95: quantile(of, 0.95) }))
    .sort((a, b) => b.p95 - a.p95);
  return {
    apiP50Ms: quantile(all, 0.5),
    apiP95Ms: quantile(all, 0.95),
    apiSlowest: Object.fromEntries(slowest.slice(0, 5).map(({ what, p95 }) => [what, p95])),
  };
}

function questions(batches: readonly BuiltBatch[], round: number, now: number): [string, string][] {
  const built = batches[(round * 37) % batches.length];
  const claim = built?.claims[(round * 131) % CLAIMS_PER_BATCH];
  const requester: Hex = addressOf(100 + (round % REQUESTERS));
  return [
    ["root", "/"],
    ["gap", "/gap"],
    ...(["operator", "model", "policy", "evidence", "none"] as const).map((by): [string, string] => [
      `history by ${by}`,
      `/gap/history?from=${now - 86_400}&to=${now}&bucketSeconds=3600&by=${by}`,
    ]),
    ["operators", "/operators"],
    ["models", "/models"],
    ["policies", "/policies"],
    ["batches", "/batches"],
    ["batch", `/batches/${built?.batchId}`],
    ["claims of a batch", `/batches/${built?.batchId}/claims?limit=100`],
    ["claims", "/claims?limit=100"],
    ...(["Committed", "Final", "Proven", "Rejected", "Challenged"] as const).map(
      (status): [string, string] => [`claims ${status}`, `/claims?status=${status}&limit=100`],
    ),
    ["claims of an operator", `/claims?operator=${built?.header.operator}&limit=100`],
    ["final claims of an operator", `/claims?operator=${built?.header.operator}&status=Final&limit=100`],
    ["claims of a model", `/claims?model=${built?.header.modelId}&limit=100`],
    ["claims of a requester", `/claims?requester=${requester}&limit=100`],
    ["open claims of a requester", `/claims?requester=${requester}&status=Committed&limit=100`],
    ["claim", `/claims/${claim?.claimId}`],
    ["search", `/search?q=${claim?.claimId}`],
    ["events", "/events?limit=100"],
    ["events by name", "/events?name=EvidenceAccepted&limit=100"],
    ["challenges", "/challenges"],
  ];
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round((sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0) * 10) / 10;
}
