// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Ledger } from "../ledger/ledger.ts";
import type { Reader, Writer } from "../ledger/schema.ts";

/** Something that listeners are told of. What it is now is looked up when they are told. */
export type Change =
  | { kind: "batch"; batchId: Hex }
  | { kind: "claim" | "challenge"; batchId: Hex; index: number }
  | { kind: "reorg"; fromBlock: number };

/** A change and its place in the order of changes. */
export type FedChange = Change & { sequence: number };

/** A listener that was away for longer starts anew. */
const CHANGES_KEPT = 20_000;

/** Adds a change, in the transaction that makes it. */
export async function pushFeed(tx: Writer, { kind, ...body }: Change): Promise<void> {
  await tx
    .insertInto("index_feed")
    .values({ kind, body: JSON.stringify(body) })
    .execute();
}

/** Forgets the oldest changes, if there are enough. */
export async function pruneFeed(ledger: Ledger): Promise<void> {
  const { first, last } = await feedBounds(ledger);
  if (last - first < CHANGES_KEPT) return;
  await ledger.transaction((tx) =>
    tx
      .deleteFrom("index_feed")
      .where("sequence", "<=", last - CHANGES_KEPT)
      .execute(),
  );
}

/** The changes after one, oldest first. */
export async function changesAfter(db: Reader, sequence: number, limit: number): Promise<FedChange[]> {
  const rows = await db
    .selectFrom("index_feed")
    .selectAll()
    .where("sequence", ">", sequence)
    .orderBy("sequence")
    .limit(limit)
    .execute();
  return rows.map(
    (row) => ({ kind: row.kind, ...JSON.parse(row.body), sequence: row.sequence }) as FedChange,
  );
}

/** The first and the last change that are kept; both zero: none. */
export async function feedBounds(db: Reader): Promise<{ first: number; last: number }> {
  const oldest = await db
    .selectFrom("index_feed")
    .select("sequence")
    .orderBy("sequence")
    .limit(1)
    .executeTakeFirst();
  return { first: oldest?.sequence ?? 0, last: await lastChange(db) };
}

/** The number of the last change that is kept; zero: none. */
export async function lastChange(db: Reader): Promise<number> {
  const newest = await db
    .selectFrom("index_feed")
    .select("sequence")
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  return newest?.sequence ?? 0;
}
