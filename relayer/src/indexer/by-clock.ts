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
    const { batches, leaves } = await becameFinal(tx, told, now);
    for (const { batch_id: batchId } of batches) await pushFeed(tx, { kind: "batch", batchId });
    for (const { batch_id: batchId, leaf_index: index } of leaves) {
      await pushFeed(tx, { kind: "claim", batchId, index });
    }
    await noteTold(tx, now);
  });
}

/** Whether there is nothing to tell: then nothing is written either, but now and then how far it was told. */
async function isTold(db: Reader, now: number): Promise<boolean> {
  const told = (await storedMoment(db)) ?? Number.NaN;
  if (told === now) return true;
  if (!(told < now && now - told < NOTED_AFTER_SECONDS)) return false;
  const { batches, leaves } = await becameFinal(db, told, now);
  return batches.length === 0 && leaves.length === 0;
}

async function becameFinal(db: Reader, told: number, now: number) {
  const batches = await db
    .selectFrom("index_batches")
    .select("batch_id")
    .where("final_at", ">", told)
    .where("final_at", "<=", now)
    .orderBy("final_at")
    .execute();
  const leaves = await db
    .selectFrom("index_leaves as l")
    .innerJoin("index_batches as b", "b.ordinal", "l.ordinal")
    .select(["b.batch_id", "l.leaf_index"])
    .where("l.final_at", ">", told)
    .where("l.final_at", "<=", now)
    .where("l.standing", "<>", "Final")
    .execute();
  return { batches, leaves };
}

async function storedMoment(db: Reader): Promise<number | undefined> {
  const row = await db.selectFrom("facts").select("value").where("name", "=", FACT).executeTakeFirst();
  return row && Number(row.value);
}

async function noteTold(tx: Writer, now: number): Promise<void> {
  await tx
    .updateTable("facts")
    .set({ value: String(now) })
    .where("name", "=", FACT)
    .execute();
}

async function toldUpTo(tx: Writer, now: number): Promise<number> {
  const stored = await storedMoment(tx);
  if (stored !== undefined) return stored;
  await tx
    .insertInto("facts")
    .values({ name: FACT, value: String(now) })
    .execute();
  return now;
}
