// SPDX-License-Identifier: MIT
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { migrate } from "../../relayer/src/ledger/migrate.ts";
import type { Database } from "../../relayer/src/ledger/schema.ts";
import { type SqliteConnection, sqliteDialect } from "../../relayer/src/ledger/sqlite-driver.ts";
import { sqliteHere } from "../../relayer/src/ledger/sqlite-here.ts";

/** A ledger in memory that remembers what it was asked. */
export interface AskedDatabase {
  db: Kysely<Database>;
  /** SQL of all that it was asked since this was emptied. */
  asked: string[];
  /** Called before each statement runs; may throw in its place. */
  onAsked(sql: string): void;
  close(): Promise<void>;
}

/** Opens an empty one. */
export async function openAsked(): Promise<AskedDatabase> {
  const database = new DatabaseSync(":memory:");
  const source = sqliteHere(database);
  const connect = async (): Promise<SqliteConnection> => {
    const connection = await source.connect();
    return {
      executeQuery(query) {
        opened.asked.push(query.sql);
        opened.onAsked(query.sql);
        return connection.executeQuery(query);
      },
      streamQuery: (query, chunkSize) => connection.streamQuery(query, chunkSize),
      begin: () => connection.begin(),
      commit: () => connection.commit(),
      rollback: () => connection.rollback(),
    };
  };
  const db = new Kysely<Database>({
    dialect: sqliteDialect({ connect, disconnect: () => source.disconnect() }),
  });
  const opened: AskedDatabase = {
    ...{ db, asked: [], onAsked: () => undefined },
    async close() {
      await db.destroy();
      database.close();
    },
  };
  await migrate(db, "sqlite", "memory");
  opened.asked.length = 0;
  return opened;
}
