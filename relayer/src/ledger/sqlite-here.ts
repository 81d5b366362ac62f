// SPDX-License-Identifier: GPL-3.0-or-later

import type { DatabaseSync } from "node:sqlite";
import type { CompiledQuery, QueryResult } from "kysely";
import type { SqliteConnection, SqliteSource } from "./sqlite-driver.ts";
import { resultOf, Statements, statementOf } from "./sqlite-statements.ts";
import { isQueryOfAll } from "./together.ts";

/** A database that this thread has open, and waits for. Whoever opened it closes it. */
export function sqliteHere(database: DatabaseSync): SqliteSource {
  const connection = new ConnectionHere(database);
  return { connect: async () => connection, disconnect: async () => undefined };
}

class ConnectionHere implements SqliteConnection {
  readonly #database: DatabaseSync;
  readonly #statements: Statements;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = new Statements(database);
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    if (isQueryOfAll(query)) {
      const results = query.all.map((each) => resultOf(this.#statements.run(statementOf(each))));
      return { rows: results as Row[] };
    }
    return resultOf(this.#statements.run(statementOf(query)));
  }

  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    const { sql, parameters } = statementOf(query);
    // Of its own: a cached statement could be run again while it is being read.
    for (const row of this.#database.prepare(sql).iterate(...parameters)) yield { rows: [row as Row] };
  }

  async begin(): Promise<void> {
    this.#statements.begin();
  }

  async commit(): Promise<void> {
    this.#statements.commit();
  }

  async rollback(): Promise<void> {
    this.#statements.rollback();
  }
}
