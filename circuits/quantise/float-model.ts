// SPDX-License-Identifier: GPL-3.0-or-later
import { asRecord } from "@meantime/sdk/json";
import { type Conv2dLayer, conv2dShape } from "@meantime/sdk/layers/conv2d";
import { type DenseLayer, denseShape } from "@meantime/sdk/layers/dense";
import { applyLinear } from "@meantime/sdk/layers/linear";
import { type Shape, sizeOf, vector } from "@meantime/sdk/layers/shape";
import { sumPoolShape } from "@meantime/sdk/layers/sum-pool";

/** Mean of each window of `size` x `size` pixels of each channel, moved by `stride`. */
export interface AveragePool {
  type: "averagePool";
  size: number;
  stride: number;
}

export interface Rectifier {
  type: "relu";
}

/** Layers as in a model specification, with real weights. Values lie row by row, pixel by pixel, channel by channel. */
export type FloatLayer = DenseLayer | Conv2dLayer | AveragePool | Rectifier;

/** A network before its weights are rounded to integers: the largest logit is the answer. */
export interface FloatModel {
  /** As in `ModelSpec`. */
  inputShape: number[];
  /** Integer steps of the input that make a real 1: 255 where the network was trained on bytes divided by 255. */
  inputScale: number;
  layers: FloatLayer[];
}

/** Logits for an input of integers. `onLayer` sees what each layer gives. */
export function runFloatModel(
  { inputShape, inputScale, layers }: FloatModel,
  input: ArrayLike<number>,
  onLayer: (at: number, values: readonly number[]) => void = () => {},
): number[] {
  let shape = shapeOf(inputShape);
  if (input.length !== sizeOf(shape)) throw new RangeError(`${sizeOf(shape)} elements are needed`);
  let values = Array.from(input, (element) => element / inputScale);
  for (const [at, layer] of layers.entries()) {
    const output = shapeAfter(layer, shape, `layers.${at}`);
    values = applyLayer(layer, shape, output, values);
    onLayer(at, values);
    shape = output;
  }
  return values;
}

/** The lowest index of a largest logit. */
export function classify(model: FloatModel, input: ArrayLike<number>): number {
  const logits = runFloatModel(model, input);
  return logits.indexOf(Math.max(...logits));
}

/** The shape that a model reads: one side is a vector, two are rows and columns, three rows, columns and channels. */
export function shapeOf([first = 0, width, channels = 1]: readonly number[]): Shape {
  return width === undefined ? vector(first) : { height: first, width, channels };
}

/** Shape of a layer's outputs. Throws MT-SDK-301 naming `where` when it does not fit what it reads. */
export function shapeAfter(layer: FloatLayer, input: Shape, where: string): Shape {
  if (layer.type === "dense") return denseShape(layer, input, where);
  if (layer.type === "conv2d") return conv2dShape(layer, input, where);
  if (layer.type === "averagePool") return sumPoolShape({ ...layer, type: "sumPool" }, input, where);
  return input;
}

/** The model with every number rounded to `digits` decimals: what is committed, and what is then quantised. */
export function roundModel(model: FloatModel, digits: number): FloatModel {
  // + 0 turns -0, which JSON cannot say, into 0.
  const round = (value: number): number => Number(value.toFixed(digits)) + 0;
  const layers = model.layers.map((layer): FloatLayer => {
    if (layer.type === "dense") {
      return { ...layer, weights: layer.weights.map((row) => row.map(round)), bias: layer.bias.map(round) };
    }
    if (layer.type === "conv2d") {
      return { ...layer, weights: mapKernels(layer.weights, round), bias: layer.bias.map(round) };
    }
    return layer;
  });
  return { ...model, layers };
}

/** Applies `change` to every weight of every kernel; `filter` is the kernel's number. */
export function mapKernels(
  kernels: readonly number[][][][],
  change: (weight: number, filter: number) => number,
): number[][][][] {
  return kernels.map((kernel, filter) =>
    kernel.map((row) => row.map((pixel) => pixel.map((weight) => change(weight, filter)))),
  );
}

/** A float model from one of the project's own files, `circuits/models/*.float.json`. */
export function parseFloatModel(json: unknown): FloatModel {
  const fields = asRecord(json, "float model");
  if (!Array.isArray(fields.layers) || !Array.isArray(fields.inputShape)) {
    throw new TypeError("a float model has an inputShape and layers");
  }
  const model = fields as unknown as FloatModel;
  // A forward pass over blanks finds every shape that does not fit.
  runFloatModel(model, new Array<number>(sizeOf(shapeOf(model.inputShape))).fill(0));
  return model;
}

function applyLayer(layer: FloatLayer, input: Shape, output: Shape, values: number[]): number[] {
  if (layer.type === "relu") return values.map((value) => Math.max(0, value));
  if (layer.type !== "averagePool") return applyLinear(layer, input, output, values);
  const sums = applyLinear({ ...layer, type: "sumPool" }, input, output, values);
  return sums.map((sum) => sum / layer.size ** 2);
}
