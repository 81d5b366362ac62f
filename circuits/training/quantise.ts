// SPDX-License-Identifier: GPL-3.0-or-later
import { type FloatNetwork, INPUT_MAX } from "./network.ts";

/** Where the integer grid lies: an integer weight is the float weight times its layer's scale, rounded. */
export interface QuantisationGrid {
  scale1: number;
  scale2: number;
  /** Bits that the hidden layer's ReLU drops. */
  shift: number;
}

/** The integer twin of a {@link FloatNetwork}, weights as rows. */
export interface IntegerNetwork {
  weights1: number[][];
  bias1: number[];
  weights2: number[][];
  bias2: number[];
}

/** Grid on which each layer's largest weight becomes the largest integer of `weightBits` bits (sign included). */
export function gridFor(
  network: FloatNetwork,
  { weightBits, shift }: { weightBits: number; shift: number },
): QuantisationGrid {
  const weightMax = 2 ** (weightBits - 1) - 1;
  const scaleOf = (weights: Float64Array): number =>
    weightMax / weights.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 0);
  return { shift, scale1: scaleOf(network.weights1), scale2: scaleOf(network.weights2) };
}

/** The integer network: what the runtime executes and the circuit proves. */
export function quantise(network: FloatNetwork, grid: QuantisationGrid): IntegerNetwork {
  const { scale1, scale2, shift } = grid;
  // Hidden accumulators are real values times scale1 * 15. Half a step is added to the bias, so that the floor shift
  // after the ReLU rounds to nearest.
  const accumulatorScale = scale1 * INPUT_MAX;
  const half = shift > 0 ? 2 ** (shift - 1) : 0;
  const logitScale = (scale2 * accumulatorScale) / 2 ** shift;
  return {
    weights1: rows(network.weights1, network.inputs).map((row) =>
      row.map((weight) => integer(weight * scale1)),
    ),
    bias1: Array.from(network.bias1, (bias) => integer(bias * accumulatorScale + half)),
    weights2: rows(network.weights2, network.hidden).map((row) =>
      row.map((weight) => integer(weight * scale2)),
    ),
    bias2: Array.from(network.bias2, (bias) => integer(bias * logitScale)),
  };
}

// Math.round gives -0 for small negative values; JSON would print it as 0, but Object.is would tell them apart.
function integer(value: number): number {
  return Math.round(value) + 0;
}

function rows(matrix: Float64Array, width: number): number[][] {
  return Array.from({ length: matrix.length / width }, (_, row) =>
    Array.from(matrix.subarray(row * width, (row + 1) * width)),
  );
}
