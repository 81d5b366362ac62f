// SPDX-License-Identifier: MIT
import type { CompilerInput } from "hardhat/types/solidity";
import { seededRandom } from "../../circuits/training/random.ts";
import type { Compilation } from "../solidity/compile.ts";
import { isCore, sourceNameOf } from "../solidity/sources.ts";
import { applyEdit, declarationsOf, type Edit, editsOf } from "./mutators.ts";

export interface Mutant extends Survivor {
  compilation: Compilation;
  inputSourceName: string;
  mutatedSource: string;
}

/** A mutant as the report shows it. */
export interface Survivor {
  file: string;
  line: number;
  mutator: string;
  original: string;
  mutated: string;
}

/** Every mutant of the core contracts, in a fixed order. */
export function mutantsOf(compilations: Compilation[], selects: (file: string) => boolean): Mutant[] {
  return compilations.flatMap((compilation) => {
    const { input, output } = compilation;
    const declarations = declarationsOf(Object.values(output.sources).map(({ ast }) => ast));
    return Object.entries(output.sources).flatMap(([inputSourceName, { ast }]) => {
      const file = sourceNameOf(inputSourceName);
      if (!file || !isCore(file) || !selects(file)) return [];
      const source = Buffer.from(input.sources[inputSourceName]?.content ?? "");
      return editsOf(ast, source, declarations).map((edit) => ({
        compilation,
        inputSourceName,
        mutatedSource: applyEdit(source, edit),
        file,
        line: source.subarray(0, edit.start).toString().split("\n").length,
        mutator: edit.mutator,
        ...linesAround(source, edit),
      }));
    });
  });
}

export function mutatedInput(
  input: CompilerInput,
  { inputSourceName, mutatedSource }: Mutant,
): CompilerInput {
  const sources = { ...input.sources, [inputSourceName]: { content: mutatedSource } };
  return { ...input, sources };
}

/** The same order for the same seed (Fisher-Yates). */
export function shuffled<T>(items: T[], seed: number): T[] {
  const shuffledItems = [...items];
  const random = seededRandom(seed);
  for (let i = shuffledItems.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [shuffledItems[i], shuffledItems[j]] = [shuffledItems[j] as T, shuffledItems[i] as T];
  }
  return shuffledItems;
}

// The whole lines, because an operator alone tells a reader nothing.
function linesAround(source: Buffer, edit: Edit): { original: string; mutated: string } {
  const start = source.lastIndexOf("\n", edit.start - 1) + 1;
  const newline = source.indexOf("\n", edit.end);
  const end = newline < 0 ? source.length : newline;
  const lines = source.subarray(start, end);
  const inLines = { ...edit, start: edit.start - start, end: edit.end - start };
  return { original: oneLine(lines.toString()), mutated: oneLine(applyEdit(lines, inLines)) };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
