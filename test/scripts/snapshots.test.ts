// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { id } from "ethers";
import { contractText } from "../../scripts/snapshots/contract-text.ts";
import { unusedErrors } from "../../scripts/snapshots/unused-errors.ts";
import type { CompiledContract } from "../../scripts/solidity/build-info.ts";
import { compileSource } from "./compiled.ts";

const FILE = "project/contracts/Sample.sol";

describe("snapshots", () => {
  it("show a contract's layout, selectors and topics", () => {
    const text = textOf(`contract Sample {
      struct Box { uint128 a; address b; }
      event Moved(address indexed to, uint256 amount);
      error Refused(uint8 why);
      mapping(address => Box) private boxes;
      function move(address to) external returns (uint256) { emit Moved(to, 1); revert Refused(2); }
    }`);
    assert.equal(
      text,
      `Sample (contracts/Sample.sol)

storage
  slot 0 offset 0 bytes 32 boxes: mapping(address => struct Sample.Box)
  struct Sample.Box
    slot 0 offset 0 bytes 16 a: uint128
    slot 1 offset 0 bytes 20 b: address

functions
  ${selector("move(address)")} function move(address) returns (uint256)

errors
  ${selector("Refused(uint8)")} Refused(uint8)

events
  ${id("Moved(address,uint256)")} event Moved(address indexed,uint256)
`,
    );
  });

  it("have nothing to say about a library of internal functions", () => {
    assert.equal(textOf("library Sample { function f() internal pure {} }"), "");
  });
});

describe("unused errors", () => {
  it("are those that no contract reverts with", () => {
    const { output } = compileSource(
      FILE,
      `pragma solidity 0.8.37;
      error Free();
      interface I { error Declared(); error Reverted(); error Required(); }
      contract Sample is I {
        function f(bool a) external pure returns (bytes4) {
          if (a) revert Reverted();
          require(a, Required());
          return Declared.selector;
        }
      }`,
    );
    assert.deepEqual(unusedErrors([{ [FILE]: output.sources[FILE]?.ast }]), [
      "contracts/Sample.sol: Declared",
      "contracts/Sample.sol: Free",
    ]);
  });
});

function textOf(contract: string): string {
  const { output, errors } = compileSource(FILE, `pragma solidity 0.8.37;\n${contract}`);
  assert.deepEqual(errors, []);
  const compiled = output.contracts?.[FILE]?.Sample as unknown as CompiledContract;
  return contractText({ ...compiled, name: "Sample", sourceName: "contracts/Sample.sol" });
}

function selector(signature: string): string {
  return id(signature).slice(0, 10);
}
