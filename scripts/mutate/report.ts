// SPDX-License-Identifier: MIT
import { code, formatTable, readTables } from "../markdown.ts";
import type { Survivor } from "./mutants.ts";

export interface MutationResult {
  seed: number;
  sampled: number;
  killed: number;
  survived: number;
  score: number;
  survivors: Survivor[];
}

const HEADER = ["file", "line", "mutator", "original", "mutated", "why it survives"];

/** The page about the last run. What an earlier page says about the same survivor stays. */
export function mutationPage(result: MutationResult, command: string, earlier: string): string {
  const explanations = explanationsIn(earlier);
  const rows = result.survivors.map((survivor) => {
    const cells = cellsOf(survivor);
    return [...cells, explanations.get(keyOf(cells)) ?? ""];
  });
  const survivors =
    rows.length > 0 ? `## Survivors\n\n${formatTable(HEADER, rows)}` : "No mutant survived.\n";
  const { seed, sampled, killed, survived, score } = result;
  const summary = [seed, sampled, killed, survived, score.toFixed(3)].map(String);
  return `# Mutation testing

A mutant is one change of one place in a core contract. It is killed when a contract test fails or takes too long. Mutants
that do not compile, and those whose bytecode is the original's, are left out and replaced by the next of the seeded order.
This page is written by

    ${command}

and only the last column of the second table is written by hand.

${formatTable(["seed", "sampled", "killed", "survived", "score"], [summary])}
${survivors}`;
}

function explanationsIn(page: string): Map<string, string> {
  const rows = readTables(page).filter((cells) => cells.length === HEADER.length);
  return new Map(rows.map((cells) => [keyOf(cells), cells.at(-1) ?? ""]));
}

function cellsOf({ file, line, mutator, original, mutated }: Survivor): string[] {
  return [file, String(line), mutator, code(original), code(mutated)];
}

// Without the line, which moves with every edit above it.
function keyOf([file, , mutator, original, mutated]: string[]): string {
  return JSON.stringify([file, mutator, original, mutated]);
}
