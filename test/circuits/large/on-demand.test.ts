// SPDX-License-Identifier: GPL-3.0-or-later
// npm run test:circuits:large: the circuits that the common run does not compile, on real images. Two minutes when
// nothing is cached.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { commitInput } from "@meantime/sdk/commitment";
import { weightElements } from "@meantime/sdk/committed-model";
import type { Hex } from "@meantime/sdk/hex";
import { commitBatch, packLabels } from "@meantime/sdk/inference-batch";
import { type ModelSpec, runModel } from "@meantime/sdk/model";
import { batchShape } from "../../../circuits/compiler/batch.ts";
import { type CachedCircuit, cachedCircuit } from "../../../circuits/compiler/cache.ts";
import { artifactsDirectory } from "../../../circuits/paths.ts";
import {
  batchExample,
  committedExample,
  ON_DEMAND,
  suiteCircuit,
  suiteSpec,
} from "../../../circuits/suite.ts";
import { recipeNamed } from "../../../circuits/training/recipes.ts";
import { CONTEXT, SALT, signalsFor, stopSnarkjs, witnessOf } from "../fixture.ts";
import { probingInputs } from "../small-models.ts";

after(stopSnarkjs);

for (const name of ON_DEMAND) {
  it(`${name} compiles to the R1CS that its manifest names`, async () => {
    const { r1cs } = await compiled(name);
    const manifest = JSON.parse(readFileSync(join(artifactsDirectory(name), "manifest.json"), "utf8"));
    assert.equal(createHash("sha256").update(r1cs).digest("hex"), manifest.r1csSha256);
  });
}

for (const name of ["mnist_mlp", "mnist_cnn"]) {
  it(`${name} computes the runtime's labels of images, noise and extremes`, async () => {
    const spec = suiteSpec(name);
    const { wasm } = await compiled(name);
    for (const input of [...images(name, 8), ...probingInputs(spec, [], 3)]) {
      const [, inputHash, outputHash, ctx] = await witnessOf(wasm, signalsFor(input));
      assert.equal(outputHash, BigInt(runModel(spec, input).label));
      assert.equal(inputHash, BigInt(commit(spec, input, SALT)));
      assert.equal(ctx, CONTEXT);
    }
  });
}

describe("committed_mlp", () => {
  it("computes what the network with public weights computes", async () => {
    const { network, weightSalt, ...encoding } = committedExample();
    const { wasm } = await compiled("committed_mlp");
    const weights = weightElements(network, encoding);
    for (const input of [...images("tiny_mlp", 4), ...probingInputs(network, [], 1)]) {
      const signals = { ...signalsFor(input), weights, weightSalt: BigInt(weightSalt).toString() };
      const [, inputHash, outputHash] = await witnessOf(wasm, signals);
      assert.equal(outputHash, BigInt(runModel(network, input).label));
      assert.equal(inputHash, BigInt(commit(network, input, SALT)));
      const other = weights.with(777, (weights[777] ?? 0) ^ 1);
      await assert.rejects(witnessOf(wasm, { ...signals, weights: other }), /Assert Failed/);
    }
  });
});

describe("batch_root", () => {
  it("has the root and the labels of 32 images", async () => {
    const { network, count } = batchExample();
    const shape = batchShape(network, count);
    const inputs = images("tiny_mlp", count);
    const salts = inputs.map((_, at): Hex => `0x${(at + 1).toString(16).padStart(64, "0")}`);
    const { wasm } = await compiled("batch_root");
    const witness = await witnessOf(wasm, {
      x: inputs.flat(),
      salt: salts.map((salt) => BigInt(salt).toString()),
      ctx: CONTEXT.toString(),
    });
    const hashes = inputs.map((input, at) => commit(network, input, salts[at] ?? "0x"));
    const labels = inputs.map((input) => runModel(network, input).label);
    assert.deepEqual(witness.slice(1, 4), [
      BigInt(commitBatch(shape, hashes)),
      BigInt(packLabels(shape, labels)),
      CONTEXT,
    ]);
  });
});

function compiled(name: string): Promise<CachedCircuit> {
  return cachedCircuit(name, suiteCircuit(name).source);
}

function images(name: string, count: number): number[][] {
  const examples = recipeNamed(name).heldOutExamples();
  return examples.slice(0, count).map(({ elements }) => Array.from(elements));
}

function commit(spec: ModelSpec, elements: number[], salt: Hex): Hex {
  return commitInput({ bits: spec.inputBits, elements, salt });
}
