// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { oncePerMoment } from "../../relayer/src/gateway/once-per-moment.ts";
import { claimCounts, statusView } from "../../relayer/src/gateway/status.ts";
import { shareNext } from "../../relayer/src/ops/metrics/share-next.ts";
import type { Services } from "../../relayer/src/services.ts";
import { type AskedDatabase, openAsked } from "./asked-database.ts";

describe("what goes through much of the ledger", () => {
  let ledger: AskedDatabase;
  let nowSeconds: number;
  let services: Services;

  beforeEach(async () => {
    ledger = await openAsked();
    nowSeconds = 1_000;
    services = {
      ...{ ledger: ledger.db, policies: [], models: [], view: () => undefined },
      clock: { nowSeconds: () => nowSeconds },
      config: { operator: { address: "0x0a" }, chain: { chainId: 1 }, watch: { mode: "off" } },
    } as unknown as Services;
  });

  afterEach(() => ledger.close());

  const readBlock = (number: number, hash: `0x${string}` = "0x01") =>
    ledger.db.insertInto("blocks").values({ number, hash }).execute();

  it("is computed once for a block and a second, however many ask", async () => {
    let runs = 0;
    const ask = oncePerMoment(async (_, now) => {
      runs += 1;
      await setImmediate();
      return [runs, now];
    });
    const many = () => Promise.all(Array.from({ length: 20 }, () => ask(services)));
    assert.deepEqual(await many(), Array(20).fill([1, 1_000]));
    assert.deepEqual(await ask(services), [1, 1_000]);
    nowSeconds += 1;
    assert.deepEqual(await many(), Array(20).fill([2, 1_001]));
    await readBlock(7);
    assert.deepEqual(await ask(services), [3, 1_001]);
    await ledger.db.updateTable("blocks").set({ hash: "0x02" }).execute();
    assert.deepEqual(await many(), Array(20).fill([4, 1_001]), "another block of the same number");
  });

  it("is computed again where it failed, for all who had asked failed with it", async () => {
    let runs = 0;
    const ask = oncePerMoment(async () => {
      runs += 1;
      if (runs === 1) throw new Error("the disk is gone");
      return runs;
    });
    const failed = await Promise.allSettled([ask(services), ask(services)]);
    assert.ok(failed.every(({ status }) => status === "rejected"));
    assert.equal(await ask(services), 2);
  });

  it("is of one state of the chain, where that rests for as long as it takes", async () => {
    let runs = 0;
    const ask = oncePerMoment(async () => {
      runs += 1;
      if (runs === 1) await readBlock(8);
      return runs;
    });
    assert.equal(await ask(services), 2);
    const restless = oncePerMoment(async () => {
      runs += 1;
      await readBlock(100 + runs);
      return runs;
    });
    assert.equal(await restless(services), 5, "it is not tried for ever");
  });

  it("is shared by all who ask for the status: the history is gone through once a second", async () => {
    const isHistory = (sql: string) =>
      /SUM\(count\)|from "watched"|from "watch_coverage"|limit \?$/i.test(sql) && !/from "blocks"/.test(sql);
    const passes = () => ledger.asked.filter(isHistory).length;
    await statusView(services, []);
    const once = passes();
    assert.ok(once >= 5);
    ledger.asked.length = 0;
    await Promise.all(Array.from({ length: 10 }, () => statusView(services, [])));
    // The latest claims, which are few, each sees for itself.
    assert.equal(passes(), 10);
    ledger.asked.length = 0;
    nowSeconds += 1;
    await Promise.all(Array.from({ length: 10 }, () => statusView(services, [])));
    assert.equal(passes(), once + 9);
  });

  it("does not hide what was served since", async () => {
    assert.equal((await claimCounts(services)).Served, 0);
    await ledger.db
      .insertInto("exposure")
      .values({ policy_id: "0x01", model_id: "0x02", waiting: 3 })
      .execute();
    const { Served, total } = await claimCounts(services);
    assert.deepEqual([Served, total], [3, 3]);
  });
});

describe("metrics that several ask for at one time", () => {
  it("are collected by one after the other, and once for all who wait", async () => {
    const ends: (() => void)[] = [];
    let underWay = 0;
    const collect = shareNext(async () => {
      underWay += 1;
      assert.equal(underWay, 1, "never two at a time");
      await new Promise<void>((resolve) => ends.push(resolve));
      underWay -= 1;
      if (ends.length === 2) throw new Error("the disk is gone");
    });
    const first = collect();
    await setImmediate();
    const waiting = Promise.allSettled(Array.from({ length: 20 }, () => collect()));
    assert.equal(ends.length, 1);
    ends[0]?.();
    await first;
    await setImmediate();
    assert.equal(ends.length, 2, "begun after they asked");
    const last = collect();
    ends[1]?.();
    assert.ok((await waiting).every(({ status }) => status === "rejected"));
    await setImmediate();
    assert.equal(ends.length, 3);
    ends[2]?.();
    await last;
  });
});
