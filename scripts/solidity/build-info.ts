// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import type { JsonFragment } from "ethers";
import hre from "hardhat";
import type { AstNode } from "./ast.ts";

export interface CompiledContract {
  name: string;
  sourceName: string;
  abi: JsonFragment[];
  deployedBytes: number;
  storageLayout: StorageLayout;
}

export interface StorageLayout {
  storage: StorageMember[];
  types: Record<string, StorageType> | null;
}

export interface StorageMember {
  label: string;
  slot: string;
  offset: number;
  type: string;
}

export interface StorageType {
  label: string;
  numberOfBytes: string;
  members?: StorageMember[];
}

export interface Build {
  contracts: CompiledContract[];
  /** The syntax trees by input source name, one map for each compilation. */
  units: Record<string, AstNode>[];
}

interface BuildOutput {
  contracts: Record<
    string,
    Record<
      string,
      { abi: JsonFragment[]; evm: { deployedBytecode: { object: string } }; storageLayout: StorageLayout }
    >
  >;
  sources: Record<string, { ast: AstNode }>;
}

/** What the compiler said about the artifacts as they are now. */
export async function readBuild(): Promise<Build> {
  const outputs = new Map<string, BuildOutput>();
  const contracts: CompiledContract[] = [];
  for (const qualifiedName of [...(await hre.artifacts.getAllFullyQualifiedNames())].sort()) {
    const { buildInfoId, inputSourceName, contractName, sourceName } =
      await hre.artifacts.readArtifact(qualifiedName);
    if (!buildInfoId || !inputSourceName) continue;
    const output = outputs.get(buildInfoId) ?? (await readOutput(buildInfoId));
    outputs.set(buildInfoId, output);
    const compiled = output.contracts[inputSourceName]?.[contractName];
    if (!compiled) throw new Error(`${qualifiedName} is not in its build info`);
    contracts.push({
      name: contractName,
      sourceName,
      abi: compiled.abi,
      deployedBytes: compiled.evm.deployedBytecode.object.length / 2,
      storageLayout: compiled.storageLayout,
    });
  }
  const units = [...outputs.values()].map(({ sources }) =>
    Object.fromEntries(Object.entries(sources).map(([source, { ast }]) => [source, ast])),
  );
  return { contracts, units };
}

async function readOutput(buildInfoId: string): Promise<BuildOutput> {
  const path = await hre.artifacts.getBuildInfoOutputPath(buildInfoId);
  if (!path) throw new Error(`build info ${buildInfoId} has no output`);
  return JSON.parse(await readFile(path, "utf8")).output;
}
