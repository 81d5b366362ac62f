// SPDX-License-Identifier: GPL-3.0-or-later
import onnxProto, { type onnx } from "onnx-proto";
import { importError } from "./error.ts";

/** A constant of the graph. */
export interface Tensor {
  type: ElementType;
  shape: number[];
  values: number[];
}

/** Element types that a supported graph has constants of. */
export type ElementType = "float" | "double" | "uint8" | "int8" | "uint16" | "int16" | "int32" | "int64";

export interface OnnxNode {
  /** The node's own name, or the name of its first output where it has none. */
  name: string;
  op: string;
  /** Names of tensors; "" is an optional input that is left out. */
  inputs: string[];
  outputs: string[];
  attributes: Map<string, Attribute>;
}

export type Attribute = number | string | number[] | Tensor;

/** A graph as the rest of the importer reads it. */
export interface OnnxGraph {
  /** The one input that is no constant. A dynamic side is null. */
  input: { name: string; shape: (number | null)[] };
  outputs: string[];
  /** In the order in which they run. */
  nodes: OnnxNode[];
  constants: Map<string, Tensor>;
}

// TensorProto.DataType and the bytes of an element in raw_data: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
const ELEMENT_TYPES: Record<number, ElementType> = {
  1: "float",
  2: "uint8",
  3: "int8",
  4: "uint16",
  5: "int16",
  6: "int32",
  7: "int64",
  11: "double",
};
const ELEMENT_BYTES: Record<ElementType, number> = {
  float: 4,
  double: 8,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  int32: 4,
  int64: 8,
};
const EXTERNAL = 1;
const STANDARD_DOMAINS = ["", "ai.onnx"];

/** Reads an ONNX file. Throws MT-ONNX-001 for anything else and for tensors that it does not hold itself. */
export function readOnnx(bytes: Uint8Array): OnnxGraph {
  const graph = decode(bytes);
  const constants = new Map(
    (graph.initializer ?? []).map((tensor) => [tensor.name ?? "", readTensor(tensor)]),
  );
  const nodes: OnnxNode[] = [];
  for (const proto of graph.node ?? []) {
    const node = readNode(proto);
    const value = constantOf(node);
    if (value) constants.set(node.outputs[0] ?? "", value);
    else nodes.push(node);
  }
  const inputs = (graph.input ?? []).filter(({ name }) => !constants.has(name ?? ""));
  const [input] = inputs;
  if (!input || inputs.length > 1) {
    throw importError("graph", `the graph has ${inputs.length} inputs`, "Export a network with one input.");
  }
  return {
    input: { name: input.name ?? "", shape: readShape(input) },
    outputs: (graph.output ?? []).map(({ name }) => name ?? ""),
    nodes,
    constants,
  };
}

function decode(bytes: Uint8Array): onnx.IGraphProto {
  const hint = "Give the bytes of one .onnx file.";
  let model: onnx.ModelProto;
  try {
    model = onnxProto.onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw importError("file", "this is not an ONNX file", hint, cause);
  }
  if (!model.graph || (model.graph.node ?? []).length === 0) {
    throw importError("file", "this is not an ONNX file, or its graph has no nodes", hint);
  }
  return model.graph;
}

function readNode(proto: onnx.INodeProto): OnnxNode {
  const outputs = proto.output ?? [];
  const domain = proto.domain ?? "";
  const op = proto.opType ?? "";
  return {
    name: proto.name || outputs[0] || "without a name",
    op: STANDARD_DOMAINS.includes(domain) ? op : `${domain}.${op}`,
    inputs: proto.input ?? [],
    outputs,
    attributes: new Map(
      (proto.attribute ?? []).map((attribute) => [attribute.name ?? "", readAttribute(attribute)]),
    ),
  };
}

function constantOf({ op, attributes }: OnnxNode): Tensor | undefined {
  const [kind, value] = (op === "Constant" ? [...attributes][0] : undefined) ?? [];
  if (value === undefined || typeof value === "string") return undefined;
  if (typeof value === "object" && !Array.isArray(value)) return value;
  const type = kind?.startsWith("value_int") ? "int64" : "float";
  return Array.isArray(value)
    ? { type, shape: [value.length], values: value }
    : { type, shape: [], values: [value] };
}

function readAttribute({ type, f, i, s, t, floats, ints }: onnx.IAttributeProto): Attribute {
  const { AttributeType } = onnxProto.onnx.AttributeProto;
  if (type === AttributeType.FLOAT) return f ?? 0;
  if (type === AttributeType.INT) return Number(i ?? 0);
  if (type === AttributeType.STRING) return new TextDecoder().decode(s ?? new Uint8Array());
  if (type === AttributeType.TENSOR && t) return readTensor(t);
  if (type === AttributeType.FLOATS) return floats ?? [];
  if (type === AttributeType.INTS) return (ints ?? []).map(Number);
  return [];
}

function readTensor(tensor: onnx.ITensorProto): Tensor {
  const name = tensor.name || "of a node";
  const type = ELEMENT_TYPES[tensor.dataType ?? 0];
  const shape = (tensor.dims ?? []).map(Number);
  if (!type) {
    throw importError(
      "file",
      `the constant ${name} has elements of type ${tensor.dataType}`,
      "Export float32 weights, or integers of 8, 16, 32 or 64 bits.",
    );
  }
  if (tensor.dataLocation === EXTERNAL) {
    throw importError(
      "file",
      `the constant ${name} lies in another file`,
      "Save the model with its weights inside.",
    );
  }
  const values = tensor.rawData?.length ? readRaw(type, tensor.rawData) : readLists(type, tensor);
  if (!values.every(Number.isFinite)) {
    throw importError(
      "file",
      `the constant ${name} has elements that are no numbers`,
      "Train again: it diverged.",
    );
  }
  const count = shape.reduce((product, side) => product * side, 1);
  if (values.length !== count) {
    throw importError(
      "file",
      `the constant ${name} has ${values.length} elements for the shape ${shape.join("x")}`,
      "The file is damaged: export it again.",
    );
  }
  return { type, shape, values };
}

function readRaw(type: ElementType, raw: Uint8Array): number[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const width = ELEMENT_BYTES[type];
  return Array.from({ length: Math.floor(raw.length / width) }, (_, at) =>
    readElement(view, type, at * width),
  );
}

function readElement(view: DataView, type: ElementType, at: number): number {
  if (type === "float") return view.getFloat32(at, true);
  if (type === "double") return view.getFloat64(at, true);
  if (type === "uint8") return view.getUint8(at);
  if (type === "int8") return view.getInt8(at);
  if (type === "uint16") return view.getUint16(at, true);
  if (type === "int16") return view.getInt16(at, true);
  if (type === "int32") return view.getInt32(at, true);
  return Number(view.getBigInt64(at, true));
}

function readLists(type: ElementType, tensor: onnx.ITensorProto): number[] {
  if (type === "float") return tensor.floatData ?? [];
  if (type === "double") return tensor.doubleData ?? [];
  if (type === "int64") return (tensor.int64Data ?? []).map(Number);
  return tensor.int32Data ?? [];
}

function readShape({ type }: onnx.IValueInfoProto): (number | null)[] {
  return (type?.tensorType?.shape?.dim ?? []).map(({ dimValue, dimParam }) =>
    dimParam || !Number(dimValue ?? 0) ? null : Number(dimValue),
  );
}
