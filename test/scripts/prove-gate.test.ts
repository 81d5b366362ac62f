// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { proveProblems } from "../../bench/prove-gate.ts";

const BOUNDS = {
  "net.constraints": { atMost: 100, rival: "" },
  "net.ratio": { atLeast: 7, rival: "" },
  gas: { atMost: 5, rival: "" },
};

describe("prove gate", () => {
  it("takes figures on their bounds, and not a step beyond", () => {
    assert.deepEqual(proveProblems({ net: { constraints: 100, ratio: 7 }, gas: 5 }, BOUNDS), []);
    assert.deepEqual(proveProblems({ net: { constraints: 101, ratio: 6.99 }, gas: 5.01 }, BOUNDS), [
      "net.constraints is 101, above its bound of 100",
      "net.ratio is 6.99, below its bound of 7",
      "gas is 5.01, above its bound of 5",
    ]);
  });

  it("misses no figure", () => {
    assert.deepEqual(proveProblems({ net: { constraints: Number.NaN }, gas: "5" }, BOUNDS), [
      "net.constraints is not measured",
      "net.ratio is not measured",
      "gas is not measured",
    ]);
  });

  it("has a bound in every entry of bench/prove-bounds.json", () => {
    const file = new URL("../../bench/prove-bounds.json", import.meta.url);
    for (const [key, bound] of Object.entries(JSON.parse(readFileSync(file, "utf8")))) {
      const { atMost, atLeast } = bound as { atMost?: number; atLeast?: number };
      assert.equal([atMost, atLeast].filter((value) => typeof value === "number").length, 1, key);
    }
  });
});
