// SPDX-License-Identifier: MIT
import { inputScheme, outputScheme } from "./commitment.ts";
import { MeantimeError } from "./errors.ts";
import { type Hex, keccak256, keccak256Text, ZERO_HASH } from "./hex.ts";
import { asRecord } from "./json.ts";
import { EVIDENCE_KINDS, tagKinds } from "./policy.ts";
import { encodeWords } from "./words.ts";

/** out = weights * in + bias, in integers. Weights by rows, one row an output. */
export interface DenseLayer {
  type: "dense";
  weights: number[][];
  bias: number[];
}

/** out = floor(max(in, 0) / 2^shift). */
export interface ReluLayer {
  type: "relu";
  shift: number;
}

/** The lowest index of a largest element: the label. Always the last layer. */
export interface ArgmaxLayer {
  type: "argmax";
}

export type Layer = DenseLayer | ReluLayer | ArgmaxLayer;

/** The one specification of a model: what runs, what the circuit proves, and what the registry's entry names. */
export interface ModelSpec {
  name: string;
  version: number;
  /** Inputs are integers 0 .. 2^inputBits - 1. */
  inputBits: number;
  /** Sides of the input; the model reads it flat, row by row. */
  inputShape: number[];
  classes: number;
  layers: Layer[];
}

/** The answer of a classifier. */
export interface ModelAnswer {
  label: number;
  /** The integer scores that the label is the largest of. */
  logits: number[];
}

/** The smallest and largest value that each output of a layer can take, over all inputs. */
export interface Bounds {
  low: number[];
  high: number[];
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
    inputShape: asList(fields.inputShape, "inputShape").map((side, at) =>
      asCount(side, `inputShape.${at}`, 1, 2 ** 16),
    ),
    classes: asCount(fields.classes, "classes", 2, 256),
    layers: asList(fields.layers, "layers").map((layer, at) => parseLayer(layer, `layers.${at}`)),
  };
  requireFittingLayers(spec);
  layerBounds(spec);
  return spec;
}

/** How many elements the model reads. */
export function inputLength({ inputShape }: ModelSpec): number {
  return inputShape.reduce((product, side) => product * side, 1);
}

/**
 * keccak256 of the specification's canonical JSON (RFC 8785: keys sorted, no white space), weights included. All its
 * values are integers and plain ASCII names, so any canonicaliser gives the same bytes.
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
  for (const layer of spec.layers) {
    if (layer.type === "dense") values = applyDense(layer, values);
    else if (layer.type === "relu")
      values = values.map((value) => Math.floor(Math.max(value, 0) / 2 ** layer.shift));
  }
  const logits = [...values];
  return { label: logits.indexOf(Math.max(...logits)), logits };
}

/** The range of each element of the input. */
export function inputBounds(spec: ModelSpec): Bounds {
  const length = inputLength(spec);
  return { low: new Array(length).fill(0), high: new Array(length).fill(2 ** spec.inputBits - 1) };
}

/** For each layer the bounds of its outputs, by interval arithmetic from the range of the inputs. */
export function layerBounds(spec: ModelSpec): Bounds[] {
  let bounds = inputBounds(spec);
  return spec.layers.map((layer, at) => {
    if (layer.type === "dense") bounds = denseBounds(layer, bounds, `layers.${at}`);
    if (layer.type === "relu") bounds = reluBounds(layer, bounds);
    return bounds;
  });
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

function applyDense({ weights, bias }: DenseLayer, input: readonly number[]): number[] {
  return weights.map((row, at) => {
    let sum = bias[at] ?? 0;
    for (let column = 0; column < row.length; column++) sum += (row[column] ?? 0) * (input[column] ?? 0);
    return sum;
  });
}

function denseBounds({ weights, bias }: DenseLayer, { low, high }: Bounds, where: string): Bounds {
  const extreme = (row: number[], at: number, forPositive: number[], forNegative: number[]) =>
    row.reduce(
      (sum, weight, column) => sum + weight * ((weight > 0 ? forPositive : forNegative)[column] ?? 0),
      bias[at] ?? 0,
    );
  // Sums of magnitudes, not the bounds themselves: every partial sum has to be exact, in whatever order it is taken.
  const largest = low.map((lowest, column) => Math.max(-lowest, high[column] ?? 0));
  const magnitudes = weights.map((row, at) =>
    row.reduce(
      (sum, weight, column) => sum + Math.abs(weight) * (largest[column] ?? 0),
      Math.abs(bias[at] ?? 0),
    ),
  );
  if (!magnitudes.every(Number.isSafeInteger)) {
    throw malformed(`${where} can exceed 2^53`, "Shift more after the layer before, or use smaller weights.");
  }
  return {
    low: weights.map((row, at) => extreme(row, at, low, high)),
    high: weights.map((row, at) => extreme(row, at, high, low)),
  };
}

function reluBounds({ shift }: ReluLayer, { low, high }: Bounds): Bounds {
  const relu = (value: number) => Math.floor(Math.max(value, 0) / 2 ** shift);
  return { low: low.map(relu), high: high.map(relu) };
}

function parseLayer(json: unknown, where: string): Layer {
  const fields = asRecord(json, where);
  if (fields.type === "argmax") return { type: "argmax" };
  if (fields.type === "relu") return { type: "relu", shift: asCount(fields.shift, `${where}.shift`, 0, 52) };
  if (fields.type !== "dense") {
    throw malformed(`${where}.type ${JSON.stringify(fields.type)} is unknown`, "Use dense, relu or argmax.");
  }
  return {
    type: "dense",
    weights: asList(fields.weights, `${where}.weights`).map((row, at) =>
      asIntegers(row, `${where}.weights.${at}`),
    ),
    bias: asIntegers(fields.bias, `${where}.bias`),
  };
}

function requireFittingLayers(spec: ModelSpec): void {
  let width = inputLength(spec);
  for (const [at, layer] of spec.layers.entries()) {
    const isLast = at === spec.layers.length - 1;
    if ((layer.type === "argmax") !== isLast) {
      throw malformed(`layers.${at} is ${layer.type}`, "Put exactly one argmax, at the end.");
    }
    if (layer.type !== "dense") continue;
    const columns = layer.weights.map((row) => row.length);
    if (columns.some((count) => count !== width) || layer.bias.length !== layer.weights.length) {
      throw malformed(
        `layers.${at} does not fit ${width} inputs`,
        "One weight an input in each row, one bias a row.",
      );
    }
    width = layer.weights.length;
  }
  if (spec.layers.length === 0 || width !== spec.classes) {
    throw malformed(`the last layer has ${width} outputs for ${spec.classes} classes`, "One logit a class.");
  }
}

function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(",")}}`;
}

function asName(value: unknown): string {
  if (typeof value === "string" && /^[a-z][a-z0-9_]{0,63}$/.test(value)) return value;
  throw malformed("the name is not a short lower-case identifier", "Use letters, digits and _.");
}

function asCount(value: unknown, where: string, min: number, max: number): number {
  if (isIntegerWithin(value, min, max)) return value;
  throw malformed(`${where} is not an integer from ${min} to ${max}`, "Correct it in the specification.");
}

function asList(value: unknown, where: string): unknown[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw malformed(`${where} is not a list with elements`, "Correct it in the specification.");
}

function asIntegers(value: unknown, where: string): number[] {
  const list = asList(value, where);
  const at = list.findIndex((entry) => !Number.isSafeInteger(entry));
  if (at >= 0) throw malformed(`${where}.${at} is not an integer`, "Quantise the weights.");
  return list as number[];
}

function isIntegerWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}

function malformed(message: string, hint: string): MeantimeError {
  return new MeantimeError("MT-SDK-301", `model specification: ${message}`, { hint });
}
