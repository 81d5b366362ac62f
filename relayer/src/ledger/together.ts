// SPDX-License-Identifier: GPL-3.0-or-later

import { CompiledQuery, type QueryResult, SqliteAdapter } from "kysely";
import type { Writer } from "./schema.ts";

interface QueryOfAll extends CompiledQuery {
  readonly all: readonly CompiledQuery[];
}

/**
 * Several queries as one message to the thread that writes a SQLite file: under load each turn of the event loop between two
 * statements takes longer than the disk. Outside a transaction they are one of their own. Its rows are their results.
 */
export function queryOfAll(all: readonly CompiledQuery[]): CompiledQuery<QueryResult<unknown>> {
  return { ...CompiledQuery.raw(""), all } as QueryOfAll & CompiledQuery<QueryResult<unknown>>;
}

/** Whether a query is several. */
export function isQueryOfAll(query: CompiledQuery): query is QueryOfAll {
  return "all" in query;
}

/** Runs queries of a transaction, of which none needs what another gives. */
export async function runTogether(
  tx: Writer,
  queries: readonly CompiledQuery[],
): Promise<QueryResult<unknown>[]> {
  if (tx.getExecutor().adapter instanceof SqliteAdapter)
    return (await tx.executeQuery(queryOfAll(queries))).rows;
  const results: QueryResult<unknown>[] = [];
  for (const query of queries) results.push(await tx.executeQuery(query));
  return results;
}
