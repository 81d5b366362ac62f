// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import type { Worker } from "node:worker_threads";
import { leafHash, openingLeaf } from "@meantime/sdk/batch";
import { ZERO_HASH } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { rootsOf, THREAD_MILLISECONDS } from "../../relayer/src/commit/roots.ts";
import type { WaitingLeaf } from "../../relayer/src/ledger/receipts.ts";
import { silentLogger } from "./local-relayer.ts";
import { storedReceipt } from "./receipts.ts";

/** Inputs and outputs of every length, none among them. */
function leavesOf(count: number): WaitingLeaf[] {
  return Array.from({ length: count }, (_, seed) => {
    const { receipt, opening } = storedReceipt(seed);
    const input = new Uint8Array(seed % 700).fill(seed);
    return {
      claimId: receipt.claimId,
      servedAt: seed,
      opening: { ...opening, input, output: new Uint8Array(seed % 3).fill(seed) },
    };
  });
}

const threads: Worker[] = [];
process.on("worker", (worker) => threads.push(worker));

describe("the roots of a batch", () => {
  for (const count of [1, 255, 256, 1_500]) {
    it(`are those of the SDK's trees over ${count} claims, whichever thread hashes them`, async () => {
      const leaves = leavesOf(count);
      const root = buildMerkleTree(leaves.map(({ claimId }, index) => leafHash(index, claimId))).root;
      const dataRoot = buildMerkleTree(leaves.map(({ opening }, index) => openingLeaf(index, opening))).root;
      assert.deepEqual(await rootsOf(leaves, true, silentLogger), { root, dataRoot });
      assert.deepEqual(await rootsOf(leaves, false, silentLogger), { root, dataRoot: ZERO_HASH });
      assert.ok(
        leaves.every(({ opening }, seed) => opening.input.length === seed % 700),
        "nothing is taken away",
      );
    });
  }

  it("are found although the thread ended between two batches", async () => {
    const leaves = leavesOf(300);
    const roots = await rootsOf(leaves, true, silentLogger);
    await threads.at(-1)?.terminate();
    assert.deepEqual(await rootsOf(leaves, true, silentLogger), roots);
    assert.equal(threads.length, 2, "by another thread");
  });

  it("are found in time although the thread hangs, which is ended and named in the log", async (t) => {
    const leaves = leavesOf(300);
    const roots = await rootsOf(leaves, true, silentLogger);
    const hung = threads.at(-1);
    assert.ok(hung);
    // It never hears of the batch: to whoever waits for it that is a thread that hangs.
    hung.postMessage = () => undefined;
    const ended = once(hung, "exit");
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const lines: unknown[] = [];
    const found = rootsOf(leaves, true, { warn: (fields: unknown) => lines.push(fields) });
    t.mock.timers.tick(THREAD_MILLISECONDS);
    assert.deepEqual(await found, roots);
    await ended;
    const message = `the thread has said nothing for ${THREAD_MILLISECONDS} ms`;
    assert.deepEqual(lines, [{ code: "MT-OPS-011", claims: 300, message }]);
    t.mock.timers.reset();
    assert.deepEqual(await rootsOf(leaves, true, silentLogger), roots);
    assert.notEqual(threads.at(-1), hung, "by another thread");
  });

  it("are found although the thread fails, which is named in the log", async () => {
    const leaves = leavesOf(300);
    const roots = await rootsOf(leaves, true, silentLogger);
    const failing = threads.at(-1);
    assert.ok(failing);
    const lines: unknown[] = [];
    failing.postMessage = () => process.nextTick(() => failing.emit("error", new Error("out of memory")));
    assert.deepEqual(await rootsOf(leaves, true, { warn: (fields: unknown) => lines.push(fields) }), roots);
    assert.deepEqual(lines, [{ code: "MT-OPS-011", claims: 300, message: "out of memory" }]);
  });

  it("are right for batches that are sealed at the same time", async () => {
    const all = [leavesOf(300), leavesOf(400), leavesOf(500)];
    const together = await Promise.all(all.map((leaves) => rootsOf(leaves, true, silentLogger)));
    for (const [at, leaves] of all.entries())
      assert.deepEqual(together[at], await rootsOf(leaves, true, silentLogger));
  });
});
