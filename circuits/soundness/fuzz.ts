// SPDX-License-Identifier: GPL-3.0-or-later
import { commitInput } from "@meantime/sdk/commitment";
import { inputLength, type ModelSpec, runModel } from "@meantime/sdk/model";
import type { RandomStream } from "../training/random.ts";
import { labelInBigIntegers } from "./big-integers.ts";
import { generateWitness, randomInput, randomInteger } from "./inputs.ts";

/** Inputs on which circuit, runtime and big integers were compared. */
export interface Comparison {
  inputs: number;
  /** Inputs on which they disagree. */
  different: number[][];
}

/**
 * Compares label and commitment of the circuit with the runtime's, the SDK's and those of plain big
 * integers.
 */
export async function compareArithmetic(
  spec: ModelSpec,
  wasm: Uint8Array,
  noise: number,
  random: RandomStream,
): Promise<Comparison> {
  const inputs = [...boundaryInputs(spec), ...Array.from({ length: noise }, () => randomInput(spec, random))];
  const different: number[][] = [];
  for (const input of inputs) {
    const [salt, ctx] = [randomInteger(random, 248), randomInteger(random, 253)];
    const signals = { x: input, salt: String(salt), ctx: String(ctx) };
    const [, inputHash, label, context] = await generateWitness(wasm, signals);
    const hex = `0x${salt.toString(16).padStart(64, "0")}` as const;
    const expected = BigInt(commitInput({ bits: spec.inputBits, elements: input, salt: hex }));
    const labels = [BigInt(runModel(spec, input).label), BigInt(labelInBigIntegers(spec, input))];
    const agree = inputHash === expected && context === ctx && labels.every((other) => other === label);
    if (!agree) different.push(input);
  }
  return { inputs: inputs.length, different };
}

/** The all-zero and all-largest inputs, and those that drive each unit of the first layer to its bounds. */
function boundaryInputs(spec: ModelSpec): number[][] {
  const top = 2 ** spec.inputBits - 1;
  const [first] = spec.layers;
  const rows = first?.type === "dense" ? first.weights : [];
  return [
    new Array<number>(inputLength(spec)).fill(0),
    new Array<number>(inputLength(spec)).fill(top),
    ...rows.flatMap((row) => [
      row.map((weight) => (weight > 0 ? top : 0)),
      row.map((weight) => (weight < 0 ? top : 0)),
    ]),
  ];
}
