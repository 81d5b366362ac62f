// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { isOpen, type Standing } from "../../chain/claim-standing.ts";
import type { ClaimStatus } from "../../ledger/claim-status.ts";
import type { Reader } from "../../ledger/schema.ts";
import type { IndexReader } from "../services.ts";
import type { Listed } from "./answer.ts";
import { type Page, writeCursor } from "./query.ts";
import { kindNames, statusAt } from "./standing.ts";

/** Which claims are asked for. */
export interface ClaimFilter {
  operator?: Address | undefined;
  model?: Hex | undefined;
  policy?: Hex | undefined;
  requester?: Address | undefined;
  status?: ClaimStatus | undefined;
  /** Of one batch; with the batch's order. */
  ordinal?: number | undefined;
}

/** The statuses that can be asked for. */
export const LISTED_STATUSES = [
  ...(["Served", "Committed", "Attested", "Proven", "Final"] as const),
  ...(["Challenged", "Rejected", "Voided"] as const),
] satisfies readonly ClaimStatus[];

/** Keys of receipts that wait sort before all others, which are of commits. */
const WAITING = 1;
const COMMITTED = 0;

/**
 * `GET /claims`: receipts of this relayer that are not on chain, the last given first; then the claims of batches, the last
 * committed first. The key of a row does not change while it is listed, so that no claim is missed that was there when the
 * first page was read.
 */
export async function listClaims(
  reader: IndexReader,
  filter: ClaimFilter,
  page: Page,
): Promise<Listed<object>> {
  const [stage = WAITING, first = Number.MAX_SAFE_INTEGER, second = Number.MAX_SAFE_INTEGER] =
    page.cursor ?? [];
  const waiting = stage === WAITING ? await waitingRows(reader.ledger, filter, first, page.limit + 1) : [];
  const left = page.limit + 1 - waiting.length;
  const from = stage === WAITING ? undefined : ([first, second] as const);
  const committed = left > 0 ? await committedRows(reader, filter, from, left) : [];
  const rows = [
    ...waiting.map((row) => ({ key: [WAITING, row.sequence, 0], item: waitingView(row) })),
    ...committed.map((row) => ({
      key: [COMMITTED, row.ordinal, row.leaf_index],
      item: claimItem(row, reader.clock.nowSeconds()),
    })),
  ];
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ item }) => item),
    nextCursor: rows.length > page.limit && last ? writeCursor(last.key) : null,
  };
}

/** `GET /batches/{id}/claims`: in the order of the leaves. */
export async function claimsOfBatch(reader: IndexReader, batchId: Hex, page: Page): Promise<Listed<object>> {
  const [index = -1] = page.cursor ?? [];
  const rows = await claims(reader.ledger)
    .where("b.batch_id", "=", batchId)
    .where("c.leaf_index", ">", index)
    .orderBy("c.leaf_index")
    .limit(page.limit + 1)
    .execute();
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    items: shown.map((row) => claimItem(row, reader.clock.nowSeconds())),
    nextCursor: rows.length > page.limit && last ? writeCursor([last.leaf_index]) : null,
  };
}

/** A claim as lists show it, of the columns of {@link claims}. */
export function claimItem(row: CommittedRow, nowSeconds: number) {
  const kinds = row.leaf_kinds ?? (row.attested_at === null ? 0 : TEE);
  return {
    claimId: row.claim_id,
    batchId: row.batch_id,
    index: row.leaf_index,
    operator: row.operator,
    modelId: row.model_id,
    policyId: row.policy_id,
    requester: row.requester,
    requestId: row.request_id,
    servedAt: row.served_at,
    committedAt: row.committed_at,
    ...statusAt(row, nowSeconds),
    evidence: kindNames(kinds),
    source: "batch",
  };
}

/** A row of {@link claims}. */
export type CommittedRow = Awaited<ReturnType<ReturnType<typeof claims>["executeTakeFirstOrThrow"]>>;

/**
 * Claims of batches with all that their status follows from.
 *
 * @param lead the table whose index is to give the order. A sign before a column keeps the planner of SQLite from going by
 * the other table and sorting what it finds
 */
export function claims(db: Reader, lead?: "b" | "c" | "l") {
  const [b, c, l] = (["b", "c", "l"] as const).map((table) => sql.raw(table === lead ? `+${table}` : table));
  return db
    .selectFrom("index_claims as c")
    .innerJoin("index_batches as b", (join) => join.on(sql<boolean>`${c}.ordinal = ${b}.ordinal`))
    .leftJoin("index_leaves as l", (join) =>
      join.on(sql<boolean>`${c}.ordinal = ${l}.ordinal`).on(sql<boolean>`${c}.leaf_index = ${l}.leaf_index`),
    )
    .select(["c.ordinal", "c.leaf_index", "c.claim_id", "c.model_id", "c.requester", "c.request_id"])
    .select(["c.served_at", "c.stray", "b.batch_id", "b.operator", "b.policy_id", "b.committed_at"])
    .select(["b.standing", "b.final_at", "b.attested_at", "l.standing as leaf_standing"])
    .select(["l.final_at as leaf_final_at", "l.kinds as leaf_kinds"]);
}

const TEE = 2;

/** One of the ordered lists that a filtered list is merged of: each follows an index and leaves out little on its way. */
interface Stream {
  /** Claims to which nothing has happened, those to which something has, or both. */
  of: "untouched" | "touched" | "all";
  standing?: Standing;
  /** What the clock must say of them. */
  clock?: "open" | "past";
  /** Batches that name the model, or that name none. */
  model?: "named" | "mixed";
}

function streamsFor({ status, model }: ClaimFilter): Stream[] {
  const streams = byStatus(status);
  if (model === undefined) return streams;
  return streams.flatMap((stream) => [
    { ...stream, model: "named" as const },
    { ...stream, model: "mixed" as const },
  ]);
}

function byStatus(status: ClaimStatus | undefined): Stream[] {
  if (status === undefined) return [{ of: "all" }];
  if (status === "Served") return [];
  if (status === "Final") {
    return [
      { of: "untouched", clock: "past" },
      { of: "touched", standing: "Final" },
      ...(["Committed", "Attested", "Proven"] as const).map((standing) => ({
        ...{ of: "touched" as const, standing },
        clock: "past" as const,
      })),
    ];
  }
  if (!isOpen(status)) return [{ of: "touched", standing: status }];
  return [
    { of: "untouched", standing: status, clock: "open" },
    { of: "touched", standing: status, clock: "open" },
  ];
}

async function committedRows(
  { ledger, clock }: IndexReader,
  filter: ClaimFilter,
  from: readonly [number, number] | undefined,
  limit: number,
): Promise<CommittedRow[]> {
  const now = clock.nowSeconds();
  const streams = streamsFor(filter);
  const openFrom = streams.some((stream) => stream.clock === "open") ? await firstOpen(ledger, now) : 0;
  const lists: CommittedRow[][] = [];
  for (const stream of streams) {
    lists.push(await streamQuery(ledger, stream, filter, { now, openFrom, from }).limit(limit).execute());
  }
  if (lists.length === 1) return lists[0] ?? [];
  return lists
    .flat()
    .sort((a, b) => b.ordinal - a.ordinal || b.leaf_index - a.leaf_index)
    .slice(0, limit);
}

interface StreamBounds {
  now: number;
  /** No batch before this one has an open claim. */
  openFrom: number;
  from: readonly [number, number] | undefined;
}

function streamQuery(db: Reader, stream: Stream, filter: ClaimFilter, { now, openFrom, from }: StreamBounds) {
  // By the table that leads: its index gives the order, and the others are looked up row by row.
  const lead =
    stream.of === "touched" ? "l" : filter.requester ? "c" : needsBatch(stream, filter) ? "b" : "c";
  let query = claims(db, lead).orderBy(`${lead}.ordinal`, "desc");
  query = query.orderBy(stream.of === "touched" ? "l.leaf_index" : "c.leaf_index", "desc");
  if (from) {
    const [ordinal, index] = from;
    query = query
      .where(`${lead}.ordinal`, "<=", ordinal)
      .where((eb) => eb.or([eb(`${lead}.ordinal`, "<", ordinal), eb("c.leaf_index", "<", index)]));
  }
  if (stream.of === "untouched") query = query.where("l.leaf_index", "is", null);
  if (stream.of === "touched") query = query.where("l.leaf_index", "is not", null);
  if (stream.of !== "all") query = query.where("c.stray", "is", null);
  const row = stream.of === "touched" ? "l" : "b";
  if (stream.standing) query = query.where(`${row}.standing`, "=", stream.standing);
  if (stream.clock === "open") {
    query = query.where(`${row}.final_at`, ">", now).where(`${lead}.ordinal`, ">=", openFrom);
  }
  if (stream.clock === "past") {
    query = query.where((eb) =>
      eb.or([eb(`${row}.final_at`, "<=", now), eb(`${row}.standing`, "=", "Final")]),
    );
  }
  if (filter.operator) query = query.where(lead === "l" ? "l.operator" : "b.operator", "=", filter.operator);
  if (filter.policy) query = query.where("b.policy_id", "=", filter.policy);
  if (filter.requester) query = query.where("c.requester", "=", filter.requester);
  if (filter.model) {
    query = query
      .where("c.model_id", "=", filter.model)
      .where("b.model_id", "=", stream.model === "mixed" ? ZERO_HASH : filter.model);
  }
  return query;
}

function needsBatch(stream: Stream, filter: ClaimFilter): boolean {
  return (
    filter.operator !== undefined ||
    filter.policy !== undefined ||
    stream.model !== undefined ||
    stream.of === "untouched"
  );
}

/** The first batch in which a claim is open; all that came before are over. */
async function firstOpen(db: Reader, now: number): Promise<number> {
  const batch = await db
    .selectFrom("index_batches")
    .select((eb) => eb.fn.min<number | null>("ordinal").as("first"))
    .where("final_at", ">", now)
    .executeTakeFirst();
  const leaf = await db
    .selectFrom("index_leaves")
    .select((eb) => eb.fn.min<number | null>("ordinal").as("first"))
    .where("final_at", ">", now)
    .executeTakeFirst();
  return Math.min(batch?.first ?? Number.MAX_SAFE_INTEGER, leaf?.first ?? Number.MAX_SAFE_INTEGER);
}

interface WaitingRow {
  sequence: number;
  claim_id: Hex;
  model_id: Hex;
  policy_id: Hex;
  requester: string;
  request_id: string;
  served_at: number;
  claim: string;
  batch_id: Hex | null;
  leaf_index: number | null;
}

/** Receipts that no commit on chain has taken up. */
async function waitingRows(
  db: Reader,
  filter: ClaimFilter,
  before: number,
  limit: number,
): Promise<WaitingRow[]> {
  if (filter.status !== undefined && filter.status !== "Served") return [];
  const receipts = () => {
    let query = db
      .selectFrom("receipts as r")
      .select(["r.sequence", "r.claim_id", "r.model_id", "r.policy_id", "r.requester", "r.request_id"])
      .select(["r.served_at", "r.claim", "r.batch_id", "r.leaf_index"])
      .where("r.sequence", "<", before)
      .orderBy("r.sequence", "desc")
      .limit(limit);
    if (filter.model) query = query.where("r.model_id", "=", filter.model);
    if (filter.policy) query = query.where("r.policy_id", "=", filter.policy);
    if (filter.requester) query = query.where("r.requester", "=", filter.requester);
    return query;
  };
  // Not parameters: only then are the partial indexes seen to fit.
  const unsealed = await receipts().where("r.state", "=", sql.lit("served")).execute();
  const uncommitted = await receipts()
    .where("r.batch_id", "in", (eb) =>
      eb.selectFrom("batches as own").select("own.batch_id").where("own.committed_block", "is", null),
    )
    .execute();
  return [...unsealed, ...uncommitted]
    .filter(({ claim }) => filter.operator === undefined || operatorOf(claim) === filter.operator)
    .sort((a, b) => b.sequence - a.sequence)
    .slice(0, limit);
}

function waitingView(row: WaitingRow) {
  return {
    claimId: row.claim_id,
    batchId: row.batch_id,
    index: row.leaf_index,
    operator: operatorOf(row.claim),
    modelId: row.model_id,
    policyId: row.policy_id,
    requester: row.requester,
    requestId: row.request_id,
    servedAt: row.served_at,
    committedAt: null,
    status: "Served",
    finalAt: null,
    evidence: [],
    source: "receipt",
  };
}

function operatorOf(claim: string): string {
  return (JSON.parse(claim) as { operator: string }).operator;
}
