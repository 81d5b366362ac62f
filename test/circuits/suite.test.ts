// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { commitInput, inputScheme, outputScheme } from "@meantime/sdk/commitment";
import { runModel } from "@meantime/sdk/model";
import { cachedCircuit, compilationKey } from "../../circuits/compiler/cache.ts";
import { artifactsDirectory } from "../../circuits/paths.ts";
import {
  batchCircuit,
  batchExample,
  committedCircuit,
  committedExample,
  ON_DEMAND,
  SHIPPED,
  SUITE,
  suiteCircuit,
  suiteSpec,
} from "../../circuits/suite.ts";
import { SALT, signalsFor, stopSnarkjs, witnessOf } from "./fixture.ts";
import { freeWires, readConstraints } from "./r1cs.ts";
import { probingInputs } from "./small-models.ts";

interface Manifest {
  model: string;
  specHash: string;
  inputScheme: string;
  outputScheme: string;
  compilationKey: string;
  r1csSha256: string;
  constraints: { total: number; nonLinear: number; linear: number };
  sha256: Record<string, string>;
}

// What each circuit costs today, and what it may cost at most.
const CONSTRAINTS: Record<string, [today: number, most: number]> = {
  iris_mlp: [461, 1_000],
  tiny_mlp: [1_670, 2_300],
  mnist_mlp: [7_901, 12_000],
  mnist_cnn: [64_492, 85_000],
  committed_mlp: [47_847, 60_000],
  batch_root: [54_885, 2 ** 16 - 4],
};

after(stopSnarkjs);

describe("the suite of circuits", () => {
  for (const name of SUITE) {
    const manifest = manifestOf(name);
    const circuit = suiteCircuit(name);

    it(`has the source of ${name} that its model compiles to, and a manifest about it`, () => {
      assert.equal(committed(name, `${name}.circom`).toString(), circuit.source);
      const { specHash, inputScheme: input, outputScheme: output } = circuit;
      assert.deepEqual(
        [manifest.model, manifest.specHash, manifest.inputScheme, manifest.outputScheme],
        [name, specHash, input, output],
      );
      for (const [file, hash] of Object.entries(manifest.sha256)) {
        assert.equal(createHash("sha256").update(committed(name, file)).digest("hex"), hash);
      }
    });

    it(`has ${name} at the constraints that are written down, all of them products`, () => {
      const { total, nonLinear, linear } = manifest.constraints;
      const [today, most] = CONSTRAINTS[name] ?? [];
      assert.equal(total, today);
      assert.ok(total <= (most ?? 0));
      assert.deepEqual({ nonLinear, linear }, { nonLinear: total, linear: 0 });
    });
  }

  for (const name of ON_DEMAND) {
    it(`compiles ${name} from what its manifest was made of`, async () => {
      assert.equal(manifestOf(name).compilationKey, await compilationKey(suiteCircuit(name).source));
    });
  }

  it("has different inputs, outputs and specifications where they differ", () => {
    assert.equal(new Set(SUITE.map((name) => suiteCircuit(name).specHash)).size, SUITE.length);
    const committedModel = committedCircuit(committedExample());
    const network = suiteCircuit("tiny_mlp");
    assert.equal(committedModel.inputScheme, network.inputScheme);
    assert.equal(committedModel.outputScheme, network.outputScheme);
    const batch = batchCircuit(batchExample());
    assert.notEqual(batch.inputScheme, inputScheme(4, 196));
    assert.notEqual(batch.outputScheme, outputScheme(10));
    assert.equal(batchExample().count, 32);
  });

  it("has no circuit of another name", () => {
    assert.throws(() => suiteCircuit("huge_mlp"), { name: "RangeError", message: /no circuit huge_mlp/ });
  });
});

describe("the circuit of iris_mlp", () => {
  const spec = suiteSpec("iris_mlp");

  it("computes the runtime's label and the SDK's commitment", async () => {
    assert.ok((SHIPPED as readonly string[]).includes("iris_mlp"));
    const wasm = committed("iris_mlp", "iris_mlp.wasm");
    const rows = spec.layers[0]?.type === "dense" ? spec.layers[0].weights : [];
    const labels = new Set<number>();
    for (const input of probingInputs(spec, rows, 40)) {
      const [, inputHash, outputHash] = await witnessOf(wasm, signalsFor(input));
      const { label } = runModel(spec, input);
      assert.equal(outputHash, BigInt(label));
      assert.equal(inputHash, BigInt(commitInput({ bits: 7, elements: input, salt: SALT })));
      labels.add(label);
    }
    assert.equal(labels.size, 3);
  });

  it("is that of its committed key, and leaves no wire free", async () => {
    const { r1cs, wasm } = await cachedCircuit("iris_mlp", suiteCircuit("iris_mlp").source);
    assert.equal(createHash("sha256").update(r1cs).digest("hex"), manifestOf("iris_mlp").r1csSha256);
    const constraints = readConstraints(r1cs);
    for (const input of [
      [51, 35, 14, 2],
      [70, 32, 47, 14],
      [63, 33, 60, 25],
    ]) {
      assert.deepEqual(freeWires(constraints, await witnessOf(wasm, signalsFor(input))), []);
    }
  });
});

function manifestOf(name: string): Manifest {
  return JSON.parse(committed(name, "manifest.json").toString()) as Manifest;
}

function committed(name: string, file: string): Buffer {
  return readFileSync(join(artifactsDirectory(name), file));
}
