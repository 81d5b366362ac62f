// SPDX-License-Identifier: GPL-3.0-or-later

import {
  type DatabaseConnection,
  type Dialect,
  type Driver,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";

/** One connection to a SQLite file, in this thread (`sqlite-here.ts`) or in one of its own (`sqlite-writer.ts`). */
export interface SqliteConnection extends DatabaseConnection {
  begin(): Promise<void>;
  commit(): Promise<void>;
  /** Does nothing where SQLite has rolled back by itself, on a full disk for instance. */
  rollback(): Promise<void>;
}

/** Where the driver gets its connection from. */
export interface SqliteSource {
  /** The connection for the next borrower. */
  connect(): Promise<SqliteConnection>;
  /** Called once, when nobody borrows any more. */
  disconnect(): Promise<void>;
}

/** Kysely on SQLite. */
export function sqliteDialect(source: SqliteSource): Dialect {
  return {
    createAdapter: () => new LendingAdapter(),
    createDriver: () => new SqliteDriver(source),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** The driver below lends the connection itself: Kysely's own lock is never given back where the lending fails. */
class LendingAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/**
 * Lends its connection to one borrower at a time, first come first served: no statement of another task runs between the
 * statements of a transaction, and there is one writer.
 */
class SqliteDriver implements Driver {
  readonly #source: SqliteSource;
  #lent = false;
  readonly #waiting: (() => void)[] = [];

  constructor(source: SqliteSource) {
    this.#source = source;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteConnection> {
    if (this.#lent) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#lent = true;
    try {
      return await this.#source.connect();
    } catch (error) {
      this.#handOn();
      throw error;
    }
  }

  async releaseConnection(): Promise<void> {
    this.#handOn();
  }

  beginTransaction(connection: SqliteConnection): Promise<void> {
    return connection.begin();
  }

  commitTransaction(connection: SqliteConnection): Promise<void> {
    return connection.commit();
  }

  rollbackTransaction(connection: SqliteConnection): Promise<void> {
    return connection.rollback();
  }

  destroy(): Promise<void> {
    return this.#source.disconnect();
  }

  /** Without a gap, or a newcomer would overtake the next in the queue. */
  #handOn(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#lent = false;
  }
}
