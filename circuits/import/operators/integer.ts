// SPDX-License-Identifier: GPL-3.0-or-later
import type { ChainNode, Constant } from "../chain.ts";
import type { Draft } from "../draft.ts";
import { nodeError } from "../error.ts";
import { onlyNumber, requireConstant, textAttribute } from "./attributes.ts";
import { addConvolution, addDense } from "./linear.ts";

// TensorProto.DataType -> largest integer up to which a type that a cast may go to has every one.
const FLOAT_TYPES = [1, 11];
const INT32_MAX = 2 ** 31 - 1;
const CAST_LIMITS: Record<number, number> = {
  1: 2 ** 24,
  2: 2 ** 8 - 1,
  3: 2 ** 7 - 1,
  4: 2 ** 16 - 1,
  5: 2 ** 15 - 1,
  6: INT32_MAX,
  7: 2 ** 63,
  11: 2 ** 53,
  12: 2 ** 32 - 1,
};

export function importMatMulInteger(draft: Draft, node: ChainNode): void {
  beginIntegers(draft, node);
  addDense(draft, node, integersOf(node, requireConstant(node, 1, "a matrix")), false, 1);
  limitSums(draft, node);
}

export function importConvInteger(draft: Draft, node: ChainNode): void {
  beginIntegers(draft, node);
  addConvolution(draft, node, integersOf(node, requireConstant(node, 1, "a kernel")));
  limitSums(draft, node);
}

/** By a power of two after a ReLU in a graph of integers; of the input by any positive number. */
export function importDiv(draft: Draft, node: ChainNode): void {
  const divisor = onlyNumber(node, requireConstant(node, 1, "a divisor"), "a divisor");
  if (draft.layers.length === 0) scaleInput(draft, node, divisor);
  else shiftRight(draft, node, Math.log2(divisor));
}

/** Of the input by a positive number. */
export function importMul(draft: Draft, node: ChainNode): void {
  const constant = node.constants.find((candidate) => candidate !== undefined);
  if (!constant || draft.layers.length > 0) {
    throw nodeError("form", node, "scales values on the way", "Merge the factor into the weights before it.");
  }
  scaleInput(draft, node, 1 / onlyNumber(node, constant, "a factor"));
}

export function importBitShift(draft: Draft, node: ChainNode): void {
  if (textAttribute(node, "direction", "") !== "RIGHT") {
    throw nodeError("form", node, "shifts to the left", "Only shifts to the right, after a ReLU.");
  }
  shiftRight(draft, node, onlyNumber(node, requireConstant(node, 1, "a number of bits"), "a number of bits"));
}

/** Changes no value, provided that the type can hold it: the static bounds have to prove that. */
export function importCast(draft: Draft, node: ChainNode): void {
  if (draft.isDone || draft.layers.length === 0) return;
  const type = node.attributes.get("to");
  const max = typeof type === "number" ? CAST_LIMITS[type] : undefined;
  if (!draft.isInteger || max === undefined) {
    throw nodeError(
      "form",
      node,
      "converts values on the way",
      "Only in graphs that compute in integers throughout.",
    );
  }
  if (draft.layers.at(-1)?.type !== "relu" && max < 2 ** 24) {
    throw nodeError("form", node, "narrows values that may be negative", "Cast after the ReLU.");
  }
  const layer = draft.layers.length - 1;
  const isRelu = draft.layers.at(-1)?.type === "relu";
  const otherwise = FLOAT_TYPES.includes(Number(type)) ? "rounds" : "wraps";
  draft.limits.push({
    layer,
    max,
    node,
    otherwise,
    ...(isRelu ? { shift: draft.rectifiers.at(-1)?.shift ?? 0 } : {}),
  });
}

function beginIntegers(draft: Draft, node: ChainNode): void {
  if (draft.layers.length === 0) {
    draft.isInteger = true;
    draft.inputScale = 1;
    draft.scale = 1;
  } else if (!draft.isInteger) {
    throw nodeError(
      "form",
      node,
      "computes in integers after layers that do not",
      "Use one kind throughout.",
    );
  }
}

// Sums are kept in int32.
function limitSums(draft: Draft, node: ChainNode): void {
  draft.limits.push({ layer: draft.layers.length - 1, max: INT32_MAX, node, otherwise: "wraps" });
}

function integersOf(node: ChainNode, weights: Constant): Constant {
  const [inputZero, weightZero] = [node.constants[2], node.constants[3]];
  if (inputZero?.values.some((zero) => zero !== 0)) {
    throw nodeError("form", node, "has an input zero point", "Only values that begin at 0.");
  }
  const zero = weightZero ? onlyNumber(node, weightZero, "a weight zero point") : 0;
  return { ...weights, values: weights.values.map((value) => value - zero), scale: 1 };
}

function scaleInput(draft: Draft, node: ChainNode, divisor: number): void {
  if (!(divisor > 0) || !Number.isFinite(divisor)) {
    throw nodeError("form", node, "does not scale its input by a positive number", "Only positive factors.");
  }
  draft.inputScale = (draft.inputScale ?? 1) * divisor;
  draft.scale = draft.inputScale;
}

function shiftRight(draft: Draft, node: ChainNode, bits: number): void {
  const rule = draft.rectifiers.at(-1);
  const isShiftable = draft.isInteger && draft.layers.at(-1)?.type === "relu" && rule !== undefined;
  if (!isShiftable || !Number.isInteger(bits) || bits < 0) {
    throw nodeError(
      "form",
      node,
      "divides by something else than a power of two, or not just after a ReLU of integers",
      "Only floor divisions by powers of two that follow a ReLU.",
    );
  }
  rule.shift = (rule.shift ?? 0) + bits;
  draft.scale = (draft.scale ?? 1) / 2 ** bits;
}
