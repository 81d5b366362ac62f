// SPDX-License-Identifier: GPL-3.0-or-later
import type { TestGraph, TestNode, TestTensor } from "./graph.ts";

/** Shape without the batch, values channel by channel. */
interface Value {
  shape: number[];
  values: number[];
}

/** What a graph gives by the definitions of its operators. */
export interface Evaluation {
  logits: number[];
  /** Whether a QuantizeLinear met a value half way between two steps, which it rounds to even. */
  hasTie: boolean;
  /** Whether a QuantizeLinear clamped at the upper end. */
  hasClamped: boolean;
}

type Report = Pick<Evaluation, "hasTie" | "hasClamped">;
type Evaluate = (
  node: TestNode,
  inputs: Value[],
  constants: (TestTensor | undefined)[],
  report: Report,
) => Value;

/** Evaluates the graph on one input, naively: https://github.com/onnx/onnx/blob/main/docs/Operators.md */
export function evaluateGraph(
  { inputShape, nodes, constants }: TestGraph,
  input: readonly number[],
): Evaluation {
  const report: Report = { hasTie: false, hasClamped: false };
  const known = new Map<string, Value>([
    ["x", { shape: inputShape.slice(1).map(Number), values: [...input] }],
  ]);
  for (const [name, { shape, values }] of Object.entries(constants)) known.set(name, { shape, values });
  let last: Value = { shape: [], values: [] };
  for (const node of nodes) {
    const inputs = node.inputs.map((name) => known.get(name) ?? { shape: [], values: [] });
    const evaluate = EVALUATORS[node.op];
    if (!evaluate) throw new Error(`the evaluator lacks ${node.op}`);
    last = evaluate(
      node,
      inputs,
      node.inputs.map((name) => constants[name]),
      report,
    );
    known.set(node.output, last);
  }
  return { logits: last.values, ...report };
}

const EVALUATORS: Record<string, Evaluate> = {
  Add: (_, [a, b]) => {
    const [value, bias] = [a as Value, b as Value];
    const perChannel = value.values.length / bias.values.length;
    return {
      ...value,
      values: value.values.map((v, at) => v + (bias.values[Math.floor(at / perChannel)] ?? 0)),
    };
  },
  Relu: (_, [a]) => mapValue(a as Value, (v) => Math.max(0, v)),
  Softmax: (_, [a]) => a as Value,
  Cast: (_, [a]) => a as Value,
  Flatten: (_, [a]) => ({ ...(a as Value), shape: [(a as Value).values.length] }),
  Div: (_, [a, b]) => mapValue(a as Value, (v) => Math.trunc(v / ((b as Value).values[0] ?? 1))),
  MatMul: (_, [a, b]) => matMul(a as Value, b as Value),
  MatMulInteger: (_, [a, b]) => matMul(a as Value, b as Value),
  Gemm: (node, [a, b, c]) => {
    const matrix = b as Value;
    const product = matMul(a as Value, node.attributes?.transB === 1 ? transpose(matrix) : matrix);
    return { ...product, values: product.values.map((v, at) => v + ((c as Value).values[at] ?? 0)) };
  },
  Conv: (node, [a, b, c]) => convolve(node, a as Value, b as Value, c),
  ConvInteger: (node, [a, b]) => convolve(node, a as Value, b as Value, undefined),
  BatchNormalization: (node, [a, ...parameters]) => {
    const value = a as Value;
    const perChannel = value.values.length / (value.shape[0] ?? 1);
    const epsilon = Number(node.attributes?.epsilon ?? 1e-5);
    return {
      ...value,
      values: value.values.map((v, at) => {
        const channel = Math.floor(at / perChannel);
        const [scale = 0, offset = 0, mean = 0, variance = 0] = parameters.map((p) => p.values[channel]);
        return (scale * (v - mean)) / Math.sqrt(variance + epsilon) + offset;
      }),
    };
  },
  AveragePool: (node, [a]) => {
    const { shape, values } = a as Value;
    const [channels = 0, height = 0, width = 0] = shape;
    const [size = 1] = (node.attributes?.kernel_shape as number[] | undefined) ?? [1];
    const [stride = 1] = (node.attributes?.strides as number[] | undefined) ?? [1];
    const rows = Math.floor((height - size) / stride) + 1;
    const columns = Math.floor((width - size) / stride) + 1;
    const out: number[] = [];
    for (let k = 0; k < channels; k++) {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < columns; c++) {
          let sum = 0;
          for (let i = 0; i < size; i++) {
            for (let j = 0; j < size; j++) {
              sum += values[(k * height + r * stride + i) * width + c * stride + j] ?? 0;
            }
          }
          out.push(sum / size ** 2);
        }
      }
    }
    return { shape: [channels, rows, columns], values: out };
  },
  QuantizeLinear: (_, [a, scale, zero], constants, report) =>
    quantise(a as Value, scale as Value, zero, constants[2], report),
  DequantizeLinear: (node, [a, scale, zero]) => dequantise(a as Value, scale as Value, zero, node),
  QLinearConv: (node, [x, xScale, xZero, w, wScale, wZero, yScale, yZero, bias], constants, report) => {
    const sum = convolve(
      node,
      dequantise(x as Value, xScale as Value, xZero, node),
      dequantise(w as Value, wScale as Value, wZero, node),
      bias &&
        mapValue(bias, (v) => v * ((xScale as Value).values[0] ?? 1) * ((wScale as Value).values[0] ?? 1)),
    );
    return quantise(sum, yScale as Value, yZero, constants[7], report);
  },
  QLinearMatMul: (node, [a, aScale, aZero, b, bScale, bZero, yScale, yZero], constants, report) => {
    const left = dequantise(a as Value, aScale as Value, aZero, node);
    const product = matMul(left, dequantise(b as Value, bScale as Value, bZero, node));
    return quantise(product, yScale as Value, yZero, constants[7], report);
  },
};

function mapValue(value: Value, change: (v: number) => number): Value {
  return { ...value, values: value.values.map(change) };
}

function transpose({ shape, values }: Value): Value {
  const [rows = 0, columns = 0] = shape;
  const turned = values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)] ?? 0);
  return { shape: [columns, rows], values: turned };
}

function matMul({ values }: Value, matrix: Value): Value {
  const [inputs = 0, outputs = 0] = matrix.shape;
  const sums = Array.from({ length: outputs }, (_, out) => {
    let sum = 0;
    for (let at = 0; at < inputs; at++) sum += (values[at] ?? 0) * (matrix.values[at * outputs + out] ?? 0);
    return sum;
  });
  return { shape: [outputs], values: sums };
}

function convolve(node: TestNode, { shape, values }: Value, kernel: Value, bias: Value | undefined): Value {
  const [, height = 0, width = 0] = shape;
  const [filters = 0, channels = 0, kRows = 0, kColumns = 0] = kernel.shape;
  const [stride = 1] = (node.attributes?.strides as number[] | undefined) ?? [1];
  const rows = Math.floor((height - kRows) / stride) + 1;
  const columns = Math.floor((width - kColumns) / stride) + 1;
  const out: number[] = [];
  for (let f = 0; f < filters; f++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        let sum = bias?.values[f] ?? 0;
        for (let k = 0; k < channels; k++) {
          for (let i = 0; i < kRows; i++) {
            for (let j = 0; j < kColumns; j++) {
              const weight = kernel.values[((f * channels + k) * kRows + i) * kColumns + j] ?? 0;
              sum += weight * (values[(k * height + r * stride + i) * width + c * stride + j] ?? 0);
            }
          }
        }
        out.push(sum);
      }
    }
  }
  return { shape: [filters, rows, columns], values: out };
}

function quantise(
  value: Value,
  scale: Value,
  zero: Value | undefined,
  zeroTensor: TestTensor | undefined,
  report: Report,
): Value {
  const offset = zero?.values[0] ?? 0;
  const [low, high] = zeroTensor?.type === "int8" ? [-128, 127] : [0, 255];
  return mapValue(value, (v) => {
    const steps = v / (scale.values[0] ?? 1);
    if (steps > 0 && steps - Math.floor(steps) === 0.5) report.hasTie = true;
    const rounded = roundHalfEven(steps) + offset;
    if (rounded > high) report.hasClamped = true;
    return Math.min(high, Math.max(low, rounded));
  });
}

function dequantise(value: Value, scale: Value, zero: Value | undefined, node: TestNode): Value {
  const axis = Number(node.attributes?.axis ?? 1);
  const inner = value.shape.slice(axis + 1).reduce((product, side) => product * side, 1);
  const pick = (list: number[], at: number): number =>
    list[list.length === 1 ? 0 : Math.floor(at / inner) % (value.shape[axis] ?? 1)] ?? 0;
  return {
    ...value,
    values: value.values.map((v, at) => (v - (zero ? pick(zero.values, at) : 0)) * pick(scale.values, at)),
  };
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
