// SPDX-License-Identifier: GPL-3.0-or-later

import { RelayerError } from "../errors.ts";
import { configJsonSchema, type SchemaNode, schemaAt, settings, takesText } from "./paths.ts";

/** Where a value comes from. The later wins: default, file, environment, flag. */
export type Origin = "default" | "file" | `environment ${string}` | "flag";

/** A configuration before it is checked, and where its values come from, by path. */
export interface LayeredConfig {
  json: unknown;
  origins: ReadonlyMap<string, Origin>;
}

/** What lies over the file. */
export interface Overrides {
  environment: NodeJS.ProcessEnv;
  /** `path=value`, as `--set` takes it; the last of several for one path wins. */
  flags: readonly string[];
}

/**
 * Lays the environment (`MEANTIME_CHAIN_RPC_URL` for `chain.rpcUrl`) and flags over a file. Text is taken as it is; what
 * begins with a brace or bracket, and what the schema wants to be a number or a boolean, is read as JSON.
 *
 * @param schema of the configuration; a relayer's where it is left out
 * @throws RelayerError `MT-CFG-013` a flag is no `path=value`, names no key, or its value is not JSON
 */
export function layerConfig(
  file: unknown,
  { environment, flags }: Overrides,
  schema: SchemaNode = configJsonSchema(),
): LayeredConfig {
  const json: unknown = structuredClone(file);
  const origins = new Map<string, Origin>();
  for (const [path] of leavesOf(json)) origins.set(path, "file");
  // What is no object, the schema refuses with better words.
  if (!isObject(json)) return { json, origins };
  for (const { path, variable } of settings(schema)) {
    const value = environment[variable];
    if (value === undefined || value === "") continue;
    put(json, origins, path, parseValue(schemaAt(path, schema), path, value), `environment ${variable}`);
  }
  for (const flag of flags) {
    const equals = flag.indexOf("=");
    const path = flag.slice(0, Math.max(equals, 0));
    if (equals < 1 || schemaAt(path, schema) === undefined) {
      throw badOverride(path || flag, equals < 1 ? "is no path=value" : "there is no such key");
    }
    put(json, origins, path, parseValue(schemaAt(path, schema), path, flag.slice(equals + 1)), "flag");
  }
  return { json, origins };
}

/** Every value that is neither an object nor a list, with its path. An empty list or object is a value. */
export function leavesOf(value: unknown, path = ""): [path: string, value: unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  const entries = Object.entries(value);
  if (entries.length === 0) return path === "" ? [] : [[path, value]];
  return entries.flatMap(([name, child]) => leavesOf(child, path === "" ? name : `${path}.${name}`));
}

function put(
  json: Record<string, unknown>,
  origins: Map<string, Origin>,
  path: string,
  value: unknown,
  origin: Origin,
): void {
  const parts = path.split(".");
  const last = parts.pop() ?? "";
  let at: Record<string, unknown> = json;
  for (const part of parts) {
    const child = Object.hasOwn(at, part) ? at[part] : undefined;
    at[part] = isObject(child) || Array.isArray(child) ? child : /^\d+$/.test(last) ? [] : {};
    at = at[part] as Record<string, unknown>;
  }
  at[last] = value;
  for (const known of origins.keys()) {
    if (known === path || known.startsWith(`${path}.`)) origins.delete(known);
  }
  for (const [leaf] of leavesOf(value)) origins.set(leaf === "" ? path : `${path}.${leaf}`, origin);
}

function parseValue(node: SchemaNode | undefined, path: string, text: string): unknown {
  const mustBeJson = /^\s*[[{]/.test(text) || (node !== undefined && !takesText(node));
  if (!mustBeJson) return text;
  try {
    return JSON.parse(text);
  } catch {
    throw badOverride(path, "the value is not JSON");
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// The value stays out of the message: it may be a key.
function badOverride(path: string, reason: string): RelayerError {
  return new RelayerError(
    "MT-CFG-013",
    `${path}: ${reason}`,
    "Write --set gateway.port=8080, or MEANTIME_GATEWAY_PORT=8080; `meantime config schema` prints every key.",
    { path },
  );
}
