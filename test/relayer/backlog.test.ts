// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { keccak256Text } from "@meantime/sdk/hex";
import { sealDueBatches } from "../../relayer/src/commit/committer.ts";
import { blobsUntil } from "../../relayer/src/commit/publish.ts";
import { refusalOf } from "../../relayer/src/gateway/capacity.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { openMargins } from "../../relayer/src/ledger/margins.ts";
import { owedCommits } from "../../relayer/src/ledger/owed-commits.ts";
import { insertReceipt, waitingGroups } from "../../relayer/src/ledger/receipts.ts";
import { createBacklog } from "../../relayer/src/ops/backlog.ts";
import type { Logger } from "../../relayer/src/ops/logger.ts";
import type { ServedPolicy, Services } from "../../relayer/src/services.ts";
import { TEST_DATABASES } from "./databases.ts";
import { silentLogger } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const HORIZON_SECONDS = 600;
/** Of `storedReceipt`. */
const POLICY = keccak256Text("policy");
const OTHER_POLICY = keccak256Text("another policy");
const MOST_UNSENT = 4;
const MAX_CLAIMS = 2;
/** Of `storedReceipt(0)`, as the time that it is promised for. */
const EARLIEST_SERVED_AT = 1_000;
const PROMISE_SECONDS = 1_000;
const BLOCK_SECONDS = 12;
/** Old enough to be sealed, and with more than half of the time to `commitBy` left. */
const DUE_SECONDS = 1_600;

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
      assert.equal(backlog.isBehind(POLICY), false, "nothing is promised");
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
          assert.equal(backlog.isBehind(POLICY), isBehind, `${where}, ${secondsLeft} s left`);
        }
      }
      await ledger.transaction((tx) => tx.updateTable("batches").set({ committed_block: 7 }).execute());
      assert.equal(await nearestCommitBy(ledger), undefined);
      await ledger.close();
    });

    it("R-58 is behind for the nearest promise of a batch, which its oldest one is not where the horizon was lowered", async () => {
      const ledger = await openLedger(await database.fresh());
      const lowered = 60;
      const [before, since] = [storedReceipt(1), storedReceipt(2)];
      const servedAt = Number(since.receipt.claim.servedAt);
      since.receipt.claim.commitBy = BigInt(servedAt + lowered);
      for (const stored of [before, since]) await insertReceipt(ledger, stored);
      let nowSeconds = 0;
      const clock = { nowSeconds: () => nowSeconds, observe: () => undefined };
      const backlog = createBacklog({
        ...{ ledger, clock, logger: silentLogger },
        commitHorizonSeconds: lowered,
      });
      for (const where of ["waiting", "sealed"]) {
        if (where === "sealed") await seal(ledger, servedAt);
        assert.equal(await nearestCommitBy(ledger), servedAt + lowered, where);
        for (const [secondsLeft, isBehind] of [
          [21, false],
          [20, false],
          [19, true],
        ] as const) {
          nowSeconds = servedAt + lowered - secondsLeft;
          await backlog.look();
          assert.equal(backlog.isBehind(POLICY), isBehind, `${where}, ${secondsLeft} s left`);
        }
      }
      const owed = await openMargins(ledger, before.receipt.claim.operator);
      assert.deepEqual(
        owed.map(({ openedAt, deadline }) => [openedAt, deadline]),
        [[Number(before.receipt.claim.servedAt), servedAt + lowered]],
      );
      assert.deepEqual(await batchSizes(ledger), [2]);
      await ledger.close();
    });

    it("is not behind for a batch that waits for cheap blobs, nor for the blocks after that", async () => {
      const ledger = await openLedger(await database.fresh());
      await insertReceipt(ledger, storedReceipt(1));
      const [group] = await waitingGroups(ledger);
      assert.ok(group);
      await seal(ledger, DUE_SECONDS);
      const commit = { commitHorizonSeconds: HORIZON_SECONDS };
      const untilSeconds = blobsUntil({ config: { commit } } as unknown as Services, group);
      const clock = { nowSeconds: () => untilSeconds + 3 * BLOCK_SECONDS, observe: () => undefined };
      const backlog = createBacklog({ ...{ ledger, clock, logger: silentLogger }, ...commit });
      await backlog.look();
      assert.equal(backlog.isBehind(POLICY), false);
      await ledger.close();
    });

    it("R-58 holds back under its own policy alone what the contract refuses, and says what to do about it", async () => {
      const ledger = await openLedger(await database.fresh());
      await insertReceipt(ledger, storedReceipt(1));
      await seal(ledger, Number.MAX_SAFE_INTEGER);
      const commitBy = Number(storedReceipt(1).receipt.claim.commitBy);
      const lines: Record<string, unknown>[] = [];
      let nowSeconds = 0;
      const backlog = createBacklog({
        ...{ ledger, clock: { nowSeconds: () => nowSeconds, observe: () => undefined } },
        ...{ logger: keeping(lines), commitHorizonSeconds: HORIZON_SECONDS },
      });
      const behind = async () => {
        await backlog.look();
        return [POLICY, OTHER_POLICY].map((policyId) => backlog.isBehind(policyId));
      };
      const refused = "MT-TX-001 NotSenderFor(0x0a, 0x0b)";
      await change(ledger, { error: refused });
      // Behind from a third of its time on, and no less when the promise is broken: it can still be committed.
      for (const [secondsLeft, isBehind] of [
        [200, false],
        [199, true],
        [1, true],
        [0, true],
        [-1, true],
        [-30 * 86_400, true],
      ] as const) {
        nowSeconds = commitBy - secondsLeft;
        assert.deepEqual(await behind(), [isBehind, false], `${secondsLeft} s left`);
      }
      const [batch] = await ledger.selectFrom("batches").select("batch_id").execute();
      const [intent] = await ledger.selectFrom("intents").select("id").execute();
      const [line, ...others] = lines;
      assert.deepEqual(others, [], "it is said once");
      const { message, ...named } = line ?? {};
      assert.deepEqual(named, {
        ...{ code: "MT-OPS-010", policyId: POLICY, batchId: batch?.batch_id, transaction: intent?.id },
        ...{ reason: refused, secondsLeft: 199 },
      });
      assert.match(String(message), new RegExp(`meantime tx cancel ${intent?.id} --force`));

      // What stands in the way of all, or may: nothing that the contract has said about this one.
      for (const error of ["MT-TX-002 Suspended()", "MT-TX-002"]) {
        await change(ledger, { error });
        assert.deepEqual(await behind(), [true, false], error);
      }
      for (const error of [null, "MT-TX-004", "MT-TX-010", "MT-TX-014"]) {
        await change(ledger, { error });
        assert.deepEqual(await behind(), [true, true], String(error));
      }
      await change(ledger, { error: refused });
      assert.deepEqual(await behind(), [true, false], "the others take work again");
      await change(ledger, { state: "failed" });
      assert.deepEqual(await behind(), [false, false], "it was given up");
      await ledger.close();
    });

    it("refuses requests under the policy that is behind, and goes on to the next question for the others", () => {
      const view = { closedPolicies: new Map(), seenAtMilliseconds: performance.now() };
      const services = {
        ...{ view: () => view, breaker: { state: { openSince: null } }, config: {}, clock: {} },
        backlog: { isBehind: (policyId: unknown) => policyId === POLICY },
        ...{ senderAddresses: {}, balances: { of: () => ({ isPoor: true }) } },
      } as unknown as Services;
      const codes = [POLICY, OTHER_POLICY].map((id) => refusalOf(services, { id } as ServedPolicy, [])?.code);
      assert.deepEqual(codes, ["MT-GW-023", "MT-GW-022"]);
    });

    it("R-58 names what holds all back, and holds all back for receipts that wait for a batch", async () => {
      const ledger = await openLedger(await database.fresh());
      const lines: Record<string, unknown>[] = [];
      await insertReceipt(ledger, storedReceipt(1));
      const nowSeconds = Number(storedReceipt(1).receipt.claim.commitBy) - 5;
      const backlog = createBacklog({
        ...{ ledger, clock: { nowSeconds: () => nowSeconds, observe: () => undefined } },
        ...{ logger: keeping(lines), commitHorizonSeconds: HORIZON_SECONDS },
      });
      await backlog.look();
      await backlog.look();
      assert.ok(backlog.isBehind(OTHER_POLICY));
      assert.deepEqual(
        lines.map(({ message: _, ...line }) => line),
        [
          {
            ...{ code: "MT-OPS-010", policyId: POLICY, batchId: undefined, transaction: undefined },
            ...{ reason: undefined, secondsLeft: 5 },
          },
        ],
      );
      await ledger.close();
    });

    it("is not behind for a commit that waits for its confirmations, or that was given up", async () => {
      const ledger = await openLedger(await database.fresh());
      await insertReceipt(ledger, storedReceipt(1));
      await seal(ledger, Number.MAX_SAFE_INTEGER);
      const { commitBy } = storedReceipt(1).receipt.claim;
      const inFlight = { nonce: 0, sender: `0x${"0d".repeat(20)}` } as const;
      for (const [change, expected] of [
        [{ state: "signed", ...inFlight }, Number(commitBy)],
        [{ state: "mined", ...inFlight }, undefined],
        [{ state: "broadcast", ...inFlight }, Number(commitBy)],
        [{ state: "confirmed", ...inFlight }, undefined],
        [{ state: "failed", nonce: null, sender: null }, undefined],
      ] as const) {
        await ledger.transaction((tx) => tx.updateTable("intents").set(change).execute());
        assert.equal(await nearestCommitBy(ledger), expected, change.state);
      }
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

    it("seals at half of its time what waits beside commits that cannot be sent", async () => {
      const ledger = await openLedger(await database.fresh());
      for (let seed = 0; seed < MOST_UNSENT; seed++) {
        await insertReceipt(ledger, storedReceipt(seed));
        await seal(ledger, DUE_SECONDS + seed);
      }
      const other = storedReceipt(100);
      other.receipt.claim.modelId = `0x${"0c".repeat(32)}`;
      await insertReceipt(ledger, other);
      const halfSeconds = Number(other.receipt.claim.commitBy) - HORIZON_SECONDS / 2;
      await seal(ledger, halfSeconds - 1);
      const before = await batchSizes(ledger);
      await seal(ledger, halfSeconds);
      assert.deepEqual(await batchSizes(ledger), [...before, 1].sort());
      await ledger.close();
    });
  });
}

async function nearestCommitBy(ledger: Ledger): Promise<number | undefined> {
  return (await owedCommits(ledger))[0]?.commitBy;
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

async function change(ledger: Ledger, values: { error: string | null } | { state: "failed" }): Promise<void> {
  await ledger.transaction((tx) => tx.updateTable("intents").set(values).execute());
}

/** Keeps lines of errors, each with its message. */
function keeping(lines: Record<string, unknown>[]): Logger {
  const error = (fields: Record<string, unknown>, message: string) => lines.push({ ...fields, message });
  return { ...silentLogger, error, info: () => undefined } as unknown as Logger;
}

async function batchSizes(ledger: Ledger): Promise<number[]> {
  const rows = await ledger.selectFrom("batches").select("count").execute();
  return rows.map(({ count }) => count).sort();
}
