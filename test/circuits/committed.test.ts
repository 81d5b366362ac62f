// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { commitInput } from "@meantime/sdk/commitment";
import {
  architectureOf,
  committedModelHash,
  commitWeights,
  weightElements,
  weightTag,
} from "@meantime/sdk/committed-model";
import type { Hex } from "@meantime/sdk/hex";
import { type ModelSpec, runModel } from "@meantime/sdk/model";
import { type CachedCircuit, cachedCircuit } from "../../circuits/compiler/cache.ts";
import { committedSource } from "../../circuits/compiler/committed.ts";
import { FIELD, SALT, signalsFor, stopSnarkjs, witnessOf } from "./fixture.ts";
import { freeWires, readConstraints } from "./r1cs.ts";
import { probingInputs, smallConvolution, smallPerceptron } from "./small-models.ts";

const WEIGHT_SALT: Hex = `0x00${"c3".repeat(31)}`;
const ENCODING = { weightBits: 6, biasDigits: 2 };

after(stopSnarkjs);

describe("a model with private weights", () => {
  const spec = smallPerceptron();
  // The largest weights and biases that six bits and two digits hold, which is what the circuit's widths are for.
  const extreme = withWeights(spec, (row, column) => ((row + column) % 2 === 0 ? 31 : -32), [2047, -2048]);
  const circuits = new Map<ModelSpec, CachedCircuit>();

  before(async () => {
    for (const model of [spec, extreme]) {
      circuits.set(model, await cachedCircuit("small_committed", sourceOf(model, WEIGHT_SALT)));
    }
  });

  it("computes the runtime's label and the SDK's commitment, for common and for extreme weights", async () => {
    for (const [model, { wasm }] of circuits) {
      const rows = model.layers[0]?.type === "dense" ? model.layers[0].weights : [];
      for (const input of probingInputs(model, rows, 30)) {
        const [, inputHash, outputHash] = await witnessOf(wasm, signals(model, input));
        assert.equal(outputHash, BigInt(runModel(model, input).label));
        assert.equal(inputHash, BigInt(commitInput({ bits: 5, elements: input, salt: SALT })));
      }
    }
  });

  it("has no witness with any one weight changed, another salt, or another model's weights", async () => {
    const { wasm } = circuits.get(spec) as CachedCircuit;
    const honest = signals(spec, new Array(6).fill(9));
    for (const [at, element] of honest.weights.entries()) {
      const weights = honest.weights.with(at, element === 0n ? 1n : element - 1n);
      await assert.rejects(witnessOf(wasm, { ...honest, weights }), /Assert Failed/);
    }
    await assert.rejects(witnessOf(wasm, { ...honest, weightSalt: "1" }), /Assert Failed/);
    await assert.rejects(witnessOf(wasm, signals(extreme, new Array(6).fill(9))), /Assert Failed/);
  });

  it("has no witness for weights out of range that pack to the same words", async () => {
    const { wasm } = circuits.get(spec) as CachedCircuit;
    const honest = signals(spec, new Array(6).fill(9));
    const [first = 0n, second = 0n] = honest.weights;
    for (const carry of [1n, -1n]) {
      const weights = honest.weights
        .with(0, (first + 64n * carry + FIELD) % FIELD)
        .with(1, (second - carry + FIELD) % FIELD);
      await assert.rejects(witnessOf(wasm, { ...honest, weights }), /Assert Failed/);
    }
  });

  it("leaves no wire free", async () => {
    const { wasm, r1cs } = circuits.get(spec) as CachedCircuit;
    const constraints = readConstraints(r1cs);
    const witness = await witnessOf(wasm, signals(spec, [0, 1, 9, 17, 30, 31]));
    assert.deepEqual(freeWires(constraints, witness), []);
    assert.equal(constraints.inputs.private, 6 + 1 + weightElements(spec, ENCODING).length + 1);
  });

  it("has a commitment that every weight, bias, the salt and the architecture change", () => {
    const commitments = [
      commitWeights(spec, ENCODING, WEIGHT_SALT),
      commitWeights(spec, ENCODING, SALT),
      commitWeights(spec, { ...ENCODING, weightBits: 7 }, WEIGHT_SALT),
      commitWeights(spec, { ...ENCODING, biasDigits: 3 }, WEIGHT_SALT),
      commitWeights({ ...spec, inputShape: [2, 3] }, ENCODING, WEIGHT_SALT),
      commitWeights({ ...spec, inputBits: 4 }, ENCODING, WEIGHT_SALT),
    ];
    for (const [at, layer] of spec.layers.entries()) {
      if (layer.type !== "dense") continue;
      for (const row of layer.weights.keys()) {
        const bias = layer.bias.with(row, (layer.bias[row] ?? 0) + 1);
        const weights = layer.weights.with(row, (layer.weights[row] ?? []).with(1, 0));
        for (const other of [
          { ...layer, bias },
          { ...layer, weights },
        ]) {
          commitments.push(
            commitWeights({ ...spec, layers: spec.layers.with(at, other) }, ENCODING, WEIGHT_SALT),
          );
        }
      }
    }
    assert.equal(new Set(commitments).size, commitments.length);
  });

  it("publishes its architecture and its commitment, nothing of its weights", () => {
    const model = publicModel(spec, WEIGHT_SALT);
    assert.deepEqual(model.architecture.layers, [
      { type: "dense", outputs: 5 },
      { type: "relu", shift: 0 },
      { type: "dense", outputs: 4 },
      { type: "relu", shift: 9 },
      { type: "dense", outputs: 3 },
      { type: "argmax" },
    ]);
    assert.notEqual(committedModelHash(model), committedModelHash(publicModel(spec, SALT)));
    assert.notEqual(weightTag(model.architecture), weightTag({ ...model.architecture, weightBits: 7 }));
    // The sources of two models of one architecture differ in the commitment alone.
    const blank = (source: string) => source.replace(/weightCommitment\.out === \d+/, "");
    assert.equal(blank(sourceOf(spec, WEIGHT_SALT)), blank(sourceOf(extreme, SALT)));
  });

  it("is refused with a weight or bias that does not fit, and with layers that cannot be private", () => {
    for (const biases of [[2048], [-2049]]) {
      const model = withWeights(spec, () => 0, biases);
      assert.throws(() => weightElements(model, ENCODING), { code: "MT-SDK-305" });
    }
    for (const weight of [32, -33]) {
      const model = withWeights(spec, () => weight, [0]);
      assert.throws(() => weightElements(model, ENCODING), { code: "MT-SDK-305" });
    }
    assert.throws(() => architectureOf(smallConvolution(), ENCODING), { code: "MT-SDK-304" });
  });

  it("is refused when some weights could take a sum past 2^53", () => {
    const encoding = { weightBits: 16, biasDigits: 1 };
    const architecture = architectureOf(spec, encoding);
    const layers = architecture.layers.map((layer) =>
      layer.type === "relu" ? { ...layer, shift: 0 } : layer,
    );
    assert.throws(
      () =>
        committedSource({
          name: "wide",
          version: 1,
          architecture: { ...architecture, layers },
          weightCommitment: SALT,
        }),
      { code: "MT-ZK-102" },
    );
  });
});

function publicModel(spec: ModelSpec, weightSalt: Hex) {
  return {
    name: "small_committed",
    version: 1,
    architecture: architectureOf(spec, ENCODING),
    weightCommitment: commitWeights(spec, ENCODING, weightSalt),
  };
}

function sourceOf(spec: ModelSpec, weightSalt: Hex): string {
  return committedSource(publicModel(spec, weightSalt));
}

function signals(spec: ModelSpec, x: readonly number[]) {
  return {
    ...signalsFor(x),
    weights: weightElements(spec, ENCODING).map(BigInt),
    weightSalt: BigInt(WEIGHT_SALT).toString(),
  };
}

function withWeights(
  spec: ModelSpec,
  weightAt: (row: number, column: number) => number,
  biases: readonly number[],
): ModelSpec {
  const layers = spec.layers.map((layer) => {
    if (layer.type !== "dense") return layer;
    const weights = layer.weights.map((row, at) => row.map((_, column) => weightAt(at, column)));
    return { ...layer, weights, bias: layer.bias.map((_, row) => biases[row % biases.length] ?? 0) };
  });
  return { ...spec, layers };
}
