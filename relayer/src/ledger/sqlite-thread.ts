// SPDX-License-Identifier: GPL-3.0-or-later
// The thread that writes a SQLite ledger: it waits for the disk, so that the event loop need not. It says whether it has opened
// the file, then follows orders one after the other and answers each. `sqlite-writer.ts` is its other side.

import { DatabaseSync } from "node:sqlite";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type Outcome, type Statement, Statements } from "./sqlite-statements.ts";

/** What the thread starts with. */
export interface SqliteFile {
  file: string;
  /** Wait for another program that writes. */
  busyMilliseconds: number;
  cacheKibibytes: number;
}

/**
 * What it is told. What `begins` a transaction starts it; what is `inside` runs in that or not at all. The rows of `runAll` are the
 * outcomes of its statements, which in no transaction are one of their own.
 */
export type SqliteOrder =
  | { do: "commit" | "rollback" | "close" }
  | { do: "run"; statement: Statement; transaction: "none" | "begins" | "inside" }
  | { do: "runAll"; statements: readonly Statement[]; transaction: "none" | "begins" | "inside" };

/** What it answers: what came of the order, or what SQLite said is wrong. */
export type SqliteAnswer = { outcome: Outcome } | { fault: SqliteFault };

/** The members of SQLite's errors that a message does not carry by itself. */
export interface SqliteFault {
  message: string;
  code?: string;
  errcode?: number;
}

const NOTHING: Outcome = { rows: [] };

/** 32 MB. Under load SQLite's own 4 MB are full several times a second, and each time pages are copied that change again soon. */
const CHECKPOINT_PAGES = 8_000;

if (parentPort) serve(parentPort, workerData as SqliteFile);

function serve(port: MessagePort, settings: SqliteFile): void {
  const answer = (follow: () => Outcome) => port.postMessage(answerTo(follow));
  answer(() => {
    const database = open(settings);
    const statements = new Statements(database);
    port.on("message", (order: SqliteOrder) => {
      answer(() => follow(order, database, statements));
      if (order.do === "close") port.close();
    });
    return NOTHING;
  });
}

function open({ file, busyMilliseconds, cacheKibibytes }: SqliteFile): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: busyMilliseconds });
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("PRAGMA synchronous = FULL");
  database.exec("PRAGMA foreign_keys = ON");
  database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
  return database;
}

function answerTo(follow: () => Outcome): SqliteAnswer {
  try {
    return { outcome: follow() };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code, errcode } = error as Partial<SqliteFault>;
    return { fault: { message: error.message, ...(code && { code }), ...(errcode && { errcode }) } };
  }
}

function follow(order: SqliteOrder, database: DatabaseSync, statements: Statements): Outcome {
  switch (order.do) {
    case "run":
      enter(order.transaction, database, statements);
      return statements.run(order.statement);
    case "runAll":
      enter(order.transaction, database, statements);
      if (order.transaction === "none") return { rows: alone(order.statements, statements) };
      return { rows: outcomesOf(order.statements, statements) };
    case "commit":
      statements.commit();
      return NOTHING;
    case "rollback":
      statements.rollback();
      return NOTHING;
    case "close":
      database.close();
      return NOTHING;
  }
}

function enter(
  transaction: "none" | "begins" | "inside",
  database: DatabaseSync,
  statements: Statements,
): void {
  if (transaction === "begins") statements.begin();
  // It could not begin, or has ended: the statement would be durable at once, whatever becomes of the rest.
  if (transaction === "inside" && !database.isTransaction) {
    throw new Error("the transaction of this statement has not begun, or has ended");
  }
}

function alone(all: readonly Statement[], statements: Statements): Outcome["rows"] {
  statements.begin();
  try {
    const outcomes = outcomesOf(all, statements);
    statements.commit();
    return outcomes;
  } catch (error) {
    statements.rollback();
    throw error;
  }
}

function outcomesOf(all: readonly Statement[], statements: Statements): Outcome["rows"] {
  return all.map((statement) => ({ ...statements.run(statement) }));
}
