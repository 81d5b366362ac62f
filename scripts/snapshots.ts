// SPDX-License-Identifier: MIT
// npm run snapshots [-- --check] [--sizes]: writes, or compares, what callers and storage rely on: layouts, selectors and
// topics of every contract. Also fails on a contract above EIP-170's limit and on an error that nothing reverts with.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { contractText } from "./snapshots/contract-text.ts";
import { unusedErrors } from "./snapshots/unused-errors.ts";
import { type CompiledContract, readBuild } from "./solidity/build-info.ts";
import { isOwn } from "./solidity/sources.ts";

const FOLDER = new URL("../snapshots/", import.meta.url);
const MAX_DEPLOYED_BYTES = 24_576;

const { values: options } = parseArgs({
  options: { check: { type: "boolean", default: false }, sizes: { type: "boolean", default: false } },
});

const { contracts, units } = await readBuild();
const own = contracts.filter(({ sourceName }) => isOwn(sourceName));
const texts = snapshotsOf(own);
const stored = await readStored();
const problems = [
  ...own
    .filter(({ deployedBytes }) => deployedBytes > MAX_DEPLOYED_BYTES)
    .map(({ name, deployedBytes }) => `${name} has ${deployedBytes} bytes, more than ${MAX_DEPLOYED_BYTES}`),
  ...unusedErrors(units).map((error) => `nothing reverts with ${error}`),
];
if (options.check) problems.push(...differences());
else await write();

if (options.sizes) process.stdout.write(`${JSON.stringify(sizes(), null, 2)}\n`);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

function snapshotsOf(all: CompiledContract[]): Map<string, string> {
  const byFile = new Map<string, string>();
  for (const contract of all) {
    const text = contractText(contract);
    if (text === "") continue;
    const file = `${contract.name}.txt`;
    if (byFile.has(file)) throw new Error(`two contracts are named ${contract.name}`);
    byFile.set(file, text);
  }
  return byFile;
}

async function readStored(): Promise<Map<string, string>> {
  const files = await readdir(FOLDER).catch(() => []);
  const entries = files.map(
    async (file) => [file, await readFile(new URL(file, FOLDER), "utf8")] as [string, string],
  );
  return new Map(await Promise.all(entries));
}

async function write(): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  for (const [file, text] of texts) await writeFile(new URL(file, FOLDER), text);
  for (const file of stored.keys()) if (!texts.has(file)) await rm(new URL(file, FOLDER));
}

function differences(): string[] {
  const files = [...new Set([...stored.keys(), ...texts.keys()])].sort();
  const found = files.flatMap((file) => {
    const [before, now] = [stored.get(file) ?? "", texts.get(file) ?? ""];
    if (before === now) return [];
    const [old, fresh] = [before.split("\n"), now.split("\n")];
    const gone = old.filter((line) => !fresh.includes(line)).map((line) => `  -${line}`);
    const added = fresh.filter((line) => !old.includes(line)).map((line) => `  +${line}`);
    return [`snapshots/${file} differs`, ...gone, ...added];
  });
  return found.length > 0 ? [...found, 'Run "npm run snapshots" and commit the result.'] : [];
}

function sizes(): Record<string, number> {
  // A library of internal functions has bytecode, but nobody deploys it.
  const deployable = own.filter(({ deployedBytes, abi }) => deployedBytes > 0 && abi.some(isFunction));
  return Object.fromEntries(deployable.map(({ name, deployedBytes }) => [name, deployedBytes]));
}

function isFunction({ type }: { readonly type?: string }): boolean {
  return type === "function";
}
