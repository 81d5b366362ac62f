// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mutantsOf, shuffled } from "../../scripts/mutate/mutants.ts";
import { applyEdit, declarationsOf, type Edit, editsOf } from "../../scripts/mutate/mutators.ts";
import { compileSource } from "./compiled.ts";

const FILE = "project/contracts/Sample.sol";

describe("mutators", () => {
  it("move the boundary of a comparison and negate it", () => {
    assert.deepEqual(mutants("function f(uint256 a) external pure returns (bool) { return a < 7; }"), [
      ["comparison", "<", "<="],
      ["comparison", "<", ">="],
      ["constant", "7", "(7 + 1)"],
    ]);
  });

  it("find an operator behind comments and characters of several bytes", () => {
    const body =
      "/* ä < ö */ function f(uint256 a) external pure returns (uint256) { return a /* - */ + // + ü\n a; }";
    assert.deepEqual(mutants(body), [["arithmetic", "+", "-"]]);
  });

  it("change arithmetic, bit and boolean operators, compound and unary ones too", () => {
    const body = `function f(uint256 a, bool b) external pure returns (uint256, bool) {
      a *= a; a <<= a; a++; ++a;
      return (~a, !b && b);
    }`;
    assert.deepEqual(mutants(body), [
      ["arithmetic", "*=", "/="],
      ["bit", "<<=", ">>="],
      ["arithmetic", "++", "--"],
      ["arithmetic", "++", "--"],
      ["bit", "~", ""],
      ["boolean", "!", ""],
      ["boolean", "&&", "||"],
    ]);
  });

  it("remove guards, checks that only revert, modifiers and reverts at the end", () => {
    const body = `error E(uint256 a);
    modifier only() { _; }
    function check(uint256 a) internal pure { require(a != a); }
    function f(uint256 a) external only {
      if (a != a) revert E(a + a);
      if (a != a) { revert E(a); }
      check(a);
      a = a;
      revert E(a);
    }`;
    assert.deepEqual(removals(body), [
      "require(a != a);",
      "only",
      "if (a != a) revert E(a + a);",
      "if (a != a) { revert E(a); }",
      "check(a);",
      "revert E(a);",
    ]);
  });

  it("remove writes to storage and calls that write, not writes to the stack", () => {
    const body = `struct Box { uint256 a; }
    mapping(uint256 key => Box box) private boxes;
    uint256[] private list;
    uint256 private total;
    function credit(uint256 a) internal { total += a; }
    function f(uint256 a) external {
      Box storage box = boxes[a];
      box.a = a;
      boxes[a].a = a;
      delete boxes[a];
      list.push(a);
      uint256 local;
      local = a;
      if (a == a) credit(local);
    }`;
    assert.deepEqual(removals(body), [
      "total += a;",
      "box.a = a;",
      "boxes[a].a = a;",
      "delete boxes[a];",
      "list.push(a);",
      "credit(local);",
    ]);
  });

  it("swap neighbouring arguments of one type", () => {
    const body = `function g(uint256, uint256, bool) internal pure returns (uint256) {}
    function f(uint256 a, uint256 b, bool c) external pure returns (uint256) { return g(a,  b, c); }`;
    assert.deepEqual(mutants(body), [["swapped arguments", "a,  b", "b,  a"]]);
  });

  it("change constants with their units, true and false, and what stands in assembly", () => {
    const body = `uint256 constant T = 2 days;
    function f() external pure returns (bool a, uint256 b) {
      a = true;
      assembly { b := add(b, 0x1f) }
    }`;
    assert.deepEqual(mutants(body), [
      ["constant", "2 days", "(2 days + 1)"],
      ["constant", "true", "false"],
      ["arithmetic", "add", "sub"],
      ["constant", "0x1f", "0x20"],
    ]);
  });

  it("leave comments, strings, errors, events and interfaces alone", () => {
    const body = `// 1 + 2 < 3
    error E(uint256[2] a);
    event V(uint256 a);
    function f(uint256 a) external returns (string memory) { emit V(a + 1); return "1 + 2"; }`;
    assert.deepEqual(mutants(body), []);
  });

  it("yield sources that compile", () => {
    const { source, edits } = editsIn(`mapping(uint256 => uint256) private m;
    error E(uint256 a);
    function w(uint256 a) internal { m[a] = a; }
    function f(uint256 a) external returns (uint256) {
      if (a > 10 days || m[a] == 0) revert E(a);
      if (a & 1 != 0) w(a);
      for (uint256 i = 0; i < a; ++i) m[i] += a - i;
      return a * 2;
    }`);
    assert.ok(edits.length > 20);
    for (const edit of edits) assert.deepEqual(compileSource(FILE, applyEdit(source, edit)).errors, []);
  });
});

describe("mutants", () => {
  it("are shown with their whole line, at its number", () => {
    const { source } = editsIn("function f(uint256 a) external pure returns (bool) {\n  return a != a;\n}");
    const { input, output } = compileSource(FILE, source.toString());
    const compiler = {} as never;
    const [mutant] = mutantsOf([{ input, output, compiler }], () => true);
    assert.equal(mutant?.file, "contracts/Sample.sol");
    assert.equal(mutant?.line, 4);
    assert.equal(mutant?.original, "return a != a;");
    assert.equal(mutant?.mutated, "return a == a;");
    assert.deepEqual(
      mutantsOf([{ input, output, compiler }], () => false),
      [],
    );
  });

  it("are sampled in an order that the seed alone decides", () => {
    const items = Array.from({ length: 50 }, (_, i) => i);
    assert.deepEqual(shuffled(items, 7), shuffled(items, 7));
    assert.notDeepEqual(shuffled(items, 7), shuffled(items, 8));
    assert.deepEqual(
      shuffled(items, 7).sort((a, b) => a - b),
      items,
    );
  });
});

function mutants(body: string): string[][] {
  const { source, edits } = editsIn(body);
  return edits.map(({ mutator, start, end, replacement }) => [
    mutator,
    source.toString("utf8", start, end),
    replacement,
  ]);
}

function removals(body: string): string[] {
  return mutants(body)
    .filter(([mutator]) => mutator?.startsWith("removed"))
    .map(([, original = ""]) => original);
}

function editsIn(body: string): { source: Buffer; edits: Edit[] } {
  const text = `pragma solidity 0.8.37;
interface I { function i(uint256[3] calldata a) external; }
contract Sample { ${body} }`;
  const { output, errors } = compileSource(FILE, text);
  assert.deepEqual(errors, []);
  const unit = output.sources[FILE]?.ast;
  const source = Buffer.from(text);
  return { source, edits: editsOf(unit, source, declarationsOf([unit])) };
}
