// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { statusName } from "@meantime/sdk/status";
import type { Reader, Row } from "../../ledger/schema.ts";
import type { IndexReader } from "../services.ts";
import { cut, type Listed } from "./answer.ts";
import { claimItem, claims } from "./claim-list.ts";
import { eventRows } from "./events.ts";
import { notIndexed, type Page } from "./query.ts";

/** What a request has come to, by the last of these events. */
const STATES: Readonly<Record<string, string>> = {
  InferenceRequested: "Open",
  RequestDelivered: "Delivered",
  RequestSettled: "Settled",
  RequestRefunded: "Refunded",
  RequestExpired: "Expired",
};

/** `GET /requests`: of contracts, the latest first. */
export async function listRequests({ ledger }: IndexReader, page: Page): Promise<Listed<object>> {
  const rows = await eventRows(ledger, { name: "InferenceRequested" }, page);
  const histories = await historiesOf(
    ledger,
    rows.map(({ subject }) => subject as Hex),
  );
  return cut(
    rows,
    page,
    (row) => [row.block_number, row.log_index],
    (row) => requestView(histories.get(row.subject ?? "") ?? [row]),
  );
}

/** `GET /requests/{id}` @throws HttpError 404 */
export async function oneRequest({ ledger, clock }: IndexReader, requestId: Hex): Promise<object> {
  const events = (await historiesOf(ledger, [requestId])).get(requestId);
  if (!events) throw notIndexed("request");
  const answers = await claims(ledger).where("c.request_id", "=", requestId).limit(50).execute();
  const input = (JSON.parse(events[0]?.arguments ?? "{}") as { input?: Hex }).input ?? null;
  const delivered = events.find(({ name }) => name === "RequestDelivered");
  const { outputHash = null, output = null } = JSON.parse(delivered?.arguments ?? "{}") as {
    outputHash?: Hex;
    output?: Hex;
  };
  return {
    ...requestView(events),
    input,
    outputHash,
    output,
    timeline: events.map((event) => ({
      what: event.name,
      at: event.timestamp,
      block: event.block_number,
      tx: event.tx_hash,
    })),
    claims: answers.map((row) => claimItem(row, clock.nowSeconds())),
  };
}

function requestView(events: readonly Row<"events">[]) {
  const [first] = events;
  const asked = JSON.parse(first?.arguments ?? "{}") as { request?: string };
  const request = JSON.parse(asked.request ?? "{}") as Record<string, string>;
  const last = events.findLast(({ name }) => STATES[name] !== undefined);
  const delivered = events.find(({ name }) => name === "RequestDelivered");
  const { operator: answeredBy = null } = JSON.parse(delivered?.arguments ?? "{}") as { operator?: Address };
  return {
    requestId: first?.subject,
    requester: request.requester,
    modelId: request.modelId,
    policyId: request.policyId,
    operator: request.operator,
    inputHash: request.inputHash,
    feeWei: request.feeWei,
    minStatus: statusName(Number(request.minStatus)) ?? null,
    expiresAt: Number(request.expiresAt),
    callbackGasLimit: Number(request.callbackGasLimit),
    nonce: request.nonce,
    state: STATES[last?.name ?? ""] ?? "Open",
    answeredBy,
    callbackFailed: events.at(-1)?.name === "CallbackFailed",
    requested: { at: first?.timestamp, block: first?.block_number, tx: first?.tx_hash },
  };
}

/** The events of requests by id, from the asking on. */
async function historiesOf(db: Reader, ids: readonly Hex[]): Promise<Map<string, Row<"events">[]>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom("events")
    .selectAll()
    .where("subject", "in", ids)
    .orderBy("block_number")
    .orderBy("log_index")
    .execute();
  const asked = new Set(
    rows.flatMap(({ name, subject }) => (name === "InferenceRequested" ? [subject] : [])),
  );
  return Map.groupBy(
    rows.filter(({ subject }) => asked.has(subject)),
    ({ subject }) => subject ?? "",
  );
}
