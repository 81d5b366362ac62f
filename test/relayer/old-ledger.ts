// SPDX-License-Identifier: MIT
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { LedgerSource } from "../../relayer/src/ledger/ledger.ts";
import { checksumOf, MIGRATIONS, statementsFor } from "../../relayer/src/ledger/migrations.ts";

/** Writes a ledger as the version before wrote it, with rows of that version. */
export async function writeOldLedger(
  source: LedgerSource,
  version: number,
  rows: readonly string[],
): Promise<void> {
  const kind = "file" in source ? "sqlite" : "postgres";
  const steps = MIGRATIONS.filter((step) => step.version < version);
  const statements = [
    "CREATE TABLE schema_migrations (version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)",
    ...steps.flatMap((step) => [
      ...statementsFor(step, kind),
      `INSERT INTO schema_migrations VALUES (${step.version}, '${step.name}', '${checksumOf(step)}')`,
    ]),
    ...rows,
  ];
  if ("file" in source) {
    const database = new DatabaseSync(source.file);
    for (const statement of statements) database.exec(statement);
    database.close();
    return;
  }
  const client = new pg.Client({ connectionString: source.url });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
}
