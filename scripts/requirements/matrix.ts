// SPDX-License-Identifier: MIT
import type { Definition, NamedTest } from "./parse.ts";

/** A requirement of `docs/requirements.json`. */
export interface Requirement {
  meaning: string;
  /** Why nothing here can break it. */
  notApplicable?: string;
}

export interface MatrixRow {
  id: string;
  meaning: string;
  notApplicable?: string;
  tests: string[];
}

const REQUIREMENT_COUNT = 59;

export function matrixOf(
  requirements: Record<string, Requirement>,
  definitions: Definition[],
  tests: NamedTest[],
): MatrixRow[] {
  const rows = [
    ...Object.entries(requirements).map(([id, requirement]) => ({ id, ...requirement })),
    ...definitions,
  ];
  return rows.map((row) => ({
    ...row,
    tests: tests.filter(({ ids }) => ids.includes(row.id)).map(({ file, name }) => `${file}: ${name}`),
  }));
}

/** What is wrong with the matrix: requirements without a test, and tests of requirements that there are not. */
export function holesIn(rows: MatrixRow[], tests: NamedTest[]): string[] {
  const known = new Set(rows.map(({ id }) => id));
  const expected = Array.from({ length: REQUIREMENT_COUNT }, (_, i) => `R-${String(i + 1).padStart(2, "0")}`);
  const twice = rows.filter(({ id }, i) => rows.findIndex((row) => row.id === id) !== i);
  return [
    ...expected.filter((id) => !known.has(id)).map((id) => `${id} is not in docs/requirements.json`),
    ...twice.map(({ id }) => `${id} is defined twice`),
    ...rows.filter(isUntested).map(({ id, meaning }) => `${id} has no test: ${meaning}`),
    ...rows
      .filter(({ notApplicable, tests }) => notApplicable !== undefined && tests.length > 0)
      .map(({ id }) => `${id} is listed as not applicable, and tested`),
    ...tests.flatMap(({ file, name, ids }) =>
      ids
        .filter((id) => !known.has(id))
        .map((id) => `${file} cites ${id}, which is nowhere defined: ${name}`),
    ),
  ];
}

// An assumption is what the tests take for granted.
function isUntested({ id, notApplicable, tests }: MatrixRow): boolean {
  return !id.startsWith("A-") && !notApplicable && tests.length === 0;
}
