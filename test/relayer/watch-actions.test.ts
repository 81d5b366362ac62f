// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { WatchConfig } from "../../relayer/src/config/load.ts";
import { besideLedger } from "../../relayer/src/ledger/beside.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import type { Services } from "../../relayer/src/services.ts";
import type { IntentKind } from "../../relayer/src/tx/kinds.ts";
import {
  decideProposal,
  executeApproved,
  listProposals,
  type NewAction,
  propose,
} from "../../relayer/src/watch/actions.ts";
import { challengeByHand } from "../../relayer/src/watch/by-hand.ts";
import { insertFinding } from "../../relayer/src/watch/findings.ts";
import type { WatchServices } from "../../relayer/src/watch/services.ts";
import { silentLogger } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const OPERATOR: Address = `0x${"0a".repeat(20)}`;
const NOW = 1_000;
const BOND_WEI = 5n;

describe("what a watchtower wants done", () => {
  let ledger: Ledger;
  let file: string;

  beforeEach(async () => {
    file = join(await mkdtemp(join(tmpdir(), "meantime-test-")), "ledger.sqlite");
    ledger = await openLedger({ file });
  });

  afterEach(() => ledger.close());

  it("is sent at once under auto, the most urgent first, as far as the number of bonds goes", async () => {
    const services = watching({ mode: "auto", maxOpenChallenges: 2 });
    await note(services, action("challenge", 1, { dueBy: 3_000 }));
    await note(services, action("challenge", 2, { dueBy: 2_000 }));
    await note(services, action("demand", 3, { dueBy: 2_500 }));
    await note(services, action("reportEquivocation", 4, { dueBy: 9_000, bondWei: 0n }));
    await executeApproved(services);
    assert.deepEqual(await sent(), ["challenge:2", "demand:3", "reportEquivocation:4"]);
    await ended("challenge:2", "satisfied");
    await executeApproved(services);
    assert.deepEqual(await sent(), ["challenge:1", "challenge:2", "demand:3", "reportEquivocation:4"]);
  });

  it("is bounded by the sum of bonds too", async () => {
    const services = watching({ mode: "auto", maxOpenChallenges: 9, maxBondsWei: 2n * BOND_WEI - 1n });
    await note(services, action("challenge", 1, { dueBy: 2_000 }));
    await note(services, action("challenge", 2, { dueBy: 3_000 }));
    await executeApproved(services);
    assert.deepEqual(await sent(), ["challenge:1"]);
  });

  it("gives a bond back to the budget when its dispute has ended, and not before", async () => {
    const services = watching({ mode: "auto", maxOpenChallenges: 1 });
    await note(services, action("challenge", 1, { dueBy: 2_000 }));
    await executeApproved(services);
    await ended("challenge:1", "confirmed");
    await note(services, action("challenge", 2, { dueBy: 3_000 }));
    for (const state of ["challenged", "answered"] as const) {
      await ledger.transaction(async (tx) => {
        await tx.deleteFrom("chain_leaves").execute();
        await tx
          .insertInto("chain_leaves")
          .values({ ...placeOf(1), state })
          .execute();
      });
      await executeApproved(services);
      assert.deepEqual(await sent(), state === "answered" ? ["challenge:1", "challenge:2"] : ["challenge:1"]);
    }
  });

  it("waits under oversight, and for a human in every mode where it is doubtful", async () => {
    const overseen = watching({ mode: "oversight" });
    await note(overseen, action("challenge", 1));
    await note(watching({ mode: "auto" }), { ...action("challenge", 2), decidedBy: "human" });
    await note(overseen, { ...action("challenge", 3), decidedBy: "asked" });
    await executeApproved(overseen);
    assert.deepEqual(await sent(), ["challenge:3"]);
    const waiting = await besideLedger({ file }, (opened) => listProposals(opened, false));
    assert.deepEqual(
      waiting.map(({ index }) => index),
      [2, 1],
    );
    const [second, first] = waiting;
    await besideLedger({ file }, (opened) => decideProposal(opened, first?.id ?? 0, "approved"));
    await besideLedger({ file }, (opened) => decideProposal(opened, second?.id ?? 0, "rejected"));
    await executeApproved(overseen);
    assert.deepEqual(await sent(), ["challenge:1", "challenge:3"]);
    await assert.rejects(decideProposal(ledger, first?.id ?? 0, "rejected"), { code: "MT-WATCH-010" });
  });

  it("is not sent when its time is over, nor twice", async () => {
    const services = watching({ mode: "auto" });
    await note(services, action("challenge", 1, { dueBy: NOW }));
    await note(services, action("challenge", 2, { dueBy: NOW + 1 }));
    assert.equal(await note(services, action("challenge", 2)), false);
    await executeApproved(services);
    await executeApproved(services);
    assert.deepEqual(await sent(), ["challenge:2"]);
  });

  it("challenges by hand in every mode, once, and says so where the budget is used up", async () => {
    const { claim, claimId } = storedReceipt(1).receipt;
    const { batch_id: batchId, leaf_index: index } = placeOf(1);
    await ledger.transaction(async (tx) => {
      const { policyId, modelId } = claim;
      await tx
        .insertInto("chain_batches")
        .values({
          ...{ batch_id: batchId, operator: OPERATOR, policy_id: policyId, model_id: modelId },
          ...{ root: batchId, data_root: batchId, count: 2, oldest_served_at: 1, nonce: "1" },
          ...{ committed_at: 1, committed_tx: batchId, final_at: NOW + 1 },
        })
        .execute();
      await insertFinding(tx, { batchId, index, claimId, claim, proof: [], reason: "a lie" });
    });
    const manual = (watch: Partial<WatchConfig>) => byHand(watching({ mode: "manual", ...watch }));
    await assert.rejects(challengeByHand(manual({ maxOpenChallenges: 0 }), batchId, index), {
      code: "MT-WATCH-007",
    });
    assert.deepEqual(await sent(), []);
    assert.deepEqual(await challengeByHand(manual({}), batchId, index), { batchId, index, claimId });
    assert.deepEqual(await sent(), [`challenge:${batchId}:${index}:${claimId}`]);
    await assert.rejects(challengeByHand(manual({}), batchId, index), { code: "MT-WATCH-007" });
  });

  /** With what a challenge is made of. */
  function byHand(services: WatchServices): Services {
    const addresses = {
      bondToken: OPERATOR,
      zkEvidence: OPERATOR,
      teeEvidence: OPERATOR,
      quorumEvidence: OPERATOR,
    };
    const policy = { ...addresses, claimBondWei: BOND_WEI, challengeBondWei: BOND_WEI };
    const policies = { policyOf: async () => ({ policy, registeredAt: 1n }) };
    return { ...services, contracts: { policies, settlementAddress: OPERATOR } } as unknown as Services;
  }

  function watching(watch: Partial<WatchConfig>): WatchServices {
    const config = {
      chain: { chainId: 31_337 },
      watch: {
        ...{ mode: "auto" as const, maxOpenChallenges: 4, allowPrivateAddresses: true, disprove: false },
        ...watch,
      },
    };
    const clock = { nowSeconds: () => NOW, observe: () => undefined };
    // Nothing here asks the chain.
    return {
      config,
      clock,
      ledger,
      logger: silentLogger,
      challengerAddress: OPERATOR,
    } as unknown as WatchServices;
  }

  function note(services: WatchServices, noted: NewAction): Promise<boolean> {
    return ledger.transaction((tx) => propose(tx, services, noted));
  }

  function action(kind: IntentKind, index: number, change: Partial<NewAction> = {}): NewAction {
    const { batch_id: batchId } = placeOf(index);
    return {
      intent: {
        ...{
          dedupeKey: `${kind}:${index}`,
          kind,
          to: OPERATOR,
          data: "0x",
          valueWei: BOND_WEI,
        },
        subject: { batchId, index: String(index) },
      },
      ...{ reason: "a lie", operator: OPERATOR, bondWei: BOND_WEI, dueBy: 2_000 },
      ...change,
    };
  }

  async function sent(): Promise<string[]> {
    const rows = await ledger.selectFrom("intents").select("dedupe_key").orderBy("dedupe_key").execute();
    return rows.map(({ dedupe_key }) => dedupe_key);
  }

  async function ended(key: string, state: "satisfied" | "confirmed"): Promise<void> {
    const flown = state === "confirmed" ? { nonce: 1, sender: OPERATOR } : {};
    await ledger.transaction((tx) =>
      tx
        .updateTable("intents")
        .set({ state, ...flown })
        .where("dedupe_key", "=", key)
        .execute(),
    );
  }
});

function placeOf(index: number): { batch_id: Hex; leaf_index: number } {
  return { batch_id: `0x${index.toString(16).padStart(64, "0")}`, leaf_index: index };
}
