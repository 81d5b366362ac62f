// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import type { Ledger } from "../../relayer/src/ledger/ledger.ts";
import { addressOf, idOf, indexApi } from "./index-ledger.ts";
import { plansOf, stepsOf } from "./query-plans.ts";

const STATUSES = ["Committed", "Attested", "Proven", "Final", "Challenged", "Rejected", "Voided"];
const FILTERS = [
  "",
  `operator=${addressOf(1)}`,
  `policy=${idOf(1)}`,
  `model=${idOf(1)}`,
  `requester=${addressOf(1)}`,
];
const CURSOR = Buffer.from("0.1048576.5").toString("base64url");

/** Lists of claims: a page is read off an index in its order, however many claims there are. */
const LISTS = FILTERS.flatMap((filter) =>
  ["", ...STATUSES].flatMap((status) =>
    ["", CURSOR].map((cursor) => {
      const query = { ...(status ? { status } : {}), ...(cursor ? { cursor } : {}) };
      return `/claims?${filter}&${new URLSearchParams(query)}`;
    }),
  ),
);

const OTHERS = [
  ...[
    "/",
    "/gap",
    "/gap/history",
    "/operators",
    "/models",
    "/policies",
    "/batches",
    "/challenges",
    "/requests",
  ],
  ...[`/batches?operator=${addressOf(1)}`, `/batches?policy=${idOf(1)}`, `/batches?model=${idOf(1)}`],
  ...[
    `/batches/${idOf(1)}`,
    `/batches/${idOf(1)}/claims`,
    `/claims/${idOf(1)}`,
    `/operators/${addressOf(1)}`,
  ],
  ...[`/models/${idOf(1)}`, `/policies/${idOf(1)}`, `/requests/${idOf(1)}`, "/events", "/events?name=Staked"],
  ...[`/events?batch=${idOf(1)}`, `/events?claim=${idOf(1)}`, `/events?tx=${idOf(1)}`],
  ...[`/search?q=${idOf(1)}`, `/search?q=${addressOf(1)}`, "/search?q=12"],
];

describe("questions to the index", () => {
  it("read pages of claims off an index, in its order, and sort nothing", async () => {
    for (const path of LISTS) {
      for (const { sql, steps } of await plansOfPath(path)) {
        assert.deepEqual(scans(steps, sql), [], path);
        if (sql.includes('from "index_claims"')) assert.ok(!steps.some(isSort), `${path}: ${sql}`);
      }
    }
  });

  it("go through no table that grows with history", async () => {
    for (const path of OTHERS) {
      for (const { sql, steps } of await plansOfPath(path)) assert.deepEqual(scans(steps, sql), [], path);
    }
  });

  it("would be caught sorting", async () => {
    const database = new DatabaseSync(":memory:");
    database.exec("CREATE TABLE claims (id TEXT, at INTEGER)");
    const steps = stepsOf(database, "select * from claims where id = ? order by at limit ?");
    assert.ok(steps.some(isSort));
    assert.equal(scans(steps, "select * from claims where id = ? order by at limit ?").length, 1);
    database.close();
  });
});

/** Small whatever happens: contracts, operators' accounts, what waits by policy and model. */
const SMALL = /^SCAN (index_sources|index_accounts|index_operators|exposure|CONSTANT)/;

/** Steps that go through a whole table. A page that is read in the order of a table ends with its limit. */
function scans(steps: readonly string[], sql: string): string[] {
  const isPage = / order by .* limit \?$/.test(sql) && !steps.some(isSort);
  return steps.filter(
    (step, at) => /^SCAN (?!.*USING)/.test(step) && !SMALL.test(step) && !(isPage && at === 0),
  );
}

function isSort(step: string): boolean {
  return /TEMP B-TREE FOR/.test(step);
}

function plansOfPath(path: string) {
  return plansOf(async (db) =>
    indexApi(db as unknown as Ledger, { seconds: 1_800_000_000 }).app.request(path),
  );
}
