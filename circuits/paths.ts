// SPDX-License-Identifier: GPL-3.0-or-later
import { fileURLToPath } from "node:url";

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The one specification of the model `tiny_mlp`: runtime, circuit and model id are all derived from it. */
export const MODEL_FILE = fromHere("./models/tiny_mlp.json");
/** The float network that a model was rounded from. */
export function floatModelFile(name: string): string {
  return fromHere(`./models/${name}.float.json`);
}

/** Hand-written circom templates. */
export const CIRCUIT_LIBRARY_DIRECTORY = fromHere("./lib/");
/** Committed proving and verification artefacts of `tiny_mlp`. */
export const ARTIFACTS_DIRECTORY = fromHere("./artifacts/tiny_mlp/");

/** The specification of a model by its name. */
export function modelFile(name: string): string {
  return fromHere(`./models/${name}.json`);
}

/** What is committed of a circuit of the suite. */
export function artifactsDirectory(name: string): string {
  return fromHere(`./artifacts/${name}/`);
}
