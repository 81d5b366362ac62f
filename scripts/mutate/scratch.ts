// SPDX-License-Identifier: MIT
import { spawn } from "node:child_process";
import { cp, glob, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { CompilerOutput, CompilerOutputContract } from "hardhat/types/solidity";

/** A copy of the project whose contracts can be exchanged for mutants, and whose tests run against them. */
export interface Scratch {
  install(output: CompilerOutput): Promise<void>;
  /** Whether the contract tests pass; a run that takes too long has not. */
  test(files: string[], timeoutMs: number): Promise<boolean>;
  remove(): Promise<void>;
}

interface StoredArtifact {
  file: string;
  fields: Record<string, unknown>;
  inputSourceName: string;
  contractName: string;
  installed: string | undefined;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const HARDHAT = fileURLToPath(new URL("dist/src/cli.js", import.meta.resolve("hardhat/package.json")));
const NOT_COPIED = new Set(["node_modules", ".git", "cache", "coverage", ".meantime"]);

// Unoptimized contracts may be too large to deploy on a real chain.
const CONFIG = `import base from "./hardhat.base.config.ts";
const networks = Object.fromEntries(
  Object.entries({ default: { type: "edr-simulated" }, ...base.networks }).map(([name, network]) => [
    name,
    network.type === "edr-simulated" ? { ...network, allowUnlimitedContractSize: true } : network,
  ]),
);
export default { ...base, networks };
`;

export async function createScratch(): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), "meantime-mutate-"));
  await cp(ROOT, folder, {
    recursive: true,
    filter: (path) => !NOT_COPIED.has(relative(ROOT, path)),
  });
  await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
  await rename(join(folder, "hardhat.config.ts"), join(folder, "hardhat.base.config.ts"));
  await writeFile(join(folder, "hardhat.config.ts"), CONFIG);
  // It describes other bytecode.
  await rm(join(folder, "artifacts/build-info"), { recursive: true });
  const artifacts = await readArtifacts(join(folder, "artifacts"));
  return {
    install: (output) => install(artifacts, output),
    test: (files, timeoutMs) => test(folder, files, timeoutMs),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function readArtifacts(folder: string): Promise<StoredArtifact[]> {
  const artifacts: StoredArtifact[] = [];
  for await (const path of glob("**/*.json", { cwd: folder })) {
    const file = join(folder, path);
    const fields = JSON.parse(await readFile(file, "utf8"));
    const { inputSourceName, contractName } = fields;
    if (inputSourceName)
      artifacts.push({ file, fields, inputSourceName, contractName, installed: undefined });
  }
  return artifacts;
}

async function install(artifacts: StoredArtifact[], output: CompilerOutput): Promise<void> {
  for (const artifact of artifacts) {
    const compiled = output.contracts?.[artifact.inputSourceName]?.[artifact.contractName];
    if (!compiled) continue;
    const text = `${JSON.stringify({ ...artifact.fields, ...bytecodeFields(compiled) })}\n`;
    if (text === artifact.installed) continue;
    await writeFile(artifact.file, text);
    artifact.installed = text;
  }
}

function bytecodeFields({ evm }: CompilerOutputContract): Record<string, unknown> {
  return {
    bytecode: `0x${evm?.bytecode?.object ?? ""}`,
    linkReferences: evm?.bytecode?.linkReferences ?? {},
    deployedBytecode: `0x${evm?.deployedBytecode?.object ?? ""}`,
    deployedLinkReferences: evm?.deployedBytecode?.linkReferences ?? {},
    immutableReferences: evm?.deployedBytecode?.immutableReferences ?? {},
  };
}

function test(cwd: string, files: string[], timeoutMs: number): Promise<boolean> {
  const parameters = [HARDHAT, "test", "mocha", "--bail", "--no-compile", ...files];
  // A group of its own, so that a run that hangs ends with everything it has started.
  const child = spawn(process.execPath, parameters, { cwd, stdio: "ignore", detached: true });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      if (child.pid) process.kill(-child.pid, "SIGKILL");
    }, timeoutMs);
    child.on("error", reject);
    child.on("exit", (status) => {
      clearTimeout(timer);
      resolve(status === 0);
    });
  });
}
