// SPDX-License-Identifier: GPL-3.0-or-later

import type { ConfigFlags } from "../config/show.ts";

/** The flags of every command that asks the daemon. */
export type DaemonFlags = ConfigFlags & { json?: true };

/** One JSON line, or text. */
export function print(result: unknown, { json }: { json?: true }, asText: () => string): void {
  process.stdout.write(json ? `${JSON.stringify(result)}\n` : asText());
}

/** Rows under headings, columns as wide as their widest cell. */
export function table(headings: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [headings, ...rows].map((row) => row.map((cell) => String(cell ?? "-")));
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("");
}

/** Names and values, one a line. */
export function fields(values: Record<string, unknown>): string {
  return Object.entries(values)
    .map(
      ([name, value]) => `${name.padEnd(20)} ${typeof value === "object" ? JSON.stringify(value) : value}\n`,
    )
    .join("");
}
