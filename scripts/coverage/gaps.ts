// SPDX-License-Identifier: MIT
import { code, formatTable, readTables } from "../markdown.ts";

/** A line that no test reaches, named by its text: its number moves with every edit above it. */
export interface Gap {
  file: string;
  line: number;
  text: string;
}

const HEADER = ["file", "line", "not covered", "why"];

export function explanationsIn(page: string): Map<string, string> {
  const rows = readTables(page).filter((cells) => cells.length === HEADER.length);
  return new Map(rows.map(([file = "", , text = "", why = ""]) => [`${file} ${text}`, why]));
}

export function explanationOf({ file, text }: Gap, explanations: ReadonlyMap<string, string>): string {
  return explanations.get(`${file} ${code(text)}`) ?? "";
}

/** The table of docs/COVERAGE.md, with what was explained before. */
export function gapTable(gaps: Gap[], explanations: ReadonlyMap<string, string>): string {
  if (gaps.length === 0) return "Every line of the core contracts is covered.\n";
  const rows = gaps.map((gap) => [
    ...[gap.file, String(gap.line), code(gap.text)],
    explanationOf(gap, explanations),
  ]);
  return formatTable(HEADER, rows);
}
