// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  type ForgeryExperiment,
  runForgeryExperiment,
} from "../../circuits/soundness/forgery-experiment/experiment.ts";
import { FIELD, stopSnarkjs } from "./fixture.ts";

after(stopSnarkjs);

describe("a circuit that takes quotients and remainders as inputs", () => {
  let result: ForgeryExperiment;

  before(async () => {
    result = await runForgeryExperiment();
  });

  it("shows another label than the network's with the stock generator, and snarkjs calls it correct", () => {
    assert.equal(result.honestLabel, 0);
    assert.equal(result.forgedLabel, 2);
    assert.equal(result.wtnsCheck, true);
    assert.equal(result.proofVerifies, true);
  });

  it("is guarded by an assert that adds no constraint and lets half the field pass as negative", () => {
    assert.equal(result.assertAddsNoConstraint, true);
    assert.ok(BigInt(result.forgedRemainder) > FIELD / 2n);
  });

  it("is refused by the determinism checker, which names the hints", () => {
    for (const name of ["label", "quotient[0]", "quotient[1]", "quotient[2]"]) {
      assert.ok(result.freeSignals.includes(name), name);
    }
    assert.deepEqual(result.freeOrigins, ["quotient[0]", "quotient[1]", "quotient[2]"]);
  });

  it("has no constraint left that speaks of a remainder", () => {
    assert.deepEqual(result.replacedHints, ["remainder[0]", "remainder[1]", "remainder[2]"]);
  });

  it("looks determined to a tool that believes that its hints are inputs", () => {
    assert.deepEqual(result.freeSignalsWithHintsGiven, []);
  });

  it("is certified once the hints are inside and in range", () => {
    assert.deepEqual(result.freeSignalsRepaired, []);
  });
});
