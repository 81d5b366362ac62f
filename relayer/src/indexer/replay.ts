// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Ledger } from "../ledger/ledger.ts";
import type { Row, Writer } from "../ledger/schema.ts";
import { deriveBatch, OPERATORS_EVENTS } from "./derive.ts";
import { ordinalOf } from "./ordinal.ts";

/** There from the transaction that puts the derived tables out of date to the one that ends their replay. */
const FACT = "indexReplay";
const BATCHES_PER_TRANSACTION = 500;

/** Has the index derived anew: to be called in the transaction that changes what it was derived from. */
export async function noteReplayDue(tx: Writer): Promise<void> {
  await tx
    .insertInto("facts")
    .values({ name: FACT, value: "due" })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Nothing is left to be derived anew. */
export async function noteReplayed(tx: Writer): Promise<void> {
  await tx.deleteFrom("facts").where("name", "=", FACT).execute();
}

/** Derives the index anew where that is due: from the beginning also where a replay was broken off. */
export async function replayIfDue(ledger: Ledger, batchesPerTransaction?: number): Promise<void> {
  const due = await ledger.selectFrom("facts").select("name").where("name", "=", FACT).executeTakeFirst();
  if (due) await replayIndex(ledger, batchesPerTransaction);
}

/**
 * Derives everything anew from the events that are stored: the tables end as they would have, had each event been followed
 * as it came. Until its turn comes, a batch is there as it was. What was fetched of batches that are still there stays.
 */
export async function replayIndex(
  ledger: Ledger,
  batchesPerTransaction = BATCHES_PER_TRANSACTION,
): Promise<void> {
  await ledger.transaction(replayOperators);
  let after: Place | undefined = { block: -1, log: 0 };
  while (after) {
    const from: Place = after;
    after = await ledger.transaction((tx) => replayBatches(tx, from, batchesPerTransaction));
  }
}

/** Where a batch was committed. */
interface Place {
  block: number;
  log: number;
}

async function replayOperators(tx: Writer): Promise<void> {
  await tx.deleteFrom("index_operators").execute();
  await tx
    .insertInto("index_operators")
    .columns(["operator", "first_block"])
    .expression((eb) =>
      eb
        .selectFrom("events")
        .select((each) => ["operator", each.fn.min<number>("block_number").as("first_block")])
        .where("name", "in", OPERATORS_EVENTS)
        .where("operator", "is not", null)
        .groupBy("operator")
        .$castTo<Row<"index_operators">>(),
    )
    .execute();
}

/**
 * The commits are looked up in the transaction that derives them: what is committed later, or on another branch, finds all
 * before it derived, or comes in its turn.
 *
 * @returns the last of them; undefined: there were no more
 */
async function replayBatches(tx: Writer, { block, log }: Place, limit: number): Promise<Place | undefined> {
  const commits = await tx
    .selectFrom("events")
    .select(["batch_id", "block_number", "log_index"])
    .where("name", "=", "BatchCommitted")
    .where((eb) => eb(eb.refTuple("block_number", "log_index"), ">", eb.tuple(block, log)))
    .orderBy("block_number")
    .orderBy("log_index")
    .limit(limit)
    .execute();
  const last = commits.at(-1);
  // In the order in which events that come meanwhile change them, or PostgreSQL would have ties to break.
  for (const table of ["index_leaves", "index_batches"] as const) {
    let old = tx.deleteFrom(table).where("ordinal", ">", ordinalOf(block, log));
    if (last) old = old.where("ordinal", "<=", ordinalOf(last.block_number, last.log_index));
    await old.execute();
  }
  for (const { batch_id } of commits) if (batch_id !== null) await deriveBatch(tx, batch_id as Hex);
  if (last) return { block: last.block_number, log: last.log_index };
  await noteReplayed(tx);
  return undefined;
}
