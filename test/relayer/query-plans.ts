// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { migrate } from "../../relayer/src/ledger/migrate.ts";
import type { Database } from "../../relayer/src/ledger/schema.ts";
import { sqliteDialect } from "../../relayer/src/ledger/sqlite-driver.ts";
import { sqliteHere } from "../../relayer/src/ledger/sqlite-here.ts";

/** What is asked of a fresh SQLite ledger, and how it would be found. @param prepare not looked at */
export async function plansOf(
  ask: (db: Kysely<Database>) => Promise<unknown>,
  prepare: (db: Kysely<Database>) => Promise<unknown> = async () => undefined,
): Promise<{ sql: string; steps: string[] }[]> {
  const database = new DatabaseSync(":memory:");
  const asked: string[] = [];
  const db = new Kysely<Database>({
    dialect: sqliteDialect(sqliteHere(database)),
    log: ({ query }) => void asked.push(query.sql),
  });
  await migrate(db, "sqlite", "memory");
  await prepare(db);
  asked.length = 0;
  await ask(db);
  assert.ok(asked.length > 0, "nothing was asked");
  const plans = asked.map((sql) => ({ sql, steps: stepsOf(database, sql) }));
  await db.destroy();
  database.close();
  return plans;
}

/** The steps of a statement's plan. */
export function stepsOf(database: DatabaseSync, sql: string): string[] {
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
  return rows.map(({ detail }) => detail);
}
