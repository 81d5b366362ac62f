// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { settleOptions } from "../../bench/settle-options.ts";

describe("options of the benchmark of settling", () => {
  it("are a quick run, the requirement's, or the numbers that are given", () => {
    assert.deepEqual(settleOptions([])?.claims, [10_000, 50_000]);
    assert.deepEqual(settleOptions(["--full"])?.claims, [10_000, 100_000, 1_000_000]);
    const given = settleOptions(["--claims", "100,2000", "--chain", "hardhat"]);
    assert.deepEqual(given, { claims: [100, 2_000], chain: "hardhat" });
  });

  it("are refused where they are none", () => {
    const wrong = [
      ["--claims", "0"],
      ["--claims", "1,x"],
      ["--claims", "1.5"],
      ["--chain", "geth"],
      ["--fast"],
    ];
    for (const argv of wrong) assert.equal(settleOptions(argv), undefined, argv.join(" "));
  });
});
