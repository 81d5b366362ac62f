// SPDX-License-Identifier: MIT
import { canonicalJson } from "./canonical-json.ts";
import { commitElements, schemeTag } from "./commitment.ts";
import { MeantimeError } from "./errors.ts";
import { type Hex, keccak256Text } from "./hex.ts";
import type { ModelSpec } from "./model.ts";

/** How the private weights of a model are written down before they are committed to. */
export interface WeightEncoding {
  /** Bits of a weight: -2^(weightBits-1) .. 2^(weightBits-1) - 1. */
  weightBits: number;
  /** A bias is a number of this many digits of `weightBits` bits, less half its range. */
  biasDigits: number;
}

/** What the public may know of a layer. */
export type PublicLayer =
  | { type: "dense"; outputs: number }
  | { type: "relu"; shift: number }
  | { type: "argmax" };

/** A model without its weights. */
export interface Architecture extends WeightEncoding {
  inputBits: number;
  inputShape: number[];
  classes: number;
  layers: PublicLayer[];
}

/** All that is published of a model with private weights; its hash stands where other models have their specification's. */
export interface CommittedModel {
  name: string;
  version: number;
  architecture: Architecture;
  weightCommitment: Hex;
}

/** The public part of a model of dense layers. Throws MT-SDK-304 for a layer that cannot be private. */
export function architectureOf(spec: ModelSpec, encoding: WeightEncoding): Architecture {
  const layers = spec.layers.map((layer, at): PublicLayer => {
    if (layer.type === "dense") return { type: "dense", outputs: layer.weights.length };
    if (layer.type === "relu" || layer.type === "argmax") return layer;
    throw new MeantimeError("MT-SDK-304", `layers.${at}: a ${layer.type} cannot have private weights`, {
      hint: "Use dense, relu and argmax.",
      details: { layer: at, type: layer.type },
    });
  });
  const { inputBits, inputShape, classes } = spec;
  const { weightBits, biasDigits } = encoding;
  return { inputBits, inputShape, classes, layers, weightBits, biasDigits };
}

/**
 * The weights as unsigned elements of `weightBits` bits, layer by layer, row by row: the weights of a row, then the
 * digits of its bias, the lowest first. Throws MT-SDK-305 for a weight or bias that does not fit.
 */
export function weightElements(spec: ModelSpec, { weightBits, biasDigits }: WeightEncoding): number[] {
  const elements: number[] = [];
  for (const [at, layer] of spec.layers.entries()) {
    if (layer.type !== "dense") continue;
    for (const [row, weights] of layer.weights.entries()) {
      const where = `layers.${at}, row ${row}`;
      for (const weight of weights) elements.push(unsigned(weight, weightBits, where));
      const bias = unsigned(layer.bias[row] ?? 0, weightBits * biasDigits, where);
      for (let digit = 0; digit < biasDigits; digit++)
        elements.push(Math.floor(bias / 2 ** (weightBits * digit)) % 2 ** weightBits);
    }
  }
  return elements;
}

/**
 * Salted Poseidon commitment to a model's weights, as `commitInput` makes them, under the tag of the architecture:
 * keccak256("meantime.weights.poseidon.v1:" + canonical JSON of the architecture).
 *
 * @throws MeantimeError MT-SDK-203 salt malformed, MT-SDK-304 and MT-SDK-305 as above.
 */
export function commitWeights(spec: ModelSpec, encoding: WeightEncoding, salt: Hex): Hex {
  const elements = weightElements(spec, encoding);
  return commitElements(weightTag(architectureOf(spec, encoding)), {
    bits: encoding.weightBits,
    elements,
    salt,
  });
}

/** The domain tag of the weights of an architecture. */
export function weightTag(architecture: Architecture): bigint {
  return schemeTag(keccak256Text(`meantime.weights.poseidon.v1:${canonicalJson(architecture)}`));
}

/** keccak256 of the canonical JSON of what is published: the `specHash` of a model with private weights. */
export function committedModelHash(model: CommittedModel): Hex {
  return keccak256Text(canonicalJson(model));
}

function unsigned(value: number, bits: number, where: string): number {
  const half = 2 ** (bits - 1);
  if (value >= -half && value < half) return value + half;
  throw new MeantimeError("MT-SDK-305", `${where}: ${value} does not fit ${bits} bits`, {
    hint: "Quantise to smaller weights, or encode them with more bits.",
    details: { value, bits },
  });
}
