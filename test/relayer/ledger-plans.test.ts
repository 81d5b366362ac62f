// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { Kysely } from "kysely";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { releaseFinalBatches } from "../../relayer/src/finalise/finaliser.ts";
import { unsentBatches } from "../../relayer/src/ledger/batches.ts";
import { announcedEndpoint, lastCheckpoint } from "../../relayer/src/ledger/chain-facts.ts";
import {
  claimsOfBatch,
  committedCounts,
  latestClaims,
  oldestInBatches,
} from "../../relayer/src/ledger/claim-status.ts";
import { openChallenges } from "../../relayer/src/ledger/disputes.ts";
import { nearestCommitBy } from "../../relayer/src/ledger/margins.ts";
import { migrate } from "../../relayer/src/ledger/migrate.ts";
import { openOmissions } from "../../relayer/src/ledger/omissions.ts";
import { duePayments } from "../../relayer/src/ledger/payments.ts";
import {
  findByRequest,
  receiptsOfBatch,
  someOfBatch,
  unlockedCounts,
  waitingGroups,
  waitingLeaves,
} from "../../relayer/src/ledger/receipts.ts";
import type { Database, Reader } from "../../relayer/src/ledger/schema.ts";
import { sqliteDialect } from "../../relayer/src/ledger/sqlite-driver.ts";
import { sqliteHere } from "../../relayer/src/ledger/sqlite-here.ts";
import type { Services } from "../../relayer/src/services.ts";
import {
  countOpen,
  findIntent,
  inFlight,
  lowestFreeNonce,
  openOfKind,
  queuedKeys,
  ready,
} from "../../relayer/src/tx/intents.ts";
import { LANES } from "../../relayer/src/tx/kinds.ts";
import { budgetLeft } from "../../relayer/src/watch/budget.ts";
import { storedReceipt } from "./receipts.ts";

const OPERATOR = `0x${"0a".repeat(20)}` as const;
const group = { policyId: "0x01", modelId: "0x02", count: 1, oldestServedAt: 1, nearestCommitBy: 1 } as const;

/** What runs many times a second, for ever. */
const HOT: [string, (db: Reader) => Promise<unknown>][] = [
  ["what waits", (db) => waitingGroups(db)],
  ["the receipts of a batch to be", (db) => waitingLeaves(db, group, 1_024)],
  ["what is promised", (db) => unlockedCounts(db, 100)],
  ["batches that wait to be sent", (db) => unsentBatches(db)],
  ["the nearest promise", (db) => nearestCommitBy(db)],
  ["announcements that wait for their turn", (db) => queuedKeys(db, "announce")],
  ["an earlier answer", (db) => findByRequest(db, storedReceipt(1).receipt.claim)],
  ["the receipts of a batch", (db) => receiptsOfBatch(db, "0x03")],
  ["some receipts of a batch", (db) => someOfBatch(db, "0x03", { from: 16, most: 16, withOpenings: true })],
  ["the claims of a batch", (db) => claimsOfBatch(db, "0x03")],
  ["the latest claims", (db) => latestClaims(db, 2_000)],
  ["claims by where they stand", (db) => committedCounts(db, () => 0, 1)],
  ["the oldest claim that is not final", (db) => oldestInBatches(db, 1)],
  ["open challenges", (db) => openChallenges(db, 1)],
  ["open reports", (db) => openOmissions(db, OPERATOR)],
  ["the cursor", (db) => lastCheckpoint(db)],
  ["an endpoint", (db) => announcedEndpoint(db, OPERATOR)],
  ["transactions on their way", (db) => inFlight(db, OPERATOR)],
  ["transactions to send", (db) => ready(db, LANES, 1, 30_000, 16)],
  ["open transactions of a kind", (db) => openOfKind(db, "release")],
  ["open transactions", (db) => countOpen(db)],
  ["a transaction by its key", (db) => findIntent(db, "commit:0x03")],
  ["a free nonce", (db) => lowestFreeNonce(db, OPERATOR, 7)],
  ["batches to release", (db) => releaseFinalBatches(services(db))],
  ["payments to ask about", (db) => duePayments(db, "pending", 1, 1, 20)],
  ["failed payments that may still be made", (db) => duePayments(db, "failed", 1, 1, 20)],
  ["what bonds may be risked", (db) => budgetLeft(services(db))],
];

describe("queries that are made all the time", () => {
  for (const [what, ask] of HOT) {
    it(`find ${what} without reading what is past`, async () => {
      const database = new DatabaseSync(":memory:");
      const asked: string[] = [];
      const db = new Kysely<Database>({
        dialect: sqliteDialect(sqliteHere(database)),
        log: ({ query }) => void asked.push(query.sql),
      });
      await migrate(db, "sqlite", "memory");
      const { policyId, modelId } = group;
      await db
        .insertInto("exposure")
        .values({ policy_id: policyId, model_id: modelId, waiting: 1 })
        .execute();
      asked.length = 0;
      await ask(db);
      assert.ok(asked.length > 0);
      for (const sql of asked) assert.deepEqual(scansOf(database, sql), [], sql);
      await db.destroy();
      database.close();
    });
  }

  it("would be caught reading everything", () => {
    const database = new DatabaseSync(":memory:");
    database.exec("CREATE TABLE receipts (answer TEXT)");
    assert.equal(scansOf(database, "SELECT * FROM receipts WHERE answer = 'x'").length, 1);
    database.close();
  });
});

/** Steps of a plan that go through a whole table; `exposure` has one row for each policy and model. */
function scansOf(database: DatabaseSync, sql: string): string[] {
  const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[];
  // The first rows in the order of the table itself.
  const isHead =
    / limit \?$/.test(sql) && !/ where /.test(sql) && !rows.some(({ detail }) => /TEMP B-TREE/.test(detail));
  if (isHead) return [];
  return rows
    .map(({ detail }) => detail)
    .filter((detail) => /^SCAN (?!.*USING|CONSTANT|exposure)/.test(detail));
}

function services(db: Reader): Services {
  return {
    ledger: db,
    clock: { nowSeconds: () => 1 },
    config: {
      operator: { address: OPERATOR },
      watch: { maxOpenChallenges: 1 },
    } as RelayerConfig,
  } as unknown as Services;
}
