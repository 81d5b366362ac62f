// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { MIGRATIONS } from "../../relayer/src/ledger/migrations.ts";
import { forgetDerived } from "../../relayer/src/ledger/rebuild.ts";
import { TEST_DATABASES } from "./databases.ts";
import { writeOldLedger } from "./old-ledger.ts";

/** By batch: the `commit_by` of its leaves, in their order. */
const BATCHES: Record<string, number[]> = { "0xa": [5_000, 1_060, 1_070], "0xb": [900], "0xc": [] };
const NEAREST = { "0xa": 1_060, "0xb": 900, "0xc": 0 };

for (const database of TEST_DATABASES) {
  describe(`the nearest promises of batches on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    it("are those of their receipts, in a ledger that did not know them and after a rebuild", async () => {
      const source = await database.fresh();
      const noBytes = "file" in source ? "X''" : "''";
      const { version } = MIGRATIONS.find(({ name }) => name === "due batches") ?? assert.fail();
      await writeOldLedger(source, version, Object.entries(BATCHES).flatMap(rowsOf(noBytes)));
      const ledger = await openLedger(source);
      assert.deepEqual(await nearestOf(ledger), NEAREST);
      await ledger.transaction((tx) => tx.updateTable("batches").set({ nearest_commit_by: 7 }).execute());
      await forgetDerived(ledger);
      assert.deepEqual(await nearestOf(ledger), NEAREST);
      await ledger.close();
    });
  });
}

async function nearestOf(ledger: Ledger): Promise<Record<string, number>> {
  const rows = await ledger.selectFrom("batches").select(["batch_id", "nearest_commit_by"]).execute();
  return Object.fromEntries(rows.map((row) => [row.batch_id, row.nearest_commit_by]));
}

function rowsOf(noBytes: string) {
  return ([id, commitBys]: [string, number[]]): string[] => [
    `INSERT INTO batches (batch_id, policy_id, model_id, root, data_root, count, oldest_served_at, nonce)
     VALUES ('${id}', '0x1', '0x2', '0x3', '0x4', ${Math.max(1, commitBys.length)}, 1000, '0')`,
    ...commitBys.map(
      (commitBy, index) =>
        `INSERT INTO receipts (claim_id, state, requester, request_id, model_id, policy_id, request_digest, claim,
           signature, input, salt, output, answer, served_at, commit_by, batch_id, leaf_index)
         VALUES ('${id}:${index}', 'batched', '0x5', '${id}:${index}', '0x2', '0x1', '0x6', '{}', '0x7',
           ${noBytes}, '0x8', ${noBytes}, '{}', 1000, ${commitBy}, '${id}', ${index})`,
    ),
  ];
}
