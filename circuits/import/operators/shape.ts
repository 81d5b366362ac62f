// SPDX-License-Identifier: GPL-3.0-or-later
import { sizeOf } from "@meantime/sdk/layers/shape";
import type { ChainNode } from "../chain.ts";
import { type Draft, pushLayer } from "../draft.ts";
import { nodeError } from "../error.ts";
import {
  evenSides,
  listAttribute,
  numberAttribute,
  requireConstant,
  requirePlainWindow,
} from "./attributes.ts";

export function importFlatten(draft: Draft, node: ChainNode): void {
  const axis = numberAttribute(node, "axis", 1);
  if (axis !== 1) throw nodeError("form", node, `has axis = ${axis}`, "Only axis = 1: all but the batch.");
  draft.isFlat = true;
}

/** To a vector, or from a vector to an image of one channel: neither moves a value. */
export function importReshape(draft: Draft, node: ChainNode): void {
  const [, ...sides] = requireConstant(node, 1, "a shape").values;
  const length = sizeOf(draft.shape);
  const [only, height = 0, width = 0] = sides;
  if (sides.length === 1 && (only === -1 || only === length)) {
    draft.isFlat = true;
    return;
  }
  if (sides.length === 3 && only === 1 && height * width === length && draft.shape.channels === length) {
    draft.shape = { height, width, channels: 1 };
    draft.isFlat = false;
    if (draft.layers.length === 0) draft.inputShape = [height, width];
    return;
  }
  throw nodeError(
    "form",
    node,
    `reshapes ${length} values to ${sides.join("x")}`,
    "Only to a vector, or from a vector to one channel of rows and columns.",
  );
}

export function importAveragePool(draft: Draft, node: ChainNode): void {
  requirePlainWindow(node);
  const size = evenSides(node, "kernel_shape", listAttribute(node, "kernel_shape", []));
  pool(draft, node, size, evenSides(node, "strides", listAttribute(node, "strides", [1, 1])));
}

export function importGlobalAveragePool(draft: Draft, node: ChainNode): void {
  const { height, width } = draft.shape;
  pool(draft, node, evenSides(node, "input sides", [height, width]), 1);
}

function pool(draft: Draft, node: ChainNode, size: number, stride: number): void {
  if (draft.isFlat) throw nodeError("form", node, "reads a vector", "Pools need rows and columns.");
  pushLayer(draft, node, { type: "averagePool", size, stride });
  if (draft.scale !== undefined) draft.scale *= size ** 2;
}
