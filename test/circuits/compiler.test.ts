// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { commitInput } from "@meantime/sdk/commitment";
import { visitTerms } from "@meantime/sdk/layers/linear";
import { sizeOf } from "@meantime/sdk/layers/shape";
import { inputLength, type ModelSpec, parseModelSpec, planLayers, runModel } from "@meantime/sdk/model";
import { type CachedCircuit, cachedCircuit, compilationKey } from "../../circuits/compiler/cache.ts";
import { circuitSource } from "../../circuits/compiler/source.ts";
import { gapWidths, reluWidths } from "../../circuits/compiler/widths.ts";
import { CONTEXT, FIELD, SALT, signalsFor, stopSnarkjs, witnessOf } from "./fixture.ts";
import { freeWires, readConstraints } from "./r1cs.ts";
import { probingInputs, smallConvolution, smallPerceptron } from "./small-models.ts";

after(stopSnarkjs);

for (const spec of [smallPerceptron(), smallConvolution()]) {
  describe(`the circuit of ${spec.name}`, () => {
    let circuit: CachedCircuit;

    before(async () => {
      circuit = await cachedCircuit(spec.name, circuitSource(spec));
    });

    it("computes the runtime's label and the SDK's commitment, at the bounds and for noise", async () => {
      const labels = new Set<number>();
      for (const input of probingInputs(spec, someFirstRows(spec), 20)) {
        const [, inputHash, outputHash, ctx] = await witnessOf(circuit.wasm, signalsFor(input));
        const { label } = runModel(spec, input);
        assert.equal(outputHash, BigInt(label));
        assert.equal(inputHash, BigInt(commitInput({ bits: spec.inputBits, elements: input, salt: SALT })));
        assert.equal(ctx, CONTEXT);
        labels.add(label);
      }
      assert.ok(labels.size > 1, "the inputs tell no labels apart");
    });

    it("has no witness for an element outside the range, in any place", async () => {
      const length = inputLength(spec);
      for (let place = 0; place < length; place += 1 + Math.floor(length / 12)) {
        for (const wrong of [BigInt(2 ** spec.inputBits), FIELD - 1n]) {
          const x = new Array<bigint>(length).fill(0n).with(place, wrong);
          await assert.rejects(witnessOf(circuit.wasm, { ...signalsFor([]), x }), /Assert Failed/);
        }
      }
    });

    it("has no input besides x, salt and ctx, and leaves no wire free", async () => {
      const constraints = readConstraints(circuit.r1cs);
      assert.deepEqual(constraints.inputs, { public: 1, private: inputLength(spec) + 1, outputs: 2 });
      for (const input of probingInputs(spec, [], 2)) {
        assert.deepEqual(freeWires(constraints, await witnessOf(circuit.wasm, signalsFor(input))), []);
      }
    });
  });
}

describe("the widths of a circuit", () => {
  it("are the smallest that hold the bounds", () => {
    const bounds = { low: [-4, -5, 0, 0, -8], high: [3, 3, 3, 4, 7] };
    assert.deepEqual(reluWidths(bounds), [3, 4, 3, 4, 4]);
    // Gaps to the largest bound, 7: 11, 12, 7, 7, 15.
    assert.deepEqual(gapWidths(bounds), [4, 4, 3, 3, 4]);
  });

  it("are refused when they are not far below the field", () => {
    assert.throws(() => reluWidths({ low: [-(2 ** 64)], high: [0] }), { code: "MT-ZK-101" });
    assert.throws(() => gapWidths({ low: [-(2 ** 64)], high: [0] }), { code: "MT-ZK-101" });
    assert.doesNotThrow(() => reluWidths({ low: [-(2 ** 63)], high: [0] }));
  });

  it("hold for the sums of a model at the edge of what plain numbers compute", async () => {
    const spec = parseModelSpec({
      name: "edge",
      version: 1,
      inputBits: 1,
      inputShape: [2],
      classes: 2,
      layers: [
        {
          type: "dense",
          weights: [
            [2 ** 52, 0],
            [0, -(2 ** 52)],
          ],
          bias: [-1, 0],
        },
        { type: "argmax" },
      ],
    });
    const { wasm } = await cachedCircuit(spec.name, circuitSource(spec));
    for (const input of [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]) {
      const [, , outputHash] = await witnessOf(wasm, signalsFor(input));
      assert.equal(outputHash, BigInt(runModel(spec, input).label));
    }
  });

  it("are not given to a model whose sums could leave that range", () => {
    const overflowing: ModelSpec = {
      ...smallPerceptron(),
      layers: [
        { type: "dense", weights: new Array(3).fill([2 ** 48, 2 ** 48, 0, 0, 0, 0]), bias: [0, 0, 0] },
        { type: "argmax" },
      ],
    };
    assert.throws(() => circuitSource(overflowing), { code: "MT-SDK-301", message: /layers\.0 can exceed/ });
  });
});

describe("the key of a compilation", () => {
  it("depends on the source and nothing else that a caller passes", async () => {
    const source = circuitSource(smallPerceptron());
    assert.equal(await compilationKey(source), await compilationKey(source));
    assert.notEqual(await compilationKey(`${source} `), await compilationKey(source));
  });
});

// Weights of a dozen units of the first layer, over the whole input.
function someFirstRows(spec: ModelSpec): number[][] {
  const [plan] = planLayers(spec);
  assert.ok(plan && (plan.layer.type === "dense" || plan.layer.type === "conv2d"));
  const rows = Array.from({ length: sizeOf(plan.output) }, () =>
    new Array<number>(sizeOf(plan.input)).fill(0),
  );
  visitTerms(plan.layer, plan.input, plan.output, (to, from, weight) => {
    rows[to]?.splice(from, 1, weight);
  });
  return rows.filter((_, unit) => unit % Math.ceil(rows.length / 12) === 0);
}
