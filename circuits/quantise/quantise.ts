// SPDX-License-Identifier: GPL-3.0-or-later
import { sizeOf } from "@meantime/sdk/layers/shape";
import { type Layer, type ModelSpec, parseModelSpec } from "@meantime/sdk/model";
import { type FloatLayer, type FloatModel, mapKernels, runFloatModel, shapeOf } from "./float-model.ts";

/** How the integer grid is laid over a float network. */
export interface QuantisationPlan {
  /** What the weights of dense or convolutional layer number `linear` are multiplied by before they are rounded. */
  weightScaleOf: (linear: number, weights: readonly number[]) => number;
  /** Bits that ReLU number `relu` drops; a real 1 before it is `scale` in integers. */
  shiftOf: (relu: number, scale: number) => number;
  /** What dropping bits does. "nearest" rounds half up: the biases before it hold half a step more. */
  rounding: "nearest" | "floor";
}

const SCALE_DIGITS = 16;
const DEFAULT_WEIGHT_BITS = 8;

/**
 * The integer twin of a float network: what the runtime executes and the circuit proves.
 *
 * A real 1 is `scale` in integers; each layer carries the scale on. Weights are rounded on their own grid, biases on the
 * grid of the sums they join. An average pool becomes a sum pool, its divisor a larger scale. Throws MT-SDK-301 when the
 * network does not make a specification: shapes that do not fit, sums that could pass 2^53.
 */
export function quantiseModel(
  model: FloatModel,
  { name, inputBits }: { name: string; inputBits: number },
  plan: QuantisationPlan,
): ModelSpec {
  const layers: Layer[] = [];
  let scale = model.inputScale;
  let relus = 0;
  let linears = 0;
  for (const [at, layer] of model.layers.entries()) {
    if (layer.type === "averagePool") {
      layers.push({ type: "sumPool", size: layer.size, stride: layer.stride });
      scale *= layer.size ** 2;
    } else if (layer.type === "relu") {
      const shift = plan.shiftOf(relus++, scale);
      layers.push({ type: "relu", shift });
      scale /= 2 ** shift;
    } else {
      const weightScale = plan.weightScaleOf(linears++, layer.weights.flat(3) as number[]);
      scale *= weightScale;
      const dropsBits = model.layers[at + 1]?.type === "relu" && plan.rounding === "nearest";
      const shift = dropsBits ? plan.shiftOf(relus, scale) : 0;
      layers.push(roundLayer(layer, weightScale, scale, shift > 0 ? 2 ** (shift - 1) : 0));
    }
  }
  return parseModelSpec({
    name,
    version: 1,
    inputBits,
    inputShape: model.inputShape,
    classes: classesOf(model),
    layers: [...layers, { type: "argmax" }],
    scales: { input: decimal(1 / model.inputScale), logits: decimal(1 / scale) },
  });
}

/** The largest power of two that keeps each layer's weights within its number of bits, sign included; the last number serves the rest. */
export function powerOfTwoGrid(weightBits: readonly number[]): QuantisationPlan["weightScaleOf"] {
  return (linear, weights) => {
    const top = largestInteger(weightBits, linear);
    const largest = largestMagnitude(weights);
    let scale = 1;
    while (Math.round(largest * scale) > top) scale /= 2;
    while (largest > 0 && Math.round(largest * scale * 2) <= top) scale *= 2;
    return scale;
  };
}

/** The grid on which each layer's largest weight becomes the largest integer of its bits, sign included. */
export function largestGrid(weightBits: readonly number[]): QuantisationPlan["weightScaleOf"] {
  return (linear, weights) => largestInteger(weightBits, linear) / largestMagnitude(weights);
}

/**
 * Shifts that leave a ReLU's largest value over `inputs` with `bits` bits. Other inputs may pass it: nothing saturates,
 * the next layer's static bounds allow for it.
 */
export function calibratedShifts(
  model: FloatModel,
  inputs: readonly ArrayLike<number>[],
  bits: number,
): QuantisationPlan["shiftOf"] {
  const largest = largestActivations(model, inputs);
  return (relu, scale) => {
    const steps = (largest[relu] ?? 0) * scale;
    let shift = 0;
    while (steps / 2 ** shift >= 2 ** bits) shift++;
    return shift;
  };
}

function largestInteger(weightBits: readonly number[], linear: number): number {
  const bits = weightBits[linear] ?? weightBits.at(-1) ?? DEFAULT_WEIGHT_BITS;
  return 2 ** (bits - 1) - 1;
}

function largestMagnitude(weights: readonly number[]): number {
  return weights.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 0);
}

function largestActivations(model: FloatModel, inputs: readonly ArrayLike<number>[]): number[] {
  const relus = model.layers.flatMap(({ type }, at) => (type === "relu" ? [at] : []));
  const largest = relus.map(() => 0);
  for (const input of inputs) {
    runFloatModel(model, input, (at, values) => {
      const relu = relus.indexOf(at);
      if (relu >= 0) largest[relu] = values.reduce((top, value) => Math.max(top, value), largest[relu] ?? 0);
    });
  }
  return largest;
}

type WeightedLayer = Extract<FloatLayer, { weights: unknown }>;

function roundLayer(layer: WeightedLayer, weightScale: number, sumScale: number, half: number): Layer {
  const bias = layer.bias.map((value) => integer(value * sumScale + half));
  if (layer.type === "conv2d") {
    return { ...layer, weights: mapKernels(layer.weights, (weight) => integer(weight * weightScale)), bias };
  }
  return {
    ...layer,
    weights: layer.weights.map((row) => row.map((weight) => integer(weight * weightScale))),
    bias,
  };
}

// Math.round gives -0 for small negative values; JSON would print it as 0, but Object.is would tell them apart.
function integer(value: number): number {
  return Math.round(value) + 0;
}

function classesOf(model: FloatModel): number {
  return runFloatModel(model, new Array<number>(sizeOf(shapeOf(model.inputShape))).fill(0)).length;
}

function decimal(value: number): string {
  return value.toFixed(SCALE_DIGITS);
}
