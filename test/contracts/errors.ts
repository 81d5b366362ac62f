// SPDX-License-Identifier: MIT
import { Interface } from "ethers";
import hre from "hardhat";

const SELECTOR_CHARACTERS = 10;

const errorNames = await readErrorNames();

/**
 * The name of the custom error that a call reverted with, also where another contract than the called one raised it.
 * Undefined for any other failure. Hardhat names the errors of bytecode that it knows; of other bytecode, such as a
 * mutant's, it gives the return data.
 */
export function errorNameOf(error: unknown): string | undefined {
  const text = String(error);
  const named = /reverted with custom error '(\w+)\(/.exec(text)?.[1];
  const data = /return data: (0x\w+)/.exec(text)?.[1] ?? "0x";
  return named ?? errorNames.get(data.slice(0, SELECTOR_CHARACTERS));
}

async function readErrorNames(): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const contract of await hre.artifacts.getAllFullyQualifiedNames()) {
    const { abi } = await hre.artifacts.readArtifact(contract);
    new Interface(abi).forEachError(({ selector, name }) => names.set(selector, name));
  }
  return names;
}
