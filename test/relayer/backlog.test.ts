// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { sealDueBatches } from "../../relayer/src/commit/committer.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { nearestCommitBy } from "../../relayer/src/ledger/margins.ts";
import { insertReceipt, waitingGroups } from "../../relayer/src/ledger/receipts.ts";
import { createBacklog } from "../../relayer/src/ops/backlog.ts";
import type { Services } from "../../relayer/src/services.ts";
import { TEST_DATABASES } from "./databases.ts";
import { silentLogger } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const HORIZON_SECONDS = 600;
const MOST_UNSENT = 4;
const MAX_CLAIMS = 2;
/** Of `storedReceipt(0)`, as the time that it is promised for. */
const EARLIEST_SERVED_AT = 1_000;
const PROMISE_SECONDS = 1_000;

for (const database of TEST_DATABASES) {
  describe(`the backlog on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    it("R-58 is behind from the second in which a promise has less than a third of its time left", async () => {
      const ledger = await openLedger(await database.fresh());
      let nowSeconds = 0;
      const clock = { nowSeconds: () => nowSeconds, observe: () => undefined };
      const backlog = createBacklog({
        ...{ ledger, clock, logger: silentLogger, commitHorizonSeconds: HORIZON_SECONDS },
      });
      await backlog.look();
      assert.equal(backlog.isBehind(), false, "nothing is promised");
      const stored = storedReceipt(1);
      const commitBy = Number(stored.receipt.claim.commitBy);
      await insertReceipt(ledger, stored);
      for (const where of ["waiting", "sealed"]) {
        if (where === "sealed") await seal(ledger, Number.MAX_SAFE_INTEGER);
        assert.equal(await nearestCommitBy(ledger), commitBy, where);
        for (const [secondsLeft, isBehind] of [
          [201, false],
          [200, false],
          [199, true],
          [-1, true],
          [200, false],
        ] as const) {
          nowSeconds = commitBy - secondsLeft;
          await backlog.look();
          assert.equal(backlog.isBehind(), isBehind, `${where}, ${secondsLeft} s left`);
        }
      }
      await ledger.transaction((tx) => tx.updateTable("batches").set({ committed_block: 7 }).execute());
      assert.equal(await nearestCommitBy(ledger), undefined);
      await ledger.close();
    });

    it("seals no more than can be sent soon, and the rest in batches as large as may be", async () => {
      const ledger = await openLedger(await database.fresh());
      const most = MOST_UNSENT * MAX_CLAIMS;
      const early = EARLIEST_SERVED_AT + most + 10;
      for (let seed = 0; seed < most + 3; seed++) await insertReceipt(ledger, storedReceipt(seed));
      for (let step = 0; step < 2 * most; step++) await seal(ledger, early);
      assert.deepEqual(await batchSizes(ledger), Array(MOST_UNSENT).fill(MAX_CLAIMS));
      await ledger.transaction((tx) => tx.updateTable("intents").set({ state: "satisfied" }).execute());
      for (let step = 0; step < 4; step++) await seal(ledger, early);
      assert.deepEqual(await batchSizes(ledger), [...Array(MOST_UNSENT + 1).fill(MAX_CLAIMS), 1].sort());
      for (let seed = most + 3; seed < 3 * most; seed++) await insertReceipt(ledger, storedReceipt(seed));
      for (let step = 0; step < most; step++) await seal(ledger, early);
      assert.equal((await batchSizes(ledger)).length, 2 * MOST_UNSENT);
      const halfTime = EARLIEST_SERVED_AT + 3 * most + PROMISE_SECONDS - HORIZON_SECONDS / 2;
      for (let step = 0; step < 2 * most; step++) await seal(ledger, halfTime);
      assert.deepEqual(await waitingGroups(ledger), [], "what is urgent is sealed all the same");
      await ledger.close();
    });
  });
}

async function seal(ledger: Ledger, nowSeconds: number): Promise<void> {
  const services = {
    ledger,
    clock: { nowSeconds: () => nowSeconds },
    config: {
      operator: { address: `0x${"0a".repeat(20)}` },
      commit: { maxClaims: MAX_CLAIMS, maxAgeSeconds: 1, commitHorizonSeconds: HORIZON_SECONDS },
    },
    domain: { chainId: 1n, settlement: `0x${"0b".repeat(20)}` },
    contracts: { settlementAddress: `0x${"0b".repeat(20)}` },
    policies: [],
    view: () => ({ commitsPausedUntil: 0, closedPolicies: new Map() }),
    logger: silentLogger,
  };
  await sealDueBatches(services as unknown as Services);
}

async function batchSizes(ledger: Ledger): Promise<number[]> {
  const rows = await ledger.selectFrom("batches").select("count").execute();
  return rows.map(({ count }) => count).sort();
}
