// SPDX-License-Identifier: MIT
// npm run requirements [-- --json]: prints which test covers which requirement, invariant and assumption. Fails on one
// that no test cites and docs/requirements.json does not explain away.
import { glob, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { holesIn, type MatrixRow, matrixOf, type Requirement } from "./requirements/matrix.ts";
import { definitionsIn, type NamedTest, solidityTests, typescriptTests } from "./requirements/parse.ts";

const ROOT = new URL("../", import.meta.url);

const { values: options } = parseArgs({ options: { json: { type: "boolean", default: false } } });

const requirements: Record<string, Requirement> = JSON.parse(await read("docs/requirements.json"));
const tests = await readTests();
const rows = matrixOf(requirements, definitionsIn(await read("docs/SPEC.md")), tests);
const holes = holesIn(rows, tests);

process.stdout.write(options.json ? `${JSON.stringify(rows, null, 2)}\n` : rows.map(asText).join(""));
for (const hole of holes) process.stderr.write(`${hole}\n`);
process.exitCode = holes.length > 0 ? 1 : 0;

async function readTests(): Promise<NamedTest[]> {
  const found: NamedTest[] = [];
  const cwd = fileURLToPath(ROOT);
  // The tests of these scripts cite made-up requirements.
  for await (const file of glob("test/**/*.{test.ts,t.sol}", { cwd, exclude: ["test/scripts/**"] })) {
    const parse = file.endsWith(".sol") ? solidityTests : typescriptTests;
    found.push(...parse(file, await read(file)));
  }
  return found.sort((a, b) => a.file.localeCompare(b.file));
}

function asText({ id, meaning, notApplicable, tests }: MatrixRow): string {
  const covered = notApplicable ? [`not applicable: ${notApplicable}`] : tests;
  return `${id} ${meaning}\n${covered.map((line) => `     ${line}\n`).join("")}`;
}

function read(path: string): Promise<string> {
  return readFile(new URL(path, ROOT), "utf8");
}
