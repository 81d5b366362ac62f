// SPDX-License-Identifier: MIT
import { asIntegers, asList, malformed } from "./fields.ts";
import type { VisitTerm } from "./linear.ts";
import { type Shape, sizeOf, vector } from "./shape.ts";

/** out = weights * in + bias, in integers. Reads any shape as a flat list. Weights by rows, one row an output. */
export interface DenseLayer {
  type: "dense";
  weights: number[][];
  bias: number[];
}

export function parseDense(fields: Record<string, unknown>, where: string): DenseLayer {
  return {
    type: "dense",
    weights: asList(fields.weights, `${where}.weights`).map((row, at) =>
      asIntegers(row, `${where}.weights.${at}`),
    ),
    bias: asIntegers(fields.bias, `${where}.bias`),
  };
}

/** Shape of the outputs. Throws MT-SDK-301 when the layer does not fit the shape before it. */
export function denseShape({ weights, bias }: DenseLayer, input: Shape, where: string): Shape {
  const width = sizeOf(input);
  if (weights.some((row) => row.length !== width) || bias.length !== weights.length) {
    throw malformed(
      `${where} does not fit ${width} inputs`,
      "One weight an input in each row, one bias a row.",
    );
  }
  return vector(weights.length);
}

export function visitDense({ weights }: DenseLayer, visit: VisitTerm): void {
  for (let output = 0; output < weights.length; output++) {
    const row = weights[output] as number[];
    for (let input = 0; input < row.length; input++) visit(output, input, row[input] as number);
  }
}
