// SPDX-License-Identifier: GPL-3.0-or-later

/** Indented JSON with each innermost array on one line: a matrix reads, and differs in a review, row by row. */
export function specificationJson(value: unknown): string {
  const indented = JSON.stringify(value, null, 2);
  const compact = indented.replace(/\[[^[\]{}]*\]/g, (row) =>
    row.replace(/\s+/g, " ").replace(/^\[ | \]$/g, (edge) => edge.trim()),
  );
  return `${compact}\n`;
}
