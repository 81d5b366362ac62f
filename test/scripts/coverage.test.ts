// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { explanationOf, explanationsIn, gapTable } from "../../scripts/coverage/gaps.ts";
import { parseLcov } from "../../scripts/coverage/lcov.ts";
import { replaceSection } from "../../scripts/markdown.ts";

const LCOV = `TN:
SF:contracts/A.sol
DA:5,0
DA:3,1
DA:4,0
LH:1
LF:3
end_of_record
SF:contracts/B.sol
DA:1,1
end_of_record
`;

describe("coverage", () => {
  it("reads the lines of every file off a tracefile", () => {
    assert.deepEqual(parseLcov(LCOV), [
      { file: "contracts/A.sol", lines: 3, covered: 1, uncovered: [4, 5] },
      { file: "contracts/B.sol", lines: 1, covered: 1, uncovered: [] },
    ]);
  });

  it("finds the explanation of a line that has moved, not of one that has changed", () => {
    const gap = { file: "contracts/A.sol", line: 4, text: "if (a || b) revert E();" };
    const page = gapTable([gap], new Map([["contracts/A.sol `if (a || b) revert E();`", "cannot happen"]]));
    const explanations = explanationsIn(page);
    assert.equal(explanationOf({ ...gap, line: 40 }, explanations), "cannot happen");
    assert.equal(explanationOf({ ...gap, text: "if (a) revert E();" }, explanations), "");
  });

  it("replaces what stands between two markers and nothing else", () => {
    const text = "a\n<!-- x -->\nold\n<!-- /x -->\nb";
    assert.equal(replaceSection(text, "x", "new\n"), "a\n<!-- x -->\nnew\n<!-- /x -->\nb");
    assert.throws(() => replaceSection(text, "y", ""), /markers/);
  });
});
