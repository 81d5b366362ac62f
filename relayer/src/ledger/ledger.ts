// SPDX-License-Identifier: GPL-3.0-or-later

import { AsyncLocalStorage } from "node:async_hooks";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { type CompiledQuery, type Dialect, Kysely, type QueryResult } from "kysely";
import { codedDialect } from "./coded-driver.ts";
import { databaseFault, isConflict } from "./faults.ts";
import { takeLock } from "./lock.ts";
import { type AppliedSteps, migrate } from "./migrate.ts";
import { postgresDialect } from "./postgres-dialect.ts";
import type { Database, Reader, Writer } from "./schema.ts";
import { sqliteDialect } from "./sqlite-driver.ts";
import { sqliteHere } from "./sqlite-here.ts";
import { sqliteWriter } from "./sqlite-writer.ts";
import { queryOfAll } from "./together.ts";

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
   * `work` uses its own handle and waits for nothing but queries and turns of the event loop: on SQLite all other writers wait
   * for it. It may run again where PostgreSQL had to break a tie, so it has no other effects.
   *
   * @throws RelayerError `MT-LED-001`, `-003`, `-005`, `-006`, `-008` or `-012` for faults of the database
   */
  transaction<Result>(work: (tx: Writer) => Promise<Result>): Promise<Result>;
  /**
   * On SQLite: runs statements one after the other in one transaction, as one message to the thread that writes. Durable when this
   * resolves; nothing of it is there when it rejects. Undefined where statements have to be sent one by one.
   *
   * @throws as {@link transaction}
   */
  readonly runAll:
    | ((queries: readonly CompiledQuery[]) => Promise<readonly QueryResult<unknown>[]>)
    | undefined;
  /** Waits for running transactions, then lets go of the file or the connections. */
  close(): Promise<void>;
}

/** How often a transaction runs again that lost against others. */
const MAX_TRIES = 6;

/** Wait for a writer that is none of ours, a backup tool for instance; meanwhile nothing can be promised. */
const BUSY_MILLISECONDS = 250;

/**
 * SQLite's own 2 MB do not hold the upper pages of the indexes over ids of a million receipts, which come in no order:
 * every receipt would read several pages from the file again.
 */
const CACHE_KIBIBYTES = 32 * 1_024;
/** Reading looks for what was written lately. */
const READING_CACHE_KIBIBYTES = 8 * 1_024;

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

/** Written by a thread of its own, which waits for the disk; read here, beside it: what is asked for is nearly always in memory. */
async function openSqlite(file: string): Promise<Ledger> {
  const opened: (() => unknown)[] = [];
  const release = async () => {
    for (const close of opened.toReversed()) await close();
  };
  try {
    mkdirSync(dirname(file), { recursive: true });
    const lock = takeLock(file);
    opened.push(() => lock.close());
    const settings = { file, busyMilliseconds: BUSY_MILLISECONDS, cacheKibibytes: CACHE_KIBIBYTES };
    const writer = kyselyOn(sqliteDialect(sqliteWriter(settings)), file);
    opened.push(() => writer.destroy());
    const migrated = await migrate(writer, "sqlite", file);
    const database = openBeside(file);
    opened.push(() => database.close());
    const reader = kyselyOn(sqliteDialect(sqliteHere(database)), file);
    return new OpenLedger({ kind: "sqlite", migrated, reader, writer, release });
  } catch (error) {
    await release();
    throw databaseFault(error, file);
  }
}

/** For reading only, while the writer's connection has the file open. */
function openBeside(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_MILLISECONDS });
  database.exec("PRAGMA query_only = ON");
  database.exec(`PRAGMA cache_size = -${READING_CACHE_KIBIBYTES}`);
  return database;
}

async function openPostgres(url: string): Promise<Ledger> {
  const where = nameOf({ url });
  const db = kyselyOn(postgresDialect(url), where);
  const release = () => db.destroy();
  try {
    const migrated = await migrate(db, "postgres", where);
    return new OpenLedger({ kind: "postgres", migrated, reader: db, writer: db, release });
  } catch (error) {
    await release();
    throw databaseFault(error, where);
  }
}

function kyselyOn(dialect: Dialect, where: string): Kysely<Database> {
  return new Kysely<Database>({ dialect: codedDialect(dialect, where) });
}

interface Opened {
  kind: LedgerKind;
  migrated: AppliedSteps;
  reader: Kysely<Database>;
  writer: Kysely<Database>;
  release(): Promise<void>;
}

class OpenLedger implements Ledger {
  readonly kind: LedgerKind;
  readonly migrated: AppliedSteps;
  readonly selectFrom: Reader["selectFrom"];
  readonly runAll: Ledger["runAll"];
  readonly #writer: Kysely<Database>;
  readonly #release: () => Promise<void>;
  readonly #inside = new AsyncLocalStorage<true>();
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor({ kind, migrated, reader, writer, release }: Opened) {
    this.#writer = writer;
    this.kind = kind;
    this.migrated = migrated;
    this.#release = release;
    this.runAll =
      kind === "sqlite"
        ? (queries) =>
            this.#untilDone(async () => (await this.#writer.executeQuery(queryOfAll(queries))).rows)
        : undefined;
    this.selectFrom = ((from: never) => {
      this.#refuseInside();
      this.#refuseClosed();
      return reader.selectFrom(from);
    }) as Reader["selectFrom"];
  }

  transaction<Result>(work: (tx: Writer) => Promise<Result>): Promise<Result> {
    return this.#untilDone(() => this.#repeated(work));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#running);
    await this.#release();
  }

  /** Closing waits for it. */
  async #untilDone<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#refuseInside();
    this.#refuseClosed();
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  async #repeated<Result>(work: (tx: Writer) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#writer.transaction().execute((tx) => this.#inside.run(true, () => work(tx)));
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
  #refuseClosed(): void {
    if (this.#closed) throw new TypeError("the ledger is closed");
  }
}
