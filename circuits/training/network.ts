// SPDX-License-Identifier: GPL-3.0-or-later
import type { DigitImage } from "../mnist.ts";
import { type RandomStream, shuffle } from "./random.ts";

/** Largest value of a 4-bit input element; the network sees elements divided by it. */
export const INPUT_MAX = 15;

/** One hidden layer: `logits = W2 * relu(W1 * x / 15 + b1) + b2`. Matrices are stored row by row. */
export interface FloatNetwork {
  inputs: number;
  hidden: number;
  classes: number;
  weights1: Float64Array;
  bias1: Float64Array;
  weights2: Float64Array;
  bias2: Float64Array;
}

/** How {@link trainNetwork} descends. */
export interface TrainingPlan {
  epochs: number;
  batchSize: number;
  /** Rate of the first step; it falls linearly to zero at the last. */
  learningRate: number;
  momentum: number;
  /** Pull towards zero per step, times the learning rate. Small weights mean tight bounds, hence fewer constraints. */
  weightDecay: number;
  random: RandomStream;
  onEpoch: (epoch: number, meanLoss: number) => void;
}

/** Random start: weights uniform with the variance of He et al. 2015, arXiv 1502.01852; biases zero. */
export function initialNetwork(
  shape: { inputs: number; hidden: number; classes: number },
  random: RandomStream,
): FloatNetwork {
  const uniform = (count: number, fanIn: number): Float64Array =>
    Float64Array.from({ length: count }, () => (2 * random() - 1) * Math.sqrt(6 / fanIn));
  return {
    ...shape,
    weights1: uniform(shape.hidden * shape.inputs, shape.inputs),
    bias1: new Float64Array(shape.hidden),
    weights2: uniform(shape.classes * shape.hidden, shape.hidden),
    bias2: new Float64Array(shape.classes),
  };
}

/** Minibatch descent with momentum on the cross entropy; changes `network` in place. */
export function trainNetwork(network: FloatNetwork, images: readonly DigitImage[], plan: TrainingPlan): void {
  const order = Uint32Array.from(images.keys());
  const parameters = parametersOf(network);
  const velocities = parameters.map((values) => new Float64Array(values.length));
  const gradient = zeroLike(network);
  const gradients = parametersOf(gradient);
  const stepCount = plan.epochs * Math.ceil(images.length / plan.batchSize);
  let step = 0;
  for (let epoch = 0; epoch < plan.epochs; epoch++) {
    shuffle(order, plan.random);
    let loss = 0;
    for (let start = 0; start < order.length; start += plan.batchSize) {
      const batch = order.subarray(start, start + plan.batchSize);
      for (const values of gradients) values.fill(0);
      for (const index of batch) loss += addGradient(network, images[index] as DigitImage, gradient);
      const rate = plan.learningRate * (1 - step++ / stepCount);
      parameters.forEach((values, which) => {
        const slope = gradients[which] as Float64Array;
        const velocity = velocities[which] as Float64Array;
        for (let i = 0; i < values.length; i++) {
          const pull = (slope[i] as number) / batch.length + plan.weightDecay * (values[i] as number);
          velocity[i] = plan.momentum * (velocity[i] as number) - rate * pull;
          values[i] = (values[i] as number) + (velocity[i] as number);
        }
      });
    }
    plan.onEpoch(epoch + 1, loss / order.length);
  }
}

/** The class a network answers; the lowest index wins a tie. */
export function classify(network: FloatNetwork, pixels: Uint8Array): number {
  const { logits } = forward(network, pixels);
  return logits.indexOf(Math.max(...logits));
}

function parametersOf(network: FloatNetwork): Float64Array[] {
  return [network.weights1, network.bias1, network.weights2, network.bias2];
}

function zeroLike(network: FloatNetwork): FloatNetwork {
  return {
    ...network,
    weights1: new Float64Array(network.weights1.length),
    bias1: new Float64Array(network.bias1.length),
    weights2: new Float64Array(network.weights2.length),
    bias2: new Float64Array(network.bias2.length),
  };
}

function forward(
  network: FloatNetwork,
  pixels: Uint8Array,
): { activations: Float64Array; logits: Float64Array } {
  const { inputs, hidden, classes, weights1, weights2 } = network;
  const activations = Float64Array.from(network.bias1);
  for (let j = 0; j < hidden; j++) {
    let sum = 0;
    for (let k = 0, w = j * inputs; k < inputs; k++, w++)
      sum += (weights1[w] as number) * (pixels[k] as number);
    activations[j] = Math.max(0, (activations[j] as number) + sum / INPUT_MAX);
  }
  const logits = Float64Array.from(network.bias2);
  for (let c = 0; c < classes; c++) {
    let sum = logits[c] as number;
    for (let j = 0; j < hidden; j++) sum += (weights2[c * hidden + j] as number) * (activations[j] as number);
    logits[c] = sum;
  }
  return { activations, logits };
}

// Adds one image's gradient to `gradient` and returns its loss, -ln(probability of the true class).
function addGradient(network: FloatNetwork, image: DigitImage, gradient: FloatNetwork): number {
  const { inputs, hidden, classes, weights2 } = network;
  const { activations, logits } = forward(network, image.pixels);
  const largest = Math.max(...logits);
  const exponentials = logits.map((logit) => expOfNonPositive(logit - largest));
  const total = exponentials.reduce((sum, value) => sum + value, 0);
  const slopes = new Float64Array(hidden);
  for (let c = 0; c < classes; c++) {
    const error = (exponentials[c] as number) / total - (c === image.label ? 1 : 0);
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
    const scaled = slope / INPUT_MAX;
    for (let k = 0, w = j * inputs; k < inputs; k++, w++) {
      gradient.weights1[w] = (gradient.weights1[w] as number) + scaled * (image.pixels[k] as number);
    }
  }
  return -Math.log((exponentials[image.label] as number) / total);
}

// (1 + x/4096 + (x/4096)^2/2)^4096. Only products and sums, which IEEE 754 fixes to the last bit; Math.exp is free to
// differ between engines, and a training run has to give the same weights everywhere.
function expOfNonPositive(x: number): number {
  const small = Math.max(x, -700) / 4096;
  let power = 1 + small + (small * small) / 2;
  for (let squaring = 0; squaring < 12; squaring++) power *= power;
  return power;
}
