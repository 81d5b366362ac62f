// SPDX-License-Identifier: GPL-3.0-or-later

import { DatabaseSync } from "node:sqlite";
import { type Dialect, Kysely, sql } from "kysely";
import { codedDialect } from "./coded-driver.ts";
import { databaseFault } from "./faults.ts";
import { type LedgerKind, type LedgerSource, nameOf } from "./ledger.ts";
import { checkMigrations } from "./migrate.ts";
import { postgresDialect } from "./postgres-dialect.ts";
import type { Database, Reader } from "./schema.ts";
import { sqliteDialect } from "./sqlite-driver.ts";
import { sqliteHere } from "./sqlite-here.ts";

/** A ledger as it is at one moment, while others go on writing to it. */
export interface Snapshot extends Reader {
  readonly kind: LedgerKind;
  /** What the database itself finds wrong with its pages and references; empty when nothing, or when it has no such check. */
  selfCheck(): Promise<string[]>;
  close(): Promise<void>;
}

/** A table and the columns of its primary key. */
export interface TableKey {
  table: Exclude<keyof Database, "schema_migrations" | "leases">;
  key: readonly string[];
}

/** Every table of a backup, parents before children: all but the applied steps and the leases, which are of running processes. */
export const TABLES: readonly TableKey[] = [
  { table: "facts", key: ["name"] },
  { table: "batches", key: ["batch_id"] },
  { table: "receipts", key: ["sequence"] },
  { table: "exposure", key: ["policy_id", "model_id"] },
  { table: "intents", key: ["id"] },
  { table: "attempts", key: ["sequence"] },
  { table: "sidecars", key: ["dedupe_key"] },
  { table: "payments", key: ["id"] },
  { table: "blocks", key: ["number"] },
  { table: "events", key: ["block_number", "log_index"] },
  { table: "chain_batches", key: ["batch_id"] },
  { table: "chain_leaves", key: ["batch_id", "leaf_index"] },
  { table: "unprovable", key: ["id"] },
  { table: "watched", key: ["batch_id"] },
  { table: "findings", key: ["sequence"] },
  { table: "revealed_checks", key: ["batch_id", "leaf_index"] },
  { table: "watch_actions", key: ["id"] },
  { table: "watch_coverage", key: ["batch_id", "how", "reason"] },
  { table: "watch_receipts", key: ["claim_id"] },
  { table: "index_sources", key: ["address"] },
  { table: "index_operators", key: ["operator"] },
  { table: "index_batches", key: ["ordinal"] },
  { table: "index_leaves", key: ["ordinal", "leaf_index"] },
  { table: "index_data", key: ["ordinal"] },
  { table: "index_claims", key: ["ordinal", "leaf_index"] },
  { table: "index_served", key: ["ordinal", "model_id", "served_at"] },
  { table: "index_groups", key: ["ordinal", "place"] },
  { table: "index_accounts", key: ["operator", "token"] },
  { table: "index_feed", key: ["sequence"] },
];

/** A row of any table. */
export type AnyRow = Record<string, string | number | null | Uint8Array>;

/** Tables by names that are known only when the program runs. */
export type AnyDatabase = Record<string, AnyRow>;

const ROWS_PER_QUERY = 500;

/**
 * Opens a ledger for reading, at the schema of this program. A relayer may be running on it.
 *
 * @throws RelayerError `MT-LED-002`, `-003`, `-006`, `-007` or `-008`, as `openLedger`
 */
export async function openSnapshot(source: LedgerSource): Promise<Snapshot> {
  const where = nameOf(source);
  const file = "file" in source ? openReadOnly(source.file) : undefined;
  const dialect: Dialect = file
    ? sqliteDialect(sqliteHere(file))
    : postgresDialect("url" in source ? source.url : "");
  const kind = file ? "sqlite" : "postgres";
  const db = new Kysely<Database>({ dialect: codedDialect(dialect, where) });
  try {
    // On SQLite BEGIN IMMEDIATE would keep the relayer waiting; a plain BEGIN reads beside it.
    file?.exec("BEGIN");
    const held = file ? undefined : await holdSnapshot(db);
    const reader = held ?? db;
    await checkMigrations(reader, where);
    return {
      kind,
      selectFrom: reader.selectFrom.bind(reader),
      selfCheck: () => (file ? checkFile(db) : Promise.resolve([])),
      async close() {
        await held?.rollback().execute();
        await db.destroy();
        file?.close();
      },
    };
  } catch (error) {
    await db.destroy();
    file?.close();
    throw databaseFault(error, where);
  }
}

/** Every row of a table in the order of its key, a few at a time. */
export async function* rowsOf(db: Reader, { table, key }: TableKey): AsyncGenerator<AnyRow[]> {
  const loose = db as unknown as Pick<Kysely<AnyDatabase>, "selectFrom">;
  let last: AnyRow | undefined;
  for (;;) {
    let query = loose.selectFrom(table).selectAll().limit(ROWS_PER_QUERY);
    for (const column of key) query = query.orderBy(column);
    if (last) {
      const from = last;
      query = query.where(
        sql<boolean>`(${sql.join(key.map((column) => sql.ref(column)))}) > (${sql.join(key.map((column) => from[column]))})`,
      );
    }
    const rows = (await query.execute()) as AnyRow[];
    if (rows.length > 0) yield rows;
    if (rows.length < ROWS_PER_QUERY) return;
    last = rows.at(-1);
  }
}

function openReadOnly(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { readOnly: true });
  } catch (error) {
    throw databaseFault(error, file);
  }
}

async function holdSnapshot(db: Kysely<Database>) {
  const held = await db
    .startTransaction()
    .setIsolationLevel("repeatable read")
    .setAccessMode("read only")
    .execute();
  // It holds no row that others wait for, and checks signatures between its queries.
  await sql`SET LOCAL idle_in_transaction_session_timeout = 0`.execute(held);
  return held;
}

async function checkFile(db: Kysely<Database>): Promise<string[]> {
  const { rows: pages } = await sql<{ integrity_check: string }>`PRAGMA integrity_check`.execute(db);
  const { rows: orphans } = await sql<{ table: string; rowid: number; parent: string }>`
    PRAGMA foreign_key_check`.execute(db);
  return [
    ...pages.map((row) => row.integrity_check).filter((message) => message !== "ok"),
    ...orphans.map(({ table, rowid, parent }) => `row ${rowid} of ${table} has no parent in ${parent}`),
  ];
}
