// SPDX-License-Identifier: GPL-3.0-or-later
import { fileURLToPath } from "node:url";

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The one specification of the model `tiny_mlp`: runtime, circuit and model id are all derived from it. */
export const MODEL_FILE = fromHere("./models/tiny_mlp.json");
/** The float network that `tiny_mlp` was rounded from; only the accuracy comparison reads it. */
export const FLOAT_MODEL_FILE = fromHere("./models/tiny_mlp.float.json");
/** Hand-written circom templates. */
export const CIRCUIT_LIBRARY_DIRECTORY = fromHere("./lib/");
/** Committed proving and verification artefacts of `tiny_mlp`. */
export const ARTIFACTS_DIRECTORY = fromHere("./artifacts/tiny_mlp/");
