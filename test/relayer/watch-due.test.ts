// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { it } from "node:test";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { dueOperators } from "../../relayer/src/watch/check-batches.ts";
import { freshFolder } from "./local-relayer.ts";

const HOUR_MILLISECONDS = 3_600_000;

it("a batch that could not be had is looked at again although the machine's clock was set back since", async () => {
  const ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
  const now = 10 * HOUR_MILLISECONDS;
  await ledger.transaction(async (tx) => {
    const text = {
      operator: "0x01",
      policy_id: "0x02",
      model_id: "0x03",
      root: "0x04",
      data_root: "0x05",
    } as const;
    await tx
      .insertInto("chain_batches")
      .values({
        ...{ ...text, batch_id: "0x06", count: 1, oldest_served_at: 0, nonce: "1" },
        ...{ committed_at: 0, committed_tx: "0x07", final_at: 1 },
      })
      .execute();
    await tx
      .insertInto("watched")
      .values({ batch_id: "0x06", next_try_at_milliseconds: now + 1_000 })
      .execute();
  });
  const due = async (at: number) => (await dueOperators({ ledger }, at)).length;
  assert.equal(await due(now), 0, "its pause is not over");
  assert.equal(await due(now + 1_000), 1);
  assert.equal(await due(now - HOUR_MILLISECONDS), 1, "no pause is so long");
  await ledger.close();
});
