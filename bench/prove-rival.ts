// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import type { ModelSpec } from "@meantime/sdk/model";
import type { SignalInputs } from "snarkjs";

const MANIFEST = new URL("../node_modules/circomlib-ml/package.json", import.meta.url);

/** What each side of the comparison proves, for whoever reads the figures. */
export const STATEMENTS = {
  ours:
    "some input with this salted commitment has this label under these weights; inputs in range, sums shifted " +
    "back to 8 bits after each ReLU, lowest index wins, bound to a context",
  circomlibMl:
    "some input and some weights, all private and unbounded, have this label; no commitment, no range check, no " +
    "shift, bound to nothing",
};

/**
 * A network of the same layer sizes out of the templates of the npm package circomlib-ml, and nothing else: dense, ReLU,
 * dense, argmax. Compiled with the same options as ours, which leave it less than the compiler's own would. Signals of its input are private, as in the package's own tests.
 */
export function rivalSource(spec: ModelSpec): string {
  const { inputs, hidden, outputs } = sizesOf(spec);
  const { version } = JSON.parse(readFileSync(MANIFEST, "utf8")) as { version: string };
  return `pragma circom 2.0.0;
// circomlib-ml ${version}
include "circomlib-ml/circuits/Dense.circom";
include "circomlib-ml/circuits/ReLU.circom";
include "circomlib-ml/circuits/ArgMax.circom";

template Rival() {
    signal input in[${inputs}];
    signal input weights1[${inputs}][${hidden}];
    signal input bias1[${hidden}];
    signal input weights2[${hidden}][${outputs}];
    signal input bias2[${outputs}];
    signal output out;

    component dense1 = Dense(${inputs}, ${hidden});
    dense1.in <== in;
    dense1.weights <== weights1;
    dense1.bias <== bias1;

    component relu[${hidden}];
    component dense2 = Dense(${hidden}, ${outputs});
    dense2.weights <== weights2;
    dense2.bias <== bias2;
    for (var i = 0; i < ${hidden}; i++) {
        relu[i] = ReLU();
        relu[i].in <== dense1.out[i];
        dense2.in[i] <== relu[i].out;
    }

    component argmax = ArgMax(${outputs});
    argmax.in <== dense2.out;
    out <== argmax.out;
}

component main = Rival();
`;
}

/** The same weights and the same image as ours. */
export function rivalSignals(spec: ModelSpec, pixels: readonly number[]): SignalInputs {
  const [first, second] = denseLayers(spec);
  return {
    in: pixels,
    weights1: transposed(first.weights).flat(),
    bias1: first.bias,
    weights2: transposed(second.weights).flat(),
    bias2: second.bias,
  };
}

function sizesOf(spec: ModelSpec): { inputs: number; hidden: number; outputs: number } {
  const [first, second] = denseLayers(spec);
  return {
    inputs: first.weights[0]?.length ?? 0,
    hidden: first.weights.length,
    outputs: second.weights.length,
  };
}

function denseLayers(spec: ModelSpec) {
  const [first, second, ...more] = spec.layers.filter((layer) => layer.type === "dense");
  if (!first || !second || more.length > 0) throw new RangeError(`${spec.name} has not two dense layers`);
  return [first, second] as const;
}

function transposed(rows: number[][]): number[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? 0));
}
