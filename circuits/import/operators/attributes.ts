// SPDX-License-Identifier: GPL-3.0-or-later
import type { ChainNode, Constant } from "../chain.ts";
import { nodeError } from "../error.ts";

export function numberAttribute({ attributes }: ChainNode, name: string, otherwise: number): number {
  const value = attributes.get(name);
  return typeof value === "number" ? value : otherwise;
}

export function textAttribute({ attributes }: ChainNode, name: string, otherwise: string): string {
  const value = attributes.get(name);
  return typeof value === "string" ? value : otherwise;
}

export function listAttribute({ attributes }: ChainNode, name: string, otherwise: number[]): number[] {
  const value = attributes.get(name);
  return Array.isArray(value) && value.length > 0 ? value : otherwise;
}

/** Throws MT-ONNX-004 unless the attribute, or its default, is `supported`. */
export function requireAttribute(
  node: ChainNode,
  name: string,
  supported: number,
  otherwise = supported,
): void {
  const value = numberAttribute(node, name, otherwise);
  if (value !== supported) {
    throw nodeError("form", node, `has ${name} = ${value}`, `Only ${name} = ${supported} is supported.`);
  }
}

/** Throws MT-ONNX-004 where input number `at` is no constant. */
export function requireConstant(node: ChainNode, at: number, what: string): Constant {
  const constant = node.constants[at];
  if (constant) return constant;
  throw nodeError(
    "form",
    node,
    `has ${what} that is no constant`,
    "Freeze the weights when you export the model.",
  );
}

/** The one number of a constant. Throws MT-ONNX-004 for a constant of several. */
export function onlyNumber(node: ChainNode, { values }: Constant, what: string): number {
  const [value] = values;
  if (value !== undefined && values.length === 1) return value;
  throw nodeError(
    "form",
    node,
    `has ${what} of ${values.length} numbers`,
    "Only one for the whole tensor is supported.",
  );
}

/** A stride or window that is the same down and across. Throws MT-ONNX-004 for another. */
export function evenSides(node: ChainNode, name: string, sides: readonly number[]): number {
  const [first] = sides;
  if (first !== undefined && sides.length === 2 && sides[1] === first) return first;
  throw nodeError(
    "form",
    node,
    `has ${name} = ${sides.join("x")}`,
    `Only ${name} of equal sides in two dimensions.`,
  );
}

/** Throws MT-ONNX-004 for a window that is padded or spread out. */
export function requirePlainWindow(node: ChainNode): void {
  const autoPad = textAttribute(node, "auto_pad", "NOTSET");
  const pads = listAttribute(node, "pads", [0]);
  const padded = autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER" || pads.some((pad) => pad !== 0);
  if (padded) {
    throw nodeError(
      "form",
      node,
      "pads its input",
      "Only windows without padding: pad the data, or train without.",
    );
  }
  if (listAttribute(node, "dilations", [1]).some((step) => step !== 1)) {
    throw nodeError("form", node, "is dilated", "Only dilations of 1 are supported.");
  }
  requireAttribute(node, "ceil_mode", 0);
}
