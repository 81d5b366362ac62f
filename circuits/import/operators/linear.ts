// SPDX-License-Identifier: GPL-3.0-or-later
import type { FloatLayer } from "../../quantise/float-model.ts";
import { mapKernels } from "../../quantise/float-model.ts";
import type { ChainNode, Constant } from "../chain.ts";
import { type Draft, pushConvolution, pushDense, realOf } from "../draft.ts";
import { nodeError } from "../error.ts";
import {
  evenSides,
  listAttribute,
  numberAttribute,
  requireAttribute,
  requireConstant,
  requirePlainWindow,
} from "./attributes.ts";

const DEFAULT_EPSILON = 1e-5;
// Of an integer that was stored as a float32 times its scale.
const BIAS_TOLERANCE = 0.01;

/** alpha * x * B + beta * C */
export function importGemm(draft: Draft, node: ChainNode): void {
  requireAttribute(node, "transA", 0);
  const matrix = requireConstant(node, 1, "a matrix");
  const alpha = numberAttribute(node, "alpha", 1);
  const beta = numberAttribute(node, "beta", 1);
  const isTransposed = numberAttribute(node, "transB", 0) === 1;
  addDense(draft, node, matrix, isTransposed, alpha);
  const bias = node.constants[2];
  if (bias) addToBias(draft, node, { ...bias, values: bias.values.map((value) => value * beta) });
}

export function importMatMul(draft: Draft, node: ChainNode): void {
  addDense(draft, node, requireConstant(node, 1, "a matrix"), false, 1);
}

export function importConv(draft: Draft, node: ChainNode): void {
  addConvolution(draft, node, requireConstant(node, 1, "a kernel"));
  const bias = node.constants[2];
  if (bias) addToBias(draft, node, bias);
}

/** A constant added to what a dense or convolutional layer gives. */
export function importAdd(draft: Draft, node: ChainNode): void {
  const bias = node.constants.find((constant) => constant !== undefined);
  if (bias) addToBias(draft, node, bias);
}

/** Ioffe and Szegedy's normalisation with constants: part of the layer before it. */
export function importBatchNormalization(draft: Draft, node: ChainNode): void {
  requireAttribute(node, "training_mode", 0);
  const epsilon = numberAttribute(node, "epsilon", DEFAULT_EPSILON);
  const [scale, offset, mean, variance] = ["a scale", "an offset", "a mean", "a variance"].map(
    (what, at) => requireConstant(node, at + 1, what).values,
  );
  const layer = lastWeighted(draft, node);
  const factor = (filter: number): number =>
    (scale?.[filter] ?? Number.NaN) / Math.sqrt((variance?.[filter] ?? Number.NaN) + epsilon);
  const bias = layer.bias.map(
    (value, at) => (value - (mean?.[at] ?? Number.NaN)) * factor(at) + (offset?.[at] ?? Number.NaN),
  );
  if (!bias.every(Number.isFinite)) {
    throw nodeError(
      "form",
      node,
      `does not fit ${bias.length} channels`,
      "One number a channel in each of its inputs.",
    );
  }
  draft.layers[draft.layers.length - 1] =
    layer.type === "conv2d"
      ? { ...layer, weights: mapKernels(layer.weights, (weight, filter) => weight * factor(filter)), bias }
      : { ...layer, weights: layer.weights.map((row, at) => row.map((weight) => weight * factor(at))), bias };
  draft.weightScales[draft.weightScales.length - 1] = undefined;
  draft.scale = undefined;
}

/** Adds a dense layer without bias; the matrix is [inputs, outputs], or its transpose. */
export function addDense(
  draft: Draft,
  node: ChainNode,
  { shape, values, scale }: Constant,
  isTransposed: boolean,
  factor: number,
): void {
  if (shape.length !== 2) {
    throw nodeError(
      "form",
      node,
      `has a matrix of ${shape.length} dimensions`,
      "Only plain matrices are supported.",
    );
  }
  const [first = 0, second = 0] = shape;
  const [inputs, outputs] = isTransposed ? [second, first] : [first, second];
  const weights = Array.from({ length: outputs }, (_, out) =>
    Array.from(
      { length: inputs },
      (_, at) => (values[isTransposed ? out * inputs + at : at * outputs + out] as number) * factor,
    ),
  );
  const weightScale = scale === undefined || factor !== 1 ? undefined : 1 / scale;
  pushDense(draft, node, { weights, bias: new Array<number>(outputs).fill(0), weightScale });
}

/** Adds a convolution without bias; the kernel is [filters, channels, rows, columns]. */
export function addConvolution(draft: Draft, node: ChainNode, { shape, values, scale }: Constant): void {
  requireAttribute(node, "group", 1);
  requirePlainWindow(node);
  const [filters = 0, channels = 0, rows = 0, columns = 0] = shape;
  if (shape.length !== 4) {
    throw nodeError(
      "form",
      node,
      `has a kernel of ${shape.length} dimensions`,
      "Only two-dimensional convolutions.",
    );
  }
  const range = (length: number): number[] => Array.from({ length }, (_, at) => at);
  const weights = range(filters).map((filter) =>
    range(rows).map((row) =>
      range(columns).map((column) =>
        range(channels).map(
          (channel) => values[((filter * channels + channel) * rows + row) * columns + column] as number,
        ),
      ),
    ),
  );
  pushConvolution(draft, node, {
    weights,
    bias: new Array<number>(filters).fill(0),
    stride: evenSides(node, "strides", listAttribute(node, "strides", [1, 1])),
    weightScale: scale === undefined ? undefined : 1 / scale,
  });
}

/** Adds a constant to the bias of the layer that came last. */
export function addToBias(draft: Draft, node: ChainNode, { values, shape }: Constant): void {
  const layer = lastWeighted(draft, node);
  const count = layer.bias.length;
  // A constant that belongs to channels has them last in a vector, third from the end in an image.
  const channelSide = layer.type === "conv2d" && shape.length > 1 ? shape.at(-3) : shape.at(-1);
  const fits = values.length === 1 || (values.length === count && channelSide === count);
  if (!fits || (layer.type === "conv2d" && shape.length === 1 && values.length > 1 && node.op === "Add")) {
    throw nodeError(
      "form",
      node,
      `adds a constant of shape ${shape.join("x")} to ${count} channels`,
      "Only one number, or one a channel.",
    );
  }
  const added = layer.bias.map((_, at) => realOf(draft, values[values.length === 1 ? 0 : at] as number));
  noteFractions(draft, node, added);
  draft.layers[draft.layers.length - 1] = {
    ...layer,
    bias: layer.bias.map((value, at) => value + (added[at] as number)),
  };
}

function noteFractions(draft: Draft, node: ChainNode, bias: readonly number[]): void {
  const { isQuantised, scale } = draft;
  if (!isQuantised || scale === undefined) return;
  if (bias.some((value) => Math.abs(value * scale - Math.round(value * scale)) > BIAS_TOLERANCE)) {
    draft.deviations.push(
      nodeError(
        "inexact",
        node,
        "has a bias that is no multiple of its sums' scale",
        "Quantise the bias with input scale times weight scale, or import with the option approximate.",
      ),
    );
  }
}

function lastWeighted(draft: Draft, node: ChainNode): Extract<FloatLayer, { bias: unknown }> {
  const layer = draft.layers.at(-1);
  if (layer?.type === "dense" || layer?.type === "conv2d") return layer;
  throw nodeError(
    "form",
    node,
    "does not follow a dense or convolutional layer",
    "It can only be merged into the layer just before it.",
  );
}
