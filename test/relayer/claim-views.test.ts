// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keccak256Text, ZERO_HASH } from "@meantime/sdk/hex";
import { claimView } from "../../relayer/src/gateway/views.ts";
import type { Services } from "../../relayer/src/services.ts";
import { openAsked } from "./asked-database.ts";
import { sealReceipts, storedReceipt } from "./receipts.ts";

const BATCH = keccak256Text("batch");
const OPERATOR = storedReceipt(0).receipt.claim.operator;
const CLAIMS = 40;

describe("the view of a claim", () => {
  it("has its batch's tree made once, however many ask at one time, and again where that failed", async () => {
    const ledger = await openAsked();
    const { db } = ledger;
    const all = Array.from({ length: CLAIMS }, (_, seed) => storedReceipt(seed));
    const ids = all.map(({ receipt }) => receipt.claimId);
    await sealReceipts(db, BATCH, ZERO_HASH, all);
    const services = {
      ...{ ledger: db, policies: [], clock: { nowSeconds: () => 1 } },
      config: { operator: { address: OPERATOR } },
    } as unknown as Services;
    const views = () => Promise.allSettled(ids.map((claimId) => claimView(services, claimId)));
    const isTree = (sql: string) => /^select "claim_id" from "receipts" where "batch_id"/.test(sql);

    ledger.asked.length = 0;
    ledger.onAsked = (sql) => {
      if (isTree(sql)) throw new Error("the disk is gone");
    };
    assert.ok((await views()).every(({ status }) => status === "rejected"));
    assert.equal(ledger.asked.filter(isTree).length, 1);

    ledger.onAsked = () => undefined;
    ledger.asked.length = 0;
    const seen = await views();
    assert.ok(seen.every((each) => each.status === "fulfilled" && (each.value.proof?.length ?? 0) > 0));
    assert.equal(ledger.asked.filter(isTree).length, 1);
    await ledger.close();
  });
});
