// SPDX-License-Identifier: GPL-3.0-or-later

import { readFileSync } from "node:fs";
import { layerConfig, leavesOf, type Origin } from "../../config/layers.ts";
import { loadConfig } from "../../config/load.ts";
import { settings } from "../../config/paths.ts";
import { redactAt } from "../../config/redact.ts";

/** The flags by which every command takes its configuration. */
export interface ConfigFlags {
  config: string;
  set?: string[];
}

/** One value of the configuration and where it comes from. */
export interface ShownValue {
  path: string;
  value: unknown;
  origin: Origin;
}

/**
 * `meantime config show`: every value that counts, with its origin; no secret among them.
 *
 * @throws RelayerError those of `loadConfig`: what is shown is what `meantime start` would take
 */
export function showConfig({ config, set, json }: ConfigFlags & { json?: true }): void {
  const values = effectiveValues(config, set ?? []);
  process.stdout.write(json ? `${JSON.stringify({ values })}\n` : asText(values));
}

function effectiveValues(file: string, flags: readonly string[]): ShownValue[] {
  loadConfig(file, { flags });
  const { json, origins } = layerConfig(JSON.parse(readFileSync(file, "utf8")), {
    environment: process.env,
    flags,
  });
  const given = leavesOf(json).map(
    ([path, value]): ShownValue => ({
      path,
      value: redactAt(path, value),
      origin: origins.get(path) ?? "file",
    }),
  );
  const defaults = settings().flatMap((setting): ShownValue[] => {
    const isGiven = given.some(({ path }) => path === setting.path || path.startsWith(`${setting.path}.`));
    if (isGiven || setting.default === undefined) return [];
    return [{ path: setting.path, value: setting.default, origin: "default" }];
  });
  return [...given, ...defaults].sort((a, b) => a.path.localeCompare(b.path, "en"));
}

function asText(values: readonly ShownValue[]): string {
  const width = Math.max(...values.map(({ path }) => path.length));
  return values
    .map(({ path, value, origin }) => `${path.padEnd(width)}  ${JSON.stringify(value)}  (${origin})\n`)
    .join("");
}
