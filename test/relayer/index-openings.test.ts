// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import {
  addressOf,
  buildBatch,
  commitOf,
  follow,
  idOf,
  indexApi,
  policyEvent,
  storeBatch,
  timeOf,
} from "./index-ledger.ts";
import { freshFolder } from "./local-relayer.ts";

const POLICY = idOf(30);
const LIMIT_BYTES = 1_048_576;

describe("openings in the index", () => {
  it("are kept up to a mebibyte: nobody fills the disk of every index for the bond of a claim", async () => {
    const ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    const built = buildBatch({
      ...{ operator: addressOf(1), policyId: POLICY, modelId: idOf(21), nonce: 1 },
      served: [1, 2].map(() => ({ at: timeOf(1), requester: addressOf(11) })),
    });
    const [kept, tooLarge] = built.claims;
    assert.ok(kept && tooLarge);
    kept.opening.input = new Uint8Array(LIMIT_BYTES - 1);
    tooLarge.opening.input = new Uint8Array(LIMIT_BYTES);
    await follow(ledger, [policyEvent(1, 0, POLICY, {}), commitOf(built, 2, 0, 100)]);
    await storeBatch(ledger, built, 2, 0);

    const api = indexApi(ledger, { seconds: timeOf(3) });
    const openingOf = async (id: string) =>
      (await api.ask<{ opening: { input: string } | null }>(`/claims/${id}`)).opening;
    assert.equal((await openingOf(kept.claimId))?.input.length, Math.ceil(((LIMIT_BYTES - 1) * 4) / 3));
    assert.equal(await openingOf(tooLarge.claimId), null);
    assert.equal((await api.ask<{ dataState: string }>(`/batches/${built.batchId}`)).dataState, "complete");
    await ledger.close();
  });
});
