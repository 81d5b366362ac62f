// SPDX-License-Identifier: GPL-3.0-or-later
import onnxProto, { type onnx } from "onnx-proto";

/** A graph of a test, to be written as an ONNX file and to be evaluated naively. */
export interface TestGraph {
  /** Batch included. */
  inputShape: (number | string)[];
  /** Reals unless told. */
  types?: { input: TestTensor["type"]; output: TestTensor["type"] };
  nodes: TestNode[];
  constants: Record<string, TestTensor>;
}

/** By convention the graph's input is "x", and its output is that of the last node. */
export interface TestNode {
  op: string;
  inputs: string[];
  output: string;
  attributes?: Record<string, number | string | number[]>;
  domain?: string;
}

export interface TestTensor {
  type: "float" | "int8" | "uint8" | "int32" | "int64";
  shape: number[];
  values: number[];
}

export function tensor(type: TestTensor["type"], shape: number[], values: number[]): TestTensor {
  return { type, shape, values };
}

export function scalar(type: TestTensor["type"], value: number): TestTensor {
  return { type, shape: [], values: [value] };
}

/** A chain of nodes, each of which reads what the one before gives; further inputs by name. */
export function chain(
  ...steps: [op: string, extraInputs?: string[], attributes?: NonNullable<TestNode["attributes"]>][]
): TestNode[] {
  return steps.map(([op, extraInputs = [], attributes = {}], at) => ({
    op,
    inputs: [at === 0 ? "x" : `v${at - 1}`, ...extraInputs],
    output: `v${at}`,
    attributes,
  }));
}

const DATA_TYPES = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;

/** The bytes of the ONNX file. */
export function encodeOnnx({ inputShape, types, nodes, constants }: TestGraph): Uint8Array {
  const { ModelProto } = onnxProto.onnx;
  const dim = inputShape.map((side) => (typeof side === "string" ? { dimParam: side } : { dimValue: side }));
  const inputType = { elemType: DATA_TYPES[types?.input ?? "float"], shape: { dim } };
  const outputType = { elemType: DATA_TYPES[types?.output ?? "float"] };
  return ModelProto.encode({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 15 }],
    graph: {
      name: "test",
      input: [{ name: "x", type: { tensorType: inputType } }],
      output: [{ name: nodes.at(-1)?.output ?? "", type: { tensorType: outputType } }],
      node: nodes.map(({ op, inputs, output, attributes = {}, domain = "" }) => ({
        name: `${op}_${output}`,
        opType: op,
        domain,
        input: inputs,
        output: [output],
        attribute: Object.entries(attributes).map(([name, content]) => encodeAttribute(name, content)),
      })),
      initializer: Object.entries(constants).map(([name, constant]) => encodeTensor(name, constant)),
    },
  }).finish();
}

function encodeAttribute(name: string, content: number | string | number[]): onnx.IAttributeProto {
  const { AttributeType } = onnxProto.onnx.AttributeProto;
  if (typeof content === "string") {
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(content) };
  }
  if (Array.isArray(content)) return { name, type: AttributeType.INTS, ints: content };
  return Number.isInteger(content)
    ? { name, type: AttributeType.INT, i: content }
    : { name, type: AttributeType.FLOAT, f: content };
}

// Floats and int8 as raw bytes, like the exporters of PyTorch; the rest as lists.
function encodeTensor(name: string, { type, shape, values }: TestTensor): onnx.ITensorProto {
  const common = { name, dims: shape, dataType: DATA_TYPES[type] };
  if (type === "float") return { ...common, rawData: new Uint8Array(Float32Array.from(values).buffer) };
  if (type === "int8") return { ...common, rawData: new Uint8Array(Int8Array.from(values).buffer) };
  return type === "int64" ? { ...common, int64Data: values } : { ...common, int32Data: values };
}
