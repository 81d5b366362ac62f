// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { commitInput } from "@meantime/sdk/commitment";
import { type ModelSpec, parseModelSpec, runModel } from "@meantime/sdk/model";
import { type CompiledCircuit, compileCircuit } from "../../circuits/compiler/compile.ts";
import { circuitSource } from "../../circuits/compiler/source.ts";
import { loadTestImages } from "../../circuits/mnist.ts";
import { CIRCUIT_LIBRARY_DIRECTORY } from "../../circuits/paths.ts";
import { seededRandom } from "../../circuits/training/random.ts";
import { artifact, CONTEXT, digitSpec, FIELD, SALT, signalsFor, stopSnarkjs, witnessOf } from "./fixture.ts";
import { breaksWhen, type Constraints, freeWires, readConstraints } from "./r1cs.ts";

after(stopSnarkjs);

describe("the digit model's circuit", () => {
  const spec = digitSpec();
  const wasm = artifact("tiny_mlp.wasm");
  const random = seededRandom(7);
  const inputs: [string, number[]][] = [
    ["all zero", new Array(196).fill(0)],
    ["all largest", new Array(196).fill(15)],
    ...Array.from({ length: 4 }, (_, at): [string, number[]] => [
      `noise ${at}`,
      Array.from({ length: 196 }, () => Math.floor(16 * random())),
    ]),
    ...loadTestImages()
      .slice(0, 24)
      .map(({ pixels }, at): [string, number[]] => [`held-out image ${at}`, [...pixels]]),
  ];

  for (const [name, input] of inputs) {
    it(`computes the runtime's label and the SDK's commitment for ${name}`, async () => {
      const [, inputHash, outputHash, ctx] = await witnessOf(wasm, signalsFor(input));
      assert.equal(inputHash, BigInt(commitInput({ bits: spec.inputBits, elements: input, salt: SALT })));
      assert.equal(outputHash, BigInt(runModel(spec, input).label));
      assert.equal(ctx, CONTEXT);
    });
  }

  for (const wrong of [16n, FIELD - 1n]) {
    it(`has no witness for an element ${wrong === 16n ? "of 16" : "of -1"}`, async () => {
      const signals = { ...signalsFor([]), x: [wrong, ...new Array<bigint>(195).fill(0n)] };
      await assert.rejects(witnessOf(wasm, signals), /Assert Failed/);
    });
  }
});

describe("the digit model's constraints", () => {
  let compiled: CompiledCircuit;
  let constraints: Constraints;
  let witness: bigint[];

  before(async () => {
    compiled = await compileCircuit("tiny_mlp", circuitSource(digitSpec()));
    constraints = readConstraints(compiled.r1cs);
    witness = await witnessOf(
      artifact("tiny_mlp.wasm"),
      signalsFor([...(loadTestImages()[0]?.pixels ?? [])]),
    );
  });

  it("are those of the committed key, and at most 2,300", () => {
    const manifest = JSON.parse(artifact("manifest.json").toString());
    assert.equal(createHash("sha256").update(compiled.r1cs).digest("hex"), manifest.r1csSha256);
    assert.deepEqual({ total: constraints.count, ...compiled.constraints }, manifest.constraints);
    assert.ok(constraints.count <= 2300);
  });

  it("hold for an honest witness", () => {
    const broken = Array.from({ length: constraints.count }, (_, index) => index).filter(
      (index) => !constraints.holds(index, witness),
    );
    assert.deepEqual(broken, []);
  });

  it("refuse every other label, hash and context with the rest of the witness unchanged", () => {
    for (const [wire, values] of [
      [1, [0n, 1n, FIELD - 1n]],
      [2, [0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n, 10n, FIELD - 1n]],
      [3, [0n, 1n, CONTEXT + 1n]],
    ] as const) {
      for (const value of values) {
        if (value !== witness[wire])
          assert.ok(breaksWhen(constraints, witness, wire, value), `wire ${wire} may be ${value}`);
      }
    }
  });

  it("leave no wire free: any single one changed breaks a constraint", () => {
    assert.deepEqual(freeWires(constraints, witness), []);
  });
});

// A generator whose hint is forced to one label, over constraints that are byte for byte the honest ones.
describe("a prover who forces the label", () => {
  // Three logits: x0, x0 and x1. Labels 0 and 1 always tie.
  const spec = parseModelSpec({
    name: "tie",
    version: 1,
    inputBits: 3,
    inputShape: [2],
    classes: 3,
    layers: [
      {
        type: "dense",
        weights: [
          [1, 0],
          [1, 0],
          [0, 1],
        ],
        bias: [0, 0, 0],
      },
      { type: "argmax" },
    ],
  });
  const circuits: CompiledCircuit[] = [];

  before(async () => {
    for (const label of [0, 1, 2]) circuits.push(await compileForced(spec, label));
  });

  it("works on the very constraints of an honest one", async () => {
    const honest = await compileCircuit("tie", circuitSource(spec));
    for (const forced of circuits) assert.deepEqual(forced.r1cs, honest.r1cs);
  });

  const cases: [input: number[], label: number][] = [
    [[0, 0], 0],
    [[7, 7], 0],
    [[5, 4], 0],
    [[4, 5], 2],
    [[0, 7], 2],
  ];
  for (const [input, label] of cases) {
    it(`can show ${label} alone for ${input}: the lowest of the largest`, async () => {
      assert.equal(runModel(spec, input).label, label);
      for (const [forced, circuit] of circuits.entries()) {
        const witness = witnessOf(circuit.wasm, signalsFor(input));
        if (forced === label) assert.equal((await witness)[2], BigInt(label));
        else await assert.rejects(witness, /Assert Failed/);
      }
    });
  }
});

function compileForced(spec: ModelSpec, label: number): Promise<CompiledCircuit> {
  const hint = "chosen[i] <-- best == i ? 1 : 0;";
  const library = readFileSync(join(CIRCUIT_LIBRARY_DIRECTORY, "argmax.circom"), "utf8");
  assert.ok(library.includes(hint));
  const forced = library
    .slice(library.indexOf("template ArgMax"))
    .replace(hint, `chosen[i] <-- i == ${label} ? 1 : 0;`);
  const source = circuitSource(spec)
    .replace('include "argmax.circom";', "")
    .replace("template Model()", () => `${forced}\ntemplate Model()`);
  return compileCircuit("tie", source);
}
