// SPDX-License-Identifier: MIT
import type { Bounds } from "./bounds.ts";
import { asCount } from "./fields.ts";

/** out = floor(max(in, 0) / 2^shift), element by element. */
export interface ReluLayer {
  type: "relu";
  shift: number;
}

const MAX_SHIFT = 52;

export function parseRelu(fields: Record<string, unknown>, where: string): ReluLayer {
  return { type: "relu", shift: asCount(fields.shift, `${where}.shift`, 0, MAX_SHIFT) };
}

export function applyRelu({ shift }: ReluLayer, values: readonly number[]): number[] {
  return values.map((value) => Math.floor(Math.max(value, 0) / 2 ** shift));
}

/** Exact: the function is monotone. */
export function reluBounds(layer: ReluLayer, { low, high }: Bounds): Bounds {
  return { low: applyRelu(layer, low), high: applyRelu(layer, high) };
}
