// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gasProblems, gasTable } from "../../bench/gas-gate.ts";

const BOUNDS = { commit: { operation: "commit", must: 1100, best: "none" }, prove: { operation: "prove" } };
const REFERENCE = { commit: 1000, prove: 2000 };

describe("gas gate", () => {
  it("lets a fall and a rise of one per cent pass, not a unit more", () => {
    assert.deepEqual(gasProblems({ commit: 1010, prove: 1000 }, REFERENCE, BOUNDS), []);
    assert.deepEqual(gasProblems({ commit: 1011, prove: 2000 }, REFERENCE, BOUNDS), [
      "commit rose by 1.1 %, from 1,000 to 1,011",
    ]);
  });

  it("holds a figure to its bound however the reference has drifted", () => {
    assert.deepEqual(gasProblems({ commit: 1100, prove: 2000 }, { commit: 1100, prove: 2000 }, BOUNDS), []);
    assert.deepEqual(gasProblems({ commit: 1101, prove: 2000 }, { commit: 1101, prove: 2000 }, BOUNDS), [
      "commit takes 1,101, above its bound of 1,100",
    ]);
  });

  it("misses no key on any side", () => {
    assert.deepEqual(gasProblems({ fresh: 1, prove: 2000 }, REFERENCE, BOUNDS), [
      "fresh has no entry in bench/gas-bounds.json",
      "commit is not measured",
      "commit is in bench/gas.json and not measured",
      "fresh is not in bench/gas.json",
    ]);
  });

  it("writes the figures as a table", () => {
    assert.match(
      gasTable({ commit: 1234.56 }, BOUNDS),
      /\| `commit` \| commit \| 1,234\.6 \| 1,100 \| none \|/,
    );
  });
});
