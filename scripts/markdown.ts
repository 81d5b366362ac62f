// SPDX-License-Identifier: MIT
// The tables in docs/ that commands write, and from which they read back what people added.

export function formatTable(header: string[], rows: string[][]): string {
  const lines = [header, header.map(() => "---"), ...rows];
  return lines.map((cells) => `| ${cells.map(escapeCell).join(" | ")} |\n`).join("");
}

/** The cells of every table row in a text, heads included. */
export function readTables(text: string): string[][] {
  return text
    .split("\n")
    .filter((line) => /^\|.*\|$/.test(line) && !/^\|[\s|:-]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map(unescapeCell),
    );
}

/** Replaces what stands between `<!-- name -->` and `<!-- /name -->`. */
export function replaceSection(text: string, name: string, body: string): string {
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`the markers of "${name}" are missing`);
  return text.slice(0, start + open.length) + body + text.slice(end);
}

export function code(text: string): string {
  return `\`${text}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function unescapeCell(text: string): string {
  return text.trim().replaceAll("\\|", "|");
}
