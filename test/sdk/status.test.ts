// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { LEAF_STATE, STATUS, type StatusName, stands, statusName } from "@meantime/sdk/status";

describe("statuses", () => {
  it("are numbered as in the contracts", () => {
    assert.deepEqual(Object.keys(STATUS), enumOf("Status", "Status"));
    assert.deepEqual(Object.keys(LEAF_STATE), enumOf("Leaf", "LeafState"));
    for (const numbers of [STATUS, LEAF_STATE]) {
      assert.deepEqual(
        Object.values(numbers),
        Object.values(numbers).map((_, at) => at),
      );
    }
    assert.equal(statusName(7n), "Voided");
    assert.equal(statusName(8n), undefined);
  });

  it("stand on the ladder, or aside from it", () => {
    assert.ok(stands("Proven", "Committed") && stands("Final", "Final") && !stands("Attested", "Proven"));
    for (const aside of ["Challenged", "Rejected", "Voided"] as StatusName[]) {
      assert.ok(!stands(aside, "Committed"), aside);
    }
  });
});

/** The names of a Solidity enum, in their order. */
function enumOf(file: string, name: string): string[] {
  const source = readFileSync(new URL(`../../contracts/types/${file}.sol`, import.meta.url), "utf8");
  const body = new RegExp(`enum ${name} \\{([^}]*)\\}`).exec(source)?.[1] ?? "";
  return body
    .replaceAll(/\/\/.*$/gm, "")
    .split(",")
    .map((entry) => entry.trim());
}
