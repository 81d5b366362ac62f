// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, afterEach, beforeEach, describe, it } from "node:test";
import type { Address } from "@meantime/sdk/hex";
import { BatchDataDuty } from "../../relayer/src/indexer/batch-data.ts";
import { tellFinalByClock } from "../../relayer/src/indexer/by-clock.ts";
import type { IndexServices } from "../../relayer/src/indexer/services.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { duePayments, holdPayment, NEVER, notePayment } from "../../relayer/src/ledger/payments.ts";
import { TEST_DATABASES } from "./databases.ts";
import {
  addressOf,
  buildBatch,
  commitOf,
  EPOCH,
  follow,
  INDEX_DOMAIN,
  idOf,
  timeOf,
} from "./index-ledger.ts";
import { silentLogger } from "./local-relayer.ts";

const HOUR = 3_600_000;
const NOW = 1_800_000_000_000;
const OPERATOR = addressOf(1);
const PAYER: Address = addressOf(2);

for (const database of TEST_DATABASES) {
  describe(`after the machine's clock was set back, on ${database.name}`, { skip: database.skip }, () => {
    let ledger: Ledger;

    beforeEach(async () => {
      ledger = await openLedger(await database.fresh());
    });

    afterEach(() => ledger.close());

    after(() => database.stop());

    it("a payment whose outcome is unknown is asked for; one that was given up is not", async () => {
      for (const [seed, nextTryAtMilliseconds] of [
        [1, NOW + HOUR],
        [2, NOW + HOUR + 1],
        [3, NEVER],
      ] as const) {
        await hold(seed, NOW, 10);
        await notePayment(ledger, idOf(seed), { state: "pending", nextTryAtMilliseconds }, NOW);
      }
      const due = await duePayments(ledger, "pending", NOW, HOUR, 10);
      assert.deepEqual(
        due.map(({ id }) => id),
        [idOf(2)],
      );
    });

    it("a payment that nobody holds any more is free, and does not count against its payer", async () => {
      await hold(1, NOW + 2 * HOUR);
      await hold(2, NOW + 2 * HOUR);
      await notePayment(ledger, idOf(2), { state: "failed", reason: "no funds" }, NOW + 2 * HOUR);
      assert.deepEqual(await hold(1, NOW), { held: true }, "a hold lasts a quarter of an hour");
      await hold(3, NOW + 60_000);
      assert.equal((await hold(3, NOW)).held, false, "a clock that is a minute ahead");
    });

    it("batches whose data could not be had are asked for, and wait again where it cannot", async () => {
      const batches = [1, 2].map((nonce) =>
        buildBatch({
          ...{ operator: OPERATOR, policyId: idOf(1), modelId: idOf(2), nonce },
          served: [{ at: EPOCH, requester: addressOf(3) }],
        }),
      );
      await follow(
        ledger,
        batches.map((built, at) => commitOf(built, 10, at, 3_600)),
      );
      await ledger.transaction((tx) =>
        tx
          .updateTable("index_data")
          .set({ next_try_at_milliseconds: Date.now() + 3 * HOUR })
          .execute(),
      );
      await new BatchDataDuty(indexing()).step(new AbortController().signal);
      const rows = await ledger
        .selectFrom("index_data")
        .select(["tries", "next_try_at_milliseconds as at"])
        .orderBy("ordinal")
        .execute();
      assert.deepEqual(
        rows.map(({ tries }) => tries),
        [1, 0],
      );
      assert.ok(
        rows.every(({ at }) => at < Date.now() + HOUR),
        "both wait like all of their operator",
      );
    });

    it("those who listen are told of what becomes final by the clock", async () => {
      const built = buildBatch({
        ...{ operator: OPERATOR, policyId: idOf(1), modelId: idOf(2), nonce: 1 },
        served: [{ at: EPOCH, requester: addressOf(3) }],
      });
      await tellFinalByClock(indexing(EPOCH + 90_000));
      await follow(ledger, [commitOf(built, 10, 0, 3_600)]);
      const finalAt = timeOf(10) + 3_600;
      await tellFinalByClock(indexing(finalAt - 1));
      const told = await countFeed();
      await tellFinalByClock(indexing(finalAt));
      assert.equal(await countFeed(), told + 1);
    });

    function hold(seed: number, nowMilliseconds: number, maxUnsettled = 2) {
      const offered = {
        ...{ id: idOf(seed), identifier: null, payer: PAYER, network: "eip155:1", asset: addressOf(9) },
        ...{ amount: "1", requestDigest: idOf(seed, 1), settlement: "{}" },
      };
      return holdPayment(ledger, offered, nowMilliseconds, maxUnsettled);
    }

    function indexing(nowSeconds = EPOCH): IndexServices {
      const clock = { nowSeconds: () => nowSeconds, observe: () => undefined };
      // Nothing here asks the chain.
      return {
        ...{ ledger, clock, domain: INDEX_DOMAIN, logger: silentLogger, allowPrivateAddresses: true },
      } as unknown as IndexServices;
    }

    async function countFeed(): Promise<number> {
      const rows = await ledger.selectFrom("index_feed").select("sequence").execute();
      return rows.length;
    }
  });
}
