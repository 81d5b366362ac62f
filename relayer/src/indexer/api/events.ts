// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { RECEIPTS_INTERFACE, SETTLEMENT_INTERFACE } from "../../chain/contracts.ts";
import { eventSources } from "../../chain/event-sources.ts";
import type { Reader, Row } from "../../ledger/schema.ts";
import type { IndexReader } from "../services.ts";
import { cut, type Listed } from "./answer.ts";
import type { Page } from "./query.ts";

/** Which events are asked for. */
export interface EventFilter {
  name?: string | undefined;
  batch?: Hex | undefined;
  claim?: Hex | undefined;
  /** A request, a model, a policy or a key. */
  subject?: Hex | undefined;
  tx?: Hex | undefined;
  operator?: Address | undefined;
}

/** `GET /events`: as they were decoded, the latest first. */
export async function listEvents(
  { ledger }: IndexReader,
  filter: EventFilter,
  page: Page,
): Promise<Listed<object>> {
  const rows = await eventRows(ledger, filter, page);
  const contractName = await contractNames(ledger);
  return cut(
    rows,
    page,
    (row) => [row.block_number, row.log_index],
    (row) => eventView(row, contractName),
  );
}

/** Rows of a page of events and one more. */
export function eventRows(db: Reader, filter: EventFilter, { cursor, limit }: Page) {
  let query = db
    .selectFrom("events")
    .selectAll()
    .orderBy("block_number", "desc")
    .orderBy("log_index", "desc")
    .limit(limit + 1);
  if (filter.name !== undefined) query = query.where("name", "=", filter.name);
  if (filter.batch) query = query.where("batch_id", "=", filter.batch);
  if (filter.claim) query = query.where("claim_id", "=", filter.claim);
  if (filter.subject) query = query.where("subject", "=", filter.subject);
  if (filter.tx) query = query.where("tx_hash", "=", filter.tx);
  if (filter.operator) query = query.where("operator", "=", filter.operator);
  const [block, log] = cursor ?? [];
  if (block !== undefined && log !== undefined) {
    query = query.where((eb) => eb(eb.refTuple("block_number", "log_index"), "<", eb.tuple(block, log)));
  }
  return query.execute();
}

/** The name of the contract that emitted an event. */
export async function contractNames(db: Reader): Promise<(row: Row<"events">) => string> {
  const names = new Map((await eventSources(db)).map(({ address, name }) => [address, name]));
  return ({ contract, name }) =>
    (contract === null ? undefined : names.get(contract)) ??
    // Of both, only `Withdrawn` and `AuthorityUpdated` are in the other too.
    (RECEIPTS_INTERFACE.hasEvent(name) && !SETTLEMENT_INTERFACE.hasEvent(name) ? "Receipts" : "Settlement");
}

/** An event as it is shown. */
export function eventView(row: Row<"events">, contractName: (row: Row<"events">) => string) {
  return {
    block: row.block_number,
    logIndex: row.log_index,
    blockHash: row.block_hash,
    tx: row.tx_hash,
    at: row.timestamp,
    contract: contractName(row),
    address: row.contract,
    name: row.name,
    arguments: JSON.parse(row.arguments) as Record<string, string>,
  };
}
