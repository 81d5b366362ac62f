// SPDX-License-Identifier: GPL-3.0-or-later
import { addCorrelation, addKernelGradient, addPlaneSlopes } from "./correlate.ts";
import { heUniform } from "./initial.ts";
import type { RandomStream } from "./random.ts";

/**
 * One step of a network in training, over a whole batch. Values lie image by image, channel by channel, row by row.
 * `backward` belongs to the `forward` just before it.
 */
export interface TrainingLayer {
  parameters: Float64Array[];
  forward: (input: Float64Array, batchSize: number) => Float64Array;
  /** Slope by each output -> slope by each input; adds to `gradients`, one array a parameter array. */
  backward: (slopes: Float64Array, gradients: readonly Float64Array[]) => Float64Array;
}

/** A 3x3 convolution without padding. */
export interface Convolution extends TrainingLayer {
  channels: number;
  filters: number;
  /** By filter, channel, row, column. */
  weights: Float64Array;
}

/** Normalises each channel to mean 0 and variance 1 over the batch, then scales and moves it. */
export interface BatchNorm extends TrainingLayer {
  scale: Float64Array;
  offset: Float64Array;
  /** Running means over the batches, for use after training. */
  mean: Float64Array;
  variance: Float64Array;
}

export interface FullyConnected extends TrainingLayer {
  inputs: number;
  outputs: number;
  /** By output, input. */
  weights: Float64Array;
  bias: Float64Array;
}

/** Added to a variance before its root is taken; the value of Ioffe and Szegedy's reference implementations. */
export const VARIANCE_FLOOR = 1e-3;

const KERNEL_LENGTH = 9;
const RUNNING_SHARE = 0.01;

/**
 * No bias: the {@link batchNorm} that follows would cancel it. `isFirst`: nobody asks for the slopes by the input, which
 * stay zero.
 */
export function convolution(
  shape: { channels: number; filters: number; side: number; isFirst: boolean },
  random: RandomStream,
): Convolution {
  const { channels, filters, side, isFirst } = shape;
  const mapLength = (side - 2) * (side - 2);
  const fanIn = channels * KERNEL_LENGTH;
  const weights = heUniform(filters * fanIn, fanIn, random);
  let input: Float64Array = new Float64Array(0);
  let batchSize = 0;
  const eachPlane = (visit: (kernel: number, plane: number, map: number) => void): void => {
    for (let image = 0; image < batchSize; image++) {
      for (let filter = 0; filter < filters; filter++) {
        for (let channel = 0; channel < channels; channel++) {
          visit(
            (filter * channels + channel) * KERNEL_LENGTH,
            (image * channels + channel) * side * side,
            (image * filters + filter) * mapLength,
          );
        }
      }
    }
  };
  return {
    channels,
    filters,
    weights,
    parameters: [weights],
    forward: (values, count) => {
      input = values;
      batchSize = count;
      const maps = new Float64Array(count * filters * mapLength);
      eachPlane((kernel, plane, map) => addCorrelation(weights, kernel, input, plane, maps, map, side));
      return maps;
    },
    backward: (slopes, gradients) => {
      const gradient = gradients[0] as Float64Array;
      const inputSlopes = new Float64Array(input.length);
      eachPlane((kernel, plane, map) => {
        addKernelGradient(gradient, kernel, input, plane, slopes, map, side);
        if (!isFirst) addPlaneSlopes(weights, kernel, inputSlopes, plane, slopes, map, side);
      });
      return inputSlopes;
    },
  };
}

/** Ioffe and Szegedy 2015, arXiv 1502.03167. `area`: elements of one channel of one image. */
export function batchNorm({ channels, area }: { channels: number; area: number }): BatchNorm {
  const scale = new Float64Array(channels).fill(1);
  const offset = new Float64Array(channels);
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels).fill(1);
  const deviations = new Float64Array(channels);
  const stride = channels * area;
  let normal = new Float64Array(0);
  return {
    scale,
    offset,
    mean,
    variance,
    parameters: [scale, offset],
    forward: (input, batchSize) => {
      normal = new Float64Array(input.length);
      const output = new Float64Array(input.length);
      const count = batchSize * area;
      for (let channel = 0; channel < channels; channel++) {
        const first = channel * area;
        let sum = 0;
        for (let start = first; start < input.length; start += stride) {
          for (let at = start; at < start + area; at++) sum += input[at] as number;
        }
        const middle = sum / count;
        let squares = 0;
        for (let start = first; start < input.length; start += stride) {
          for (let at = start; at < start + area; at++) {
            const distance = (input[at] as number) - middle;
            normal[at] = distance;
            squares += distance * distance;
          }
        }
        const spread = squares / count;
        const deviation = Math.sqrt(spread + VARIANCE_FLOOR);
        deviations[channel] = deviation;
        moveTowards(mean, channel, middle);
        moveTowards(variance, channel, spread);
        const factor = scale[channel] as number;
        const shift = offset[channel] as number;
        for (let start = first; start < input.length; start += stride) {
          for (let at = start; at < start + area; at++) {
            const value = (normal[at] as number) / deviation;
            normal[at] = value;
            output[at] = factor * value + shift;
          }
        }
      }
      return output;
    },
    backward: (slopes, gradients) => {
      const [scaleGradient, offsetGradient] = gradients as [Float64Array, Float64Array];
      const inputSlopes = new Float64Array(slopes.length);
      const count = slopes.length / channels;
      for (let channel = 0; channel < channels; channel++) {
        const first = channel * area;
        let sum = 0;
        let product = 0;
        for (let start = first; start < slopes.length; start += stride) {
          for (let at = start; at < start + area; at++) {
            sum += slopes[at] as number;
            product += (slopes[at] as number) * (normal[at] as number);
          }
        }
        scaleGradient[channel] = (scaleGradient[channel] as number) + product;
        offsetGradient[channel] = (offsetGradient[channel] as number) + sum;
        const factor = (scale[channel] as number) / (deviations[channel] as number);
        const meanSlope = sum / count;
        const meanProduct = product / count;
        for (let start = first; start < slopes.length; start += stride) {
          for (let at = start; at < start + area; at++) {
            inputSlopes[at] =
              factor * ((slopes[at] as number) - meanSlope - (normal[at] as number) * meanProduct);
          }
        }
      }
      return inputSlopes;
    },
  };
}

export function rectifier(): TrainingLayer {
  let output = new Float64Array(0);
  return {
    parameters: [],
    forward: (input) => {
      output = new Float64Array(input.length);
      for (let at = 0; at < input.length; at++) output[at] = Math.max(0, input[at] as number);
      return output;
    },
    backward: (slopes) => {
      const inputSlopes = new Float64Array(slopes.length);
      for (let at = 0; at < slopes.length; at++) {
        if ((output[at] as number) > 0) inputSlopes[at] = slopes[at] as number;
      }
      return inputSlopes;
    },
  };
}

/** Mean of each 2x2 window, stride 2; an odd last row and column are left out. */
export function averagePool({ side }: { side: number }): TrainingLayer {
  const half = Math.floor(side / 2);
  let length = 0;
  return {
    parameters: [],
    forward: (input) => {
      length = input.length;
      const planes = length / (side * side);
      const output = new Float64Array(planes * half * half);
      let out = 0;
      for (let plane = 0; plane < planes; plane++) {
        for (let row = 0; row < half; row++) {
          let corner = (plane * side + 2 * row) * side;
          for (let column = 0; column < half; column++, corner += 2, out++) {
            const sum =
              (input[corner] as number) +
              (input[corner + 1] as number) +
              (input[corner + side] as number) +
              (input[corner + side + 1] as number);
            output[out] = sum / 4;
          }
        }
      }
      return output;
    },
    backward: (slopes) => {
      const inputSlopes = new Float64Array(length);
      let out = 0;
      for (let plane = 0; plane < length / (side * side); plane++) {
        for (let row = 0; row < half; row++) {
          let corner = (plane * side + 2 * row) * side;
          for (let column = 0; column < half; column++, corner += 2, out++) {
            const share = (slopes[out] as number) / 4;
            inputSlopes[corner] = share;
            inputSlopes[corner + 1] = share;
            inputSlopes[corner + side] = share;
            inputSlopes[corner + side + 1] = share;
          }
        }
      }
      return inputSlopes;
    },
  };
}

export function fullyConnected(
  { inputs, outputs }: { inputs: number; outputs: number },
  random: RandomStream,
): FullyConnected {
  const weights = heUniform(outputs * inputs, inputs, random);
  const bias = new Float64Array(outputs);
  let input: Float64Array = new Float64Array(0);
  let batchSize = 0;
  return {
    inputs,
    outputs,
    weights,
    bias,
    parameters: [weights, bias],
    forward: (values, count) => {
      input = values;
      batchSize = count;
      const output = new Float64Array(count * outputs);
      for (let image = 0; image < count; image++) {
        for (let out = 0; out < outputs; out++) {
          let sum = bias[out] as number;
          for (let i = 0; i < inputs; i++) {
            sum += (weights[out * inputs + i] as number) * (values[image * inputs + i] as number);
          }
          output[image * outputs + out] = sum;
        }
      }
      return output;
    },
    backward: (slopes, gradients) => {
      const [weightGradient, biasGradient] = gradients as [Float64Array, Float64Array];
      const inputSlopes = new Float64Array(input.length);
      for (let image = 0; image < batchSize; image++) {
        for (let out = 0; out < outputs; out++) {
          const slope = slopes[image * outputs + out] as number;
          biasGradient[out] = (biasGradient[out] as number) + slope;
          for (let i = 0, w = out * inputs, at = image * inputs; i < inputs; i++, w++, at++) {
            weightGradient[w] = (weightGradient[w] as number) + slope * (input[at] as number);
            inputSlopes[at] = (inputSlopes[at] as number) + slope * (weights[w] as number);
          }
        }
      }
      return inputSlopes;
    },
  };
}

function moveTowards(running: Float64Array, at: number, value: number): void {
  running[at] = (running[at] as number) + RUNNING_SHARE * (value - (running[at] as number));
}
