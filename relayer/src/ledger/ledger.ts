// SPDX-License-Identifier: GPL-3.0-or-later

import { AsyncLocalStorage } from "node:async_hooks";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { type Dialect, Kysely } from "kysely";
import { codedDialect } from "./coded-driver.ts";
import { databaseFault, isConflict } from "./faults.ts";
import { takeLock } from "./lock.ts";
import { type AppliedSteps, migrate } from "./migrate.ts";
import { postgresDialect } from "./postgres-dialect.ts";
import type { Database, Reader, Writer } from "./schema.ts";
import { sqliteDialect } from "./sqlite-driver.ts";

/** Which database a ledger is in. */
export type LedgerKind = "sqlite" | "postgres";

/** Where a ledger is: a file of its own, or a database that several workers may share. */
export type LedgerSource = { file: string } | { url: string };

/**
 * The relayer's database: everything that must survive a kill. It is read directly; it is written in transactions only.
 */
export interface Ledger extends Reader {
  readonly kind: LedgerKind;
  /** Steps of the schema that this opening applied. */
  readonly migrated: AppliedSteps;
  /**
   * Runs `work` in one transaction: all of it is durable when this resolves, none of it when it rejects.
   *
   * `work` uses its own handle and waits for nothing but queries and turns of the event loop: on SQLite everybody else waits for it. It may run
   * again where PostgreSQL had to break a tie, so it has no other effects.
   *
   * @throws RelayerError `MT-LED-001`, `-003`, `-005`, `-006` or `-008` for faults of the database
   */
  transaction<Result>(work: (tx: Writer) => Promise<Result>): Promise<Result>;
  /** Waits for running transactions, then lets go of the file or the connections. */
  close(): Promise<void>;
}

/** How often a transaction runs again that lost against others. */
const MAX_TRIES = 6;

/** Wait for a writer that is none of ours, a backup tool for instance; meanwhile this process does nothing. */
const BUSY_MILLISECONDS = 250;

/**
 * SQLite's own 2 MB do not hold the upper pages of the indexes over ids of a million receipts, which come in no order:
 * every receipt would read several pages from the file again.
 */
const CACHE_KIBIBYTES = 32 * 1_024;

/**
 * Opens a ledger, creating or migrating it. A file is locked for this process.
 *
 * @throws RelayerError `MT-LED-001` another process has the file open; `MT-LED-002` a newer program wrote it;
 * `MT-LED-003` it cannot be opened or written; `MT-LED-005` no space; `MT-LED-006` damaged; `MT-LED-007` schema altered;
 * `MT-LED-008` the server is out of reach
 */
export async function openLedger(source: LedgerSource): Promise<Ledger> {
  return "url" in source ? openPostgres(source.url) : openSqlite(source.file);
}

/** What a message may say of a ledger: the file, or the server without its password. */
export function nameOf(source: LedgerSource): string {
  if ("file" in source) return source.file;
  try {
    const { host, pathname } = new URL(source.url);
    return `${host}${pathname}`;
  } catch {
    return "of ledger.url";
  }
}

async function openSqlite(file: string): Promise<Ledger> {
  let lock: DatabaseSync | undefined;
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    lock = takeLock(file);
    database = new DatabaseSync(file, { timeout: BUSY_MILLISECONDS });
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA foreign_keys = ON");
    database.exec(`PRAGMA cache_size = -${CACHE_KIBIBYTES}`);
    const [opened, held] = [database, lock];
    return await open("sqlite", file, sqliteDialect(opened), () => {
      opened.close();
      held.close();
    });
  } catch (error) {
    if (database?.isOpen) database.close();
    if (lock?.isOpen) lock.close();
    throw databaseFault(error, file);
  }
}

async function openPostgres(url: string): Promise<Ledger> {
  return open("postgres", nameOf({ url }), postgresDialect(url), () => undefined);
}

async function open(kind: LedgerKind, where: string, dialect: Dialect, release: () => void): Promise<Ledger> {
  const db = new Kysely<Database>({ dialect: codedDialect(dialect, where) });
  try {
    return new OpenLedger(db, kind, await migrate(db, kind, where), release);
  } catch (error) {
    await db.destroy();
    throw databaseFault(error, where);
  }
}

class OpenLedger implements Ledger {
  readonly kind: LedgerKind;
  readonly migrated: AppliedSteps;
  readonly selectFrom: Reader["selectFrom"];
  readonly #db: Kysely<Database>;
  readonly #release: () => void;
  readonly #inside = new AsyncLocalStorage<true>();
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(db: Kysely<Database>, kind: LedgerKind, migrated: AppliedSteps, release: () => void) {
    this.#db = db;
    this.kind = kind;
    this.migrated = migrated;
    this.#release = release;
    this.selectFrom = ((from: never) => {
      this.#refuseInside();
      return db.selectFrom(from);
    }) as Reader["selectFrom"];
  }

  async transaction<Result>(work: (tx: Writer) => Promise<Result>): Promise<Result> {
    this.#refuseInside();
    const running = this.#repeated(work);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#running);
    await this.#db.destroy();
    this.#release();
  }

  async #repeated<Result>(work: (tx: Writer) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#db.transaction().execute((tx) => this.#inside.run(true, () => work(tx)));
      } catch (error) {
        if (!isConflict(error) || tries >= MAX_TRIES) throw error;
        await delay(Math.random() * 10 * 2 ** tries);
      }
    }
  }

  /** On SQLite it would wait for itself for ever; on PostgreSQL it would not see what the transaction wrote. */
  #refuseInside(): void {
    if (this.#inside.getStore()) throw new TypeError("a transaction must use its own handle, not the ledger");
  }
}
