// SPDX-License-Identifier: MIT
import type { Bounds } from "./bounds.ts";
import { type Conv2dLayer, visitConv2d } from "./conv2d.ts";
import { type DenseLayer, visitDense } from "./dense.ts";
import { malformed } from "./fields.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { type SumPoolLayer, visitSumPool } from "./sum-pool.ts";

/** A layer whose outputs are sums of constant multiples of its inputs, plus constants. */
export type LinearLayer = DenseLayer | Conv2dLayer | SumPoolLayer;

/** One term of a linear layer: output number `output` contains `weight` times input number `input`. */
export type VisitTerm = (output: number, input: number, weight: number) => void;

/** Calls `visit` for every term; the terms of one output in a row, the outputs in order. */
export function visitTerms(layer: LinearLayer, input: Shape, output: Shape, visit: VisitTerm): void {
  if (layer.type === "dense") visitDense(layer, visit);
  else if (layer.type === "conv2d") visitConv2d(layer, input, output, visit);
  else visitSumPool(layer, input, output, visit);
}

/** The constant of each output. A convolution has one a filter, the same for each pixel. */
export function constantsOf(layer: LinearLayer, output: Shape): number[] {
  const length = sizeOf(output);
  if (layer.type === "sumPool") return new Array<number>(length).fill(0);
  return Array.from({ length }, (_, at) => layer.bias[at % layer.bias.length] ?? 0);
}

export function applyLinear(
  layer: LinearLayer,
  input: Shape,
  output: Shape,
  values: readonly number[],
): number[] {
  const sums = constantsOf(layer, output);
  visitTerms(layer, input, output, (to, from, weight) => {
    sums[to] = (sums[to] as number) + weight * (values[from] as number);
  });
  return sums;
}

/**
 * Bounds of the outputs by interval arithmetic; they are attained when the bounds of the inputs are independent, as in
 * the first layer. Throws MT-SDK-301 when a sum could leave the range in which plain numbers are exact.
 */
export function linearBounds(
  layer: LinearLayer,
  input: Shape,
  output: Shape,
  { low, high }: Bounds,
  where: string,
): Bounds {
  const lowest = constantsOf(layer, output);
  const highest = [...lowest];
  // Sums of magnitudes, not the bounds themselves: every partial sum has to be exact, in whatever order it is taken.
  const magnitude = lowest.map(Math.abs);
  visitTerms(layer, input, output, (to, from, weight) => {
    const least = weight * ((weight > 0 ? low : high)[from] as number);
    const most = weight * ((weight > 0 ? high : low)[from] as number);
    lowest[to] = (lowest[to] as number) + least;
    highest[to] = (highest[to] as number) + most;
    magnitude[to] = (magnitude[to] as number) + Math.max(Math.abs(least), Math.abs(most));
  });
  if (!magnitude.every(Number.isSafeInteger)) {
    throw malformed(`${where} can exceed 2^53`, "Shift more after the layer before, or use smaller weights.");
  }
  return { low: lowest, high: highest };
}
