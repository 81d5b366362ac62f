// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Address, type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import type { Contracts } from "../../relayer/src/chain/contracts.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { insertReceipt } from "../../relayer/src/ledger/receipts.ts";
import type { IntentKind } from "../../relayer/src/tx/kinds.ts";
import { createStakes, type StakeOf } from "../../relayer/src/tx/stakes.ts";
import { freshFolder } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const IN_ETHER = storedReceipt(1).receipt.claim.policyId;
const IN_TOKEN: Hex = `0x${"70".repeat(32)}`;
const OPERATOR: Address = `0x${"0a".repeat(20)}`;
const BATCH: Hex = `0x${"b1".repeat(32)}`;
const TOKEN_BATCH: Hex = `0x${"b2".repeat(32)}`;
const BOND_WEI = 10n ** 16n;
const COMMITTED_AT = 5_000;
const FINAL_AT = 9_000;
const DISPUTED_AT = 6_000;
const DEADLINE = 6_900;

describe("what is at stake in a transaction", () => {
  let ledger: Ledger;
  let stakeOf: StakeOf;
  let policiesRead = 0;

  before(async () => {
    ledger = await openLedger({ file: join(await freshFolder(), "ledger.sqlite") });
    for (const [batchId, policyId] of [
      [BATCH, IN_ETHER],
      [TOKEN_BATCH, IN_TOKEN],
    ] as const) {
      await committed(batchId, policyId);
    }
    for (const seed of [3, 1, 2]) await insertReceipt(ledger, storedReceipt(seed));
    await ledger.transaction((tx) =>
      tx
        .updateTable("receipts")
        .set((eb) => ({ state: "batched", batch_id: BATCH, leaf_index: eb.ref("sequence") }))
        .execute(),
    );
    const policyOf = async (id: Hex) => {
      policiesRead += 1;
      const bondToken = id === IN_TOKEN ? `0x${"70".repeat(20)}` : ZERO_ADDRESS;
      const policy = { claimBondWei: BOND_WEI, challengerBps: 4_000n, bondToken };
      return { policy: { ...NO_EVIDENCE, ...policy }, registeredAt: 1n };
    };
    const omissionOf = async () => ({ includeBy: 3_000n, answerBy: 4_000n });
    stakeOf = createStakes({
      ledger,
      contracts: { policies: { policyOf }, receipts: { omissionOf } } as unknown as Contracts,
    });
  });

  after(() => ledger?.close());

  it("is the claim's bond, until the dispute ends, for whatever answers one", async () => {
    for (const kind of ["answer", "void", "reveal"] as const) {
      assert.deepEqual(await stake(kind, { batchId: BATCH, index: "1" }), {
        ...{ wei: BOND_WEI, openedAt: DISPUTED_AT, deadline: DEADLINE },
      });
    }
    await moveDeadline(DEADLINE + 600);
    const longer = await stake("answer", { batchId: BATCH, index: "1" });
    assert.equal(longer?.deadline, DEADLINE + 600, "the guardian lengthened it");
    assert.deepEqual(await stake("answerOmission", { batchId: BATCH, claimId: ZERO_HASH }), {
      ...{ wei: BOND_WEI, openedAt: 3_000, deadline: 4_000 },
    });
  });

  it("is the bonds of all claims, until the nearest promise, for a commit", async () => {
    assert.deepEqual(await stake("commit", { batchId: BATCH }), {
      ...{ wei: 3n * BOND_WEI, openedAt: 1_001, deadline: 2_001 },
    });
  });

  it("is what the challenger wins, until the window ends, for what finds a lie", async () => {
    for (const kind of ["challenge", "demand", "disprove"] as const) {
      assert.deepEqual(await stake(kind, { batchId: BATCH, index: "1" }), {
        ...{ wei: (BOND_WEI * 4n) / 10n, openedAt: COMMITTED_AT, deadline: FINAL_AT },
      });
    }
    const report = await stake("reportOmission", { reportBy: "700000", policyId: IN_ETHER });
    assert.deepEqual(report, { wei: BOND_WEI / 10n, openedAt: 95_200, deadline: 700_000 });
  });

  it("is not known in ether where the bond is in a token, and nothing where nothing is lost", async () => {
    assert.deepEqual(await stake("challenge", { batchId: TOKEN_BATCH }), {
      ...{ wei: undefined, openedAt: COMMITTED_AT, deadline: FINAL_AT },
    });
    assert.equal((await stake("attest", { batchId: BATCH }))?.wei, undefined);
    assert.deepEqual(await stake("release", { batchIds: `${BATCH},${TOKEN_BATCH}` }), {
      ...{ wei: undefined, openedAt: FINAL_AT, deadline: FINAL_AT + 86_400 },
    });
    assert.equal(await stake("announce", {}), undefined);
    assert.equal(await stake("answer", { batchId: `0x${"b3".repeat(32)}`, index: "1" }), undefined);
  });

  it("reads the terms of a policy once", () => {
    assert.equal(policiesRead, 2);
  });

  function stake(kind: IntentKind, subject: Record<string, string>) {
    return stakeOf({ kind, subject });
  }

  async function moveDeadline(deadline: number): Promise<void> {
    await ledger.transaction((tx) => tx.updateTable("chain_leaves").set({ deadline }).execute());
  }

  async function committed(batchId: Hex, policyId: Hex): Promise<void> {
    const header = {
      ...{ batch_id: batchId, policy_id: policyId, model_id: ZERO_HASH, root: ZERO_HASH },
      ...{ data_root: ZERO_HASH, count: 3, oldest_served_at: 1_001, nonce: "0" },
    };
    await ledger.transaction(async (tx) => {
      await tx
        .insertInto("batches")
        .values({ ...header, committed_block: 1 })
        .execute();
      await tx
        .insertInto("chain_batches")
        .values({
          ...{ ...header, operator: OPERATOR, committed_at: COMMITTED_AT, committed_tx: "0x1" as Hex },
          ...{ final_at: FINAL_AT, attested_at: null, attested_tx: null, released_tx: null },
        })
        .execute();
      await tx
        .insertInto("chain_leaves")
        .values({
          ...{ batch_id: batchId, leaf_index: 1, claim_id: null, state: "challenged", opener: OPERATOR },
          ...{ disputed_at: DISPUTED_AT, disputed_tx: "0x2" as Hex, deadline: DEADLINE, evidence_at: null },
          ...{ evidence_tx: null, final_at: null, ended_at: null, ended_tx: null },
        })
        .execute();
    });
  }
});

const NO_EVIDENCE = {
  ...{ rule: 0n, answerKinds: 1n, publicData: true, zkEvidence: ZERO_ADDRESS, teeEvidence: ZERO_ADDRESS },
  ...{ quorumEvidence: ZERO_ADDRESS, challengeWindowSeconds: 1n, attestedWindowSeconds: 0n },
  ...{ proveWindowSeconds: 1n, challengeBondWei: 1n, requesterBps: 4_000n },
};
