// SPDX-License-Identifier: MIT
import { asCount, asIntegers, asList, malformed } from "./fields.ts";
import type { VisitTerm } from "./linear.ts";
import { placeOf, type Shape, windowsAlong } from "./shape.ts";

/**
 * Convolution (cross-correlation, as in ONNX and Keras) without padding:
 *
 *     out[r][c][f] = bias[f] + sum over i, j, k of weights[f][i][j][k] * in[r * stride + i][c * stride + j][k]
 *
 * A batch normalisation after it is part of `weights` and `bias`.
 */
export interface Conv2dLayer {
  type: "conv2d";
  /** One kernel a filter, by rows, columns, channels of the input: [filter][row][column][channel]. */
  weights: number[][][][];
  /** One a filter. */
  bias: number[];
  /** Pixels that the kernel moves by, down and across. */
  stride: number;
}

const MAX_STRIDE = 256;

export function parseConv2d(fields: Record<string, unknown>, where: string): Conv2dLayer {
  const weights = asList(fields.weights, `${where}.weights`).map((kernel, filter) =>
    asList(kernel, `${where}.weights.${filter}`).map((row, i) =>
      asList(row, `${where}.weights.${filter}.${i}`).map((pixel, j) =>
        asIntegers(pixel, `${where}.weights.${filter}.${i}.${j}`),
      ),
    ),
  );
  return {
    type: "conv2d",
    weights,
    bias: asIntegers(fields.bias, `${where}.bias`),
    stride: asCount(fields.stride, `${where}.stride`, 1, MAX_STRIDE),
  };
}

/** Shape of the outputs. Throws MT-SDK-301 when the layer does not fit the shape before it. */
export function conv2dShape(layer: Conv2dLayer, input: Shape, where: string): Shape {
  const { weights, bias, stride } = layer;
  const { rows, columns } = kernelSides(layer);
  const isEven = weights.every(
    (kernel) =>
      kernel.length === rows &&
      kernel.every((row) => row.length === columns && row.every((pixel) => pixel.length === input.channels)),
  );
  if (!isEven || bias.length !== weights.length) {
    throw malformed(
      `${where} does not fit ${input.channels} channels`,
      "Kernels of one size, one weight a channel in each of their pixels, one bias a filter.",
    );
  }
  const height = windowsAlong(input.height, rows, stride);
  const width = windowsAlong(input.width, columns, stride);
  if (height === 0 || width === 0) {
    throw malformed(
      `${where}: a kernel of ${rows} x ${columns} is larger than its input of ${input.height} x ${input.width}`,
      "There is no padding: use a smaller kernel.",
    );
  }
  return { height, width, channels: weights.length };
}

export function visitConv2d(layer: Conv2dLayer, input: Shape, output: Shape, visit: VisitTerm): void {
  const { weights, stride } = layer;
  const { rows, columns } = kernelSides(layer);
  for (let row = 0; row < output.height; row++) {
    for (let column = 0; column < output.width; column++) {
      for (let filter = 0; filter < output.channels; filter++) {
        const to = placeOf(output, row, column, filter);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            const pixel = weights[filter]?.[i]?.[j] as number[];
            const from = placeOf(input, row * stride + i, column * stride + j, 0);
            for (let channel = 0; channel < pixel.length; channel++)
              visit(to, from + channel, pixel[channel] as number);
          }
        }
      }
    }
  }
}

function kernelSides({ weights }: Conv2dLayer): { rows: number; columns: number } {
  return { rows: weights[0]?.length ?? 0, columns: weights[0]?.[0]?.length ?? 0 };
}
