// SPDX-License-Identifier: GPL-3.0-or-later
import { existsSync, readFileSync } from "node:fs";
import { canonicalJson } from "@meantime/sdk/canonical-json";
import { inputScheme, outputScheme } from "@meantime/sdk/commitment";
import { architectureOf, committedModelHash, commitWeights } from "@meantime/sdk/committed-model";
import { asHex32, type Hex, keccak256Text } from "@meantime/sdk/hex";
import { batchInputScheme, batchOutputScheme } from "@meantime/sdk/inference-batch";
import { asRecord } from "@meantime/sdk/json";
import { asCount } from "@meantime/sdk/layers/fields";
import { inputLength, type ModelSpec, parseModelSpec, specHash } from "@meantime/sdk/model";
import { batchShape, batchSource } from "./compiler/batch.ts";
import { committedSource } from "./compiler/committed.ts";
import { circuitSource } from "./compiler/source.ts";
import { modelFile } from "./paths.ts";

/** One circuit, made from `models/NAME.json`. */
export interface SuiteCircuit {
  name: string;
  /** The circom source. */
  source: string;
  /** What the registry's entry of the model names: see `ModelEntry`. */
  specHash: Hex;
  inputScheme: Hex;
  outputScheme: Hex;
}

/** Circuits whose witness generator and keys are committed: small ones. */
export const SHIPPED = ["iris_mlp", "tiny_mlp"] as const;
/** Circuits of which only source and manifest are committed; their keys are made on demand. */
export const ON_DEMAND = ["mnist_mlp", "mnist_cnn", "committed_mlp", "batch_root"] as const;

export type SuiteName = (typeof SHIPPED)[number] | (typeof ON_DEMAND)[number];

/** Every circuit, the cheapest first. */
export const SUITE: readonly SuiteName[] = [...SHIPPED, ...ON_DEMAND];

/** The circuit of that name. Throws a RangeError for a name that is not of the suite. */
export function suiteCircuit(name: string): SuiteCircuit {
  if (!isSuiteName(name)) throw new RangeError(`no circuit ${name}: there are ${SUITE.join(", ")}`);
  if (name === "committed_mlp") return committedCircuit(committedExample());
  if (name === "batch_root") return batchCircuit(batchExample());
  return modelCircuit(suiteSpec(name));
}

/** The specification of a model with public weights. */
export function suiteSpec(name: string): ModelSpec {
  return parseModelSpec(readModel(name));
}

/** A model whose weights its circuit knows by commitment alone; here the operator's private view of it. */
export interface CommittedExample {
  name: string;
  version: number;
  /** The weights. */
  network: ModelSpec;
  weightBits: number;
  biasDigits: number;
  weightSalt: Hex;
}

/** The suite's model with private weights: those of another model, so that the two can be compared. */
export function committedExample(): CommittedExample {
  const fields = asRecord(readModel("committed_mlp"), "committed model");
  return {
    name: "committed_mlp",
    version: asCount(fields.version, "version", 1, 2 ** 32 - 1),
    network: suiteSpec(String(fields.network)),
    weightBits: asCount(fields.weightBits, "weightBits", 2, 16),
    biasDigits: asCount(fields.biasDigits, "biasDigits", 1, 3),
    weightSalt: asHex32(fields.weightSalt, "weightSalt"),
  };
}

/** `count` inferences of a model in one proof. */
export interface BatchExample {
  name: string;
  version: number;
  network: ModelSpec;
  count: number;
}

/** The suite's batch. */
export function batchExample(): BatchExample {
  const fields = asRecord(readModel("batch_root"), "batch");
  return {
    name: "batch_root",
    version: asCount(fields.version, "version", 1, 2 ** 32 - 1),
    network: suiteSpec(String(fields.network)),
    count: asCount(fields.count, "count", 1, 248),
  };
}

export function committedCircuit({
  name,
  version,
  network,
  weightSalt,
  ...encoding
}: CommittedExample): SuiteCircuit {
  const model = {
    name,
    version,
    architecture: architectureOf(network, encoding),
    weightCommitment: commitWeights(network, encoding, weightSalt),
  };
  return {
    name,
    source: committedSource(model),
    specHash: committedModelHash(model),
    inputScheme: inputScheme(network.inputBits, inputLength(network)),
    outputScheme: outputScheme(network.classes),
  };
}

export function batchCircuit({ name, version, network, count }: BatchExample): SuiteCircuit {
  const shape = batchShape(network, count);
  return {
    name,
    source: batchSource(network, count),
    specHash: keccak256Text(canonicalJson({ name, version, network: specHash(network), count })),
    inputScheme: batchInputScheme(shape),
    outputScheme: batchOutputScheme(shape),
  };
}

/** The circuit of a model with public weights, of the suite or not. */
export function modelCircuit(spec: ModelSpec): SuiteCircuit {
  return {
    name: spec.name,
    source: circuitSource(spec),
    specHash: specHash(spec),
    inputScheme: inputScheme(spec.inputBits, inputLength(spec)),
    outputScheme: outputScheme(spec.classes),
  };
}

function readModel(name: string): unknown {
  const file = modelFile(name);
  if (!existsSync(file)) throw new RangeError(`there is no ${file}: npm run circuits:train -- ${name}`);
  return JSON.parse(readFileSync(file, "utf8"));
}

function isSuiteName(name: string): name is SuiteName {
  return (SUITE as readonly string[]).includes(name);
}
