// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { poseidon } from "@meantime/sdk/poseidon";
import * as circomlib from "poseidon-lite";

const ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

describe("Poseidon", () => {
  const reference = circomlib as unknown as Record<string, (inputs: bigint[]) => bigint>;

  for (let inputs = 1; inputs <= 16; inputs += 1) {
    it(`hashes ${inputs} elements as circomlib's constants do`, () => {
      const hash = reference[`poseidon${inputs}`] ?? assert.fail();
      for (const first of [0n, 1n, ORDER - 1n, 1n << 253n]) {
        const elements = Array.from(
          { length: inputs },
          (_, at) => (first + BigInt(at) * 0x1234_5678_9abcn) % ORDER,
        );
        assert.equal(poseidon(elements), hash(elements));
      }
    });
  }

  it("takes no other number of elements", () => {
    for (const count of [0, 17]) assert.throws(() => poseidon(new Array(count).fill(1n)), RangeError);
  });
});
