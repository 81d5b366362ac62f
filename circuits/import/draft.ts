// SPDX-License-Identifier: GPL-3.0-or-later
import type { MeantimeError } from "@meantime/sdk/errors";
import { type Shape, sizeOf } from "@meantime/sdk/layers/shape";
import { type FloatLayer, shapeAfter } from "../quantise/float-model.ts";
import { nodeError } from "./error.ts";
import type { OnnxNode } from "./onnx-file.ts";

/** What is known so far about the network that a graph computes, node after node. */
export interface Draft {
  layers: FloatLayer[];
  /** As a specification says it. */
  inputShape: number[];
  /** Of the value under way, as a specification sees it. */
  shape: Shape;
  /** Whether the graph sees that value as a vector, in its own order: channel by channel. */
  isFlat: boolean;
  /** Input steps that make a real 1; undefined where the graph does not say. */
  inputScale: number | undefined;
  /** Largest integer that the graph can read. */
  inputMax: number;
  /** Integers that make a real 1 of the value under way; undefined once a weight or a ReLU is free to choose. */
  scale: number | undefined;
  /** Whether the graph quantises values on the way. */
  isQuantised: boolean;
  /** Whether the graph computes in integers throughout: reals are those integers. */
  isInteger: boolean;
  /** By dense or convolutional layer: what makes its weights the integers that the file holds. */
  weightScales: (number | undefined)[];
  /** By ReLU. */
  rectifiers: RectifierRule[];
  limits: Limit[];
  /** Why the specification would only be close to a quantised graph. */
  deviations: MeantimeError[];
  /** Whether the label, or something that leaves the largest logit the largest, has been computed. */
  isDone: boolean;
}

/** What the graph says about the values after a ReLU. */
export interface RectifierRule {
  node: OnnxNode;
  /** Integers that make a real 1 after it. */
  scale?: number;
  /** Bits dropped after it, in a graph of integers. */
  shift?: number;
}

/** The graph keeps what layer number `layer` gives in a type that ends at `max`. */
export interface Limit {
  layer: number;
  max: number;
  node: OnnxNode;
  /** Bits that a ReLU had dropped by then, where it drops more later. */
  shift?: number;
  /** What becomes of larger values. */
  otherwise: "clamps" | "wraps" | "rounds";
}

/** A draft before the first node. */
export function startDraft(
  input: Pick<Draft, "inputShape" | "shape" | "isFlat">,
  inputScale: number | undefined,
): Draft {
  return {
    ...input,
    layers: [],
    inputScale,
    inputMax: Number.POSITIVE_INFINITY,
    scale: inputScale,
    isQuantised: false,
    isInteger: false,
    weightScales: [],
    rectifiers: [],
    limits: [],
    deviations: [],
    isDone: false,
  };
}

export function pushLayer(draft: Draft, node: OnnxNode, layer: FloatLayer): void {
  try {
    draft.shape = shapeAfter(layer, draft.shape, `the layer of node ${node.name}`);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw nodeError("form", node, message, "Shapes inside the graph have to fit each other.");
  }
  draft.layers.push(layer);
}

export function pushRectifier(draft: Draft, node: OnnxNode): void {
  draft.rectifiers.push({ node });
  pushLayer(draft, node, { type: "relu" });
  if (!draft.isInteger) draft.scale = undefined;
}

/** Weights by [output][input], inputs in the graph's order. `weightScale`: what makes them integers again. */
export function pushDense(
  draft: Draft,
  node: OnnxNode,
  { weights, bias, weightScale }: { weights: number[][]; bias: number[]; weightScale: number | undefined },
): void {
  if (!draft.isFlat) {
    throw nodeError("form", node, "reads rows and columns", "Put a Flatten before the first dense layer.");
  }
  const { shape } = draft;
  const pixels = shape.height * shape.width;
  if (weights.some((row) => row.length !== sizeOf(shape))) {
    throw nodeError(
      "form",
      node,
      `has ${weights[0]?.length ?? 0} weights an output for ${sizeOf(shape)} inputs`,
      "Shapes inside the graph have to fit each other.",
    );
  }
  // The graph flattens channel by channel, a specification pixel by pixel.
  const ordered = weights.map((row) =>
    row.map((_, at) => row[(at % shape.channels) * pixels + Math.floor(at / shape.channels)] as number),
  );
  pushLayer(draft, node, { type: "dense", weights: ordered, bias });
  noteWeights(draft, weightScale);
}

/** Weights by [filter][row][column][channel]. */
export function pushConvolution(
  draft: Draft,
  node: OnnxNode,
  layer: { weights: number[][][][]; bias: number[]; stride: number; weightScale: number | undefined },
): void {
  if (draft.isFlat)
    throw nodeError("form", node, "reads a vector", "Reshape it to 1 x 1 x rows x columns before.");
  const { weights, bias, stride } = layer;
  pushLayer(draft, node, { type: "conv2d", weights, bias, stride });
  noteWeights(draft, layer.weightScale);
}

/** A value of a graph of integers as a real of the float model, where earlier shifts have been left out. */
export function realOf(draft: Draft, value: number): number {
  return draft.isInteger ? value / (draft.scale ?? 1) : value;
}

function noteWeights(draft: Draft, weightScale: number | undefined): void {
  draft.weightScales.push(weightScale);
  draft.scale =
    draft.scale === undefined || weightScale === undefined ? undefined : draft.scale * weightScale;
}
