// SPDX-License-Identifier: GPL-3.0-or-later
import { importError, nodeError } from "./error.ts";
import type { OnnxGraph, OnnxNode, Tensor } from "./onnx-file.ts";

/** A constant with where it comes from. */
export interface Constant extends Tensor {
  /** Present where it is a DequantizeLinear of integers with one scale: `values` are integers times it. */
  scale?: number;
}

/** A node on the way from the input to the output, its constants at hand. */
export interface ChainNode extends OnnxNode {
  /** By input: the constant there; undefined for the value under way and for inputs that are left out. */
  constants: (Constant | undefined)[];
}

/**
 * The nodes from the graph's input to its output, in order. Constants that are stored as integers are dequantised.
 * Throws MT-ONNX-002 where the graph is no chain: a value that two nodes read, a node that reads two values.
 */
export function chainOf(graph: OnnxGraph): ChainNode[] {
  const constants = new Map<string, Constant>(graph.constants);
  const chain: ChainNode[] = [];
  let value = graph.input.name;
  for (const node of graph.nodes) {
    const known = node.inputs.map((name) => constants.get(name));
    if (node.inputs.every((name, at) => name === "" || known[at])) {
      constants.set(node.outputs[0] ?? "", foldConstant(node, known));
      continue;
    }
    requireReader(node, value, constants);
    chain.push({ ...node, constants: known });
    value = node.outputs[0] ?? "";
  }
  if (!graph.outputs.includes(value)) {
    throw importError(
      "graph",
      `the output ${graph.outputs.join(", ")} is not what the last node computes`,
      "Export a network whose only output is its logits or its label.",
    );
  }
  return chain;
}

function requireReader(node: OnnxNode, value: string, constants: ReadonlyMap<string, Constant>): void {
  const others = node.inputs.filter((name) => name !== "" && name !== value && !constants.has(name));
  const readings = node.inputs.filter((name) => name === value).length;
  if (others.length > 0 || readings !== 1) {
    const message =
      others.length > 0 ? `reads ${others.join(", ")} beside or instead of ${value}` : `reads ${value} twice`;
    throw nodeError("graph", node, message, "Branches are not supported: export a plain chain of layers.");
  }
}

function foldConstant(node: OnnxNode, [integers, scale, zeroPoint]: (Constant | undefined)[]): Constant {
  if (node.op === "Identity" && integers) return integers;
  if (node.op !== "DequantizeLinear" || !integers || !scale) {
    throw nodeError("operator", node, "computes a constant", "Fold constants when you export the model.");
  }
  return dequantise(node, integers, scale, zeroPoint);
}

/**
 * (integer - zero point) * scale, one scale for the tensor or one for each place along the attribute `axis`; `axis` is
 * the default of DequantizeLinear for one that says nothing.
 */
export function dequantise(
  node: OnnxNode,
  { shape, values }: Tensor,
  scale: Tensor,
  zeroPoint: Tensor | undefined,
  axis = 1,
): Constant {
  const told = node.attributes.get("axis");
  const along = typeof told === "number" ? (told + shape.length) % Math.max(1, shape.length) : axis;
  const inner = shape.slice(along + 1).reduce((product, side) => product * side, 1);
  const placeOf = (at: number): number => Math.floor(at / inner) % (shape[along] ?? 1);
  if (scale.values.length !== 1 && scale.values.length !== shape[along]) {
    throw nodeError(
      "form",
      node,
      `has ${scale.values.length} scales for the shape ${shape.join("x")}`,
      "One scale a tensor, or one a channel.",
    );
  }
  requirePositive(node, scale);
  const pick = ({ values: list }: Tensor, at: number): number =>
    list[list.length === 1 ? 0 : placeOf(at)] ?? 0;
  const reals = values.map((value, at) => (value - (zeroPoint ? pick(zeroPoint, at) : 0)) * pick(scale, at));
  const [only] = scale.values;
  return {
    type: "float",
    shape,
    values: reals,
    ...(scale.values.length === 1 && only !== undefined ? { scale: only } : {}),
  };
}

/** Throws MT-ONNX-004 for a scale that is not above 0. */
export function requirePositive(node: OnnxNode, scale: Tensor): void {
  if (scale.values.every((value) => value > 0)) return;
  throw nodeError("form", node, "has a scale that is not above 0", "The file is damaged: export it again.");
}
