// SPDX-License-Identifier: GPL-3.0-or-later
import type { Bounds } from "@meantime/sdk/layers/bounds";
import { sizeOf, vector } from "@meantime/sdk/layers/shape";
import { type ModelSpec, planLayers } from "@meantime/sdk/model";
import { type FloatModel, shapeOf } from "../quantise/float-model.ts";
import {
  calibratedShifts,
  powerOfTwoGrid,
  type QuantisationPlan,
  quantiseModel,
} from "../quantise/quantise.ts";
import { type ChainNode, chainOf } from "./chain.ts";
import { type Draft, startDraft } from "./draft.ts";
import { importError, nodeError } from "./error.ts";
import { type OnnxGraph, readOnnx } from "./onnx-file.ts";
import { FINAL_OPERATORS, operatorOf } from "./operators/table.ts";

export interface ImportOptions {
  /** The model's name: lower-case letters, digits and _. */
  name: string;
  /** Bits of an input element; 8 unless told. */
  inputBits?: number;
  /** As in `ModelSpec`, for a graph that reads a vector of as many elements; otherwise the graph's own. */
  inputShape?: number[];
  /** Input steps that make a real 1, where the graph does not say: 2^inputBits - 1 unless told. */
  inputScale?: number;
  /** Bits of a weight, sign included, where the graph has reals; 8 unless told. */
  weightBits?: number;
  /** Bits that the largest calibrated value keeps after a ReLU; 8 unless told. */
  activationBits?: number;
  /**
   * Inputs of the kind that the model will get, as `runModel` reads them. Needed for a graph that does not quantise what
   * its ReLUs give: they choose how many bits to drop.
   */
  calibration?: readonly (readonly number[])[];
  /**
   * Accept a quantised graph that a specification can only approximate: its clamps are left out, its scales moved to the
   * nearest power of two, or chosen by `calibration`.
   */
  approximate?: boolean;
}

/**
 * A model specification from the bytes of an ONNX file.
 *
 * Three kinds of graphs, each a chain of layers without padding:
 * - **reals** (Gemm, MatMul, Conv, BatchNormalization, Relu, AveragePool ...): weights are rounded to `weightBits` on a
 *   power-of-two grid, `calibration` fixes the bits that each ReLU drops;
 * - **quantised** (QuantizeLinear and DequantizeLinear, or QLinearConv and QLinearMatMul): the integers of the file stay
 *   as they are. The result is exact but for sums half way between two steps, which ONNX rounds to even and a
 *   specification up. What could differ in another way is refused unless `approximate`;
 * - **integers** (ConvInteger, MatMulInteger, Relu, Div): exact.
 *
 * An image of several channels is read channel by channel in ONNX and pixel by pixel in a specification: weights are
 * reordered, inputs are the caller's. What follows the logits is left out: a last QuantizeLinear would only make some of
 * them equal. Throws MT-ONNX-001 .. 006 (see `error.ts`), and MT-SDK-301 for a specification that
 * is none: a bad name, sums past 2^53.
 */
export function importOnnx(bytes: Uint8Array, options: ImportOptions): ModelSpec {
  checkOptions(options);
  const graph = readOnnx(bytes);
  const inputBits = options.inputBits ?? 8;
  const input = inputOf(graph, options);
  const draft = startDraft(input, options.inputScale);
  followChain(draft, chainOf(graph));
  if (!options.approximate) requireExact(draft);
  const model: FloatModel = {
    inputShape: draft.inputShape,
    inputScale: draft.inputScale ?? 2 ** inputBits - 1,
    layers: draft.layers,
  };
  checkInputs(options, draft, sizeOf(input.shape), inputBits);
  const spec = quantiseModel(model, { name: options.name, inputBits }, planFor(draft, model, options));
  requireWithinLimits(draft, spec, options.approximate ?? false);
  if (!draft.isInteger) return spec;
  // A graph of integers does not say what they stand for.
  const { scales, ...integers } = spec;
  return integers;
}

function followChain(draft: Draft, chain: readonly ChainNode[]): void {
  const keepsOrder = ({ op }: ChainNode): boolean =>
    FINAL_OPERATORS.includes(op) || ["DequantizeLinear", "QuantizeLinear", "Identity", "Cast"].includes(op);
  for (const [at, node] of chain.entries()) {
    const operator = operatorOf(node);
    if (draft.isDone && !["Identity", "Cast"].includes(node.op)) {
      throw nodeError("operator", node, "follows the Softmax or ArgMax", "They have to end the network.");
    }
    operator(draft, node, chain.slice(at + 1).every(keepsOrder));
  }
}

function inputOf(
  { input }: OnnxGraph,
  { inputShape }: ImportOptions,
): Pick<Draft, "inputShape" | "shape" | "isFlat"> {
  const [batch, ...sides] = input.shape.length > 1 ? input.shape : [1, ...input.shape];
  const known = sides.filter((side) => side !== null);
  if (
    (batch !== null && batch !== 1) ||
    known.length !== sides.length ||
    sides.length === 0 ||
    sides.length > 3
  ) {
    throw importError(
      "graph",
      `the input ${input.name} has the shape ${input.shape.map((side) => side ?? "?").join("x")}`,
      "Export with a batch of 1 (or a dynamic one) and fixed sides: elements, or channels x rows x columns.",
    );
  }
  const [channels = 1, height = 1, width = 1] = known.length === 2 ? [1, ...known] : known;
  const length = known.reduce((product, side) => product * side, 1);
  if (length > MAX_INPUTS) {
    throw importError("graph", `the input ${input.name} has ${length} elements`, `At most ${MAX_INPUTS}.`);
  }
  const own = known.length === 1 ? vector(channels) : { height, width, channels };
  const ownShape = known.length === 1 ? known : channels === 1 ? [height, width] : [height, width, channels];
  const told = inputShape ?? ownShape;
  const canBeTold = known.length === 1 && sizeOf(shapeOf(told)) === channels;
  if (!canBeTold && told.join() !== ownShape.join()) {
    throw importError(
      "options",
      `the input shape ${told.join("x")} is not that of the graph, ${ownShape.join("x")}`,
      "Leave inputShape out, or give rows and columns for a graph that reads a vector.",
    );
  }
  return { shape: own, inputShape: told, isFlat: known.length === 1 };
}

function requireExact({ deviations, isQuantised, rectifiers, weightScales }: Draft): void {
  if (!isQuantised) return;
  const [first] = deviations;
  if (first) throw first;
  const open = rectifiers.find(({ scale }) => scale === undefined);
  if (open) {
    throw nodeError(
      "inexact",
      open.node,
      "gives values that are not quantised",
      "Put a QuantizeLinear just after it, or import with the option approximate.",
    );
  }
  if (weightScales.includes(undefined)) {
    throw importError(
      "inexact",
      "the weights of a layer are not integers of one scale, or a batch norm changes them",
      "Quantise weights by tensor, not by channel, or import with the option approximate.",
    );
  }
}

function planFor(draft: Draft, model: FloatModel, options: ImportOptions): QuantisationPlan {
  const { rectifiers, weightScales, isInteger } = draft;
  const grid = powerOfTwoGrid([options.weightBits ?? 8]);
  const isOpen = !isInteger && (options.approximate || rectifiers.some(({ scale }) => scale === undefined));
  const calibrated =
    isOpen && options.calibration
      ? calibratedShifts(model, options.calibration, options.activationBits ?? 8)
      : undefined;
  return {
    weightScaleOf: (linear, weights) => weightScales[linear] ?? grid(linear, weights),
    rounding: isInteger ? "floor" : "nearest",
    shiftOf: (relu, scale) => {
      const rule = rectifiers[relu];
      if (!rule || isInteger) return rule?.shift ?? 0;
      if (calibrated) return calibrated(relu, scale);
      if (rule.scale === undefined) {
        throw importError(
          "options",
          `nothing says how many bits to drop after the node ${rule.node.name}`,
          "Give calibration inputs: some dozens of the kind that the model will get.",
        );
      }
      const bits = Math.log2(scale / rule.scale);
      const shift = Math.round(bits);
      if (!options.approximate && (Math.abs(bits - shift) > SHIFT_TOLERANCE || shift < 0)) {
        throw nodeError(
          "inexact",
          rule.node,
          `requantises by 2^-${bits.toFixed(4)}`,
          "Choose scales whose ratios are powers of two, or import with the option approximate.",
        );
      }
      return Math.max(0, shift);
    },
  };
}

const MAX_BITS = 24;
const MAX_INPUTS = 2 ** 20;
// Of a binary logarithm of ratios of float32 scales.
const SHIFT_TOLERANCE = 1e-5;

function checkOptions({ weightBits = 8, activationBits = 8, inputScale = 1 }: ImportOptions): void {
  const isWithin = (value: number, max: number): boolean =>
    Number.isInteger(value) && value > 1 && value <= max;
  if (!isWithin(weightBits, MAX_BITS) || !isWithin(activationBits, MAX_BITS) || !(inputScale > 0)) {
    throw importError(
      "options",
      "weightBits, activationBits or inputScale is out of range",
      `Bits from 2 to ${MAX_BITS}, a positive scale.`,
    );
  }
}

function checkInputs(
  { calibration = [] }: ImportOptions,
  { inputMax }: Draft,
  length: number,
  inputBits: number,
): void {
  const max = 2 ** inputBits - 1;
  if (max > inputMax) {
    throw importError(
      "options",
      `inputs of ${inputBits} bits pass ${inputMax}, where the graph clamps`,
      "Give the option inputBits a smaller value.",
    );
  }
  const isElement = (value: unknown): boolean =>
    typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
  const isInput = (input: unknown): boolean =>
    Array.isArray(input) && input.length === length && input.every(isElement);
  const bad = Array.isArray(calibration) ? calibration.findIndex((input) => !isInput(input)) : 0;
  if (bad >= 0) {
    throw importError(
      "options",
      `calibration input ${bad} is not ${length} integers from 0 to ${max}`,
      "Quantise calibration inputs as the model's inputs will be.",
    );
  }
}

function requireWithinLimits({ limits }: Draft, spec: ModelSpec, approximate: boolean): void {
  const plans = planLayers(spec);
  for (const { layer, max, node, shift, otherwise } of limits) {
    const plan = plans[layer];
    if (!plan) continue;
    const highest =
      shift === undefined
        ? largestMagnitude(plan.outputBounds)
        : Math.floor(plan.inputBounds.high.reduce((top, value) => Math.max(top, value), 0) / 2 ** shift);
    if (highest <= max || (approximate && otherwise === "clamps")) continue;
    throw nodeError(
      "inexact",
      node,
      `${otherwise} values above ${max}, and some input could reach ${highest}`,
      otherwise === "clamps"
        ? "Quantise with a wider scale or to 16 bits, or import with the option approximate: it does not clamp."
        : "Drop more bits before it.",
    );
  }
}

function largestMagnitude({ low, high }: Bounds): number {
  return [...low, ...high].reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}
