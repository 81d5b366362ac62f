// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { holesIn, matrixOf, type Requirement } from "../../scripts/requirements/matrix.ts";
import { definitionsIn, solidityTests, typescriptTests } from "../../scripts/requirements/parse.ts";

const ALL: Record<string, Requirement> = Object.fromEntries(
  Array.from({ length: 59 }, (_, i) => [`R-${String(i + 1).padStart(2, "0")}`, { meaning: "m" }]),
);
const CITES_ALL = { file: "t.ts", name: "all", ids: Object.keys(ALL) };

describe("requirement parser", () => {
  it("reads ids off the names of tests, quoted in any way", () => {
    const text = `
      describe("R-01 claims", () => {
        it('R-02 I-03 says "no"', () => {});
        await test(\`R-04 \${x} and R-04\`, () => {});
        it("cites nothing", () => {});
        it(
          "R-05 stands on a line of its own", () => {});
      });`;
    assert.deepEqual(
      typescriptTests("a.test.ts", text).map(({ ids }) => ids),
      [["R-01"], ["R-02", "I-03"], ["R-04"], ["R-05"]],
    );
  });

  it("counts no skipped test, no comment and no other text", () => {
    const text = `
      it.skip("R-01 later", () => {});
      // it("R-02 commented out", () => {});
      const name = "R-03";`;
    assert.deepEqual(typescriptTests("a.test.ts", text), []);
  });

  it("reads the NatSpec above a Solidity test, not above another function", () => {
    const text = `
    /// @notice R-10 I-01 money stays.
    /// forge-config: default
    function invariant_conservation() public {}
    /// R-11
    function helper() internal {}
    /// R-12
    function testFuzz_split(uint256 a) public {}`;
    assert.deepEqual(solidityTests("a.t.sol", text), [
      { file: "a.t.sol", name: "invariant_conservation", ids: ["R-10", "I-01"] },
      { file: "a.t.sol", name: "testFuzz_split", ids: ["R-12"] },
    ]);
  });

  it("reads invariants and assumptions off the specification, in lists and tables", () => {
    assert.deepEqual(definitionsIn("- **I-01** Money stays.\n| **A-02** | time moves | high |\nsee I-03"), [
      { id: "I-01", meaning: "Money stays." },
      { id: "A-02", meaning: "time moves | high" },
    ]);
  });
});

describe("requirement matrix", () => {
  it("has no hole when every id is cited", () => {
    assert.deepEqual(holesIn(matrixOf(ALL, [], [CITES_ALL]), [CITES_ALL]), []);
  });

  it("reports an id without a test, but neither an assumption nor what does not apply", () => {
    const ids = CITES_ALL.ids.filter((id) => id !== "R-07" && id !== "R-08");
    const tests = [{ ...CITES_ALL, ids }];
    const requirements = { ...ALL, "R-08": { meaning: "m", notApplicable: "why" } };
    const definitions = [
      { id: "I-01", meaning: "i" },
      { id: "A-01", meaning: "a" },
    ];
    assert.deepEqual(holesIn(matrixOf(requirements, definitions, tests), tests), [
      "R-07 has no test: m",
      "I-01 has no test: i",
    ]);
  });

  it("reports unknown ids, missing ids, double definitions and what is tested though it does not apply", () => {
    const requirements: typeof ALL = { ...ALL, "R-02": { meaning: "m", notApplicable: "why" } };
    delete requirements["R-59"];
    const definitions = [
      { id: "I-01", meaning: "i" },
      { id: "I-01", meaning: "i" },
    ];
    const tests = [CITES_ALL, { file: "t.ts", name: "more", ids: ["I-01"] }];
    assert.deepEqual(holesIn(matrixOf(requirements, definitions, tests), tests), [
      "R-59 is not in docs/requirements.json",
      "I-01 is defined twice",
      "R-02 is listed as not applicable, and tested",
      "t.ts cites R-59, which is nowhere defined: all",
    ]);
  });
});
