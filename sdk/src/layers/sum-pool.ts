// SPDX-License-Identifier: MIT
import { asCount, malformed } from "./fields.ts";
import type { VisitTerm } from "./linear.ts";
import { placeOf, type Shape, windowsAlong } from "./shape.ts";

/**
 * Sums windows of each channel, without padding:
 *
 *     out[r][c][k] = sum over i, j < size of in[r * stride + i][c * stride + j][k]
 *
 * An average pool is this with its divisor left to the next layer's weights.
 */
export interface SumPoolLayer {
  type: "sumPool";
  /** Side of the window, in pixels. */
  size: number;
  /** Pixels that the window moves by. */
  stride: number;
}

const MAX_SIDE = 256;

export function parseSumPool(fields: Record<string, unknown>, where: string): SumPoolLayer {
  return {
    type: "sumPool",
    size: asCount(fields.size, `${where}.size`, 1, MAX_SIDE),
    stride: asCount(fields.stride, `${where}.stride`, 1, MAX_SIDE),
  };
}

/** Shape of the outputs. Throws MT-SDK-301 when the window is larger than the shape before it. */
export function sumPoolShape({ size, stride }: SumPoolLayer, input: Shape, where: string): Shape {
  const height = windowsAlong(input.height, size, stride);
  const width = windowsAlong(input.width, size, stride);
  if (height === 0 || width === 0) {
    throw malformed(
      `${where}: a window of ${size} x ${size} is larger than its input of ${input.height} x ${input.width}`,
      "Use a smaller window.",
    );
  }
  return { height, width, channels: input.channels };
}

export function visitSumPool(layer: SumPoolLayer, input: Shape, output: Shape, visit: VisitTerm): void {
  const { size, stride } = layer;
  for (let row = 0; row < output.height; row++) {
    for (let column = 0; column < output.width; column++) {
      for (let channel = 0; channel < output.channels; channel++) {
        const to = placeOf(output, row, column, channel);
        for (let i = 0; i < size; i++) {
          for (let j = 0; j < size; j++)
            visit(to, placeOf(input, row * stride + i, column * stride + j, channel), 1);
        }
      }
    }
  }
}
