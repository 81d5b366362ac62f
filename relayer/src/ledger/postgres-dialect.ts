// SPDX-License-Identifier: GPL-3.0-or-later

import { CompiledQuery, type Dialect, PostgresDialect } from "kysely";
import pg from "pg";

/** Connections of one process: the gateway's inserts come in groups, and every task is one transaction at a time. */
const MAX_CONNECTIONS = 10;
const CONNECT_MILLISECONDS = 10_000;

/** Kysely on a pool of connections. Closing the Kysely instance closes the pool. */
export function postgresDialect(url: string): Dialect {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MILLISECONDS,
    types: { getTypeParser },
  });
  // Without listeners, a server that goes away ends the process. Whoever waits for an answer is told by its rejection,
  // and a pooled connection that is idle is replaced.
  const ignore = () => undefined;
  pool.on("error", ignore);
  pool.on("connect", (client) => client.on("error", ignore));
  return new PostgresDialect({
    pool,
    onCreateConnection: async (connection) => {
      for (const { name, unsafe, value } of SESSION) {
        await connection.executeQuery(
          CompiledQuery.raw("SELECT set_config($1, $2, false) WHERE current_setting($1) = $3", [
            name,
            value,
            unsafe,
          ]),
        );
      }
    },
  });
}

/** Settings of a server, a role or the URL that stand, unless they are unsafe here. */
const SESSION = [
  // What was acknowledged must be on disk.
  { name: "synchronous_commit", unsafe: "off", value: "on" },
  // A worker that stops in a transaction must not keep its rows, the lane's lease among them, from the others.
  { name: "idle_in_transaction_session_timeout", unsafe: "0", value: "10s" },
];

const { BYTEA, INT8 } = pg.types.builtins;

/** Rows look the same as on SQLite: integers are numbers, byte strings plain arrays of bytes. */
function getTypeParser(type: number, format?: "text" | "binary"): (value: string) => unknown {
  if (format !== "binary" && type === INT8) return safeInteger;
  if (format !== "binary" && type === BYTEA) {
    const parse = pg.types.getTypeParser(BYTEA) as unknown as (value: string) => Buffer;
    return (value) => new Uint8Array(parse(value));
  }
  return pg.types.getTypeParser(type, format as "text") as (value: string) => unknown;
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value))
    throw new RangeError(`the database holds ${text} where a small integer belongs`);
  return value;
}
