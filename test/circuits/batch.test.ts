// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { commitInput, inputScheme } from "@meantime/sdk/commitment";
import type { Hex } from "@meantime/sdk/hex";
import { batchInputScheme, commitBatch, labelBits, packLabels } from "@meantime/sdk/inference-batch";
import { runModel } from "@meantime/sdk/model";
import { poseidon3, poseidon16 } from "poseidon-lite";
import { batchShape, batchSource } from "../../circuits/compiler/batch.ts";
import { type CachedCircuit, cachedCircuit } from "../../circuits/compiler/cache.ts";
import { CONTEXT, FIELD, stopSnarkjs, witnessOf } from "./fixture.ts";
import { breaksWhen, type Constraints, freeWires, readConstraints } from "./r1cs.ts";
import { probingInputs, smallPerceptron } from "./small-models.ts";

const COUNT = 17;

after(stopSnarkjs);

describe("a batch of inferences in one proof", () => {
  const spec = smallPerceptron();
  const shape = batchShape(spec, COUNT);
  const inputs = probingInputs(spec, [], COUNT - 2);
  const salts = inputs.map((_, at): Hex => `0x${(at + 1).toString(16).padStart(64, "0")}`);
  const labels = inputs.map((input) => runModel(spec, input).label);
  let circuit: CachedCircuit;
  let constraints: Constraints;
  let witness: bigint[];

  before(async () => {
    circuit = await cachedCircuit("small_batch", batchSource(spec, COUNT));
    constraints = readConstraints(circuit.r1cs);
    witness = await witnessOf(circuit.wasm, signals(inputs, salts));
  });

  it("has the SDK's root and packed labels as its public signals", () => {
    assert.ok(new Set(labels).size > 1);
    assert.equal(witness[1], BigInt(rootOf(inputs, salts)));
    assert.equal(witness[2], BigInt(packLabels(shape, labels)));
    assert.equal(witness[3], CONTEXT);
    assert.deepEqual(constraints.inputs, { public: 1, private: COUNT * 7, outputs: 2 });
  });

  it("refuses every other label of every inference, and every other root and context", () => {
    const bits = labelBits(shape);
    for (const [at, label] of labels.entries()) {
      for (let other = 0; other < 2 ** bits; other++) {
        if (other === label) continue;
        const forged = (witness[2] ?? 0n) + (BigInt(other - label) << BigInt(bits * at));
        assert.ok(breaksWhen(constraints, witness, 2, forged), `inference ${at} may answer ${other}`);
      }
    }
    assert.ok(breaksWhen(constraints, witness, 2, (witness[2] ?? 0n) + (1n << BigInt(bits * COUNT))));
    for (const wire of [1, 3]) assert.ok(breaksWhen(constraints, witness, wire, (witness[wire] ?? 0n) + 1n));
  });

  it("leaves no wire free", () => {
    assert.deepEqual(freeWires(constraints, witness), []);
  });

  it("binds the order of its inputs and each salt", async () => {
    const swapped = [inputs[1] ?? [], inputs[0] ?? [], ...inputs.slice(2)];
    const otherSalts = salts.with(COUNT - 1, `0x${"00".repeat(31)}77`);
    const roots = [rootOf(inputs, salts), rootOf(swapped, salts), rootOf(inputs, otherSalts)];
    assert.equal(new Set(roots).size, 3);
    assert.equal((await witnessOf(circuit.wasm, signals(swapped, salts)))[1], BigInt(roots[1] ?? 0));
    assert.equal((await witnessOf(circuit.wasm, signals(inputs, otherSalts)))[1], BigInt(roots[2] ?? 0));
  });

  it("has no witness when one element of one input is out of range", async () => {
    const wrong = signals(inputs, salts);
    wrong.x = wrong.x.with(6 * 9 + 4, 32n);
    await assert.rejects(witnessOf(circuit.wasm, wrong), /Assert Failed/);
  });

  function rootOf(xs: number[][], saltWords: Hex[]): Hex {
    const hashes = xs.map((elements, at) =>
      commitInput({ bits: spec.inputBits, elements, salt: saltWords[at] ?? "0x" }),
    );
    return commitBatch(shape, hashes);
  }
});

describe("a batch's root", () => {
  const shape = { inputBits: 4, inputLength: 9, classes: 10, count: 17 };
  const hashes = Array.from({ length: 17 }, (_, at): Hex => `0x${(at + 1).toString(16).padStart(64, "0")}`);

  it("absorbs (tag, 15 commitments), then (hash, 2 more)", () => {
    const tag = BigInt(batchInputScheme(shape)) >> 8n;
    const first = poseidon16([tag, ...hashes.slice(0, 15).map(BigInt)]);
    assert.equal(BigInt(commitBatch(shape, hashes)), poseidon3([first, ...hashes.slice(15).map(BigInt)]));
  });

  it("lies in a domain of its own for each count and each scheme of inputs", () => {
    const schemes = [
      batchInputScheme(shape),
      batchInputScheme({ ...shape, count: 16 }),
      batchInputScheme({ ...shape, inputBits: 5 }),
      batchInputScheme({ ...shape, inputLength: 10 }),
      inputScheme(4, 9),
    ];
    assert.equal(new Set(schemes).size, schemes.length);
  });

  it("and its labels are refused in another number, outside the classes, or when they fit no word", () => {
    const labels = new Array<number>(17).fill(9);
    assert.equal(BigInt(packLabels(shape, labels)), BigInt(`0x${"9".repeat(17)}`));
    assert.equal(BigInt(packLabels(shape, labels.with(0, 1).with(16, 0))) & 0xfffn, 0x991n);
    assert.throws(() => commitBatch(shape, hashes.slice(1)), { code: "MT-SDK-206" });
    assert.throws(() => packLabels(shape, labels.slice(1)), { code: "MT-SDK-206" });
    for (const label of [10, -1, 0.5]) {
      assert.throws(() => packLabels(shape, labels.with(3, label)), { code: "MT-SDK-204" });
    }
    assert.equal(labelBits({ ...shape, count: 62 }), 4);
    assert.throws(() => labelBits({ ...shape, count: 63 }), { code: "MT-SDK-207" });
  });
});

function signals(xs: number[][], salts: Hex[]): { x: (number | bigint)[]; salt: string[]; ctx: string } {
  return {
    x: xs.flat(),
    salt: salts.map((salt) => BigInt(salt).toString()),
    ctx: (CONTEXT % FIELD).toString(),
  };
}
