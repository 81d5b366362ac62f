// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import pg from "pg";
import {
  acquireLease,
  fencedLedger,
  LONGEST_LEASE_MILLISECONDS,
  releaseLease,
} from "../../relayer/src/ledger/leases.ts";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { countReceipts, insertReceipt } from "../../relayer/src/ledger/receipts.ts";
import { TEST_DATABASES } from "./databases.ts";
import { eventually } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const WORKER = fileURLToPath(new URL("lane-worker.ts", import.meta.url));
const MINUTE = 60_000;
/** Seconds until a test gives up on processes that share a busy machine. */
const PATIENCE = 60;

interface Worker {
  child: ChildProcess;
  lines: string[];
}

for (const database of TEST_DATABASES) {
  describe(`leases on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    it("keeps the token of a holder that renews, and raises it when another takes over", async () => {
      const ledger = await openLedger(await database.fresh());
      const first = await acquireLease(ledger, "operator", "a", MINUTE);
      assert.deepEqual(first, { name: "operator", holder: "a", token: 1 });
      assert.deepEqual(await acquireLease(ledger, "operator", "a", MINUTE), first);
      assert.equal((await acquireLease(ledger, "watch", "b", MINUTE))?.token, 1, "lanes are apart");
      assert.ok(first);
      await releaseLease(ledger, first);
      assert.equal((await acquireLease(ledger, "operator", "b", MINUTE))?.token, 2);
      await ledger.close();
    });

    it("refuses the writes of a holder that has lost its lease, whatever it believes", async () => {
      const ledger = await openLedger(await database.fresh());
      const stale = await acquireLease(ledger, "operator", "a", 0);
      const fenced = fencedLedger(ledger, "operator", () => stale);
      assert.equal(await insertReceipt(fenced, storedReceipt(1)), "stored", "nobody else took it");
      await acquireLease(ledger, "operator", "b", MINUTE);
      await assert.rejects(insertReceipt(fenced, storedReceipt(2)), { code: "MT-LED-009" });
      const none = fencedLedger(ledger, "operator", () => undefined);
      await assert.rejects(insertReceipt(none, storedReceipt(3)), { code: "MT-LED-009" });
      assert.equal(await countReceipts(ledger), 1);
      await ledger.close();
    });
  });
}

const postgres = TEST_DATABASES.find(({ name }) => name === "PostgreSQL");
describe("workers that share a database", { skip: postgres?.skip ?? true }, () => {
  after(() => postgres?.stop());

  it("does not give a lease twice before it ends, and gives it to one of many when it does", async () => {
    const source = await postgres?.fresh();
    assert.ok(source);
    const [one, other] = [await openLedger(source), await openLedger(source)];
    await acquireLease(one, "operator", "a", MINUTE);
    assert.equal(await acquireLease(other, "operator", "b", MINUTE), undefined);
    await acquireLease(one, "operator", "a", 0);
    const rivals = Array.from({ length: 8 }, (_, rival) =>
      acquireLease(rival % 2 ? one : other, "operator", `rival ${rival}`, MINUTE),
    );
    assert.equal((await Promise.all(rivals)).filter(Boolean).length, 1);
    await Promise.all([one.close(), other.close()]);
  });

  it("gives a lease that was taken before the database's clock was set back by hours", async () => {
    const source = await postgres?.fresh();
    assert.ok(source);
    const ledger = await openLedger(source);
    await acquireLease(ledger, "operator", "a", LONGEST_LEASE_MILLISECONDS);
    assert.equal(
      await acquireLease(ledger, "operator", "b", MINUTE),
      undefined,
      "it may have been taken now",
    );
    await ledger.transaction((tx) =>
      tx
        .updateTable("leases")
        .set((eb) => ({ expires_at_milliseconds: eb("expires_at_milliseconds", "+", MINUTE) }))
        .execute(),
    );
    assert.equal((await acquireLease(ledger, "operator", "b", MINUTE))?.token, 2);
    await ledger.close();
  });

  it("R-57 never lets two act for a lane, however workers are killed and starved", async () => {
    const { url, client } = await prepare();
    // Alone at first: whoever holds the lane keeps it.
    const starved = start(url, "stops itself");
    const workers = [starved];
    try {
      await eventually(
        "it to stop in mid-write",
        () => starved.lines.includes("stopping") || undefined,
        PATIENCE,
      );
      workers.push(start(url), start(url));
      await untilAnotherWrites(client, starved);
      starved.child.kill("SIGCONT");
      await eventually(
        "its write to be refused",
        () => starved.lines.some((line) => line.startsWith("refused")) || undefined,
        PATIENCE,
      );
      for (let round = 0; round < 6; round++) {
        const holder = await currentHolder(client, workers);
        holder.child.kill(round % 2 === 0 ? "SIGSTOP" : "SIGKILL");
        await untilAnotherWrites(client, holder);
        if (round % 2 === 0) holder.child.kill("SIGCONT");
        else workers.push(start(url));
      }
    } finally {
      for (const { child } of workers) child.kill("SIGKILL");
      await Promise.all(
        workers.map(({ child }) => (child.exitCode ?? child.signalCode) || once(child, "exit")),
      );
    }
    const { rows } = await client.query<{ holder: string; token: string }>(
      "SELECT holder, token FROM lane_writes ORDER BY sequence",
    );
    const holderOf = new Map<number, string>();
    let latest = 0;
    for (const { holder, token } of rows.map((row) => ({ ...row, token: Number(row.token) }))) {
      assert.ok(token >= latest, `a write under token ${token} came after one under ${latest}`);
      assert.equal(holderOf.get(token) ?? holder, holder, `two hold the lease under token ${token}`);
      holderOf.set(token, holder);
      latest = token;
    }
    assert.ok(holderOf.size >= 7, `the lane changed hands ${holderOf.size} times`);
    await client.end();
  });

  /** A database whose server gives up on a transaction that says nothing for a second. */
  async function prepare(): Promise<{ url: string; client: pg.Client }> {
    const source = await postgres?.fresh();
    assert.ok(source && "url" in source);
    const url = `${source.url}${encodeURIComponent(" -c idle_in_transaction_session_timeout=1000")}`;
    await (await openLedger({ url })).close();
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(
      "CREATE TABLE lane_writes (sequence BIGSERIAL PRIMARY KEY, holder TEXT NOT NULL, token BIGINT NOT NULL)",
    );
    return { url, client };
  }

  function start(url: string, ...more: string[]): Worker {
    const child = spawn(process.execPath, [WORKER, url, ...more], { stdio: ["ignore", "pipe", "inherit"] });
    const lines: string[] = [];
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
    });
    return { child, lines };
  }

  async function lastWriter(client: pg.Client): Promise<string | undefined> {
    const { rows } = await client.query<{ holder: string }>(
      "SELECT holder FROM lane_writes ORDER BY sequence DESC LIMIT 1",
    );
    return rows[0]?.holder;
  }

  function currentHolder(client: pg.Client, workers: readonly Worker[]): Promise<Worker> {
    return eventually(
      "a holder that lives",
      async () => {
        const name = await lastWriter(client);
        return workers.find(({ child }) => `worker ${child.pid}` === name && child.signalCode === null);
      },
      PATIENCE,
    );
  }

  function untilAnotherWrites(client: pg.Client, { child }: Worker): Promise<true> {
    return eventually(
      "another worker to take over",
      async () => {
        const name = await lastWriter(client);
        return name !== undefined && name !== `worker ${child.pid}` ? true : undefined;
      },
      PATIENCE,
    );
  }
});
