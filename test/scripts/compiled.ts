// SPDX-License-Identifier: MIT
import { createRequire } from "node:module";
import type { CompilerInput, CompilerOutput } from "hardhat/types/solidity";

const solc: { compile(input: string): string } = createRequire(import.meta.url)("solc");

/** One source as Hardhat would hand it to the compiler. */
export function compileSource(
  name: string,
  content: string,
): { input: CompilerInput; output: CompilerOutput; errors: string[] } {
  const input: CompilerInput = {
    language: "Solidity",
    sources: { [name]: { content } },
    settings: {
      optimizer: { enabled: false },
      outputSelection: {
        "*": { "": ["ast"], "*": ["abi", "evm.bytecode.object", "storageLayout"] },
      },
    },
  };
  const output: CompilerOutput = JSON.parse(solc.compile(JSON.stringify(input)));
  const errors = (output.errors ?? []).filter(({ severity }) => severity === "error");
  return { input, output, errors: errors.map(({ message }) => message) };
}
