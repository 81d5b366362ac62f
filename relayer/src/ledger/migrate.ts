// SPDX-License-Identifier: GPL-3.0-or-later

import { type Kysely, sql } from "kysely";
import { RelayerError } from "../errors.ts";
import type { LedgerKind } from "./ledger.ts";
import { checksumOf, MIGRATIONS, type Migration, statementsFor } from "./migrations.ts";
import type { Database, Reader, Writer } from "./schema.ts";

/** Which steps an opening applied, by name. */
export type AppliedSteps = string[];

/** Keeps two processes from migrating the same PostgreSQL database at once; any number would do. */
const MIGRATION_LOCK = 6_071_105;

/**
 * Brings the schema up to date, all in one transaction.
 *
 * @throws RelayerError `MT-LED-002` a newer program wrote it; `MT-LED-007` a step was applied that differs from ours
 */
export async function migrate(db: Kysely<Database>, kind: LedgerKind, where: string): Promise<AppliedSteps> {
  return db.transaction().execute(async (tx) => {
    if (kind === "postgres") await sql`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(tx);
    if (kind === "sqlite") await refuseOldFormat(tx, where);
    await sql`CREATE TABLE IF NOT EXISTS schema_migrations (
      version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
    )`.execute(tx);
    const newest = await newestApplied(tx, where);
    const missing = MIGRATIONS.filter(({ version }) => version > newest);
    await applySteps(tx, kind, missing);
    return missing.map(({ name }) => name);
  });
}

/** Applies steps that come next, in the order given, and notes that they were. */
export async function applySteps(tx: Writer, kind: LedgerKind, steps: readonly Migration[]): Promise<void> {
  for (const step of steps) {
    for (const statement of statementsFor(step, kind)) await sql.raw(statement).execute(tx);
    const { version, name } = step;
    await tx
      .insertInto("schema_migrations")
      .values({ version, name, checksum: checksumOf(step) })
      .execute();
  }
}

/**
 * Refuses a database that is not at exactly this program's schema.
 *
 * @throws RelayerError `MT-LED-002` or `MT-LED-007`
 */
export async function checkMigrations(db: Reader, where: string): Promise<void> {
  const newest = await newestApplied(db, where);
  if (newest === MIGRATIONS.length) return;
  throw new RelayerError(
    "MT-LED-002",
    `the ledger ${where} has schema ${newest}; this program works with ${MIGRATIONS.length}`,
    "Run `meantime db migrate` first.",
  );
}

async function newestApplied(db: Reader, where: string): Promise<number> {
  const applied = await db.selectFrom("schema_migrations").selectAll().orderBy("version").execute();
  const newest = applied.at(-1)?.version ?? 0;
  if (newest > MIGRATIONS.length) throw newer(where, newest);
  for (const { version, checksum } of applied) {
    const step = MIGRATIONS.find((migration) => migration.version === version);
    if (!step || checksumOf(step) !== checksum) throw altered(where, version);
  }
  return newest;
}

/** Ledgers before the first numbered schema counted their steps in `user_version`. */
async function refuseOldFormat(tx: Writer, where: string): Promise<void> {
  const { rows } = await sql<{ user_version: number }>`PRAGMA user_version`.execute(tx);
  if ((rows[0]?.user_version ?? 0) === 0) return;
  throw new RelayerError(
    "MT-LED-002",
    `the ledger ${where} was written by another version, whose format this program does not know`,
    "Run the version that wrote it, or start with a new file once all its claims are final.",
  );
}

function newer(where: string, version: number): RelayerError {
  return new RelayerError(
    "MT-LED-002",
    `the ledger ${where} has schema ${version}; this program knows up to ${MIGRATIONS.length}`,
    "Run the newer version that wrote it.",
  );
}

function altered(where: string, version: number): RelayerError {
  return new RelayerError(
    "MT-LED-007",
    `step ${version} of the schema of ${where} is not the one this program knows`,
    "The schema was changed by hand or by another program: run the one that made it, or restore a backup.",
  );
}
