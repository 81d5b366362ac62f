// SPDX-License-Identifier: GPL-3.0-or-later
import { inputSchemeTag } from "@meantime/sdk/commitment";
import type { Bounds, DenseLayer, ModelSpec, ReluLayer } from "@meantime/sdk/model";
import { inputBounds, inputLength, layerBounds } from "@meantime/sdk/model";

const MIN_RANGE_BITS = 2;

/**
 * The circom source that proves a model: "I know `x` and `salt` with `inputHash` their commitment, the model maps `x` to
 * `outputHash`, and this is for `ctx`". Public signals in this order: inputHash, outputHash, ctx.
 *
 * Weights are constants of the circuit, so a linear layer costs one linear row an output. Every width in it follows from
 * the static bounds of the specification: nothing saturates, nothing wraps round the field. No hint is an input: all a
 * prover chooses is `x` and `salt`.
 */
export function circuitSource(spec: ModelSpec): string {
  const length = inputLength(spec);
  const bounds = layerBounds(spec);
  const before = (at: number): Bounds => bounds[at - 1] ?? inputBounds(spec);
  const body: string[] = [];
  let values = "x";
  for (const [at, layer] of spec.layers.entries()) {
    if (layer.type === "dense") body.push(denseSource(layer, at, values));
    if (layer.type === "relu") body.push(reluSource(layer, at, values, before(at)));
    if (layer.type === "argmax") body.push(argmaxSource(at, values, before(at)));
    values = `layer${at}.out`;
    if (layer.type === "relu") values = `relu${at}`;
  }
  const tag = inputSchemeTag(spec.inputBits, length);
  return `// SPDX-License-Identifier: GPL-3.0-or-later
// Generated from ${spec.name}.json by circuits/compiler: change that, not this.
pragma circom 2.1.6;

include "argmax.circom";
include "commitment.circom";
include "context.circom";
include "dense.circom";
include "relu.circom";

template Model() {
    signal input x[${length}];
    signal input salt;
    signal input ctx;
    signal output inputHash;
    signal output outputHash;

    component commitment = InputCommitment(${spec.inputBits}, ${length}, ${tag});
    commitment.in <== x;
    commitment.salt <== salt;
    inputHash <== commitment.out;

${body.join("\n")}
    outputHash <== ${values};

    component context = BindContext();
    context.in <== ctx;
}

component main {public [ctx]} = Model();
`;
}

function denseSource({ weights, bias }: DenseLayer, at: number, input: string): string {
  const rows = weights.map((row) => `        [${row.join(",")}]`).join(",\n");
  return `    component layer${at} = Dense(${weights.length}, ${weights[0]?.length ?? 0}, [
${rows}
    ], [${bias.join(",")}]);
    layer${at}.in <== ${input};
`;
}

function reluSource({ shift }: ReluLayer, at: number, input: string, { low, high }: Bounds): string {
  const bits = low.map((lowest, unit) => signedBits(lowest, high[unit] ?? 0));
  return `    var bits${at}[${bits.length}] = [${bits.join(",")}];
    component unit${at}[${bits.length}];
    signal relu${at}[${bits.length}];
    for (var i = 0; i < ${bits.length}; i++) {
        unit${at}[i] = ReluShift(bits${at}[i], ${shift});
        unit${at}[i].in <== ${input}[i];
        relu${at}[i] <== unit${at}[i].out;
    }
`;
}

function argmaxSource(at: number, input: string, { low, high }: Bounds): string {
  const top = Math.max(...high);
  const gapBits = low.map((lowest) => unsignedBits(top - lowest));
  return `    component layer${at} = ArgMax(${low.length}, [${gapBits.join(",")}]);
    layer${at}.in <== ${input};
`;
}

/** Width n such that -2^(n-1) <= low and high <= 2^(n-1) - 1. */
function signedBits(low: number, high: number): number {
  return 1 + unsignedBits(Math.max(high, -low - 1));
}

/** Width n such that value <= 2^n - 1, at least what the range check can do. */
function unsignedBits(value: number): number {
  let bits = MIN_RANGE_BITS;
  while (value > 2 ** bits - 1) bits++;
  return bits;
}
