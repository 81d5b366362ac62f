// SPDX-License-Identifier: GPL-3.0-or-later

/** A value as a row may hold it. */
type Json = string | number | boolean | null | undefined | Json[] | { [name: string]: Json };

/**
 * Rows as CSV (RFC 4180): one column for every path to a value, lists as JSON. A text that a spreadsheet would take for a
 * formula begins with an apostrophe (https://owasp.org/www-community/attacks/CSV_Injection).
 */
export function toCsv(rows: readonly object[]): string {
  const flat = rows.map((row) => new Map(flatten(row as { [name: string]: Json }, "")));
  const columns = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  const lines = flat.map((row) => columns.map((column) => cell(row.get(column))).join(","));
  return `${[columns.map(cell).join(","), ...lines].join("\r\n")}\r\n`;
}

function* flatten(value: { [name: string]: Json }, prefix: string): Generator<[string, Json]> {
  for (const [name, field] of Object.entries(value)) {
    if (typeof field === "object" && field !== null && !Array.isArray(field)) {
      yield* flatten(field, `${prefix}${name}.`);
    } else yield [`${prefix}${name}`, field];
  }
}

function cell(value: Json): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const harmless = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
