// SPDX-License-Identifier: GPL-3.0-or-later
import { type ChainNode, type Constant, dequantise, requirePositive } from "../chain.ts";
import { type Draft, pushRectifier } from "../draft.ts";
import { nodeError } from "../error.ts";
import type { ElementType } from "../onnx-file.ts";
import { onlyNumber, requireConstant } from "./attributes.ts";
import { addConvolution, addDense, addToBias } from "./linear.ts";

// Smallest and largest value of the types that values on the way are stored in.
const RANGES: Partial<Record<ElementType, [low: number, high: number]>> = {
  uint8: [0, 2 ** 8 - 1],
  int8: [-(2 ** 7), 2 ** 7 - 1],
  uint16: [0, 2 ** 16 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};
// Scales are float32: two that should be one differ by less.
const SCALE_TOLERANCE = 1e-6;

/** round(x / scale) + zero point, clamped to the zero point's type. */
export function importQuantizeLinear(draft: Draft, node: ChainNode, isLast: boolean): void {
  quantiseValue(draft, node, requireConstant(node, 1, "a scale"), node.constants[2], isLast);
}

/** Of a value on the way: the real that its integers stand for, which is what a draft follows. */
export function importDequantizeLinear(draft: Draft, node: ChainNode): void {
  dequantiseValue(draft, node, requireConstant(node, 1, "a scale"), node.constants[2]);
}

/** x, x scale, x zero, w, w scale, w zero, y scale, y zero, bias of scale x scale * w scale. */
export function importQLinearConv(draft: Draft, node: ChainNode, isLast: boolean): void {
  dequantiseValue(draft, node, requireConstant(node, 1, "a scale"), node.constants[2]);
  const weightScale = requireConstant(node, 4, "a scale");
  addConvolution(
    draft,
    node,
    dequantise(node, requireConstant(node, 3, "a kernel"), weightScale, node.constants[5], 0),
  );
  const bias = node.constants[8];
  if (bias) {
    const inputScale = onlyNumber(node, requireConstant(node, 1, "a scale"), "an input scale");
    const scale = { ...weightScale, values: weightScale.values.map((value) => value * inputScale) };
    addToBias(draft, node, dequantise(node, bias, scale, undefined, 0));
  }
  quantiseValue(draft, node, requireConstant(node, 6, "a scale"), node.constants[7], isLast);
}

/** a, a scale, a zero, b, b scale, b zero, y scale, y zero. */
export function importQLinearMatMul(draft: Draft, node: ChainNode, isLast: boolean): void {
  dequantiseValue(draft, node, requireConstant(node, 1, "a scale"), node.constants[2]);
  const matrix = requireConstant(node, 3, "a matrix");
  addDense(
    draft,
    node,
    dequantise(node, matrix, requireConstant(node, 4, "a scale"), node.constants[5]),
    false,
    1,
  );
  quantiseValue(draft, node, requireConstant(node, 6, "a scale"), node.constants[7], isLast);
}

function quantiseValue(
  draft: Draft,
  node: ChainNode,
  scaleConstant: Constant,
  zeroConstant: Constant | undefined,
  isLast: boolean,
): void {
  draft.isQuantised = true;
  // A last step only coarsens the logits.
  if (isLast) return;
  requirePositive(node, scaleConstant);
  const scale = 1 / onlyNumber(node, scaleConstant, "a scale");
  const zero = zeroConstant ? onlyNumber(node, zeroConstant, "a zero point") : 0;
  if (!zeroConstant && node.attributes.has("output_dtype")) {
    throw nodeError("form", node, "has no zero point, but a type", "Give a zero point of that type.");
  }
  const [low, high] = RANGES[zeroConstant?.type ?? "uint8"] ?? [0, 255];
  const last = draft.layers.at(-1);
  if (!last) {
    // Of a signed type, the half from 0 on.
    readInput(draft, node, scale, zero === 0 ? 0 : zero - low);
    draft.inputMax = high - zero;
    return;
  }
  if (last.type === "dense" || last.type === "conv2d") {
    if (zero !== low) {
      draft.deviations.push(
        nodeError(
          "inexact",
          node,
          "rounds values that may be negative",
          "Quantise after the ReLU, or import with the option approximate.",
        ),
      );
      draft.scale = undefined;
      return;
    }
    // Clamping at zero is what a ReLU does; exporters leave the ReLU out then.
    pushRectifier(draft, node);
  }
  const rule = draft.rectifiers.at(-1);
  if (draft.layers.at(-1)?.type === "relu" && rule && rule.scale === undefined) rule.scale = scale;
  else if (draft.scale === undefined || !isSame(draft.scale, scale)) {
    draft.deviations.push(
      nodeError(
        "inexact",
        node,
        "rounds values that no ReLU comes just before",
        "Give a pool's output its input's scale divided by the window, or import with the option approximate.",
      ),
    );
    return;
  }
  draft.scale = scale;
  draft.limits.push({ layer: draft.layers.length - 1, max: high - zero, node, otherwise: "clamps" });
}

function dequantiseValue(
  draft: Draft,
  node: ChainNode,
  scaleConstant: Constant,
  zeroConstant: Constant | undefined,
): void {
  draft.isQuantised = true;
  requirePositive(node, scaleConstant);
  if (draft.layers.length > 0) return;
  const zero = zeroConstant ? onlyNumber(node, zeroConstant, "a zero point") : 0;
  readInput(draft, node, 1 / onlyNumber(node, scaleConstant, "a scale"), zero);
}

function readInput(draft: Draft, node: ChainNode, scale: number, zero: number): void {
  if (zero !== 0) {
    throw nodeError(
      "form",
      node,
      "gives the input's zero another place than its lowest integer",
      "Inputs of a specification begin at 0: quantise them without a zero point.",
    );
  }
  if (draft.inputScale !== undefined && !isSame(draft.inputScale, scale)) {
    throw nodeError(
      "form",
      node,
      `reads an input of ${scale} steps to 1, where ${draft.inputScale} was said before`,
      "Give the option inputScale, and scales inside the graph, one value.",
    );
  }
  draft.inputScale = scale;
  draft.scale = scale;
}

function isSame(a: number, b: number): boolean {
  return Math.abs(a / b - 1) < SCALE_TOLERANCE;
}
