// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Context } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { createStreamPlaces } from "../../gateway/access/stream-places.ts";
import { HttpError } from "../../gateway/http-error.ts";
import type { Reader } from "../../ledger/schema.ts";
import { changesAfter, type FedChange, feedBounds } from "../feed.ts";
import type { IndexReader } from "../services.ts";
import { oneBatch } from "./batches.ts";
import { claims } from "./claim-list.ts";
import { readCursor, writeCursor } from "./query.ts";
import { statusAt } from "./standing.ts";

/** What a listener has heard: of changes on chain, and of this relayer's own receipts. */
interface Heard {
  change: number;
  receipt: number;
}

const LOOK_MILLISECONDS = 250;
const HEARTBEAT_MILLISECONDS = 15_000;
const CHANGES_PER_LOOK = 200;
/** The claims of a batch are told one by one only where they are so few; otherwise the batch alone. */
const CLAIMS_TOLD = 500;
const MOST_LISTENERS = 256;

/** Who listens, as the configuration bounds it. */
export interface ListeningClients {
  streamsPerAddress: number;
  trustedProxies: readonly string[];
}

let listeners = 0;

/** How many listen in this process. */
export function countListeners(): number {
  return listeners;
}

/**
 * `GET /stream`: what changes, as server-sent events. Each listener is told at its own pace: nothing is kept for one that
 * reads slowly but its place, and it goes on from there.
 *
 * @returns the route; it throws HttpError `MT-IDX-002` an id of no stream of ours; `MT-IDX-004` too many listen; `MT-ACC-017`
 *   too many of one address
 */
export function createStream(
  reader: IndexReader,
  clients: ListeningClients,
): (context: Context) => Promise<Response> {
  const { streamsPerAddress: perAddress, trustedProxies } = clients;
  const places = createStreamPlaces({ most: MOST_LISTENERS, perAddress, trustedProxies }, allTaken);
  return async (context) => {
    // Nobody would read the stream, nor end it.
    if (context.req.method === "HEAD") {
      return context.body(null, 200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    }
    const leave = places.take(context);
    listeners += 1;
    const end = () => {
      leave();
      listeners -= 1;
    };
    try {
      const lastId = context.req.header("last-event-id") ?? context.req.query("lastEventId");
      const heard = lastId ? await resume(reader.ledger, lastId) : await latest(reader.ledger);
      context.header("cache-control", "no-store");
      context.header("x-accel-buffering", "no");
      return streamSSE(
        context,
        (stream) => tell(stream, reader, heard).finally(end),
        async () => undefined,
      );
    } catch (error) {
      end();
      throw error;
    }
  };
}

function allTaken(): HttpError {
  return new HttpError(503, "MT-IDX-004", "too many listen already", "Ask again later, or poll.", 10);
}

/** The place to go on from. An id that is no longer kept leads to the latest, after a `reset`. */
async function resume(db: Reader, id: string): Promise<Heard & { isCut: boolean }> {
  const [change = 0, receipt = 0] = readCursor(id, 2);
  const { first, last } = await feedBounds(db);
  if (change > last || (first > 0 && change < first - 1)) return { ...(await latest(db)), isCut: true };
  return { change, receipt, isCut: false };
}

async function latest(db: Reader): Promise<Heard & { isCut: boolean }> {
  const { last } = await feedBounds(db);
  const receipt = await db
    .selectFrom("receipts")
    .select("sequence")
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  return { change: last, receipt: receipt?.sequence ?? 0, isCut: false };
}

async function tell(
  stream: SSEStreamingApi,
  reader: IndexReader,
  { isCut, ...heard }: Heard & { isCut: boolean },
): Promise<void> {
  const send = (event: string, data: object, id?: string) =>
    stream.writeSSE({ event, data: JSON.stringify(data), ...(id === undefined ? {} : { id }) });
  const idOf = () => writeCursor([heard.change, heard.receipt]);
  if (isCut) await send("reset", {}, idOf());
  let toldHead = "";
  let wroteAt = 0;
  while (!stream.aborted && !stream.closed && !reader.isStopping?.()) {
    const head = reader.view()?.head;
    if (head && head.hash !== toldHead) {
      toldHead = head.hash;
      wroteAt = performance.now();
      await send("head", { number: head.number, timestamp: head.timestampSeconds }, idOf());
    }
    const changes = await changesAfter(reader.ledger, heard.change, CHANGES_PER_LOOK);
    for (const change of changes) {
      heard.change = change.sequence;
      for (const { event, data } of await messagesOf(reader, change)) {
        wroteAt = performance.now();
        await send(event, data, idOf());
        if (stream.aborted) return;
      }
    }
    for (const { sequence, claim_id: claimId } of await receiptsAfter(reader.ledger, heard.receipt)) {
      heard.receipt = sequence;
      wroteAt = performance.now();
      await send("claim", { claimId, status: "Served", batchId: null }, idOf());
    }
    if (changes.length === CHANGES_PER_LOOK) continue;
    if (performance.now() - wroteAt > HEARTBEAT_MILLISECONDS) {
      wroteAt = performance.now();
      await stream.write(": still here\n\n");
    }
    await stream.sleep(LOOK_MILLISECONDS);
  }
}

function receiptsAfter(db: Reader, sequence: number) {
  return db
    .selectFrom("receipts")
    .select(["sequence", "claim_id"])
    .where("sequence", ">", sequence)
    .orderBy("sequence")
    .limit(CHANGES_PER_LOOK)
    .execute();
}

/** What a change is told as: as things are now, which may be later than the change. */
async function messagesOf(
  reader: IndexReader,
  change: FedChange,
): Promise<{ event: string; data: object }[]> {
  if (change.kind === "reorg") return [{ event: "reorg", data: { fromBlock: change.fromBlock } }];
  if (change.kind === "batch") return batchMessages(reader, change.batchId);
  const row = await claims(reader.ledger)
    .where("b.batch_id", "=", change.batchId)
    .where("c.leaf_index", "=", change.index)
    .executeTakeFirst();
  const place = { batchId: change.batchId, index: change.index };
  if (!row) return change.kind === "challenge" ? [{ event: "challenge", data: place }] : [];
  const { status } = statusAt(row, reader.clock.nowSeconds());
  return [{ event: change.kind, data: { claimId: row.claim_id, status, ...place } }];
}

async function batchMessages(reader: IndexReader, batchId: Hex): Promise<{ event: string; data: object }[]> {
  const place = await reader.ledger
    .selectFrom("index_batches")
    .select(["ordinal", "count"])
    .where("batch_id", "=", batchId)
    .executeTakeFirst();
  // Taken back meanwhile; a reorg is told next.
  if (!place) return [];
  const messages: { event: string; data: object }[] = [
    { event: "batch", data: await oneBatch(reader, batchId) },
  ];
  if (place.count > CLAIMS_TOLD) return messages;
  const rows = await claims(reader.ledger)
    .where("b.batch_id", "=", batchId)
    .orderBy("c.leaf_index")
    .execute();
  const now = reader.clock.nowSeconds();
  for (const row of rows) {
    const { status } = statusAt(row, now);
    messages.push({
      event: "claim",
      data: { claimId: row.claim_id, status, batchId, index: row.leaf_index },
    });
  }
  return messages;
}
