// SPDX-License-Identifier: GPL-3.0-or-later
import type { ChainNode } from "../chain.ts";
import { type Draft, pushRectifier } from "../draft.ts";
import { nodeError } from "../error.ts";
import { numberAttribute } from "./attributes.ts";
import {
  importBitShift,
  importCast,
  importConvInteger,
  importDiv,
  importMatMulInteger,
  importMul,
} from "./integer.ts";
import { importAdd, importBatchNormalization, importConv, importGemm, importMatMul } from "./linear.ts";
import {
  importDequantizeLinear,
  importQLinearConv,
  importQLinearMatMul,
  importQuantizeLinear,
} from "./quantised.ts";
import { importAveragePool, importFlatten, importGlobalAveragePool, importReshape } from "./shape.ts";

/** Carries a draft over one node. `isLast`: all that follows leaves the largest logit the largest. */
export type ImportOperator = (draft: Draft, node: ChainNode, isLast: boolean) => void;

/** Operators that no layer follows from: they keep the order of the logits, or compute the label. */
export const FINAL_OPERATORS: readonly string[] = ["Softmax", "LogSoftmax", "ArgMax"];

const OPERATORS: Record<string, ImportOperator> = {
  Add: importAdd,
  ArgMax: importArgMax,
  AveragePool: importAveragePool,
  BatchNormalization: importBatchNormalization,
  BitShift: importBitShift,
  Cast: importCast,
  Conv: importConv,
  ConvInteger: importConvInteger,
  DequantizeLinear: importDequantizeLinear,
  Div: importDiv,
  Dropout: () => {},
  Flatten: importFlatten,
  Gemm: importGemm,
  GlobalAveragePool: importGlobalAveragePool,
  Identity: () => {},
  LogSoftmax: finish,
  MatMul: importMatMul,
  MatMulInteger: importMatMulInteger,
  Mul: importMul,
  QLinearConv: importQLinearConv,
  QLinearMatMul: importQLinearMatMul,
  QuantizeLinear: importQuantizeLinear,
  Relu: (draft, node) => pushRectifier(draft, node),
  Reshape: importReshape,
  Softmax: finish,
};

const HINTS: Record<string, string> = {
  MaxPool: "A maximum costs a comparison an element: train with AveragePool, which costs nothing.",
  LeakyRelu: "Train with Relu.",
  Sigmoid: "Train with Relu; leave out a last Sigmoid.",
  Tanh: "Train with Relu.",
  Clip: "Train with Relu, which has no upper end.",
  DynamicQuantizeLinear: "Quantise statically: scales have to be constants.",
};

/** The importer of a node's operator. Throws MT-ONNX-003 for one that no layer can express. */
export function operatorOf(node: ChainNode): ImportOperator {
  const operator = Object.hasOwn(OPERATORS, node.op) ? OPERATORS[node.op] : undefined;
  if (operator) return operator;
  throw nodeError(
    "operator",
    node,
    "is not supported",
    HINTS[node.op] ?? `Supported: ${Object.keys(OPERATORS).join(", ")}.`,
  );
}

function importArgMax(draft: Draft, node: ChainNode): void {
  const axis = numberAttribute(node, "axis", 0);
  if (axis !== 1 && axis !== -1) {
    throw nodeError("form", node, `has axis = ${axis}`, "Only the last axis, the one of the classes.");
  }
  if (numberAttribute(node, "select_last_index", 0) !== 0) {
    throw nodeError("form", node, "lets the highest index win a tie", "In a specification the lowest wins.");
  }
  finish(draft);
}

function finish(draft: Draft): void {
  draft.isDone = true;
}
