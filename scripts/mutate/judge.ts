// SPDX-License-Identifier: MIT
import { isDeepStrictEqual } from "node:util";
import type { CompilerInput, CompilerOutput } from "hardhat/types/solidity";
import type { Compilation } from "../solidity/compile.ts";
import { type Mutant, mutatedInput } from "./mutants.ts";
import type { Scratch } from "./scratch.ts";
import { orderTests } from "./test-order.ts";

/** `void`: the change is none, or none that compiles. */
export type Verdict = "killed" | "survived" | "void";

export interface Trial {
  tests: ReadonlyMap<string, string>;
  timeoutMs: number;
  /** Compilations as shipped: the optimizer sees equivalences that the tests' profile does not. */
  shipped(): Promise<Compilation[]>;
}

const BYTECODE = {
  "*": {
    "*": [
      "evm.bytecode.object",
      "evm.bytecode.linkReferences",
      "evm.deployedBytecode.object",
      "evm.deployedBytecode.linkReferences",
      "evm.deployedBytecode.immutableReferences",
    ],
  },
};

export async function judge(mutant: Mutant, scratch: Scratch, trial: Trial): Promise<Verdict> {
  const { input, output, compiler } = mutant.compilation;
  const mutated = await compiler.compile(bytecodeOnly(mutatedInput(input, mutant)));
  if (mutated.errors?.some(({ severity }) => severity === "error")) return "void";
  if (sameBytecode(mutated, output)) return "void";
  await scratch.install(mutated);
  const files = orderTests(trial.tests, mutant.file);
  if (!(await scratch.test(files, trial.timeoutMs))) return "killed";
  return (await isEquivalentAsShipped(mutant, await trial.shipped())) ? "void" : "survived";
}

/** The source's hash would make every mutant differ. */
export function withoutMetadata(input: CompilerInput): CompilerInput {
  const metadata = { appendCBOR: false, bytecodeHash: "none", useLiteralContent: false };
  return { ...input, settings: { ...input.settings, metadata } };
}

function bytecodeOnly(input: CompilerInput): CompilerInput {
  const { settings, ...rest } = withoutMetadata(input);
  return { ...rest, settings: { ...settings, outputSelection: BYTECODE } };
}

async function isEquivalentAsShipped(mutant: Mutant, shipped: Compilation[]): Promise<boolean> {
  for (const { input, output, compiler } of shipped) {
    if (!(mutant.inputSourceName in input.sources)) continue;
    const mutated = await compiler.compile(bytecodeOnly(mutatedInput(input, mutant)));
    if (!sameBytecode(mutated, output)) return false;
  }
  return true;
}

function sameBytecode(a: CompilerOutput, b: CompilerOutput): boolean {
  return isDeepStrictEqual(bytecodes(a), bytecodes(b));
}

function bytecodes({ contracts = {} }: CompilerOutput): string[] {
  return Object.entries(contracts).flatMap(([source, inSource]) =>
    Object.entries(inSource).map(([name, { evm }]) => `${source}:${name} ${evm?.bytecode?.object}`),
  );
}
