// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { Kysely } from "kysely";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { releaseFinalBatches } from "../../relayer/src/finalise/finaliser.ts";
import { headerFromRow, insertBatch, unsentBatches } from "../../relayer/src/ledger/batches.ts";
import { announcedEndpoint, lastCheckpoint } from "../../relayer/src/ledger/chain-facts.ts";
import {
  claimsOfBatch,
  committedCounts,
  latestClaims,
  oldestInBatches,
} from "../../relayer/src/ledger/claim-status.ts";
import { openChallenges } from "../../relayer/src/ledger/disputes.ts";
import type { Ledger } from "../../relayer/src/ledger/ledger.ts";
import { openMargins } from "../../relayer/src/ledger/margins.ts";
import { migrate } from "../../relayer/src/ledger/migrate.ts";
import { openOmissions } from "../../relayer/src/ledger/omissions.ts";
import { owedCommits } from "../../relayer/src/ledger/owed-commits.ts";
import {
  countPending,
  duePayments,
  holdPayment,
  type OfferedPayment,
  paymentCounts,
} from "../../relayer/src/ledger/payments.ts";
import {
  findByRequest,
  receiptsOfBatch,
  someOfBatch,
  unlockedCounts,
  waitingGroups,
  waitingLeaves,
} from "../../relayer/src/ledger/receipts.ts";
import type { Database, Reader, Writer } from "../../relayer/src/ledger/schema.ts";
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
import { plansOf, stepsOf } from "./query-plans.ts";
import { storedReceipt } from "./receipts.ts";

const OPERATOR = `0x${"0a".repeat(20)}` as const;
const group = { policyId: "0x01", modelId: "0x02", count: 1, oldestServedAt: 1, nearestCommitBy: 1 } as const;

/** What runs many times a second, for ever. */
const HOT: [string, (db: Reader) => Promise<unknown>][] = [
  ["what waits", (db) => waitingGroups(db)],
  ["the receipts of a batch to be", (db) => waitingLeaves(db, group, 1_024)],
  ["what is promised", (db) => unlockedCounts(db, 100)],
  ["batches that wait to be sent", (db) => unsentBatches(db)],
  ["promises that are in no block", (db) => owedCommits(db)],
  ["what is owed", (db) => openMargins(db, OPERATOR)],
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
  ["what a payer has not settled", (db) => hold(db)],
  ["payments of unknown outcome", (db) => countPending(db)],
  ["payments by state", (db) => paymentCounts(db)],
  ["what bonds may be risked", (db) => budgetLeft(services(db))],
];

describe("queries that are made all the time", () => {
  for (const [what, ask] of HOT) {
    it(`find ${what} without reading what is past`, async () => {
      const plans = await plansWhereSomethingWaits(ask);
      assert.ok(plans.length > 0);
      for (const { sql, steps } of plans) assert.deepEqual(scansIn(sql, steps), [], sql);
    });
  }

  it("place claims into a batch by their ids, however many others wait", async () => {
    const database = new DatabaseSync(":memory:");
    // Beneath Kysely, which sees them as one.
    const prepared: string[] = [];
    const prepare = database.prepare.bind(database);
    database.prepare = (text) => {
      prepared.push(text);
      return prepare(text);
    };
    const db = new Kysely<Database>({ dialect: sqliteDialect(sqliteHere(database)) });
    await migrate(db, "sqlite", "memory");
    const header = headerFromRow(OPERATOR, {
      ...{ policy_id: "0x01", model_id: "0x02", root: "0x03", data_root: "0x04" },
      ...{ count: 2, oldest_served_at: 1, nonce: "0" },
    });
    // Neither is stored.
    await assert.rejects(
      db.transaction().execute((tx) => insertBatch(tx, "0x05", header, ["0x06", "0x07"])),
      /claims of batch 0x05 are not waiting/,
    );
    const placing =
      prepared.find((text) => /UPDATE receipts SET state/.test(text)) ?? assert.fail("nothing is placed");
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${placing}`).all() as { detail: string }[];
    const searches = plan.map(({ detail }) => detail).filter((detail) => detail.includes("receipts"));
    assert.deepEqual(searches, ["SEARCH receipts USING INDEX sqlite_autoindex_receipts_1 (claim_id=?)"]);
    await db.destroy();
    database.close();
  });

  it("read of what a payer ever paid what is not settled, and of failures the latest", async () => {
    const plans = await plansWhereSomethingWaits(hold);
    const counting = plans.find(({ sql }) => /count\(\*\)/.test(sql)) ?? assert.fail("nothing is counted");
    const searched = "SEARCH payments USING INDEX payments_unsettled (state=? AND payer=?";
    const between = " AND updated_at_milliseconds>? AND updated_at_milliseconds<?)";
    assert.deepEqual(
      counting.steps.filter((step) => /payments/.test(step)),
      [`${searched})`, `${searched}${between}`, `${searched}${between}`],
    );
  });

  it("count payments of unknown outcome without those that are known", async () => {
    const [plan] = await plansWhereSomethingWaits((db) => countPending(db));
    assert.deepEqual(plan?.steps, ["SEARCH payments USING COVERING INDEX payments_unsettled (state=?)"]);
  });

  it("find failed and pending payments that are due by when they are", async () => {
    for (const state of ["pending", "failed"] as const) {
      const [plan] = await plansWhereSomethingWaits((db) => duePayments(db, state, 1, 1, 20));
      assert.match(plan?.steps.join() ?? "", state === "failed" ? /payments_failed/ : /payments_due/);
    }
  });

  it("look for open promises among batches that are not committed, not among their receipts", async () => {
    const owed = (await plansWhereSomethingWaits((db) => openMargins(db, OPERATOR))).find(({ sql }) =>
      /from "batches"/.test(sql),
    );
    assert.deepEqual(owed?.steps, [
      "SEARCH batches USING INDEX batches_committed (committed_block=?)",
      "USE TEMP B-TREE FOR ORDER BY",
    ]);
  });

  it("would be caught reading everything", () => {
    const database = new DatabaseSync(":memory:");
    database.exec("CREATE TABLE receipts (answer TEXT)");
    const sql = "SELECT * FROM receipts WHERE answer = 'x'";
    assert.equal(scansIn(sql, stepsOf(database, sql)).length, 1);
    database.close();
  });
});

/** Of a ledger where something waits. */
function plansWhereSomethingWaits(ask: (db: Reader) => Promise<unknown>) {
  const { policyId, modelId } = group;
  return plansOf(ask, (db) =>
    db.insertInto("exposure").values({ policy_id: policyId, model_id: modelId, waiting: 1 }).execute(),
  );
}

/** Steps of a plan that go through a whole table; `exposure` has one row for each policy and model. */
function scansIn(sql: string, steps: readonly string[]): string[] {
  // The first rows in the order of the table itself.
  const isHead =
    / limit \?$/.test(sql) && !/ where /.test(sql) && !steps.some((step) => /TEMP B-TREE/.test(step));
  return isHead ? [] : steps.filter((step) => /^SCAN (?!.*USING|CONSTANT|exposure)/.test(step));
}

function hold(db: Reader): Promise<unknown> {
  // Of a ledger no more than this is asked.
  const ledger = { transaction: (work: (tx: Writer) => Promise<unknown>) => work(db as Writer) };
  const offered: OfferedPayment = {
    ...{ id: "0x05" as const, requestDigest: "0x06" as const, identifier: "mine", payer: OPERATOR },
    ...{ network: "eip155:1", asset: OPERATOR, amount: "1", settlement: "{}" },
  };
  return holdPayment(ledger as unknown as Ledger, offered, 1, 1);
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
