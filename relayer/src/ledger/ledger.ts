// SPDX-License-Identifier: GPL-3.0-or-later

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { RelayerError } from "../errors.ts";
import { MIGRATIONS } from "./migrations.ts";

/** A value that a row can hold. */
export type SqlValue = SQLInputValue;

/** How often one connection may keep a compiled statement; a bound against statements built from data. */
const STATEMENT_CACHE_LIMIT = 512;

/**
 * The relayer's database: everything that must survive a kill.
 *
 * Every call is synchronous, so that no other task of this process runs between the statements of a transaction. A
 * committed transaction is on disk (`synchronous=FULL`): the gateway's promise rests on it.
 */
export class Ledger {
  readonly #database: DatabaseSync;
  readonly #lock: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #inTransaction = false;

  constructor(database: DatabaseSync, lock: DatabaseSync) {
    this.#database = database;
    this.#lock = lock;
  }

  /** Runs a statement that returns no rows. @returns the number of rows changed */
  run(sql: string, ...values: SqlValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Every row of a query. `Row` is the caller's word for the columns it selects. */
  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** The first row of a query. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined;
  }

  /** Runs `work` in one transaction: all of it is durable when this returns, none of it when it throws. */
  transaction<Result>(work: () => Result): Result {
    if (this.#inTransaction) return work();
    this.#database.exec("BEGIN IMMEDIATE");
    this.#inTransaction = true;
    try {
      const result = work();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  /** Closes the file and lets another process open it. */
  close(): void {
    this.#statements.clear();
    this.#database.close();
    this.#lock.close();
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    if (this.#statements.size >= STATEMENT_CACHE_LIMIT) this.#statements.clear();
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/**
 * Opens a ledger file, creating or migrating it.
 *
 * @throws RelayerError `MT-LED-001` another process has it open; `MT-LED-002` a newer program wrote it; `MT-LED-003` it
 * cannot be opened or written.
 */
export function openLedger(file: string): Ledger {
  const lock = takeLock(file);
  try {
    const database = new DatabaseSync(file);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA foreign_keys = ON");
    migrate(database, file);
    return new Ledger(database, lock);
  } catch (error) {
    lock.close();
    throw unusable(file, error);
  }
}

/**
 * An exclusive transaction on a file beside the ledger, held for the life of the process. The kernel drops it however
 * the process ends, so there is no stale lock after a kill; readers of the ledger itself are not shut out.
 */
function takeLock(file: string): DatabaseSync {
  let lock: DatabaseSync;
  try {
    mkdirSync(dirname(file), { recursive: true });
    lock = new DatabaseSync(`${file}.lock`);
  } catch (error) {
    throw unusable(file, error);
  }
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (error instanceof Error && /locked/.test(error.message)) {
      throw new RelayerError(
        "MT-LED-001",
        `the ledger ${file} is in use by another process`,
        "Stop the other relayer, or give this one a ledger and keys of its own.",
      );
    }
    throw unusable(file, error);
  }
}

function migrate(database: DatabaseSync, file: string): void {
  const row = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (row.user_version > MIGRATIONS.length) {
    throw new RelayerError(
      "MT-LED-002",
      `the ledger ${file} has schema ${row.user_version}; this program knows up to ${MIGRATIONS.length}`,
      "Run the newer version that wrote it.",
    );
  }
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < row.user_version) continue;
    database.exec("BEGIN IMMEDIATE");
    database.exec(migration);
    database.exec(`PRAGMA user_version = ${index + 1}`);
    database.exec("COMMIT");
  }
}

function unusable(file: string, error: unknown): RelayerError {
  if (error instanceof RelayerError) return error;
  return new RelayerError(
    "MT-LED-003",
    `the ledger ${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    "Check that the folder exists, is writable and has space, and that the file is a ledger.",
  );
}
