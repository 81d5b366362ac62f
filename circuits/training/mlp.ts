// SPDX-License-Identifier: GPL-3.0-or-later
import type { FloatModel } from "../quantise/float-model.ts";
import { crossEntropy } from "./cross-entropy.ts";
import type { Trainable } from "./descent.ts";
import type { Example } from "./example.ts";
import { heUniform } from "./initial.ts";
import type { RandomStream } from "./random.ts";

/** One hidden layer: `logits = W2 * relu(W1 * x / inputMax + b1) + b2`. Matrices are stored row by row. */
export interface Mlp {
  inputs: number;
  hidden: number;
  classes: number;
  /** Largest value of an input element; the network sees elements divided by it. */
  inputMax: number;
  weights1: Float64Array;
  bias1: Float64Array;
  weights2: Float64Array;
  bias2: Float64Array;
}

/** Random weights, biases zero. */
export function initialMlp(
  shape: Pick<Mlp, "inputs" | "hidden" | "classes" | "inputMax">,
  random: RandomStream,
): Mlp {
  return {
    ...shape,
    weights1: heUniform(shape.hidden * shape.inputs, shape.inputs, random),
    bias1: new Float64Array(shape.hidden),
    weights2: heUniform(shape.classes * shape.hidden, shape.hidden, random),
    bias2: new Float64Array(shape.classes),
  };
}

/** The network as `descend` wants it; training changes `network` in place. */
export function trainableMlp(network: Mlp): Trainable {
  return {
    parameters: [network.weights1, network.bias1, network.weights2, network.bias2],
    addGradients: (batch, [weights1, bias1, weights2, bias2]) => {
      if (!weights1 || !bias1 || !weights2 || !bias2) throw new RangeError("four gradients are needed");
      const gradient = { weights1, bias1, weights2, bias2 };
      return batch.reduce((loss, example) => loss + addGradient(network, example, gradient), 0);
    },
  };
}

/** The trained network, layer by layer. */
export function floatModelOfMlp(network: Mlp, inputShape: number[]): FloatModel {
  const { inputs, hidden, inputMax, weights1, bias1, weights2, bias2 } = network;
  return {
    inputShape,
    inputScale: inputMax,
    layers: [
      { type: "dense", weights: rows(weights1, inputs), bias: Array.from(bias1) },
      { type: "relu" },
      { type: "dense", weights: rows(weights2, hidden), bias: Array.from(bias2) },
    ],
  };
}

function addGradient(
  network: Mlp,
  { elements, label }: Example,
  gradient: Pick<Mlp, "weights1" | "bias1" | "weights2" | "bias2">,
): number {
  const { inputs, hidden, classes, inputMax, weights2 } = network;
  const nonzero = nonzeroPlaces(elements);
  const { activations, logits } = forward(network, elements, nonzero);
  const errors = new Float64Array(classes);
  const loss = crossEntropy(logits, label, errors);
  const slopes = new Float64Array(hidden);
  for (let c = 0; c < classes; c++) {
    const error = errors[c] as number;
    gradient.bias2[c] = (gradient.bias2[c] as number) + error;
    for (let j = 0, w = c * hidden; j < hidden; j++, w++) {
      slopes[j] = (slopes[j] as number) + error * (weights2[w] as number);
      gradient.weights2[w] = (gradient.weights2[w] as number) + error * (activations[j] as number);
    }
  }
  for (let j = 0; j < hidden; j++) {
    if ((activations[j] as number) <= 0) continue;
    const slope = slopes[j] as number;
    gradient.bias1[j] = (gradient.bias1[j] as number) + slope;
    const scaled = slope / inputMax;
    const row = j * inputs;
    for (let i = 0; i < nonzero.length; i++) {
      const k = nonzero[i] as number;
      gradient.weights1[row + k] = (gradient.weights1[row + k] as number) + scaled * (elements[k] as number);
    }
  }
  return loss;
}

function forward(
  network: Mlp,
  elements: Uint8Array,
  nonzero: Uint16Array,
): { activations: Float64Array; logits: Float64Array } {
  const { inputs, hidden, classes, inputMax, weights1, weights2 } = network;
  const activations = Float64Array.from(network.bias1);
  for (let j = 0; j < hidden; j++) {
    const row = j * inputs;
    let sum = 0;
    for (let i = 0; i < nonzero.length; i++) {
      const k = nonzero[i] as number;
      sum += (weights1[row + k] as number) * (elements[k] as number);
    }
    activations[j] = Math.max(0, (activations[j] as number) + sum / inputMax);
  }
  const logits = Float64Array.from(network.bias2);
  for (let c = 0; c < classes; c++) {
    let sum = logits[c] as number;
    for (let j = 0; j < hidden; j++) sum += (weights2[c * hidden + j] as number) * (activations[j] as number);
    logits[c] = sum;
  }
  return { activations, logits };
}

// Four pixels of five in a digit are blank: skipping their products changes no sum.
function nonzeroPlaces(elements: Uint8Array): Uint16Array {
  const places = new Uint16Array(elements.length);
  let count = 0;
  for (let k = 0; k < elements.length; k++) if (elements[k] !== 0) places[count++] = k;
  return places.subarray(0, count);
}

function rows(matrix: Float64Array, width: number): number[][] {
  return Array.from({ length: matrix.length / width }, (_, row) =>
    Array.from(matrix.subarray(row * width, (row + 1) * width)),
  );
}
