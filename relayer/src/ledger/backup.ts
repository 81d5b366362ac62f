// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename } from "node:fs/promises";
import { type Kysely, sql } from "kysely";
import { RelayerError } from "../errors.ts";
import { databaseFault } from "./faults.ts";
import type { Ledger, LedgerKind } from "./ledger.ts";
import { applySteps } from "./migrate.ts";
import { checksumOf, MIGRATIONS } from "./migrations.ts";
import type { Writer } from "./schema.ts";
import { type AnyDatabase, type AnyRow, rowsOf, type Snapshot, TABLES } from "./snapshot.ts";

/**
 * The form of a backup: lines of JSON, the same from both databases and for both. First what it is, then the rows,
 * parents before children, `["table", {...}]` with byte strings as `{"base64": "..."}`, last the number of rows and the SHA-256 of
 * the lines before.
 */
const FORMAT = "meantime-ledger-1";

/** What a backup or a restoration has moved. */
export interface BackupSummary {
  rows: number;
  sha256: string;
}

const ROWS_PER_STATEMENT = 200;

/**
 * Writes everything to a file, which appears under its name when it is complete and on the disk.
 *
 * @throws RelayerError `MT-LED-003` or `MT-LED-005` when the file cannot be written
 */
export async function backUp(snapshot: Snapshot, file: string): Promise<BackupSummary> {
  const partial = `${file}.partial`;
  try {
    const handle = await open(partial, "w", 0o600);
    const hash = createHash("sha256");
    const write = async (lines: string[]) => {
      const text = lines.map((line) => `${line}\n`).join("");
      hash.update(text);
      await handle.write(text);
    };
    let count = 0;
    try {
      await write([headerOf(schemaNow())]);
      for (const each of TABLES) {
        for await (const rows of rowsOf(snapshot, each)) {
          await write(rows.map((row) => JSON.stringify([each.table, row], encodeBytes)));
          count += rows.length;
        }
      }
      const summary = { rows: count, sha256: hash.digest("hex") };
      await handle.write(`${JSON.stringify(summary)}\n`);
      await handle.sync();
      await rename(partial, file);
      return summary;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw databaseFault(error, file);
  }
}

/**
 * Fills an empty ledger from a backup, all of it or nothing. The rows of an earlier schema are migrated.
 *
 * @throws RelayerError `MT-LED-010` the ledger is not empty; `MT-LED-011` the file is no complete backup of this schema or an
 * earlier one
 */
export async function restore(ledger: Ledger, file: string): Promise<BackupSummary> {
  return ledger.transaction(async (tx) => {
    const used = await tx
      .selectFrom("facts")
      .select("value")
      .where("name", "<>", "admission")
      .executeTakeFirst();
    if (used || (await tx.selectFrom("receipts").select("sequence").limit(1).executeTakeFirst())) {
      throw new RelayerError(
        "MT-LED-010",
        "the ledger to restore into is not empty",
        "Name a new file or an empty database; nothing was changed.",
      );
    }
    const { schema, ...summary } = await readInto(tx, ledger.kind, file);
    await applySteps(tx, ledger.kind, MIGRATIONS.slice(schema));
    if (ledger.kind === "postgres") await continueCounting(tx);
    return summary;
  });
}

/** @returns also how many steps of the schema its rows have seen */
async function readInto(
  tx: Writer,
  kind: LedgerKind,
  file: string,
): Promise<BackupSummary & { schema: number }> {
  const hash = createHash("sha256");
  let schema: number | undefined;
  let last: string | undefined;
  let count = 0;
  let waiting: [string, AnyRow][] = [];
  const store = async () => {
    await insertRows(tx, waiting);
    waiting = [];
  };
  try {
    for await (const line of linesOf(file)) {
      if (last !== undefined) {
        hash.update(`${last}\n`);
        if (schema === undefined) {
          schema = schemaOf(last, file);
          await makeRoom(tx, kind, schema);
        } else {
          const row = parseRow(last, file);
          if (waiting.length >= ROWS_PER_STATEMENT || (waiting[0] && waiting[0][0] !== row[0])) await store();
          waiting.push(row);
          count += 1;
        }
      }
      last = line;
    }
  } catch (error) {
    throw databaseFault(error, file);
  }
  await store();
  const summary = { rows: count, sha256: hash.digest("hex") };
  if (schema === undefined || last !== JSON.stringify(summary))
    throw broken(file, "it ends early, or was changed");
  return { ...summary, schema };
}

/** Lines as they were written. Those of `node:readline` also end at U+2028 and U+2029, which answers may hold. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let line = "";
  for await (const text of createReadStream(file, "utf8") as AsyncIterable<string>) {
    const [rest = "", ...more] = text.split("\n");
    line += rest;
    for (const next of more) {
      yield line;
      line = next;
    }
  }
  if (line !== "") yield line;
}

/** How many steps of the schema were applied where a backup was made. */
function schemaOf(header: string, file: string): number {
  const steps = schemaNow();
  const schema = steps.findIndex((_, at) => header === headerOf(steps.slice(0, at + 1))) + 1;
  if (schema > 0) return schema;
  if (!header.startsWith('{"format":"meantime-ledger-')) throw broken(file, "it is none");
  throw broken(
    file,
    "it was made by a newer program, or by one with another schema: restore it with that one",
  );
}

/** Empties the ledger of what its own steps put there. For rows of an earlier schema the tables become what they were. */
async function makeRoom(tx: Writer, kind: LedgerKind, schema: number): Promise<void> {
  if (schema < MIGRATIONS.length) {
    for (const { table } of TABLES.toReversed()) await sql`DROP TABLE ${sql.table(table)}`.execute(tx);
    await sql`DROP TABLE leases`.execute(tx);
    await tx.deleteFrom("schema_migrations").execute();
    await applySteps(tx, kind, MIGRATIONS.slice(0, schema));
  }
  await tx.deleteFrom("facts").execute();
}

function parseRow(line: string, file: string): [string, AnyRow] {
  try {
    const [table, row] = JSON.parse(line, decodeBytes) as [string, AnyRow];
    if (TABLES.some((known) => known.table === table)) return [table, row];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw broken(file, "a line of it is no row");
}

async function insertRows(tx: Writer, rows: readonly [string, AnyRow][]): Promise<void> {
  const [first] = rows;
  if (!first) return;
  const loose = tx as unknown as Pick<Kysely<AnyDatabase>, "insertInto">;
  await loose
    .insertInto(first[0])
    .values(rows.map(([, row]) => row))
    .execute();
}

/** PostgreSQL's counters do not notice rows that come with their numbers. */
async function continueCounting(tx: Writer): Promise<void> {
  const counted = [
    ["receipts", "sequence"],
    ["intents", "id"],
    ["attempts", "sequence"],
    ["findings", "sequence"],
    ["index_feed", "sequence"],
    ["watch_actions", "id"],
  ] as const;
  for (const [table, column] of counted) {
    await sql`SELECT setval(pg_get_serial_sequence(${table}, ${column}),
      (SELECT COALESCE(MAX(${sql.ref(column)}), 0) + 1 FROM ${sql.table(table)}), false)`.execute(tx);
  }
}

function headerOf(schema: readonly string[]): string {
  return JSON.stringify({ format: FORMAT, schema });
}

function schemaNow(): string[] {
  return MIGRATIONS.map(checksumOf);
}

function encodeBytes(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value;
}

function decodeBytes(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("base64" in value)) return value;
  return new Uint8Array(Buffer.from(String(value.base64), "base64"));
}

function broken(file: string, why: string): RelayerError {
  return new RelayerError(
    "MT-LED-011",
    `${file} is no complete backup: ${why}`,
    "Use another backup; nothing was changed.",
  );
}
