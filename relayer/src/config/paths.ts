// SPDX-License-Identifier: GPL-3.0-or-later

import { z } from "zod";
import { configSchema } from "./schema.ts";

/** One setting of the configuration that a variable or a flag can give. */
export interface Setting {
  /** As in `chain.rpcUrl`. */
  path: string;
  /** As in `MEANTIME_CHAIN_RPC_URL`. */
  variable: string;
  /** Whether text is taken as it is; anything else is read as JSON. */
  isText: boolean;
  default?: unknown;
}

/** A node of a JSON Schema. */
export interface SchemaNode {
  type?: string;
  properties?: Record<string, SchemaNode>;
  anyOf?: SchemaNode[];
  items?: SchemaNode;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
}

/** The JSON Schema of a relayer's configuration, or of another one. */
export function configJsonSchema(schema: z.ZodType = configSchema): SchemaNode {
  return z.toJSONSchema(schema, { io: "input" }) as SchemaNode;
}

/** Every setting, in the order of the schema. Lists (`models`, `policies`) are one setting each. */
export function settings(schema: SchemaNode = configJsonSchema()): readonly Setting[] {
  return settingsBelow("", schema);
}

/** The node of the schema at a path; numbers in it stand for items of lists. */
export function schemaAt(path: string, schema: SchemaNode = configJsonSchema()): SchemaNode | undefined {
  let node: SchemaNode | undefined = schema;
  for (const part of path.split(".")) {
    node = /^\d+$/.test(part) && node?.items ? node.items : propertyOf(node, part);
  }
  return node;
}

/** Whether a setting takes text as it is. */
export function takesText(node: SchemaNode): boolean {
  return (
    node.type === "string" ||
    (node.enum ?? []).some((value) => typeof value === "string") ||
    typeof node.const === "string" ||
    (node.anyOf ?? []).some(takesText)
  );
}

function settingsBelow(path: string, node: SchemaNode): Setting[] {
  if (!node.properties || node.anyOf) {
    return [{ path, variable: variableOf(path), isText: takesText(node), default: node.default }];
  }
  return Object.entries(node.properties)
    .filter(([name]) => name !== "$schema")
    .flatMap(([name, child]) => settingsBelow(path === "" ? name : `${path}.${name}`, child));
}

function propertyOf(node: SchemaNode | undefined, name: string): SchemaNode | undefined {
  return (
    node?.properties?.[name] ?? node?.anyOf?.find((choice) => choice.properties?.[name])?.properties?.[name]
  );
}

function variableOf(path: string): string {
  return `MEANTIME_${path
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replaceAll(".", "_")
    .toUpperCase()}`;
}
