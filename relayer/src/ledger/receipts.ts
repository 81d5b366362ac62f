// SPDX-License-Identifier: GPL-3.0-or-later

import { type Claim, claimToJson, parseClaim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import type { Receipt } from "@meantime/sdk/receipt";
import { type CompiledQuery, sql } from "kysely";
import { groupCommit } from "./group-commit.ts";
import type { Ledger, LedgerKind } from "./ledger.ts";
import type { Reader, Row, Writer } from "./schema.ts";
import { sqliteComposer } from "./sqlite-composer.ts";

/** What the gateway keeps of one answer: the receipt, its opening, and enough to give the same answer again. */
export interface StoredReceipt {
  receipt: Receipt;
  opening: { input: Uint8Array; salt: Hex; output: Uint8Array };
  /** Tells a repeated request from another one under the same id. */
  requestDigest: Hex;
  /** The answer's `output`, as JSON. */
  answer: string;
  batchId?: Hex;
  index?: number;
}

/** A receipt in a batch, with what opens it. */
export type BatchedReceipt = Pick<StoredReceipt, "receipt" | "opening"> & { index: number };

/** A group of receipts that may share a batch, and how urgent it is. Times are unix seconds. */
export interface WaitingGroup {
  policyId: Hex;
  modelId: Hex;
  count: number;
  oldestServedAt: number;
  nearestCommitBy: number;
}

/** What a batch needs of a receipt. */
export interface WaitingLeaf {
  claimId: Hex;
  /** Unix seconds. */
  servedAt: number;
  opening: StoredReceipt["opening"];
}

/** How many receipts of a policy have no bond locked on chain yet. */
export interface UnlockedCount {
  policyId: Hex;
  count: number;
}

/** Whether one more receipt can be promised, beside those that are not locked yet. */
export type Admission = (unlocked: readonly UnlockedCount[]) => boolean;

/** `known`: the request was answered before, by another receipt. `refused`: not admitted. Neither left a trace. */
export type InsertResult = "stored" | "known" | "refused";

interface Arrival {
  stored: StoredReceipt;
  readUpTo: number;
  admits: Admission;
}

/**
 * On SQLite the next group gathers while the writer waits for the disk: smaller ones keep both at work. Elsewhere a transaction is some
 * messages to a server.
 */
const MAX_GROUP: Record<LedgerKind, number> = { sqlite: 32, postgres: 256 };

/**
 * Receipts in one statement, which has a parameter for each column of each. Of few sizes, for each is a statement that the
 * connection keeps, with the receipts that it was given last.
 */
const ROWS_PER_STATEMENT = [256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 7, 6, 5, 4, 3, 2, 1] as const;

const ALWAYS: Admission = () => true;

const writers = new WeakMap<Ledger, (arrival: Arrival) => Promise<InsertResult>>();

/**
 * Stores a receipt; durable when this resolves. Receipts that arrive together share one transaction.
 *
 * The database itself gives at most one receipt per (requester, requestId, modelId), and counts what is promised in the
 * same transaction: no two gateways can promise the same free stake.
 *
 * @param admits asked inside the transaction, with the receipts whose commit is not in a block up to `readUpTo`
 */
export function insertReceipt(
  ledger: Ledger,
  stored: StoredReceipt,
  readUpTo = Number.MAX_SAFE_INTEGER,
  admits: Admission = ALWAYS,
): Promise<InsertResult> {
  let insert = writers.get(ledger);
  if (!insert) {
    insert = groupCommit((arrivals) => insertAll(ledger, arrivals), MAX_GROUP[ledger.kind]);
    writers.set(ledger, insert);
  }
  return insert({ stored, readUpTo, admits });
}

function insertAll(ledger: Ledger, arrivals: readonly Arrival[]): Promise<InsertResult[]> {
  const { runAll } = ledger;
  if (runAll) return insertAtOnce(ledger, runAll, arrivals);
  return ledger.transaction(async (tx) => {
    await lockAdmission(tx, ledger.kind);
    const admitted = await admittedOf(tx, arrivals);
    const inserted = await insertRows(tx, ledger.kind, admitted);
    await countWaiting(
      tx,
      admitted.filter(({ receipt }) => inserted.has(receipt.claimId)),
    );
    return resultsOf(arrivals, admitted, inserted);
  });
}

/**
 * Where a ledger has one process, nobody else adds to what is promised, and groups are stored one after the other: what is counted
 * before the transaction is not too little when it ends.
 */
async function insertAtOnce(
  ledger: Ledger,
  runAll: NonNullable<Ledger["runAll"]>,
  arrivals: readonly Arrival[],
): Promise<InsertResult[]> {
  const admitted = await admittedOf(ledger, arrivals);
  const groups = Map.groupBy(admitted, ({ receipt: { claim } }) => `${claim.policyId}:${claim.modelId}`);
  const queries = [...groups.values()].flatMap((group) =>
    inStatements(group).flatMap((some) => [
      insertionOf(sqliteComposer, "sqlite", some.map(toRow)),
      ...some.slice(0, 1).map(({ receipt }) => countInserted(receipt.claim)),
    ]),
  );
  const results = queries.length === 0 ? [] : await runAll(queries);
  const rows = results.flatMap((result) => result.rows as { claim_id?: Hex }[]);
  return resultsOf(arrivals, admitted, new Set(rows.flatMap(({ claim_id }) => claim_id ?? [])));
}

async function admittedOf(db: Reader, arrivals: readonly Arrival[]): Promise<StoredReceipt[]> {
  const unlocked = new Map<number, UnlockedCount[]>();
  const admitted: StoredReceipt[] = [];
  for (const { stored, readUpTo, admits } of arrivals) {
    const counts = unlocked.get(readUpTo) ?? (await unlockedCounts(db, readUpTo));
    unlocked.set(readUpTo, counts);
    if (!admits(counts)) continue;
    admitted.push(stored);
    for (const each of unlocked.values()) addOne(each, stored.receipt.claim.policyId);
  }
  return admitted;
}

function resultsOf(
  arrivals: readonly Arrival[],
  admitted: readonly StoredReceipt[],
  inserted: ReadonlySet<Hex>,
): InsertResult[] {
  return arrivals.map(({ stored }) => {
    if (inserted.has(stored.receipt.claimId)) return "stored";
    return admitted.includes(stored) ? "known" : "refused";
  });
}

/** One row that every admission locks: on SQLite there is one writer anyway. */
async function lockAdmission(tx: Writer, kind: Ledger["kind"]): Promise<void> {
  if (kind === "sqlite") return;
  await tx.selectFrom("facts").select("value").where("name", "=", "admission").forUpdate().execute();
}

function addOne(counts: UnlockedCount[], policyId: Hex): void {
  const known = counts.find((count) => count.policyId === policyId);
  if (known) known.count += 1;
  else counts.push({ policyId, count: 1 });
}

async function insertRows(
  tx: Writer,
  kind: LedgerKind,
  admitted: readonly StoredReceipt[],
): Promise<Set<Hex>> {
  const inserted = new Set<Hex>();
  for (const some of inStatements(admitted)) {
    const { rows } = await tx.executeQuery(insertionOf(tx, kind, some.map(toRow)));
    for (const { claim_id } of rows) inserted.add(claim_id);
  }
  return inserted;
}

function inStatements(admitted: readonly StoredReceipt[]): StoredReceipt[][] {
  const statements: StoredReceipt[][] = [];
  for (let from = 0; from < admitted.length; ) {
    const count = ROWS_PER_STATEMENT.find((size) => size <= admitted.length - from) ?? 1;
    statements.push(admitted.slice(from, from + count));
    from += count;
  }
  return statements;
}

type ReceiptRow = ReturnType<typeof toRow>;

const insertions: Record<LedgerKind, Map<number, CompiledQuery<{ claim_id: Hex }>>> = {
  sqlite: new Map(),
  postgres: new Map(),
};

/** Inserts rows that are not there yet. Composing the statement takes longer than running it: one is kept for each number of rows. */
function insertionOf(
  composer: Pick<Writer, "insertInto">,
  kind: LedgerKind,
  rows: readonly ReceiptRow[],
): CompiledQuery<{ claim_id: Hex }> {
  let compiled = insertions[kind].get(rows.length);
  if (!compiled) {
    compiled = composer
      .insertInto("receipts")
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .returning("claim_id")
      .compile();
    insertions[kind].set(rows.length, compiled);
  }
  return { ...compiled, parameters: rows.flatMap((row) => Object.values(row)) };
}

// Every member by name: the order of the values is that of a statement composed earlier.
function toRow({ receipt, opening, requestDigest, answer }: StoredReceipt) {
  const { claim, claimId, signature } = receipt;
  return {
    claim_id: claimId,
    requester: claim.requester,
    request_id: claim.requestId,
    model_id: claim.modelId,
    policy_id: claim.policyId,
    request_digest: requestDigest,
    claim: JSON.stringify(claimToJson(claim)),
    signature,
    input: opening.input,
    salt: opening.salt,
    output: opening.output,
    answer,
    served_at: Number(claim.servedAt),
    commit_by: Number(claim.commitBy),
  };
}

/** The same for the statement before it, which inserted receipts of one policy and model: SQLite knows how many. */
function countInserted({ policyId, modelId }: Claim): CompiledQuery {
  return sql`
    INSERT INTO exposure (policy_id, model_id, waiting) VALUES (${policyId}, ${modelId}, changes())
    ON CONFLICT (policy_id, model_id) DO UPDATE SET waiting = exposure.waiting + excluded.waiting`.compile(
    sqliteComposer,
  );
}

/** Keeps `exposure` equal to the receipts that wait. */
async function countWaiting(tx: Writer, stored: readonly StoredReceipt[]): Promise<void> {
  const groups = Map.groupBy(stored, ({ receipt: { claim } }) => `${claim.policyId}:${claim.modelId}`);
  for (const [first, ...others] of groups.values()) {
    if (!first) continue;
    const { policyId, modelId } = first.receipt.claim;
    await tx
      .insertInto("exposure")
      .values({ policy_id: policyId, model_id: modelId, waiting: others.length + 1 })
      .onConflict((conflict) =>
        conflict.columns(["policy_id", "model_id"]).doUpdateSet((eb) => ({
          waiting: eb("exposure.waiting", "+", eb.ref("excluded.waiting")),
        })),
      )
      .execute();
  }
}

/** The receipt given for a request, if one was. */
export async function findByRequest(
  db: Reader,
  request: Pick<Claim, "requester" | "requestId" | "modelId">,
): Promise<StoredReceipt | undefined> {
  const row = await db
    .selectFrom("receipts")
    .selectAll()
    .where("requester", "=", request.requester)
    .where("request_id", "=", request.requestId)
    .where("model_id", "=", request.modelId)
    .executeTakeFirst();
  return row && storedReceiptFrom(row);
}

/** The receipt of a claim. */
export async function findReceipt(db: Reader, claimId: Hex): Promise<StoredReceipt | undefined> {
  const row = await db.selectFrom("receipts").selectAll().where("claim_id", "=", claimId).executeTakeFirst();
  return row && storedReceiptFrom(row);
}

/** The receipts of a batch in the order of its leaves. */
export async function receiptsOfBatch(db: Reader, batchId: Hex): Promise<BatchedReceipt[]> {
  const rows = await leaves(db, batchId)
    .select(["leaf_index as index", ...SIGNED_COLUMNS, ...OPENING_COLUMNS])
    .$narrowType<{ index: number }>()
    .execute();
  return rows.map(({ index, input, salt, output, ...signed }) => ({
    ...{ index, receipt: receiptFrom(signed), opening: { input, salt, output } },
  }));
}

/** The same without what opens them. */
export async function signedClaimsOfBatch(db: Reader, batchId: Hex): Promise<Receipt[]> {
  const rows = await leaves(db, batchId).select(SIGNED_COLUMNS).execute();
  return rows.map(receiptFrom);
}

/** What opens the claims of a batch, in the order of its leaves. */
export async function openingsOfBatch(db: Reader, batchId: Hex): Promise<StoredReceipt["opening"][]> {
  return leaves(db, batchId).select(OPENING_COLUMNS).execute();
}

/**
 * Some receipts of a batch in the order of its leaves.
 *
 * @param from the first leaf
 * @param most how many leaves
 * @param withOpenings otherwise what opens them is not even read
 */
export async function someOfBatch(
  db: Reader,
  batchId: Hex,
  { from, most, withOpenings }: { from: number; most: number; withOpenings: boolean },
): Promise<{ receipt: Receipt; opening?: StoredReceipt["opening"] }[]> {
  const some = leaves(db, batchId)
    .where("leaf_index", ">=", from)
    .where("leaf_index", "<", from + most)
    .select(SIGNED_COLUMNS);
  if (!withOpenings) return (await some.execute()).map((row) => ({ receipt: receiptFrom(row) }));
  const rows = await some.select(OPENING_COLUMNS).execute();
  return rows.map(({ input, salt, output, ...signed }) => ({
    ...{ receipt: receiptFrom(signed), opening: { input, salt, output } },
  }));
}

/** The claim ids of a batch in the order of its leaves. */
export async function claimIdsOfBatch(db: Reader, batchId: Hex): Promise<Hex[]> {
  const rows = await leaves(db, batchId).select("claim_id").execute();
  return rows.map((row) => row.claim_id);
}

const SIGNED_COLUMNS = ["claim", "claim_id", "signature"] as const;
const OPENING_COLUMNS = ["input", "salt", "output"] as const;

/** What a batch is about; never the answers, which are large and in no batch. */
function leaves(db: Reader, batchId: Hex) {
  return db.selectFrom("receipts").where("batch_id", "=", batchId).orderBy("leaf_index");
}

function receiptFrom(row: Pick<Row<"receipts">, (typeof SIGNED_COLUMNS)[number]>): Receipt {
  return { claim: parseClaim(JSON.parse(row.claim)), claimId: row.claim_id, signature: row.signature };
}

/** Receipts not yet in a batch, grouped by what may share one. */
export async function waitingGroups(db: Reader): Promise<WaitingGroup[]> {
  const groups = await db.selectFrom("exposure").selectAll().where("waiting", ">", 0).execute();
  const complete: WaitingGroup[] = [];
  for (const { policy_id: policyId, model_id: modelId, waiting: count } of groups) {
    const oldest = await firstWaiting(db, { policyId, modelId }, "served_at");
    const nearest = await firstWaiting(db, { policyId, modelId }, "commit_by");
    if (oldest === undefined || nearest === undefined) continue;
    complete.push({ policyId, modelId, count, oldestServedAt: oldest, nearestCommitBy: nearest });
  }
  return complete;
}

/** The least of a time among the receipts that wait: the first entry of an index. */
async function firstWaiting(
  db: Reader,
  group: Pick<WaitingGroup, "policyId" | "modelId">,
  column: "served_at" | "commit_by",
): Promise<number | undefined> {
  const row = await waiting(db, group).select(`${column} as at`).orderBy(column).limit(1).executeTakeFirst();
  return row?.at;
}

/** The oldest receipts of a group, at most `limit`, as far as a batch is made of them. */
export async function waitingLeaves(db: Reader, group: WaitingGroup, limit: number): Promise<WaitingLeaf[]> {
  const rows = await waiting(db, group)
    .select(["claim_id", "served_at", "input", "salt", "output"])
    .orderBy("sequence")
    .limit(limit)
    .execute();
  return rows.map(({ claim_id, served_at, ...opening }) => ({
    claimId: claim_id,
    servedAt: served_at,
    opening,
  }));
}

/** What is published of claims, in the order given. @throws RangeError one of them is not stored */
export async function publishedClaims(
  db: Reader,
  claimIds: readonly Hex[],
): Promise<(Pick<StoredReceipt, "opening"> & Pick<Receipt, "claim" | "signature">)[]> {
  const rows = await db
    .selectFrom("receipts")
    .select(["claim_id", "claim", "signature", "input", "salt", "output"])
    .where("claim_id", "in", claimIds)
    .execute();
  const byId = new Map(rows.map((row) => [row.claim_id, row]));
  return claimIds.map((claimId) => {
    const row = byId.get(claimId);
    if (!row) throw new RangeError(`claim ${claimId} is not stored`);
    const { claim, signature, claim_id: _, ...opening } = row;
    return { claim: parseClaim(JSON.parse(claim)), signature, opening };
  });
}

function waiting(db: Reader, { policyId, modelId }: Pick<WaitingGroup, "policyId" | "modelId">) {
  return (
    db
      .selectFrom("receipts")
      // Not a parameter: only then is the partial index seen to fit.
      .where("state", "=", sql.lit("served"))
      .where("policy_id", "=", policyId)
      .where("model_id", "=", modelId)
  );
}

/**
 * How many receipts of each policy have no bond locked on chain as of a block: not batched, or batched and not committed
 * by then.
 */
export async function unlockedCounts(db: Reader, readUpTo: number): Promise<UnlockedCount[]> {
  const groups = await db
    .selectFrom("exposure")
    .select(["policy_id", "waiting as claims"])
    .unionAll(
      db
        .selectFrom("batches")
        .select(["policy_id", "count as claims"])
        .where((eb) => eb.or([eb("committed_block", "is", null), eb("committed_block", ">", readUpTo)])),
    )
    .execute();
  const counts: UnlockedCount[] = [];
  for (const { policy_id: policyId, claims } of groups) {
    const known = counts.find((count) => count.policyId === policyId);
    if (known) known.count += claims;
    else counts.push({ policyId, count: claims });
  }
  return counts;
}

/** How many receipts there are: counts them all. */
export async function countReceipts(db: Reader): Promise<number> {
  const { count } = await db
    .selectFrom("receipts")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

/** A receipt from its row. */
export function storedReceiptFrom(row: Row<"receipts">): StoredReceipt {
  return {
    receipt: receiptFrom(row),
    opening: { input: row.input, salt: row.salt, output: row.output },
    requestDigest: row.request_digest,
    answer: row.answer,
    ...(row.batch_id === null ? {} : { batchId: row.batch_id }),
    ...(row.leaf_index === null ? {} : { index: row.leaf_index }),
  };
}
