// SPDX-License-Identifier: GPL-3.0-or-later

import type { Reader, Writer } from "../ledger/schema.ts";
import { pushFeed } from "./feed.ts";
import type { IndexServices } from "./services.ts";

/** Where the moment is kept up to which listeners were told. */
const FACT = "indexClock";
const NOTED_AFTER_SECONDS = 10;

/**
 * Tells those who listen of batches and claims that became final by the clock, each once; again, should the clock have been
 * set back since.
 */
export async function tellFinalByClock({
  ledger,
  clock,
}: Pick<IndexServices, "ledger" | "clock">): Promise<void> {
  const now = clock.nowSeconds();
  if (await isTold(ledger, now)) return;
  await ledger.transaction(async (tx) => {
    const told = await toldUpTo(tx, now);
    if (told === now) return;
    if (told > now) return noteTold(tx, now);
    const batches = await tx
      .selectFrom("index_batches")
      .select("batch_id")
      .where("final_at", ">", told)
      .where("final_at", "<=", now)
      .orderBy("final_at")
      .execute();
    for (const { batch_id: batchId } of batches) await pushFeed(tx, { kind: "batch", batchId });
    const leaves = await tx
      .selectFrom("index_leaves as l")
      .innerJoin("index_batches as b", "b.ordinal", "l.ordinal")
      .select(["b.batch_id", "l.leaf_index"])
      .where("l.final_at", ">", told)
      .where("l.final_at", "<=", now)
      .where("l.standing", "<>", "Final")
      .execute();
    for (const { batch_id: batchId, leaf_index: index } of leaves) {
      await pushFeed(tx, { kind: "claim", batchId, index });
    }
    await noteTold(tx, now);
  });
}

/** Whether there is nothing to tell: then nothing is written either, but now and then how far it was told. */
async function isTold(db: Reader, now: number): Promise<boolean> {
  const row = await db.selectFrom("facts").select("value").where("name", "=", FACT).executeTakeFirst();
  const told = row ? Number(row.value) : Number.NaN;
  if (told === now) return true;
  if (!(told < now && now - told < NOTED_AFTER_SECONDS)) return false;
  const batch = await db
    .selectFrom("index_batches")
    .select("ordinal")
    .where("final_at", ">", told)
    .where("final_at", "<=", now)
    .limit(1)
    .executeTakeFirst();
  const leaf = await db
    .selectFrom("index_leaves")
    .select("ordinal")
    .where("final_at", ">", told)
    .where("final_at", "<=", now)
    .limit(1)
    .executeTakeFirst();
  return batch === undefined && leaf === undefined;
}

async function noteTold(tx: Writer, now: number): Promise<void> {
  await tx
    .updateTable("facts")
    .set({ value: String(now) })
    .where("name", "=", FACT)
    .execute();
}

async function toldUpTo(tx: Writer, now: number): Promise<number> {
  const row = await tx.selectFrom("facts").select("value").where("name", "=", FACT).executeTakeFirst();
  if (row) return Number(row.value);
  await tx
    .insertInto("facts")
    .values({ name: FACT, value: String(now) })
    .execute();
  return now;
}
