// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { type Address, type Hex, keccak256Text } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES } from "@meantime/sdk/policy";
import { createChainClock } from "../../relayer/src/chain/clock.ts";
import { insertBatch } from "../../relayer/src/ledger/batches.ts";
import { type Ledger, openLedger } from "../../relayer/src/ledger/ledger.ts";
import { openMargins } from "../../relayer/src/ledger/margins.ts";
import { insertReceipt } from "../../relayer/src/ledger/receipts.ts";
import { Breaker } from "../../relayer/src/ops/breaker.ts";
import { createLogger } from "../../relayer/src/ops/logger.ts";
import { createMarginAlarm } from "../../relayer/src/ops/margin-alarm.ts";
import { observeMargins } from "../../relayer/src/ops/metrics/collect.ts";
import { createMetrics } from "../../relayer/src/ops/metrics/metrics.ts";
import { gapsWithin } from "../../relayer/src/ops/metrics/trust-gap.ts";
import { freshFolder, silentLogger } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

const OPERATOR: Address = `0x${"0a".repeat(20)}`;

describe("obligations", () => {
  let ledger: Ledger;
  let file: string;
  let nowSeconds: number;

  beforeEach(async () => {
    file = join(await freshFolder(), "ledger.sqlite");
    ledger = await openLedger({ file });
    nowSeconds = 1_500;
  });

  afterEach(() => ledger.close());

  it("R-59 have a margin: the share of the time that the most urgent one has left", async () => {
    await insertReceipt(ledger, receiptOf(1, "a"));
    await insertReceipt(ledger, receiptOf(2, "b"));
    const metrics = createMetrics();
    observeMargins(metrics, await openMargins(ledger, OPERATOR), 1_801);
    // Served at 1001, promised by 2001.
    assert.equal(await sampleOf(metrics, "meantime_obligation_margin_ratio", "commit"), 0.2);
    assert.equal(await sampleOf(metrics, "meantime_obligation_margin_seconds", "commit"), 200);
    assert.equal(await sampleOf(metrics, "meantime_obligations_open", "commit"), 2);
    assert.equal(await sampleOf(metrics, "meantime_obligation_margin_ratio", "answer"), 1);
    observeMargins(metrics, await openMargins(ledger, OPERATOR), 2_051);
    assert.equal(await sampleOf(metrics, "meantime_obligation_margin_seconds", "commit"), -50);
    observeMargins(metrics, [], 2_051);
    assert.equal(await sampleOf(metrics, "meantime_obligation_margin_seconds", "commit"), undefined);
    assert.equal(await sampleOf(metrics, "meantime_obligation_margin_ratio", "commit"), 1);
  });

  it("R-59 are named in the log when less than a fifth of their time is left, once each", async () => {
    await insertReceipt(ledger, receiptOf(1, "a"));
    const lines: { code?: string; secondsLeft?: number }[] = [];
    const logger = createLogger("info", { write: (line: string) => lines.push(JSON.parse(line)) });
    const clock = { ...createChainClock(), nowSeconds: () => nowSeconds };
    const alarm = createMarginAlarm({ ledger, clock, logger, operator: OPERATOR });
    nowSeconds = 1_801;
    await alarm();
    assert.equal(lines.length, 0);
    nowSeconds = 1_802;
    await alarm();
    await alarm();
    assert.deepEqual(
      lines.map(({ code, secondsLeft }) => [code, secondsLeft]),
      [["MT-OPS-009", 199]],
    );
  });

  it("of a sealed batch run until its commit was read", async () => {
    const batch = await sealed(7);
    assert.deepEqual(await openMargins(ledger, OPERATOR), [
      { obligation: "commit", subject: batch, openedAt: 1_007, deadline: 2_007 },
    ]);
    await ledger.transaction((tx) =>
      tx.updateTable("batches").set({ committed_block: 9 }).where("batch_id", "=", batch).execute(),
    );
    assert.deepEqual(await openMargins(ledger, OPERATOR), []);
  });

  it("that are challenges count from the dispute to its deadline", async () => {
    const batch = await sealed(3);
    await onChain(batch, { committed_at: 1_100, final_at: 9_000 });
    await leaf(batch, { state: "challenged", disputed_at: 1_400, deadline: 1_900 });
    const margins = await openMargins(ledger, OPERATOR);
    assert.deepEqual(
      margins.filter(({ obligation }) => obligation === "answer"),
      [{ obligation: "answer", subject: batch, openedAt: 1_400, deadline: 1_900 }],
    );
  });

  it("R10 that fail again and again open the breaker, over restarts, until the operator resumes", async () => {
    await insertReceipt(ledger, receiptOf(1, "a"));
    await insertReceipt(ledger, receiptOf(2, "b"));
    let breaker = makeBreaker(2);
    await breaker.look();
    assert.equal(breaker.failed.length, 0);
    nowSeconds = 2_001;
    await breaker.look();
    assert.equal(breaker.failed.length, 1);
    assert.equal(breaker.state.openSince, null);
    nowSeconds = 2_002;
    await breaker.look();
    assert.equal(breaker.state.openSince, 2_002);

    await ledger.close();
    ledger = await openLedger({ file });
    breaker = makeBreaker(2);
    nowSeconds = 2_100;
    await breaker.look();
    assert.equal(breaker.state.openSince, 2_002);

    await breaker.resume();
    await breaker.look();
    assert.equal(breaker.state.openSince, null);
    assert.equal(breaker.failed.length, 0);
    await makeBreaker(2).look();
  });

  it("R10 leave the breaker closed where the operator resumes while they are counted", async () => {
    await insertReceipt(ledger, receiptOf(1, "a"));
    nowSeconds = 2_100;
    const operator = makeBreaker(1);
    const breaker = makeBreaker(1, {
      ...ledger,
      selectFrom: ledger.selectFrom,
      transaction: async (work) => {
        await operator.resume();
        return ledger.transaction(work);
      },
    });
    await breaker.look();
    assert.equal(breaker.state.openSince, null);
    await operator.look();
    assert.equal(operator.state.openSince, null);
    assert.equal(operator.state.acknowledgedAt, nowSeconds);
  });

  it("count as failed although the machine's clock was ahead when the operator resumed", async () => {
    await insertReceipt(ledger, receiptOf(1, "a"));
    const breaker = makeBreaker(1);
    nowSeconds += 3_600;
    await breaker.resume();
    nowSeconds -= 3_600;
    await breaker.look();
    assert.equal(breaker.state.acknowledgedAt, nowSeconds);
    nowSeconds = 2_001;
    await breaker.look();
    assert.deepEqual(
      breaker.failed.map(({ what }) => what),
      ["missed"],
    );
    assert.equal(breaker.state.openSince, 2_001);
  });

  it("R10 that were lost count once: rejected claims, upheld omissions, challenges nothing answers", async () => {
    const batch = await sealed(3);
    await onChain(batch, { committed_at: 1_100, final_at: 9_000 });
    await ledger.transaction((tx) =>
      tx.updateTable("batches").set({ committed_block: 9 }).where("batch_id", "=", batch).execute(),
    );
    const breaker = makeBreaker(10);
    await leaf(batch, { state: "challenged", disputed_at: 1_400, deadline: 1_900 });
    await breaker.look();
    assert.equal(breaker.failed.length, 0);

    const id = storedReceipt(3).receipt.claimId;
    await ledger.transaction((tx) =>
      tx.insertInto("unprovable").values({ id, code: "MT-PRV-002", message: "" }).execute(),
    );
    await breaker.look();
    assert.deepEqual(
      breaker.failed.map(({ what }) => what),
      ["unprovable"],
    );
    nowSeconds = 1_900;
    await breaker.look();
    assert.deepEqual(
      breaker.failed.map(({ what }) => what),
      ["missed"],
    );
    await ledger.transaction((tx) => tx.updateTable("chain_leaves").set({ state: "rejected" }).execute());
    await event("ClaimRejected", batch, 20, 1_950);
    nowSeconds = 2_000;
    await breaker.look();
    assert.deepEqual(
      breaker.failed.map(({ what }) => what),
      ["rejected"],
    );
  });

  it("are measured to their end: committed, evidence and final, each once", async () => {
    const batch = await sealed(3);
    await onChain(batch, { committed_at: 1_103, final_at: 1_603 });
    await event("BatchCommitted", batch, 10, 1_103);
    const samples = async (from: [number, number], to: [number, number], rule = 0) => {
      const span = {
        after: { block: from[0], seconds: from[1] },
        until: { block: to[0], seconds: to[1] },
      };
      const gaps = await gapsWithin(ledger, span, () => rule);
      return gaps.map(({ phase, seconds, claims }) => [phase, seconds, claims]);
    };
    // The block was read when its time had long passed.
    assert.deepEqual(await samples([9, 1_150], [10, 1_200]), [["committed", 100, 1]]);
    assert.deepEqual(await samples([10, 1_200], [11, 1_602]), []);
    assert.deepEqual(await samples([11, 1_602], [11, 1_603]), [["final", 600, 1]]);
    const answered = { disputed_at: 1_200, deadline: 1_900, evidence_at: 1_253, changed_at: 1_253 };
    await leaf(batch, { state: "answered", kinds: EVIDENCE_KINDS.zk, ...answered });
    await event("EvidenceAccepted", batch, 12, 1_253);
    assert.deepEqual(await samples([11, 1_260], [12, 1_300]), [["evidence", 250, 1]]);
    assert.deepEqual(await samples([12, 1_300], [13, 2_000]), [["final", 600, 1]]);
    // Where a proof closes a claim, it is final with it, and not again by the clock.
    assert.deepEqual(await samples([11, 1_260], [12, 1_300], EVIDENCE_RULES.zk), [
      ["evidence", 250, 1],
      ["final", 250, 1],
    ]);
    assert.deepEqual(await samples([12, 1_300], [13, 2_000], EVIDENCE_RULES.zk), []);
  });

  function makeBreaker(maxFailedObligations: number, through: Ledger = ledger): Breaker {
    const clock = { ...createChainClock(), nowSeconds: () => nowSeconds };
    return new Breaker({
      ...{ ledger: through, clock, logger: silentLogger, operator: OPERATOR, maxFailedObligations },
    });
  }

  /** One receipt in a batch of its own. */
  async function sealed(seed: number): Promise<Hex> {
    const stored = receiptOf(seed, "a");
    const batchId = keccak256Text(`batch ${seed}`);
    await insertReceipt(ledger, stored);
    const { policyId, modelId } = stored.receipt.claim;
    const header = {
      ...{ operator: OPERATOR, policyId, modelId, root: batchId, dataRoot: batchId },
      ...{ count: 1, oldestServedAt: stored.receipt.claim.servedAt, nonce: 1n },
    };
    await ledger.transaction((tx) => insertBatch(tx, batchId, header, [stored.receipt.claimId]));
    return batchId;
  }

  async function onChain(batchId: Hex, times: { committed_at: number; final_at: number }): Promise<void> {
    const {
      committed_block: _,
      nearest_commit_by: __,
      ...header
    } = await ledger
      .selectFrom("batches")
      .selectAll()
      .where("batch_id", "=", batchId)
      .executeTakeFirstOrThrow();
    const rest = { operator: OPERATOR, committed_tx: batchId, ...times };
    await ledger.transaction((tx) =>
      tx
        .insertInto("chain_batches")
        .values({ ...header, ...rest })
        .execute(),
    );
  }

  async function event(name: string, batch_id: Hex, block_number: number, timestamp: number): Promise<void> {
    const hashes = { block_hash: batch_id, tx_hash: batch_id };
    const place = { batch_id, leaf_index: name.startsWith("Batch") ? null : 0 };
    await ledger.transaction((tx) =>
      tx
        .insertInto("events")
        .values({ name, block_number, timestamp, log_index: 0, arguments: "{}", ...hashes, ...place })
        .execute(),
    );
  }

  async function leaf(batch_id: Hex, values: Record<string, unknown> & { state: "challenged" | "answered" }) {
    await ledger.transaction((tx) =>
      tx
        .insertInto("chain_leaves")
        .values({ batch_id, leaf_index: 0, ...values })
        .execute(),
    );
  }
});

function receiptOf(seed: number, policy: string) {
  const stored = storedReceipt(seed);
  const claim = { ...stored.receipt.claim, policyId: keccak256Text(policy) };
  return { ...stored, receipt: { ...stored.receipt, claim } };
}

async function sampleOf(
  { registry }: ReturnType<typeof createMetrics>,
  name: string,
  obligation: string,
): Promise<number | undefined> {
  const metric = await registry.getSingleMetric(name)?.get();
  return metric?.values.find(({ labels }) => (labels as { obligation?: string }).obligation === obligation)
    ?.value;
}
