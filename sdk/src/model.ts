// SPDX-License-Identifier: MIT
import { canonicalJson } from "./canonical-json.ts";
import { inputScheme, outputScheme } from "./commitment.ts";
import { MeantimeError } from "./errors.ts";
import { type Hex, keccak256, keccak256Text, ZERO_HASH } from "./hex.ts";
import { asRecord } from "./json.ts";
import type { Bounds } from "./layers/bounds.ts";
import { type Conv2dLayer, conv2dShape, parseConv2d } from "./layers/conv2d.ts";
import { type DenseLayer, denseShape, parseDense } from "./layers/dense.ts";
import { asCount, asList, isIntegerWithin, malformed } from "./layers/fields.ts";
import { applyLinear, linearBounds } from "./layers/linear.ts";
import { applyRelu, parseRelu, type ReluLayer, reluBounds } from "./layers/relu.ts";
import { type Shape, sizeOf, vector } from "./layers/shape.ts";
import { parseSumPool, type SumPoolLayer, sumPoolShape } from "./layers/sum-pool.ts";
import { EVIDENCE_KINDS, tagKinds } from "./policy.ts";
import { encodeWords } from "./words.ts";

/** The lowest index of a largest element: the label. Always the last layer. */
export interface ArgmaxLayer {
  type: "argmax";
}

export type Layer = DenseLayer | Conv2dLayer | SumPoolLayer | ReluLayer | ArgmaxLayer;

/**
 * The one specification of a model: what runs, what the circuit proves, and what the registry's entry names.
 *
 * The input scheme is not a field: `inputBits` and the number of elements fix it (`inputScheme` in `commitment.ts`).
 */
export interface ModelSpec {
  name: string;
  version: number;
  /** Inputs are integers 0 .. 2^inputBits - 1. */
  inputBits: number;
  /** `[length]`, `[height, width]` or `[height, width, channels]`; the model reads it flat, in this order. */
  inputShape: number[];
  classes: number;
  layers: Layer[];
  /** What the integers stand for. Nothing is computed with it. */
  scales?: ModelScales;
}

/** Real value of one integer step, as a decimal such as "0.0039215686". */
export interface ModelScales {
  input: string;
  logits: string;
}

/** A layer with what is known about its surroundings before any input is. */
export interface LayerPlan {
  layer: Layer;
  /** Shape of what it reads. */
  input: Shape;
  /** Bounds of what it reads. */
  inputBounds: Bounds;
  /** Shape of what it gives. */
  output: Shape;
  /** Bounds of what it gives; the argmax has those of the label. */
  outputBounds: Bounds;
}

/** The answer of a classifier. */
export interface ModelAnswer {
  label: number;
  /** The integer scores that the label is the largest of. */
  logits: number[];
}

/** A model's entry in the ModelRegistry; field by field the struct `Model` of the contracts. */
export interface ModelEntry {
  name: string;
  version: number;
  specHash: Hex;
  inputScheme: Hex;
  outputScheme: Hex;
  /** Zero: not provable. */
  verificationKeyId: Hex;
  /** Zero: runs in no enclave. */
  measurement: Hex;
  /** Whether running it again gives the same output, so that re-executors can vouch for it. */
  reexecutable: boolean;
}

const MODEL_TYPEHASH = keccak256Text(
  "Model(string name,uint32 version,bytes32 specHash,bytes32 inputScheme,bytes32 outputScheme,bytes32 verificationKeyId,bytes32 measurement,bool reexecutable)",
);

const MAX_INPUT_BITS = 16;
const MAX_SIDE = 2 ** 16;
const MAX_CLASSES = 256;

/**
 * A specification from JSON, checked through: shapes that fit each other, integers, one argmax at the end, and static
 * bounds under 2^53, so that plain numbers compute it exactly (and far under the circuit's field). Throws MT-SDK-301
 * naming what is wrong.
 */
export function parseModelSpec(json: unknown): ModelSpec {
  const fields = asRecord(json, "model specification");
  const spec: ModelSpec = {
    name: asName(fields.name),
    version: asCount(fields.version, "version", 1, 2 ** 32 - 1),
    inputBits: asCount(fields.inputBits, "inputBits", 1, MAX_INPUT_BITS),
    inputShape: parseInputShape(fields.inputShape),
    classes: asCount(fields.classes, "classes", 2, MAX_CLASSES),
    layers: asList(fields.layers, "layers").map((layer, at) => parseLayer(layer, `layers.${at}`)),
    ...(fields.scales === undefined ? {} : { scales: parseScales(fields.scales) }),
  };
  requireFinalArgmax(spec);
  planLayers(spec);
  return spec;
}

/** How many elements the model reads. */
export function inputLength(spec: ModelSpec): number {
  return sizeOf(inputShapeOf(spec));
}

/**
 * keccak256 of the specification's canonical JSON (RFC 8785: keys sorted, no white space), weights included. All its
 * values are integers and plain ASCII text, so any canonicaliser gives the same bytes.
 */
export function specHash(spec: ModelSpec): Hex {
  return keccak256Text(canonicalJson(spec));
}

/** Throws MT-SDK-302 for another number of elements, MT-SDK-303 for an element outside the model's range, with its place. */
export function checkInput(spec: ModelSpec, input: readonly unknown[]): asserts input is number[] {
  const length = inputLength(spec);
  if (input.length !== length) {
    throw new MeantimeError("MT-SDK-302", `${spec.name} reads ${length} elements, not ${input.length}`, {
      hint: `Send ${spec.inputShape.join(" x ")} elements, row by row.`,
      details: { expected: length, actual: input.length },
    });
  }
  const max = 2 ** spec.inputBits - 1;
  const place = input.findIndex((element) => !isIntegerWithin(element, 0, max));
  if (place >= 0) {
    throw new MeantimeError("MT-SDK-303", `element ${place} is not an integer from 0 to ${max}`, {
      hint: `Quantise the input to ${spec.inputBits} bits.`,
      details: { place, value: input[place], max },
    });
  }
}

/** Runs the model in integers: exactly the circuit's arithmetic. Throws as `checkInput` does. */
export function runModel(spec: ModelSpec, input: readonly number[]): ModelAnswer {
  checkInput(spec, input);
  let values: readonly number[] = input;
  let shape = inputShapeOf(spec);
  for (const [at, layer] of spec.layers.entries()) {
    const output = outputShape(layer, shape, `layers.${at}`);
    if (layer.type === "relu") values = applyRelu(layer, values);
    else if (layer.type !== "argmax") values = applyLinear(layer, shape, output, values);
    shape = output;
  }
  const logits = [...values];
  return { label: logits.indexOf(Math.max(...logits)), logits };
}

/** Each layer with its shapes and static bounds, by interval arithmetic from the range of the inputs. */
export function planLayers(spec: ModelSpec): LayerPlan[] {
  let input = inputShapeOf(spec);
  let bounds = inputBounds(spec);
  const plans: LayerPlan[] = [];
  for (const [at, layer] of spec.layers.entries()) {
    const where = `layers.${at}`;
    const output = outputShape(layer, input, where);
    const outputBounds = boundsAfter(layer, input, output, bounds, where);
    plans.push({ layer, input, inputBounds: bounds, output, outputBounds });
    input = output;
    bounds = outputBounds;
  }
  const classes = plans.at(-1)?.input;
  if (classes === undefined || sizeOf(classes) !== spec.classes) {
    const found = classes === undefined ? 0 : sizeOf(classes);
    throw malformed(`the last layer has ${found} outputs for ${spec.classes} classes`, "One logit a class.");
  }
  return plans;
}

/** The range of each element of the input. */
export function inputBounds(spec: ModelSpec): Bounds {
  const length = inputLength(spec);
  return { low: new Array(length).fill(0), high: new Array(length).fill(2 ** spec.inputBits - 1) };
}

/** For each layer the bounds of its outputs. */
export function layerBounds(spec: ModelSpec): Bounds[] {
  return planLayers(spec).map(({ outputBounds }) => outputBounds);
}

/** The registry entry of a model. Integer networks are re-executable: they compute the same everywhere. */
export function modelEntry(
  spec: ModelSpec,
  { verificationKeyId = ZERO_HASH, measurement = ZERO_HASH }: { verificationKeyId?: Hex; measurement?: Hex },
): ModelEntry {
  return {
    name: spec.name,
    version: spec.version,
    specHash: specHash(spec),
    inputScheme: inputScheme(spec.inputBits, inputLength(spec)),
    outputScheme: outputScheme(spec.classes),
    verificationKeyId,
    measurement,
    reexecutable: true,
  };
}

/** The model id: the content hash of the entry, its lowest byte replaced by the kinds of evidence it has. */
export function modelId(entry: ModelEntry): Hex {
  const contentHash = keccak256(
    encodeWords(
      MODEL_TYPEHASH,
      keccak256Text(entry.name),
      entry.version,
      entry.specHash,
      entry.inputScheme,
      entry.outputScheme,
      entry.verificationKeyId,
      entry.measurement,
      entry.reexecutable ? 1 : 0,
    ),
  );
  const zk = entry.verificationKeyId === ZERO_HASH ? 0 : EVIDENCE_KINDS.zk;
  const tee = entry.measurement === ZERO_HASH ? 0 : EVIDENCE_KINDS.tee;
  const quorum = entry.reexecutable ? EVIDENCE_KINDS.quorum : 0;
  return tagKinds(contentHash, zk | tee | quorum);
}

function parseInputShape(json: unknown): number[] {
  const sides = asList(json, "inputShape").map((side, at) => asCount(side, `inputShape.${at}`, 1, MAX_SIDE));
  if (sides.length > 3) throw malformed("inputShape has more than three sides", "Height, width, channels.");
  return sides;
}

function parseScales(json: unknown): ModelScales {
  const fields = asRecord(json, "scales");
  return {
    input: asDecimal(fields.input, "scales.input"),
    logits: asDecimal(fields.logits, "scales.logits"),
  };
}

function parseLayer(json: unknown, where: string): Layer {
  const fields = asRecord(json, where);
  if (fields.type === "dense") return parseDense(fields, where);
  if (fields.type === "conv2d") return parseConv2d(fields, where);
  if (fields.type === "sumPool") return parseSumPool(fields, where);
  if (fields.type === "relu") return parseRelu(fields, where);
  if (fields.type === "argmax") return { type: "argmax" };
  throw malformed(
    `${where}.type ${JSON.stringify(fields.type)} is unknown`,
    "Use dense, conv2d, sumPool, relu or argmax.",
  );
}

function requireFinalArgmax({ layers }: ModelSpec): void {
  const at = layers.findIndex(({ type }, place) => (type === "argmax") !== (place === layers.length - 1));
  if (at >= 0) throw malformed(`layers.${at} is ${layers[at]?.type}`, "Put exactly one argmax, at the end.");
}

function inputShapeOf({ inputShape }: ModelSpec): Shape {
  const [first = 0, width, channels] = inputShape;
  return width === undefined ? vector(first) : { height: first, width, channels: channels ?? 1 };
}

function outputShape(layer: Layer, input: Shape, where: string): Shape {
  if (layer.type === "dense") return denseShape(layer, input, where);
  if (layer.type === "conv2d") return conv2dShape(layer, input, where);
  if (layer.type === "sumPool") return sumPoolShape(layer, input, where);
  return layer.type === "argmax" ? vector(1) : input;
}

function boundsAfter(layer: Layer, input: Shape, output: Shape, bounds: Bounds, where: string): Bounds {
  if (layer.type === "relu") return reluBounds(layer, bounds);
  if (layer.type === "argmax") return { low: [0], high: [sizeOf(input) - 1] };
  return linearBounds(layer, input, output, bounds, where);
}

function asName(value: unknown): string {
  if (typeof value === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(value)) return value;
  throw malformed("the name is not a short lower-case identifier", "Use letters, digits and _.");
}

function asDecimal(value: unknown, where: string): string {
  if (typeof value === "string" && /^(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?$/.test(value)) return value;
  throw malformed(`${where} is not a decimal in quotes`, 'Write it like "0.0039215686".');
}
