// SPDX-License-Identifier: GPL-3.0-or-later
import { inputSchemeTag } from "@meantime/sdk/commitment";
import { inputLength, type ModelSpec } from "@meantime/sdk/model";
import { layersSource } from "./layers.ts";

/**
 * The circom source that proves a model: "I know `x` and `salt` with `inputHash` their commitment, the model maps `x` to
 * `outputHash`, and this is for `ctx`". Public signals in this order: inputHash, outputHash, ctx.
 *
 * Weights are constants of the circuit, so a linear layer costs one linear row an output. Every width in it follows from
 * the static bounds of the specification: nothing saturates, nothing wraps round the field. No hint is an input: all a
 * prover chooses is `x` and `salt`. Throws MT-SDK-301 and MT-ZK-101 for a model whose wires could overflow.
 */
export function circuitSource(spec: ModelSpec): string {
  const length = inputLength(spec);
  const { body, label, includes } = layersSource(spec, "x");
  const tag = inputSchemeTag(spec.inputBits, length);
  return `${sourceHeader(`${spec.name}.json`, ["commitment.circom", "context.circom", ...includes])}
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

${body}
    outputHash <== ${label};

    component context = BindContext();
    context.in <== ctx;
}

component main {public [ctx]} = Model();
`;
}

/** Licence, origin, compiler version and includes: how every generated source begins. */
export function sourceHeader(from: string, includes: readonly string[]): string {
  const lines = [...new Set(includes)].sort().map((file) => `include "${file}";`);
  return `// SPDX-License-Identifier: GPL-3.0-or-later
// Generated from ${from} by circuits/compiler: change that, not this.
pragma circom 2.1.6;

${lines.join("\n")}
`;
}
