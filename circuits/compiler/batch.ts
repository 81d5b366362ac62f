// SPDX-License-Identifier: GPL-3.0-or-later
import { inputSchemeTag, schemeTag } from "@meantime/sdk/commitment";
import { batchInputScheme, type InferenceBatchShape, labelBits } from "@meantime/sdk/inference-batch";
import { inputLength, type ModelSpec } from "@meantime/sdk/model";
import { layersSource } from "./layers.ts";
import { sourceHeader } from "./source.ts";

/**
 * The circom source that proves `count` inferences of one model at once: "I know inputs and salts whose commitments,
 * in order, have the root `inputHash`, the model maps the inputs to the labels packed in `outputHash`, and this is for
 * `ctx`". Three public signals, so that it costs on chain what one inference costs.
 */
export function batchSource(spec: ModelSpec, count: number): string {
  const shape = batchShape(spec, count);
  const length = shape.inputLength;
  const { body, label, includes } = layersSource(spec, "x");
  const library = ["batch-root.circom", "commitment.circom", "context.circom", ...includes];
  return `${sourceHeader(`${spec.name}.json`, library)}
template Inference() {
    signal input x[${length}];
    signal input salt;
    signal output inputHash;
    signal output label;

    component commitment = InputCommitment(${spec.inputBits}, ${length}, ${inputSchemeTag(spec.inputBits, length)});
    commitment.in <== x;
    commitment.salt <== salt;
    inputHash <== commitment.out;

${body}
    label <== ${label};
}

template Batch() {
    signal input x[${count}][${length}];
    signal input salt[${count}];
    signal input ctx;
    signal output inputHash;
    signal output outputHash;

    component inference[${count}];
    component root = BatchRoot(${count}, ${schemeTag(batchInputScheme(shape))});
    var labels = 0;
    for (var i = 0; i < ${count}; i++) {
        inference[i] = Inference();
        inference[i].x <== x[i];
        inference[i].salt <== salt[i];
        root.in[i] <== inference[i].inputHash;
        labels += inference[i].label * (1 << (${labelBits(shape)} * i));
    }
    inputHash <== root.out;
    outputHash <== labels;

    component context = BindContext();
    context.in <== ctx;
}

component main {public [ctx]} = Batch();
`;
}

/** The shape of a batch of a model's inferences. */
export function batchShape(spec: ModelSpec, count: number): InferenceBatchShape {
  return { inputBits: spec.inputBits, inputLength: inputLength(spec), classes: spec.classes, count };
}
