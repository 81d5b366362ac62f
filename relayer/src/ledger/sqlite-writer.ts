// SPDX-License-Identifier: GPL-3.0-or-later

import type { SQLInputValue } from "node:sqlite";
import { Worker } from "node:worker_threads";
import type { CompiledQuery, QueryResult } from "kysely";
import { TemporaryError } from "../errors.ts";
import type { SqliteConnection, SqliteSource } from "./sqlite-driver.ts";
import { type Outcome, resultOf, type Statement, statementOf } from "./sqlite-statements.ts";
import type { SqliteAnswer, SqliteFault, SqliteFile, SqliteOrder } from "./sqlite-thread.ts";
import { isQueryOfAll } from "./together.ts";

/**
 * A database that a thread of its own has open, so that nobody here waits for the disk. The thread starts with the first
 * borrower, keeps no process alive, and is started anew for the next borrower where it ended.
 *
 * Its faults are the errors of `node:sqlite`, and TemporaryError `MT-LED-012` where the thread ended: a transaction that was
 * being committed then is on the disk or is not, as with a server whose connection broke.
 */
export function sqliteWriter(settings: SqliteFile): SqliteSource {
  let thread: SqliteThread | undefined;
  return {
    async connect() {
      if (!thread || thread.hasEnded) {
        const started = new SqliteThread(settings);
        await started.opened;
        thread = started;
      }
      return new ConnectionThere(thread);
    },
    async disconnect() {
      await thread?.close();
    },
  };
}

/** What one borrower does. A transaction that outlives its thread goes on in no other. */
class ConnectionThere implements SqliteConnection {
  readonly #thread: SqliteThread;
  /** A transaction begins together with its first statement, which saves a message. */
  #transaction: "none" | "begins" | "inside" = "none";

  constructor(thread: SqliteThread) {
    this.#thread = thread;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    if (isQueryOfAll(query)) {
      const statements = query.all.map(sent);
      const { rows } = await this.#thread.ask({
        do: "runAll",
        statements,
        transaction: this.#transactionNow(),
      });
      return { rows: rows.map((outcome) => resultOf(outcome as unknown as Outcome)) as Row[] };
    }
    const statement = sent(query);
    return resultOf(await this.#thread.ask({ do: "run", statement, transaction: this.#transactionNow() }));
  }

  /** That of the next order. */
  #transactionNow(): "none" | "begins" | "inside" {
    const now = this.#transaction;
    if (now === "begins") this.#transaction = "inside";
    return now;
  }

  /** In one piece: whoever reads much does it outside of transactions. */
  async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
    yield await this.executeQuery<Row>(query);
  }

  async begin(): Promise<void> {
    this.#transaction = "begins";
  }

  async commit(): Promise<void> {
    if (this.#transaction === "inside") await this.#thread.ask({ do: "commit" });
  }

  async rollback(): Promise<void> {
    // It has ended with its thread.
    if (this.#transaction === "inside" && !this.#thread.hasEnded) await this.#thread.ask({ do: "rollback" });
  }
}

/** What it is sent is garbage a moment later: more room for that would only be resident. */
const YOUNG_MEGABYTES = 4;

interface Waiting {
  resolve(outcome: Outcome): void;
  reject(error: Error): void;
}

/** The thread as seen from here: orders are answered in the order they were given. */
class SqliteThread {
  /** Rejects with the fault of opening the file; the thread ends then. */
  readonly opened: Promise<Outcome>;
  readonly #file: string;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #waiting: Waiting[] = [];
  #end: TemporaryError | undefined;

  constructor(settings: SqliteFile) {
    this.#file = settings.file;
    this.#worker = new Worker(new URL("./sqlite-thread.ts", import.meta.url), {
      workerData: settings,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
    });
    this.opened = this.#answered();
    this.#worker.on("message", (answer: SqliteAnswer) => this.#settle(answer));
    this.#worker.on("error", (error) => this.#fail(error instanceof Error ? error.message : String(error)));
    this.#exited = new Promise((resolve) => {
      this.#worker.on("exit", () => {
        this.#fail("it exited");
        resolve();
      });
    });
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** @throws the fault of the statement, or TemporaryError `MT-LED-012` */
  async ask(order: SqliteOrder): Promise<Outcome> {
    if (this.#end) throw this.#end;
    this.#worker.postMessage(order);
    return this.#answered();
  }

  /** Resolves when the file is closed: it is, whether the thread answers or ends. */
  async close(): Promise<void> {
    if (!this.#end) await this.ask({ do: "close" }).catch(() => undefined);
    this.#worker.ref();
    await this.#exited;
  }

  #answered(): Promise<Outcome> {
    // Only while somebody waits does it hold the process.
    this.#worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  #settle(answer: SqliteAnswer): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    if ("fault" in answer) waiting?.reject(errorOf(answer.fault));
    else waiting?.resolve(answer.outcome);
  }

  #fail(reason: string): void {
    this.#end ??= new TemporaryError(
      "MT-LED-012",
      `the thread that writes the ledger ${this.#file} ended: ${reason}`,
      "It is started again for the next transaction; nothing was acknowledged that is not stored.",
    );
    for (const { reject } of this.#waiting.splice(0)) reject(this.#end);
  }
}

/** As `node:sqlite` would have thrown it. */
function errorOf({ message, ...members }: SqliteFault): Error {
  return Object.assign(new Error(message), members);
}

function sent(query: CompiledQuery): Statement {
  const { parameters, ...statement } = statementOf(query);
  return { ...statement, parameters: parameters.map(trimmed) };
}

/** A view is sent with all of the buffer it looks into. */
function trimmed(value: SQLInputValue): SQLInputValue {
  return ArrayBuffer.isView(value) && value.byteLength < value.buffer.byteLength
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
    : value;
}
