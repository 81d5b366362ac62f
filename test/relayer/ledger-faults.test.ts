// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, open as openFile, rename, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { sql } from "kysely";
import { TemporaryError } from "../../relayer/src/errors.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { MIGRATIONS } from "../../relayer/src/ledger/migrations.ts";
import {
  countReceipts,
  findReceipt,
  insertReceipt,
  receiptsOfBatch,
  waitingGroups,
} from "../../relayer/src/ledger/receipts.ts";
import type { SqliteOrder } from "../../relayer/src/ledger/sqlite-thread.ts";
import { TEST_DATABASES } from "./databases.ts";
import { freshFolder } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const WRITER = fileURLToPath(new URL("ledger-writer.ts", import.meta.url));

/** Without its timeout, and something to wait for, a process whose promises nobody keeps ends as if all were well. */
const HANGING = { timeout: 30_000 };

describe("faults of a SQLite ledger", () => {
  it("refuses a second process, and lets it in once the first was killed", async () => {
    const file = await freshFile();
    const child = spawn(process.execPath, [WRITER, file], { stdio: ["ignore", "pipe", "ignore"] });
    await once(child.stdout, "data");
    await assert.rejects(openLedger({ file }), { code: "MT-LED-001", name: "RelayerError" });
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    await (await openLedger({ file })).close();
  });

  it("refuses a second opening in the same process until the first is closed", async () => {
    const file = await freshFile();
    const ledger = await openLedger({ file });
    await assert.rejects(openLedger({ file }), { code: "MT-LED-001" });
    await ledger.close();
    await (await openLedger({ file })).close();
  });

  it("writes through to the disk at every commit", async () => {
    const ledger = await openLedger({ file: await freshFile() });
    assert.equal(await pragma(ledger, "synchronous"), 2);
    assert.equal(await pragma(ledger, "journal_mode"), "wal");
    assert.equal(await pragma(ledger, "foreign_keys"), 1);
    await ledger.close();
  });

  it("says that another program holds the file, and goes on when it lets go", async () => {
    const file = await freshFile();
    const ledger = await openLedger({ file });
    const browser = new DatabaseSync(file);
    browser.exec("BEGIN IMMEDIATE");
    await assert.rejects(insertReceipt(ledger, storedReceipt(1)), { code: "MT-LED-001" });
    browser.exec("ROLLBACK");
    assert.equal(await insertReceipt(ledger, storedReceipt(1)), "stored");
    browser.close();
    await ledger.close();
  });

  it("reads while its writer waits, and has no thread of this process wait", async () => {
    const file = await freshFile();
    const ledger = await openLedger({ file });
    const { claimId } = storedReceipt(0).receipt;
    await insertReceipt(ledger, storedReceipt(0));
    const browser = new DatabaseSync(file);
    browser.exec("BEGIN IMMEDIATE");
    let waits = true;
    const refused = assert
      .rejects(insertReceipt(ledger, storedReceipt(1)), { code: "MT-LED-001" })
      .finally(() => {
        waits = false;
      });
    for (let turn = 0; turn < 20; turn++) {
      await setImmediate();
      assert.ok(await findReceipt(ledger, claimId));
      assert.ok(waits, "the reader waited for the writer");
    }
    await refused;
    browser.close();
    await ledger.close();
  });

  it("MT-LED-012 fails a transaction whose thread died, keeps nothing of it, and goes on with the next", async () => {
    const ledger = await openWithThread();
    await insertReceipt(ledger.opened, storedReceipt(0));
    const exposureBefore = await waitingGroups(ledger.opened);
    await assert.rejects(
      ledger.opened.transaction(async (tx) => {
        await tx.updateTable("exposure").set({ waiting: 77 }).execute();
        await ledger.thread().terminate();
        await tx.updateTable("exposure").set({ waiting: 78 }).execute();
      }),
      isThreadEnded,
    );
    assert.deepEqual(await waitingGroups(ledger.opened), exposureBefore);
    const dying = insertReceipt(ledger.opened, storedReceipt(1)).catch((error: unknown) => error);
    void ledger.thread().terminate();
    const outcome = await dying;
    assert.ok(outcome === "stored" || isThreadEnded(outcome), String(outcome));
    assert.equal(await insertReceipt(ledger.opened, storedReceipt(2)), "stored");
    assert.ok(await findReceipt(ledger.opened, storedReceipt(2).receipt.claimId));
    await ledger.opened.close();
  });

  it(
    "goes on with the file when it is back, although its thread could not open it",
    HANGING,
    async (test) => {
      const alive = setInterval(() => undefined, 1_000);
      test.after(() => clearInterval(alive));
      const file = await freshFile();
      const ledger = await openWithThread(file);
      await ledger.thread().terminate();
      await rename(file, `${file}.away`);
      await mkdir(file);
      for (const seed of [0, 1]) {
        await assert.rejects(insertReceipt(ledger.opened, storedReceipt(seed)), { code: "MT-LED-003" });
      }
      await rmdir(file);
      await rename(`${file}.away`, file);
      assert.equal(await insertReceipt(ledger.opened, storedReceipt(2)), "stored");
      await ledger.opened.close();
    },
  );

  it("gives the file back although its thread dies meanwhile, and writes nothing after that", async () => {
    const file = await freshFile();
    const ledger = await openWithThread(file);
    const closing = ledger.opened.close();
    void ledger.thread().terminate();
    await closing;
    await assert.rejects(insertReceipt(ledger.opened, storedReceipt(0)), /the ledger is closed/);
    const again = await openLedger({ file });
    await again.close();
  });

  it("keeps statements of few sizes, however many receipts arrive together", async () => {
    const ledger = await openWithThread();
    const insertions = new Set<string>();
    const thread = ledger.thread();
    const post = thread.postMessage.bind(thread);
    thread.postMessage = (order: SqliteOrder) => {
      if (order.do === "run" && order.statement.sql.startsWith('insert into "receipts"')) {
        insertions.add(order.statement.sql);
      }
      post(order);
    };
    let seed = 0;
    for (let size = 1; size <= 60; size++) {
      const group = Array.from({ length: size }, () => storedReceipt(seed++));
      await Promise.all(group.map((receipt) => insertReceipt(ledger.opened, receipt)));
    }
    assert.equal(await countReceipts(ledger.opened), seed);
    assert.ok(insertions.size < 20, String(insertions.size));
    await ledger.opened.close();
  });

  it("stores nothing of a transaction that could not begin, whatever its work makes of that", async () => {
    const file = await freshFile();
    const ledger = await openLedger({ file });
    await insertReceipt(ledger, storedReceipt(0));
    const before = await waitingGroups(ledger);
    const browser = new DatabaseSync(file);
    browser.exec("BEGIN IMMEDIATE");
    const swallowing = ledger.transaction(async (tx) => {
      const update = (waiting: number) => tx.updateTable("exposure").set({ waiting }).execute();
      await assert.rejects(update(77), { code: "MT-LED-001" });
      browser.exec("ROLLBACK");
      await assert.rejects(update(78), /has not begun/);
    });
    await assert.rejects(swallowing);
    assert.deepEqual(await waitingGroups(ledger), before);
    browser.close();
    await ledger.close();
  });

  it("stores nothing of what a full disk refused, keeps the rest, and goes on when there is space", async () => {
    const ledger = await openLedger({ file: await freshFile() });
    const { claimId } = storedReceipt(0).receipt;
    assert.equal(await insertReceipt(ledger, storedReceipt(0)), "stored");
    const pages = Number(await pragma(ledger, "page_count"));
    await pragma(ledger, `max_page_count = ${pages}`);
    const large = { ...storedReceipt(1), answer: "x".repeat(100_000) };
    await assert.rejects(insertReceipt(ledger, large), { code: "MT-LED-005" });
    assert.equal(await findReceipt(ledger, large.receipt.claimId), undefined);
    assert.ok(await findReceipt(ledger, claimId));
    await pragma(ledger, "max_page_count = 1000000");
    assert.equal(await insertReceipt(ledger, large), "stored");
    await ledger.close();
  });

  it("says that a file is damaged, when it is opened and when it is read", async () => {
    const letter = await freshFile();
    await writeFile(letter, "this is a letter, not a database ".repeat(100));
    await assert.rejects(openLedger({ file: letter }), { code: "MT-LED-006" });

    const file = await freshFile();
    const ledger = await openLedger({ file });
    await Promise.all(Array.from({ length: 500 }, (_, seed) => insertReceipt(ledger, storedReceipt(seed))));
    await ledger.close();
    await overwriteTail(file);
    const damaged = await openLedger({ file });
    await assert.rejects(damaged.selectFrom("receipts").selectAll().execute(), { code: "MT-LED-006" });
    await damaged.close();
  });

  it("refuses a path where no file can be, and the format of before the first numbered schema", async () => {
    const file = await freshFile();
    await writeFile(file, "");
    await assert.rejects(openLedger({ file: join(file, "ledger.sqlite") }), { code: "MT-LED-003" });
    const old = await freshFile();
    const database = new DatabaseSync(old);
    database.exec("PRAGMA user_version = 2");
    database.close();
    await assert.rejects(openLedger({ file: old }), { code: "MT-LED-002" });
  });
});

for (const database of TEST_DATABASES) {
  describe(`faults of a ledger on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    it("refuses the schema of a newer program, and one that was changed", async () => {
      const source = await database.fresh();
      const ledger = await openLedger(source);
      assert.deepEqual(
        ledger.migrated,
        MIGRATIONS.map(({ name }) => name),
      );
      await ledger.transaction((tx) => tx.updateTable("schema_migrations").set({ checksum: "0" }).execute());
      await ledger.close();
      await assert.rejects(openLedger(source), { code: "MT-LED-007" });

      const other = await database.fresh();
      const second = await openLedger(other);
      const row = { version: 99, name: "to come", checksum: "0" };
      await second.transaction((tx) => tx.insertInto("schema_migrations").values(row).execute());
      await second.close();
      await assert.rejects(openLedger(other), { code: "MT-LED-002" });
    });

    it("refuses to mix a transaction with the ledger around it, instead of waiting for itself", async () => {
      const ledger = await openLedger(await database.fresh());
      await assert.rejects(
        ledger.transaction(() => receiptsOfBatch(ledger, "0x00")),
        TypeError,
      );
      await assert.rejects(
        ledger.transaction(() => ledger.transaction(async () => 1)),
        TypeError,
      );
      assert.equal(await insertReceipt(ledger, storedReceipt(1)), "stored");
      await ledger.close();
    });
  });
}

const postgres = TEST_DATABASES.find(({ name }) => name === "PostgreSQL");
describe("faults of a PostgreSQL ledger", { skip: postgres?.skip ?? true }, () => {
  after(() => postgres?.stop());

  it("says that no server answers, or that it lets nobody in", async () => {
    await assert.rejects(openLedger({ url: "postgres://nobody:secret@127.0.0.1:9/none" }), (error: Error) => {
      assert.equal((error as { code?: string }).code, "MT-LED-008");
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    const source = await postgres?.fresh();
    assert.ok(source && "url" in source);
    const wrong = source.url.replace("password", "wrong");
    await assert.rejects(openLedger({ url: wrong }), { code: "MT-LED-008" });
  });

  it("goes on after the server cut its connections", async () => {
    const source = await postgres?.fresh();
    assert.ok(source);
    const ledger = await openLedger(source);
    await assert.rejects(
      ledger.transaction(async (tx) => {
        await sql`SELECT pg_terminate_backend(pg_backend_pid())`.execute(tx);
      }),
      { code: "MT-LED-008" },
    );
    assert.equal(await insertReceipt(ledger, storedReceipt(1)), "stored");
    await ledger.close();
  });
});

function isThreadEnded(error: unknown): boolean {
  return error instanceof TemporaryError && error.code === "MT-LED-012";
}

/** A ledger, and the thread that writes it now. */
async function openWithThread(file?: string) {
  const threads: Worker[] = [];
  const note = (worker: Worker) => threads.push(worker);
  process.on("worker", note);
  after(() => process.off("worker", note));
  return {
    opened: await openLedger({ file: file ?? (await freshFile()) }),
    thread(): Worker {
      const last = threads.at(-1);
      assert.ok(last);
      return last;
    },
  };
}

async function freshFile(): Promise<string> {
  return join(await freshFolder(), "ledger.sqlite");
}

async function pragma(ledger: Ledger, what: string): Promise<unknown> {
  const { rows } = await ledger.transaction((tx) => sql<object>`PRAGMA ${sql.raw(what)}`.execute(tx));
  return Object.values(rows[0] ?? {})[0];
}

/** Everything behind the schema: most of the rows. */
async function overwriteTail(file: string): Promise<void> {
  const { size } = await stat(file);
  const handle = await openFile(file, "r+");
  const from = Math.floor(size / 2);
  await handle.write(Buffer.alloc(size - from, 0xa5), 0, size - from, from);
  await handle.close();
}
