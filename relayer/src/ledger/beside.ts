// SPDX-License-Identifier: GPL-3.0-or-later

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { RelayerError } from "../errors.ts";
import { codedDialect } from "./coded-driver.ts";
import { databaseFault } from "./faults.ts";
import { type Ledger, type LedgerSource, nameOf } from "./ledger.ts";
import { postgresDialect } from "./postgres-dialect.ts";
import type { Database } from "./schema.ts";
import { sqliteDialect } from "./sqlite-driver.ts";
import { sqliteHere } from "./sqlite-here.ts";

/** As long as a command can wait for the daemon's writes. */
const BUSY_MILLISECONDS = 5_000;

/**
 * Looks into the ledger of a daemon that may be running: no lock, no migration, short writes.
 *
 * @throws RelayerError `MT-LED-003` there is none, and the faults of `openLedger`
 */
export async function besideLedger<Result>(
  source: LedgerSource,
  work: (ledger: Pick<Ledger, "selectFrom" | "transaction">) => Promise<Result>,
): Promise<Result> {
  const where = nameOf(source);
  const sqlite = "file" in source ? openFile(source.file) : undefined;
  const dialect = sqlite
    ? sqliteDialect(sqliteHere(sqlite))
    : postgresDialect("url" in source ? source.url : "");
  const db = new Kysely<Database>({ dialect: codedDialect(dialect, where) });
  try {
    return await work({
      selectFrom: db.selectFrom.bind(db) as Ledger["selectFrom"],
      transaction: (write) => db.transaction().execute(write),
    });
  } finally {
    await db.destroy();
    if (sqlite?.isOpen) sqlite.close();
  }
}

function openFile(file: string): DatabaseSync {
  if (!existsSync(file)) {
    throw new RelayerError(
      "MT-LED-003",
      `there is no ledger ${file}`,
      "Start the watchtower once, or correct the configuration.",
    );
  }
  try {
    return new DatabaseSync(file, { timeout: BUSY_MILLISECONDS });
  } catch (error) {
    throw databaseFault(error, file);
  }
}
