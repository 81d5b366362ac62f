// SPDX-License-Identifier: GPL-3.0-or-later

import { batchHeaderToJson } from "@meantime/sdk/batch";
import type { Address, Hex } from "@meantime/sdk/hex";
import { byClock } from "../../chain/claim-standing.ts";
import { headerFromRow } from "../../ledger/batches.ts";
import type { Reader } from "../../ledger/schema.ts";
import { blockOf } from "../ordinal.ts";
import type { IndexReader } from "../services.ts";
import { cut, type Listed } from "./answer.ts";
import { notIndexed, type Page } from "./query.ts";

/** Which batches are asked for. */
export interface BatchFilter {
  operator?: Address | undefined;
  policy?: Hex | undefined;
  model?: Hex | undefined;
}

/** A moment on chain. */
export interface Moment {
  /** Unix seconds. */
  at: number;
  block: number | null;
  tx: Hex | null;
}

/** `GET /batches` */
export async function listBatches(
  reader: IndexReader,
  filter: BatchFilter,
  page: Page,
): Promise<Listed<object>> {
  const [ordinal] = page.cursor ?? [];
  let query = batches(reader.ledger)
    .orderBy("b.ordinal", "desc")
    .limit(page.limit + 1);
  if (filter.operator) query = query.where("b.operator", "=", filter.operator);
  if (filter.policy) query = query.where("b.policy_id", "=", filter.policy);
  if (filter.model) query = query.where("b.model_id", "=", filter.model);
  if (ordinal !== undefined) query = query.where("b.ordinal", "<", ordinal);
  const rows = await query.execute();
  const moments = await batchMoments(
    reader.ledger,
    rows.map(({ batch_id }) => batch_id),
  );
  return cut(
    rows,
    page,
    (row) => [row.ordinal],
    (row) => batchView(row, moments, reader.clock.nowSeconds()),
  );
}

/** `GET /batches/{id}` @throws HttpError 404 */
export async function oneBatch(reader: IndexReader, batchId: Hex): Promise<object> {
  const row = await batches(reader.ledger).where("b.batch_id", "=", batchId).executeTakeFirst();
  if (!row) throw notIndexed("batch");
  return batchView(row, await batchMoments(reader.ledger, [batchId]), reader.clock.nowSeconds());
}

type BatchRow = Awaited<ReturnType<ReturnType<typeof batches>["executeTakeFirstOrThrow"]>>;

function batches(db: Reader) {
  return db
    .selectFrom("index_batches as b")
    .innerJoin("chain_batches as h", "h.batch_id", "b.batch_id")
    .leftJoin("index_data as d", "d.ordinal", "b.ordinal")
    .select(["b.ordinal", "b.batch_id", "b.standing", "b.final_at", "b.touched", "b.committed_at"])
    .select(["h.operator", "h.policy_id", "h.model_id", "h.root", "h.data_root", "h.count"])
    .select(["h.oldest_served_at", "h.nonce", "h.committed_tx"])
    .select(["d.state as data_state", "d.endpoint", "d.error"]);
}

function batchView(row: BatchRow, moments: ReadonlyMap<string, Moment>, nowSeconds: number) {
  const attested = moments.get(`${row.batch_id} BatchAttested`);
  const released = moments.get(`${row.batch_id} BatchReleased`);
  return {
    batchId: row.batch_id,
    header: batchHeaderToJson(headerFromRow(row.operator, row)),
    committed: { at: row.committed_at, block: blockOf(row.ordinal), tx: row.committed_tx },
    ...(attested ? { attested } : {}),
    ...(released ? { released } : {}),
    status: byClock({ standing: row.standing, finalAt: row.final_at }, nowSeconds),
    finalAt: row.final_at,
    dataState: row.data_state ?? "pending",
    ...(row.error === null ? {} : { dataError: row.error }),
    claims: row.count,
    /** Claims that something happened to, which stand by themselves. */
    touched: row.touched,
    endpoint: row.endpoint,
  };
}

/** When batches were attested and released, by id and name of the event; the last time of each. */
async function batchMoments(db: Reader, batchIds: readonly Hex[]): Promise<Map<string, Moment>> {
  if (batchIds.length === 0) return new Map();
  const rows = await db
    .selectFrom("events")
    .select(["batch_id", "name", "block_number", "log_index", "timestamp", "tx_hash"])
    .where("batch_id", "in", batchIds)
    .where("leaf_index", "is", null)
    .where("name", "in", ["BatchAttested", "BatchReleased", "BatchReopened"])
    .orderBy("block_number")
    .orderBy("log_index")
    .execute();
  const moments = new Map<string, Moment>();
  for (const { batch_id, name, block_number, timestamp, tx_hash } of rows) {
    if (name === "BatchReopened") moments.delete(`${batch_id} BatchAttested`);
    else moments.set(`${batch_id} ${name}`, { at: timestamp, block: block_number, tx: tx_hash });
  }
  return moments;
}
