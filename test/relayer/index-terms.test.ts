// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { policyTerms } from "../../relayer/src/indexer/terms.ts";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { follow, idOf, policyEvent } from "./index-ledger.ts";
import { freshFolder } from "./local-relayer.ts";

/** More than are kept in memory. */
const POLICIES = 4_097;

describe("the terms of policies in the index", () => {
  it("are all there where more are registered than are kept in memory", async () => {
    const ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    const ids = Array.from({ length: POLICIES }, (_, at) => idOf(10_000 + at));
    await follow(
      ledger,
      ids.map((id, at) => policyEvent(1, at, id, { claimBondWei: BigInt(at) })),
    );
    await policyTerms(ledger, ids.slice(0, -1));
    const [first, last] = [ids[0], ids[POLICIES - 1]];
    assert.ok(first && last);
    const terms = await policyTerms(ledger, [first, last]);
    assert.deepEqual(
      [first, last].map((id) => terms.get(id)?.claimBondWei),
      [0n, BigInt(POLICIES - 1)],
    );
    await ledger.close();
  });
});
