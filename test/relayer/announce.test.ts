// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { announceEndpoint } from "../../relayer/src/ops/announce.ts";
import type { Services } from "../../relayer/src/services.ts";
import { type Attempt, storeAttempt } from "../../relayer/src/tx/attempts.ts";
import { findIntent, queuedKeys, requeue } from "../../relayer/src/tx/intents.ts";
import { TEST_DATABASES } from "./databases.ts";

const ADDRESS: Hex = `0x${"0a".repeat(20)}`;
const [FIRST, SECOND] = ["http://first.example", "http://second.example"] as const;
const ATTEMPT: Attempt = {
  ...{ tx_hash: `0x${"0e".repeat(32)}`, raw: "0x02", cancels: 0 },
  ...{ max_fee_wei: "2", tip_wei: "1", blob_fee_wei: null, signed_at_block: 1 },
};

for (const database of TEST_DATABASES) {
  describe(`announcements on ${database.name}`, { skip: database.skip }, () => {
    after(() => database.stop());

    it("leave out what was wanted earlier and never sent, and come back to it", async () => {
      const ledger = await openLedger(await database.fresh());
      const announce = announcerOf(ledger);
      assert.deepEqual(await announce(FIRST), [`announce:0:${FIRST}`]);
      assert.deepEqual(await announce(FIRST), [`announce:0:${FIRST}`]);
      assert.deepEqual(await announce(SECOND), [`announce:0:${SECOND}`]);
      assert.deepEqual(await announce(FIRST), [`announce:0:${FIRST}`]);
      // Under its nonce it stays, whatever is wanted now.
      await ledger.transaction((tx) =>
        tx.updateTable("intents").set({ state: "signed", nonce: 1, sender: ADDRESS }).execute(),
      );
      assert.deepEqual(await announce(SECOND), [`announce:0:${SECOND}`]);
      const rows = await ledger.selectFrom("intents").select("state").orderBy("id").execute();
      assert.deepEqual(
        rows.map(({ state }) => state),
        ["signed", "queued"],
      );
      await ledger.close();
    });

    it("leave out what was sent in vain, and come back to it", async () => {
      const ledger = await openLedger(await database.fresh());
      const announce = announcerOf(ledger);
      await announce(FIRST);
      const sender = ADDRESS;
      await ledger.transaction(async (tx) => {
        const intent = await findIntent(tx, `announce:0:${FIRST}`);
        assert.ok(intent);
        await storeAttempt(tx, intent, ATTEMPT, { sender, nonce: 1 });
        await requeue(tx, intent.id, "MT-TX-002", 0);
      });
      assert.deepEqual(await announce(SECOND), [`announce:0:${SECOND}`]);
      assert.deepEqual(await announce(FIRST), [`announce:0:${FIRST}`]);
      await ledger.close();
    });
  });
}

/** Announces an endpoint, and says what is to be announced then. */
function announcerOf(ledger: Ledger): (endpoint: string) => Promise<string[]> {
  const services = {
    ledger,
    config: { operator: { address: ADDRESS } },
    contracts: { receiptsAddress: ADDRESS },
    view: () => ({ senderPolicies: new Set([`0x${"11".repeat(32)}`]) }),
  } as unknown as Services;
  return async (endpoint) => {
    await announceEndpoint(services, endpoint);
    return queuedKeys(ledger, "announce");
  };
}
