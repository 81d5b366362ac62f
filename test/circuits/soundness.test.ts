// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type AttackReport, attack, QUICK } from "../../circuits/soundness/attack.ts";
import { labelInBigIntegers } from "../../circuits/soundness/big-integers.ts";
import { checkDeterminism, originsOf } from "../../circuits/soundness/determinism/check.ts";
import { generateWitness, randomSignals } from "../../circuits/soundness/inputs.ts";
import { EXPECTED } from "../../circuits/soundness/lint/expected.ts";
import { judge } from "../../circuits/soundness/lint/judge.ts";
import { deleteConstraints } from "../../circuits/soundness/mutation/deletion.ts";
import { honest } from "../../circuits/soundness/mutation/forgery.ts";
import { forgeableWires, mutatePairs, mutateWires } from "../../circuits/soundness/mutation/mutations.ts";
import { type R1cs, readR1cs } from "../../circuits/soundness/r1cs.ts";
import { type Subject, suiteSubject } from "../../circuits/soundness/statement.ts";
import { readWitness, writeWitness } from "../../circuits/soundness/witness-file.ts";
import { suiteSpec } from "../../circuits/suite.ts";
import { seededRandom } from "../../circuits/training/random.ts";
import { FIELD, stopSnarkjs } from "./fixture.ts";
import { inRange, isBoolean, isZero, one, smallSystem, type TermConstraint, wire } from "./small-systems.ts";

after(stopSnarkjs);

describe("the soundness kit", () => {
  for (const name of ["iris_mlp", "tiny_mlp"] as const) {
    it(`certifies that the inputs of ${name} determine every wire`, async () => {
      const { r1cs, known } = await suiteSubject(name);
      const { free, unconstrained } = checkDeterminism(r1cs, known);
      assert.deepEqual({ free, unconstrained }, { free: [], unconstrained: [] });
      assert.equal(known.length, r1cs.publicInputCount + r1cs.privateInputCount);
    });
  }

  it("names the signal of the digit model that is free when a hint is given as an input", async () => {
    const { r1cs, symbols, known } = await suiteSubject("iris_mlp");
    const withoutSalt = known.filter((index) => symbols.nameOf(index) !== "salt");
    const { free } = checkDeterminism(r1cs, withoutSalt);
    assert.deepEqual(originsOf(r1cs, withoutSalt, free).map(symbols.nameOf), ["salt"]);
  });

  describe("on iris_mlp", () => {
    let report: AttackReport;
    let subject: Subject;

    before(async () => {
      subject = await suiteSubject("iris_mlp");
      report = await attack(subject, "iris_mlp", QUICK, 1);
    });

    it("has no survivor among single wires, pairs and mixtures of witnesses", () => {
      for (const { tried, survivors } of [report.single, report.pairs, report.mixtures]) {
        assert.equal(survivors, 0);
        assert.ok(tried > 600);
      }
    });

    it("misses every constraint that is left out", () => {
      const all = subject.r1cs.constraints.length;
      assert.deepEqual(report.deletions, { deleted: all, noticed: all, survivors: [] });
    });

    it("agrees with the runtime and with big integers", () => {
      assert.equal(report.arithmetic?.different, 0);
      assert.ok((report.arithmetic?.inputs ?? 0) >= 20);
    });
  });

  it("finds the same in a whole derivation as in one that keeps what does not rest on the constraint", async () => {
    const { r1cs, known } = await suiteSubject("iris_mlp");
    for (let at = 0; at < r1cs.constraints.length; at += 23) {
      const rest: R1cs = { ...r1cs, constraints: r1cs.constraints.toSpliced(at, 1) };
      const { undetermined } = deleteConstraints(r1cs, known, [at], new Set());
      assert.equal(undetermined, checkDeterminism(rest, known).isDetermined ? 0 : 1);
    }
  });
});

describe("the attacks", () => {
  const random = () => 123456789n;

  it("find a free bit by a single wire, and a free sum by a pair", () => {
    const loose = smallSystem(FIELD, ["x"], [isBoolean("bit"), [wire("x"), wire("x"), wire("square")]]);
    const single = mutateWires(honest(loose.r1cs, [1n, 3n, 0n, 9n]), [loose.wireOf("bit")], random);
    assert.deepEqual(single.survivors, [[[loose.wireOf("bit"), 1n]]]);

    const sum: TermConstraint = isZero([...wire("a"), ...wire("b"), ...wire("x", -1)]);
    const { r1cs } = smallSystem(FIELD, ["x"], [sum]);
    const target = honest(r1cs, [1n, 7n, 3n, 4n]);
    assert.deepEqual(mutateWires(target, forgeableWires(r1cs), random).survivors, []);
    assert.ok(mutatePairs(target, [0], 100, random).survivors.length > 0);
  });

  it("report a constraint that says nothing new as a survivor", () => {
    const range = inRange(wire("x"), 4, "low");
    const { r1cs } = smallSystem(
      FIELD,
      ["x"],
      [
        ...range,
        isZero([
          [2, "x"],
          [-2, "y"],
        ]),
        isZero([
          [3, "x"],
          [-3, "y"],
        ]),
      ],
    );
    const { undetermined, survivors } = deleteConstraints(r1cs, [1], [...r1cs.constraints.keys()], new Set());
    assert.equal(undetermined, range.length);
    assert.deepEqual(survivors, [range.length, range.length + 1]);
  });

  it("accept a forgery that only the left-out constraint refuses in place of lost determinism", () => {
    const bit = smallSystem(FIELD, ["x"], [[wire("x"), [...wire("x"), ...one(-1)], []]]);
    const { soleGuards } = mutateWires(honest(bit.r1cs, [1n, 1n]), [1], random);
    const result = deleteConstraints(bit.r1cs, [1], [0], soleGuards);
    assert.deepEqual(result, { deleted: 1, undetermined: 0, forged: 1, survivors: [] });
  });

  it("refuse to start from a witness that is not honest", () => {
    const { r1cs } = smallSystem(FIELD, ["x"], [[wire("x"), wire("x"), wire("y")]]);
    assert.throws(() => honest(r1cs, [1n, 3n, 10n]), RangeError);
  });
});

describe("the readers of the soundness kit", () => {
  it("read what they have written, and what snarkjs has", async () => {
    const { wasm, r1cs } = await suiteSubject("iris_mlp");
    const witness = await generateWitness(wasm, randomSignals("iris_mlp", seededRandom(3)));
    assert.equal(witness.length, r1cs.wireCount);
    assert.deepEqual(readWitness(writeWitness(witness, FIELD)), witness);
  });

  it("refuse other files and cut ones", () => {
    const file = Buffer.from(writeWitness([1n, 2n], FIELD));
    for (const bytes of [new Uint8Array(), file.subarray(0, -1), Buffer.from("wtns"), Buffer.alloc(64)]) {
      assert.throws(() => readWitness(bytes), { code: "MT-CIR-101" });
      assert.throws(() => readR1cs(bytes), { code: "MT-CIR-101" });
    }
  });
});

describe("the lint", () => {
  const findings = EXPECTED.map(({ file, rule, line }) => ({ file, rule, line, message: "" }));

  it("fails on a finding without an explanation and on an explanation without a finding", () => {
    assert.deepEqual(judge(findings, EXPECTED), { unexpected: [], stale: [] });
    const moved = findings.map((finding, at) => (at === 0 ? { ...finding, line: "other" } : finding));
    const { unexpected, stale } = judge(moved, EXPECTED);
    assert.deepEqual([unexpected.length, stale.length], [1, 1]);
  });
});

describe("labels in big integers", () => {
  it("floor and prefer the lowest index", () => {
    const spec = suiteSpec("iris_mlp");
    const dense = { type: "dense" as const, weights: [[1], [-1], [1]], bias: [0, 4, 0] };
    const layers = [dense, { type: "relu" as const, shift: 1 }, { type: "argmax" as const }];
    assert.deepEqual(
      [0, 1, 2, 3].map((x) => labelInBigIntegers({ ...spec, layers }, [x])),
      [1, 1, 0, 0],
    );
  });
});
