// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Worker } from "node:worker_threads";
import { leafHash, openingLeaf } from "@meantime/sdk/batch";
import { ZERO_HASH } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { rootsOf } from "../../relayer/src/commit/roots.ts";
import type { WaitingLeaf } from "../../relayer/src/ledger/receipts.ts";
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
      assert.deepEqual(await rootsOf(leaves, true), { root, dataRoot });
      assert.deepEqual(await rootsOf(leaves, false), { root, dataRoot: ZERO_HASH });
      assert.ok(
        leaves.every(({ opening }, seed) => opening.input.length === seed % 700),
        "nothing is taken away",
      );
    });
  }

  it("are found although the thread ended between two batches", async () => {
    const leaves = leavesOf(300);
    const roots = await rootsOf(leaves, true);
    await threads.at(-1)?.terminate();
    assert.deepEqual(await rootsOf(leaves, true), roots);
    assert.equal(threads.length, 2, "by another thread");
  });

  it("are right for batches that are sealed at the same time", async () => {
    const all = [leavesOf(300), leavesOf(400), leavesOf(500)];
    const together = await Promise.all(all.map((leaves) => rootsOf(leaves, true)));
    for (const [at, leaves] of all.entries()) assert.deepEqual(together[at], await rootsOf(leaves, true));
  });
});
