// SPDX-License-Identifier: GPL-3.0-or-later

import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { sql } from "kysely";
import type { Ledger } from "../ledger/ledger.ts";
import type { Reader, Row, Writer } from "../ledger/schema.ts";

type Group = Omit<Row<"index_groups">, "ordinal" | "place">;

const BATCHES_PER_QUERY = 64;
const GROUPS_PER_STATEMENT = 256;

/** Counts the claims of every batch anew to which something happened, or whose data has come, since it was counted. */
export async function groupClaims(ledger: Pick<Ledger, "selectFrom" | "transaction">): Promise<void> {
  for (;;) {
    const batches = await ledger
      .selectFrom("index_data")
      .select("ordinal")
      .where("grouped", "=", sql.lit(0))
      .limit(BATCHES_PER_QUERY)
      .execute();
    if (batches.length === 0) return;
    for (const { ordinal } of batches) await ledger.transaction((tx) => groupBatch(tx, ordinal));
  }
}

async function groupBatch(tx: Writer, ordinal: number): Promise<void> {
  // First: what happens to the batch from here on makes it due again, and what has happened is read below.
  await tx.updateTable("index_data").set({ grouped: 1 }).where("ordinal", "=", ordinal).execute();
  const batch = await tx
    .selectFrom("index_batches")
    .select(["ordinal", "attested_at", "final_at", "touched"])
    .where("ordinal", "=", ordinal)
    .executeTakeFirst();
  if (!batch) return;
  const touched = batch.touched === 0 ? [] : await touchedGroups(tx, ordinal);
  const groups = [...(await untouchedGroups(tx, batch, touched)), ...touched];
  const rows = groups.map((group, place) => ({ ordinal, place, ...group }));
  await tx.deleteFrom("index_groups").where("ordinal", "=", ordinal).execute();
  for (let from = 0; from < rows.length; from += GROUPS_PER_STATEMENT) {
    await tx
      .insertInto("index_groups")
      .values(rows.slice(from, from + GROUPS_PER_STATEMENT))
      .execute();
  }
}

async function untouchedGroups(
  db: Reader,
  { ordinal, attested_at, final_at }: Pick<Row<"index_batches">, "ordinal" | "attested_at" | "final_at">,
  touched: readonly Group[],
): Promise<Group[]> {
  const served = await db.selectFrom("index_served").selectAll().where("ordinal", "=", ordinal).execute();
  const apart = new Map<string, number>();
  for (const { model_id, served_at, claims } of touched) {
    const key = `${model_id}:${served_at}`;
    apart.set(key, (apart.get(key) ?? 0) + claims);
  }
  return served
    .map(({ model_id, served_at, claims }) => ({
      ...{ model_id, served_at, evidence_at: attested_at, final_at, ended_at: null },
      kinds: attested_at === null ? 0 : EVIDENCE_KINDS.tee,
      claims: claims - (apart.get(`${model_id}:${served_at}`) ?? 0),
    }))
    .filter(({ claims }) => claims > 0);
}

function touchedGroups(db: Reader, ordinal: number): Promise<Group[]> {
  const same = ["c.model_id", "l.kinds", "c.served_at", "l.evidence_at", "l.final_at", "l.ended_at"] as const;
  return db
    .selectFrom("index_leaves as l")
    .innerJoin("index_claims as c", (join) =>
      join.onRef("c.ordinal", "=", "l.ordinal").onRef("c.leaf_index", "=", "l.leaf_index"),
    )
    .select(same)
    .select((eb) => eb.fn.countAll<number>().as("claims"))
    .where("l.ordinal", "=", ordinal)
    .where("c.stray", "is", null)
    .groupBy(same)
    .execute();
}
