// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { type ExpressionBuilder, sql } from "kysely";
import { pauseIsOver } from "../ledger/due.ts";
import type { Database, Reader, Row, Writer } from "../ledger/schema.ts";
import { type IntentKind, type Lane, termsOf } from "./kinds.ts";

/**
 * The life of an intent.
 *
 * `queued` nothing signed; `signed` nonce reserved and bytes stored, perhaps not sent; `broadcast` a node took the bytes;
 * `mined` in a block; `confirmed` deep enough to act on; `final` where no reorganisation reaches. `satisfied`: the chain already says what it should have brought about.
 * `failed`: it can never succeed.
 */
export type IntentState =
  | "queued"
  | "signed"
  | "broadcast"
  | "mined"
  | "confirmed"
  | "final"
  | "satisfied"
  | "failed";

/** What the intent is about: enough to ask the chain whether it is still needed. All text. */
export type Subject = Record<string, string>;

/** A transaction that somebody wants sent. */
export interface NewIntent {
  /** At most one intent per key exists, ever. */
  dedupeKey: string;
  kind: IntentKind;
  /** Where another sender than that of its kind has to carry it. */
  lane?: Lane;
  subject: Subject;
  to: Address;
  data: Hex;
  valueWei: bigint;
}

/** A stored intent. */
export interface Intent extends NewIntent {
  id: number;
  lane: Lane;
  state: IntentState;
  /** Whether the nonce is being given back by a transfer to oneself. */
  cancelling: boolean;
  /** Whether the operator cancelled it: it ends with its nonce, whatever the chain needs. */
  unwanted: boolean;
  sender: Address | undefined;
  nonce: number | undefined;
  tries: number;
  /** Unix milliseconds, before which it is not tried again. */
  nextTryAtMilliseconds: number;
  /** What it waits for, or what ended it. */
  error: string | undefined;
  txHash: Hex | undefined;
  blockNumber: number | undefined;
}

/** Queues an intent, unless one with its key exists. @returns whether it was new */
export async function enqueue(tx: Writer, intent: NewIntent): Promise<boolean> {
  const { batchId, index } = intent.subject;
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto("intents")
    .values({
      dedupe_key: intent.dedupeKey,
      lane: intent.lane ?? termsOf(intent.kind).lane,
      kind: intent.kind,
      priority: termsOf(intent.kind).priority,
      subject: JSON.stringify(intent.subject),
      batch_id: batchId ?? null,
      leaf_index: index === undefined ? null : Number(index),
      to_address: intent.to,
      data: intent.data,
      value_wei: intent.valueWei.toString(),
    })
    .onConflict((conflict) => conflict.column("dedupe_key").doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Whether an intent with this key was ever queued. */
export async function isKnown(db: Reader, dedupeKey: string): Promise<boolean> {
  const row = await db
    .selectFrom("intents")
    .select("id")
    .where("dedupe_key", "=", dedupeKey)
    .executeTakeFirst();
  return row !== undefined;
}

/** The intent with this key. */
export async function findIntent(db: Reader, dedupeKey: string): Promise<Intent | undefined> {
  const row = await db
    .selectFrom("intents")
    .selectAll()
    .where("dedupe_key", "=", dedupeKey)
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Intents that hold a nonce of a sender and are not done, lowest nonce first. */
export async function inFlight(db: Reader, sender: Address): Promise<Intent[]> {
  const rows = await db
    .selectFrom("intents")
    .selectAll()
    .where("sender", "=", sender)
    .where(sql<boolean>`state IN ('signed', 'broadcast', 'mined')`)
    .orderBy("nonce")
    .execute();
  return rows.map(fromRow);
}

/** Senders that hold nonces of intents that are not final. */
export async function sendersAtWork(db: Reader): Promise<Address[]> {
  const rows = await db
    .selectFrom("intents")
    .select("sender")
    .distinct()
    .where(sql<boolean>`state IN ('signed', 'broadcast', 'mined', 'confirmed')`)
    .execute();
  return rows.flatMap(({ sender }) => sender ?? []);
}

/** One intent that waits to be sent, if it is of these lanes. */
export async function queued(db: Reader, lanes: readonly Lane[], id: number): Promise<Intent | undefined> {
  if (lanes.length === 0) return undefined;
  const row = await db
    .selectFrom("intents")
    .selectAll()
    .where("id", "=", id)
    .where("lane", "in", lanes)
    .where("state", "=", sql.lit("queued"))
    .executeTakeFirst();
  return row && fromRow(row);
}

/** Confirmed intents of a sender whose nonce the chain should have counted. */
export async function confirmedFrom(db: Reader, sender: Address, chainCount: number): Promise<Intent[]> {
  return confirmed(db, sender, (query) => query.where("nonce", ">=", chainCount));
}

/** Confirmed intents of a sender in blocks up to this one. */
export async function confirmedAtOrBelow(
  db: Reader,
  sender: Address,
  blockNumber: number,
): Promise<Intent[]> {
  return confirmed(db, sender, (query) => query.where("block_number", "<=", blockNumber));
}

async function confirmed(
  db: Reader,
  sender: Address,
  narrow: (query: ReturnType<typeof selectIntents>) => ReturnType<typeof selectIntents>,
): Promise<Intent[]> {
  const query = selectIntents(db).where("sender", "=", sender).where("state", "=", sql.lit("confirmed"));
  const rows = await narrow(query).orderBy("nonce").execute();
  return rows.map(fromRow);
}

function selectIntents(db: Reader) {
  return db.selectFrom("intents").selectAll();
}

/** The highest nonce of a sender that is signed or sent and not in a block for good. */
export async function highestNonceInFlight(db: Reader, sender: Address): Promise<number | undefined> {
  const { highest } = await db
    .selectFrom("intents")
    .select((eb) => eb.fn.max<number | null>("nonce").as("highest"))
    .where("sender", "=", sender)
    .where(sql<boolean>`state IN ('signed', 'broadcast', 'mined')`)
    .executeTakeFirstOrThrow();
  return highest ?? undefined;
}

/** What a block had, and has no more: its bytes are sent again. */
export async function reopen(tx: Writer, id: number): Promise<void> {
  await tx.updateTable("intents").set({ state: "signed", block_number: null }).where("id", "=", id).execute();
}

/** The operator does not want it any more: what it has in flight is cancelled at once, whatever the process that does it. */
export async function renounce(tx: Writer, id: number): Promise<void> {
  await tx
    .updateTable("intents")
    .set({ unwanted: 1, next_try_at_milliseconds: 0 })
    .where("id", "=", id)
    .execute();
}

/** No reorganisation reaches a confirmed transaction any more. */
export async function finalise(tx: Writer, id: number): Promise<void> {
  await tx.updateTable("intents").set({ state: "final" }).where("id", "=", id).execute();
}

/**
 * Intents of lanes that may be tried now, most urgent first, as many of each lane as there is room for.
 *
 * @param longestPauseMilliseconds none of them waits for longer
 */
export async function ready(
  db: Reader,
  lanes: readonly Lane[],
  nowMilliseconds: number,
  longestPauseMilliseconds: number,
  limit: number,
): Promise<Intent[]> {
  const perLane = await Promise.all(
    lanes.map((lane) =>
      db
        .selectFrom("intents")
        .selectAll()
        .where("lane", "=", lane)
        .where("state", "=", sql.lit("queued"))
        .where(pauseIsOver("next_try_at_milliseconds", nowMilliseconds, longestPauseMilliseconds))
        .orderBy("priority")
        .orderBy("id")
        .limit(limit)
        .execute(),
    ),
  );
  return perLane
    .flat()
    .sort((a, b) => a.priority - b.priority || a.id - b.id)
    .map(fromRow);
}

/** Neither done nor given up, in the words of the partial index. */
export const IS_OPEN = sql<boolean>`state IN ('queued', 'signed', 'broadcast', 'mined')`;

/** Intents of a kind that are neither done nor given up. */
export async function openOfKind(db: Reader, kind: IntentKind): Promise<Intent[]> {
  const rows = await db.selectFrom("intents").selectAll().where("kind", "=", kind).where(IS_OPEN).execute();
  return rows.map(fromRow);
}

/** How many intents are neither done nor given up. */
export async function countOpen(db: Reader): Promise<number> {
  const { count } = await db
    .selectFrom("intents")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where(IS_OPEN)
    .executeTakeFirstOrThrow();
  return count;
}

/** The keys of intents of a kind that wait to be sent. */
export async function queuedKeys(db: Reader, kind: IntentKind): Promise<string[]> {
  const rows = await db
    .selectFrom("intents")
    .select("dedupe_key")
    .where("kind", "=", kind)
    .where("state", "=", sql.lit("queued"))
    .where(IS_OPEN)
    .execute();
  return rows.map((row) => row.dedupe_key);
}

/** The lowest nonce, from the chain's count on, that no intent holds: gaps close by themselves. */
export async function lowestFreeNonce(db: Reader, sender: Address, chainCount: number): Promise<number> {
  const rows = await db
    .selectFrom("intents")
    .select("nonce")
    .where("sender", "=", sender)
    .where("nonce", ">=", chainCount)
    .execute();
  const taken = new Set(rows.map((row) => row.nonce));
  let nonce = chainCount;
  while (taken.has(nonce)) nonce += 1;
  return nonce;
}

/** Gives the nonce back and tries again later. */
export async function requeue(
  tx: Writer,
  id: number,
  error: string,
  nextTryAtMilliseconds: number,
): Promise<void> {
  await tx
    .updateTable("intents")
    .set((eb) => ({
      ...{
        state: "queued",
        sender: null,
        nonce: null,
        cancelling: 0,
        unwanted: 0,
        tx_hash: null,
        block_number: null,
      },
      tries: eb("tries", "+", 1),
      error,
      next_try_at_milliseconds: nextTryAtMilliseconds,
    }))
    .where("id", "=", id)
    .execute();
}

/** Gives up an intent unless it was signed meanwhile. @returns whether it was given up */
export async function closeQueued(tx: Writer, id: number, error: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("intents")
    .set({ state: "failed", error })
    .where("id", "=", id)
    .where("state", "=", sql.lit("queued"))
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/**
 * Forgets intents that hold no nonce, and what was sent of them in vain: they may be wanted again. Those that were signed
 * meanwhile stay.
 */
export async function forgetQueued(tx: Writer, dedupeKeys: readonly string[]): Promise<void> {
  if (dedupeKeys.length === 0) return;
  const areForgotten = (eb: ExpressionBuilder<Database, "intents">) =>
    eb.and([eb("dedupe_key", "in", dedupeKeys), eb("state", "=", sql.lit("queued"))]);
  const forgotten = tx.selectFrom("intents").select("id").where(areForgotten);
  await tx.deleteFrom("attempts").where("intent_id", "in", forgotten).execute();
  // Asked again, not by id: one that another worker signs just now is waited for, and kept.
  await tx.deleteFrom("intents").where(areForgotten).execute();
}

/** Ends an intent that holds no nonce, or whose nonce the chain never saw. */
export async function close(
  tx: Writer,
  id: number,
  state: "satisfied" | "failed",
  error: string | null,
): Promise<void> {
  await tx
    .updateTable("intents")
    .set({ state, sender: null, nonce: null, cancelling: 0, unwanted: 0, error })
    .where("id", "=", id)
    .execute();
}

function fromRow(row: Row<"intents">): Intent {
  return {
    id: row.id,
    dedupeKey: row.dedupe_key,
    lane: row.lane,
    kind: row.kind,
    subject: JSON.parse(row.subject) as Subject,
    to: row.to_address,
    data: row.data,
    valueWei: BigInt(row.value_wei),
    state: row.state,
    cancelling: row.cancelling === 1,
    unwanted: row.unwanted === 1,
    sender: row.sender ?? undefined,
    nonce: row.nonce ?? undefined,
    tries: row.tries,
    nextTryAtMilliseconds: row.next_try_at_milliseconds,
    error: row.error ?? undefined,
    txHash: row.tx_hash ?? undefined,
    blockNumber: row.block_number ?? undefined,
  };
}
