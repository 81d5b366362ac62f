// SPDX-License-Identifier: GPL-3.0-or-later
import type { Conv2dLayer } from "@meantime/sdk/layers/conv2d";
import type { DenseLayer } from "@meantime/sdk/layers/dense";
import type { FloatModel } from "../quantise/float-model.ts";
import { crossEntropy } from "./cross-entropy.ts";
import type { Trainable } from "./descent.ts";
import type { Example } from "./example.ts";
import {
  averagePool,
  type BatchNorm,
  batchNorm,
  type Convolution,
  convolution,
  type FullyConnected,
  fullyConnected,
  rectifier,
  type TrainingLayer,
  VARIANCE_FLOOR,
} from "./layers.ts";
import type { RandomStream } from "./random.ts";

/**
 * The architecture of circomlib-ml's largest example: convolution 3x3 to 4 channels, batch norm, ReLU, average pool 2x2,
 * convolution 3x3 to 8, batch norm, ReLU, average pool 2x2, dense to 10.
 */
export interface Cnn {
  inputMax: number;
  convolution1: Convolution;
  norm1: BatchNorm;
  convolution2: Convolution;
  norm2: BatchNorm;
  output: FullyConnected;
  /** All layers in the order they run. */
  layers: TrainingLayer[];
}

const SIDES = { image: 28, map1: 26, pooled1: 13, map2: 11, pooled2: 5 };
const FILTERS1 = 4;
const FILTERS2 = 8;
const CLASSES = 10;

/** Random weights for 28x28 images of bytes. */
export function initialCnn(random: RandomStream): Cnn {
  const convolution1 = convolution(
    { channels: 1, filters: FILTERS1, side: SIDES.image, isFirst: true },
    random,
  );
  const norm1 = batchNorm({ channels: FILTERS1, area: SIDES.map1 ** 2 });
  const convolution2 = convolution(
    { channels: FILTERS1, filters: FILTERS2, side: SIDES.pooled1, isFirst: false },
    random,
  );
  const norm2 = batchNorm({ channels: FILTERS2, area: SIDES.map2 ** 2 });
  const output = fullyConnected({ inputs: FILTERS2 * SIDES.pooled2 ** 2, outputs: CLASSES }, random);
  const layers = [
    convolution1,
    norm1,
    rectifier(),
    averagePool({ side: SIDES.map1 }),
    convolution2,
    norm2,
    rectifier(),
    averagePool({ side: SIDES.map2 }),
    output,
  ];
  return { inputMax: 255, convolution1, norm1, convolution2, norm2, output, layers };
}

/** The network as `descend` wants it; training changes `network` in place. */
export function trainableCnn({ layers, inputMax }: Cnn): Trainable {
  return {
    parameters: layers.flatMap((layer) => layer.parameters),
    addGradients: (batch, gradients) => {
      const input = inputOf(batch, inputMax);
      const logits = layers.reduce((values, layer) => layer.forward(values, batch.length), input);
      let { loss, slopes } = lossOf(batch, logits);
      let end = gradients.length;
      for (const layer of layers.toReversed()) {
        const start = end - layer.parameters.length;
        slopes = layer.backward(slopes, gradients.slice(start, end));
        end = start;
      }
      return loss;
    },
  };
}

/** The trained network, layer by layer, each batch norm folded into the convolution before it. */
export function floatModelOfCnn(network: Cnn): FloatModel {
  return {
    inputShape: [SIDES.image, SIDES.image],
    inputScale: network.inputMax,
    layers: [
      foldedConvolution(network.convolution1, network.norm1),
      { type: "relu" },
      { type: "averagePool", size: 2, stride: 2 },
      foldedConvolution(network.convolution2, network.norm2),
      { type: "relu" },
      { type: "averagePool", size: 2, stride: 2 },
      outputLayer(network.output, SIDES.pooled2 ** 2),
    ],
  };
}

function inputOf(batch: readonly Example[], inputMax: number): Float64Array {
  const length = SIDES.image ** 2;
  const input = new Float64Array(batch.length * length);
  for (const [at, { elements }] of batch.entries()) {
    for (let k = 0; k < length; k++) input[at * length + k] = (elements[k] as number) / inputMax;
  }
  return input;
}

function lossOf(batch: readonly Example[], logits: Float64Array): { loss: number; slopes: Float64Array } {
  const slopes = new Float64Array(logits.length);
  let loss = 0;
  for (const [at, { label }] of batch.entries()) {
    const from = at * CLASSES;
    const to = from + CLASSES;
    loss += crossEntropy(logits.subarray(from, to), label, slopes.subarray(from, to));
  }
  return { loss, slopes };
}

function foldedConvolution({ weights, channels, filters }: Convolution, norm: BatchNorm): Conv2dLayer {
  const factors = norm.variance.map(
    (variance, filter) => (norm.scale[filter] as number) / Math.sqrt(variance + VARIANCE_FLOOR),
  );
  const factorOf = (filter: number): number => factors[filter] as number;
  return {
    type: "conv2d",
    weights: range(filters).map((filter) =>
      range(3).map((row) =>
        range(3).map((column) =>
          range(channels).map(
            (channel) =>
              (weights[((filter * channels + channel) * 3 + row) * 3 + column] as number) * factorOf(filter),
          ),
        ),
      ),
    ),
    bias: range(filters).map(
      (filter) => (norm.offset[filter] as number) - (norm.mean[filter] as number) * factorOf(filter),
    ),
    stride: 1,
  };
}

// In training a channel's pixels lie together, in a specification a pixel's channels.
function outputLayer({ weights, bias, inputs, outputs }: FullyConnected, pixels: number): DenseLayer {
  const channels = inputs / pixels;
  return {
    type: "dense",
    weights: range(outputs).map((out) =>
      range(inputs).map(
        (at) => weights[out * inputs + (at % channels) * pixels + Math.floor(at / channels)] as number,
      ),
    ),
    bias: Array.from(bias),
  };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}
