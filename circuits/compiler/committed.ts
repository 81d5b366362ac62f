// SPDX-License-Identifier: GPL-3.0-or-later
import { inputSchemeTag } from "@meantime/sdk/commitment";
import { type Architecture, type CommittedModel, weightTag } from "@meantime/sdk/committed-model";
import { MeantimeError } from "@meantime/sdk/errors";
import type { Bounds } from "@meantime/sdk/layers/bounds";
import { argmaxSource, reluSource } from "./activations.ts";
import { sourceHeader } from "./source.ts";
import { gapWidths, reluWidths } from "./widths.ts";

/**
 * The circom source that proves a model of dense layers without showing its weights: "I know `x` and `salt` with
 * `inputHash` their commitment, and weights with the model's commitment, the model with these weights maps `x` to
 * `outputHash`, and this is for `ctx`". Public signals in this order: inputHash, outputHash, ctx.
 *
 * The commitment is a constant of the circuit: a key stands for one model here as well, and contracts need not know.
 * Widths hold for any weights that the encoding can express. Throws MT-ZK-101 and MT-ZK-102 when a wire could overflow.
 */
export function committedSource({ name, architecture, weightCommitment }: CommittedModel): string {
  const { inputBits, inputShape, weightBits } = architecture;
  const length = inputShape.reduce((product, side) => product * side, 1);
  const { body, label, includes, weightCount } = layersSource(architecture, length);
  return `${sourceHeader(`${name}.json`, ["commitment.circom", "context.circom", ...includes])}
template Model() {
    signal input x[${length}];
    signal input salt;
    signal input weights[${weightCount}];
    signal input weightSalt;
    signal input ctx;
    signal output inputHash;
    signal output outputHash;

    component commitment = InputCommitment(${inputBits}, ${length}, ${inputSchemeTag(inputBits, length)});
    commitment.in <== x;
    commitment.salt <== salt;
    inputHash <== commitment.out;

    component weightCommitment = InputCommitment(${weightBits}, ${weightCount}, ${weightTag(architecture)});
    weightCommitment.in <== weights;
    weightCommitment.salt <== weightSalt;
    weightCommitment.out === ${BigInt(weightCommitment)};

${body}
    outputHash <== ${label};

    component context = BindContext();
    context.in <== ctx;
}

component main {public [ctx]} = Model();
`;
}

interface CommittedLayers {
  body: string;
  label: string;
  includes: string[];
  weightCount: number;
}

function layersSource(architecture: Architecture, length: number): CommittedLayers {
  const { weightBits, biasDigits } = architecture;
  const body: string[] = [];
  let weightCount = 0;
  let values = "x";
  let bounds = uniform(length, 0, 2 ** architecture.inputBits - 1);
  for (const [at, layer] of architecture.layers.entries()) {
    const count = bounds.low.length;
    if (layer.type === "dense") {
      const size = layer.outputs * (count + biasDigits);
      body.push(`    component layer${at} = CommittedDense(${layer.outputs}, ${count}, ${weightBits}, ${biasDigits});
    layer${at}.in <== ${values};
    for (var i = 0; i < ${size}; i++) {
        layer${at}.weights[i] <== weights[${weightCount} + i];
    }
`);
      weightCount += size;
      bounds = denseBounds(layer.outputs, bounds, architecture, at);
      values = `layer${at}.out`;
    } else if (layer.type === "relu") {
      body.push(reluSource(at, values, layer.shift, reluWidths(bounds)));
      bounds = uniform(count, 0, Math.floor(Math.max(0, ...bounds.high) / 2 ** layer.shift));
      values = `relu${at}`;
    } else {
      body.push(argmaxSource(at, values, gapWidths(bounds)));
      values = `layer${at}.out`;
    }
  }
  const includes = ["argmax.circom", "committed-dense.circom", "relu.circom"];
  return { body: body.join("\n"), label: values, includes, weightCount };
}

// The same for every output: any of them may get any weights.
function denseBounds(outputs: number, { low, high }: Bounds, encoding: Architecture, at: number): Bounds {
  const halfBias = 2 ** (encoding.weightBits * encoding.biasDigits - 1);
  const reach = low.reduce((sum, lowest, unit) => sum + Math.max(-lowest, high[unit] ?? 0), 0);
  const largest = reach * 2 ** (encoding.weightBits - 1) + halfBias;
  if (!Number.isSafeInteger(largest)) {
    throw new MeantimeError("MT-ZK-102", `layers.${at} can exceed 2^53`, {
      hint: "Shift more after the layer before, or encode weights and biases with fewer bits.",
      details: { layer: at },
    });
  }
  return uniform(outputs, -largest, largest);
}

function uniform(length: number, low: number, high: number): Bounds {
  return { low: new Array<number>(length).fill(low), high: new Array<number>(length).fill(high) };
}
