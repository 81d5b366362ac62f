// SPDX-License-Identifier: GPL-3.0-or-later

import type { Command } from "commander";

/** Adds a command below another one, by default below `meantime` itself. */
export type AddCommand = (name: string, description: string, parent?: Command) => Command;

/** The file that most commands need. */
export const CONFIG_OPTION = ["--config <file>", "configuration file (JSON)"] as const;

/** What lies over the file and the environment. */
export const SET_OPTION = [
  "--set <path=value>",
  "replaces one value, such as gateway.port=8080; may be repeated",
  collect,
] as const;

/** What every command can print instead of text. */
export const JSON_OPTION = ["--json", "print one JSON line"] as const;

/** Gathers an option that may be repeated. */
export function collect(value: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), value];
}
