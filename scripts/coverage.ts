// SPDX-License-Identifier: MIT
// npm run coverage [-- --write] [--mocha]: runs the contract tests with coverage and prints it as JSON, one entry for each
// core contract. Fails on an uncovered line that docs/COVERAGE.md does not explain; --write puts a row for it there.
// --mocha leaves the Solidity tests out.
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { explanationOf, explanationsIn, type Gap, gapTable } from "./coverage/gaps.ts";
import { type FileCoverage, parseLcov } from "./coverage/lcov.ts";
import { replaceSection } from "./markdown.ts";
import { isCore } from "./solidity/sources.ts";

const ROOT = new URL("../", import.meta.url);
const PAGE = new URL("docs/COVERAGE.md", ROOT);
const SECTION = "npm run coverage -- --write";
const HARDHAT = fileURLToPath(new URL("dist/src/cli.js", import.meta.resolve("hardhat/package.json")));

const { values: options } = parseArgs({
  options: { write: { type: "boolean", default: false }, mocha: { type: "boolean", default: false } },
});

runTests();
const files = parseLcov(await readFile(new URL("coverage/lcov.info", ROOT), "utf8"))
  .filter(({ file }) => isCore(file))
  .sort((a, b) => a.file.localeCompare(b.file));
const gaps = (await Promise.all(files.map(gapsOf))).flat();

const page = await readFile(PAGE, "utf8");
const explanations = explanationsIn(page);
if (options.write) {
  await writeFile(PAGE, replaceSection(page, SECTION, `\n${gapTable(gaps, explanations)}\n`));
}

process.stdout.write(`${JSON.stringify({ ...totals(), files }, null, 2)}\n`);
const unexplained = gaps.filter((gap) => explanationOf(gap, explanations) === "");
for (const { file, line, text } of unexplained)
  process.stderr.write(`${file}:${line} is not covered: ${text}\n`);
process.exitCode = unexplained.length > 0 ? 1 : 0;

function runTests(): void {
  const parameters = [HARDHAT, "test", ...(options.mocha ? ["mocha"] : []), "--coverage"];
  // Standard output is for the JSON.
  const { status } = spawnSync(process.execPath, parameters, { cwd: fileURLToPath(ROOT), stdio: [0, 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

async function gapsOf({ file, uncovered }: FileCoverage): Promise<Gap[]> {
  const source = (await readFile(new URL(file, ROOT), "utf8")).split("\n");
  return uncovered.map((line) => ({ file, line, text: (source[line - 1] ?? "").trim() }));
}

function totals(): { lines: number; covered: number } {
  const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
  return { lines: sum(files.map(({ lines }) => lines)), covered: sum(files.map(({ covered }) => covered)) };
}
