// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type MutationResult, mutationPage } from "../../scripts/mutate/report.ts";
import { orderTests } from "../../scripts/mutate/test-order.ts";

const RESULT: MutationResult = {
  seed: 1,
  sampled: 10,
  killed: 9,
  survived: 1,
  score: 0.9,
  survivors: [
    {
      file: "contracts/A.sol",
      line: 12,
      mutator: "boolean",
      original: "if (a || b) revert E();",
      mutated: "if (a && b) revert E();",
    },
  ],
};

describe("the mutation page", () => {
  it("keeps an explanation while its survivor moves, and drops it with the survivor", () => {
    const page = mutationPage(RESULT, "npm run mutate", "");
    const explained = page.replace("|  |\n", "| b implies a |\n");
    const moved = { ...RESULT, survivors: RESULT.survivors.map((survivor) => ({ ...survivor, line: 99 })) };
    const next = mutationPage(moved, "npm run mutate", explained);
    assert.match(next, /\| 99 \|.*\| b implies a \|/);
    const other = {
      ...RESULT,
      survivors: RESULT.survivors.map((survivor) => ({ ...survivor, mutator: "bit" })),
    };
    assert.doesNotMatch(mutationPage(other, "npm run mutate", next), /b implies a/);
  });
});

describe("the order of tests", () => {
  it("starts with the file named after the contract, then with the one that speaks of it most", () => {
    const tests = new Map([
      ["test/contracts/a.test.ts", "settlement"],
      ["test/contracts/b.test.ts", "settlement settlement"],
      ["test/contracts/settlement.test.ts", ""],
    ]);
    assert.deepEqual(orderTests(tests, "contracts/Settlement.sol"), [
      "test/contracts/settlement.test.ts",
      "test/contracts/b.test.ts",
      "test/contracts/a.test.ts",
    ]);
  });
});
