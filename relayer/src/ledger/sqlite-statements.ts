// SPDX-License-Identifier: GPL-3.0-or-later

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { CompiledQuery, QueryResult } from "kysely";

/** A query as a database runs it. */
export interface Statement {
  sql: string;
  parameters: readonly SQLInputValue[];
  /** What of its outcome is asked for. */
  gives: "rows" | "changedRows" | "changes";
}

/** What running a statement gives: rows, and how many it has changed where it changes any. */
export interface Outcome {
  rows: Record<string, unknown>[];
  changes?: bigint;
}

/** How many compiled statements are kept; a bound against statements built from data. */
const CACHE_LIMIT = 512;

/** Runs statements on an open database, each compiled once. */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #compiled = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  run({ sql, parameters, gives }: Statement): Outcome {
    const statement = this.#compile(sql);
    if (gives === "changes") return { rows: [], changes: BigInt(statement.run(...parameters).changes) };
    const rows = statement.all(...parameters);
    return gives === "rows" ? { rows } : { rows, changes: BigInt(rows.length) };
  }

  begin(): void {
    this.#database.exec("BEGIN IMMEDIATE");
  }

  commit(): void {
    this.#database.exec("COMMIT");
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
  }

  #compile(sql: string): StatementSync {
    const known = this.#compiled.get(sql);
    if (known) return known;
    if (this.#compiled.size >= CACHE_LIMIT) this.#compiled.clear();
    const statement = this.#database.prepare(sql);
    this.#compiled.set(sql, statement);
    return statement;
  }
}

/** The statement of a query that Kysely has composed. */
export function statementOf({ query, sql, parameters }: CompiledQuery): Statement {
  return {
    sql,
    parameters: parameters as readonly SQLInputValue[],
    gives: givesOf(query, sql),
  };
}

/** An outcome as Kysely wants it. */
export function resultOf<Row>({ rows, changes }: Outcome): QueryResult<Row> {
  return { rows: rows as Row[], ...(changes === undefined ? {} : { numAffectedRows: changes }) };
}

function givesOf(query: CompiledQuery["query"], sql: string): Statement["gives"] {
  if (query.kind === "SelectQueryNode") return "rows";
  if ("returning" in query && query.returning !== undefined) return "changedRows";
  return query.kind === "RawNode" && /^\s*(SELECT|PRAGMA|EXPLAIN)\b/i.test(sql) ? "rows" : "changes";
}
