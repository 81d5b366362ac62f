// SPDX-License-Identifier: MIT
// npm run bench -- SUITE [--json] [--check]: runs one suite. With --json the last line of standard output is one JSON
// object. With --check, which only `prove` has, figures outside bench/prove-bounds.json are named, and it fails.
import { readFileSync } from "node:fs";
import hre from "hardhat";

const SUITES: Record<string, () => Promise<Record<string, unknown>>> = {
  enclave: async () => (await import("./enclave.ts")).benchEnclave(),
  gas: async () => (await import("./gas.ts")).benchGas(),
  prove: async () => (await import("./prove-suite.ts")).benchProveSuite(),
};

const [suite = "", ...flags] = process.argv.slice(2);
const run = SUITES[suite];
const allowed = suite === "prove" ? ["--json", "--check"] : ["--json"];
if (!run || flags.some((flag) => !allowed.includes(flag))) {
  process.stderr.write(
    `usage: npm run bench -- ${Object.keys(SUITES).join("|")} [--json] (prove: [--check])\n`,
  );
  process.exit(2);
}

await hre.tasks.getTask("build").run({ quiet: true });
const figures = await run();
if (flags.includes("--json")) process.stdout.write(`${JSON.stringify(figures)}\n`);
else for (const [key, value] of flatten(figures)) process.stdout.write(`${key.padEnd(36)} ${value}\n`);
const problems = flags.includes("--check") ? await problemsOf(figures) : [];
for (const problem of problems) process.stderr.write(`${problem}\n`);
// snarkjs leaves its worker threads running.
process.exit(problems.length > 0 ? 1 : 0);

async function problemsOf(measured: Record<string, unknown>): Promise<string[]> {
  const { proveProblems } = await import("./prove-gate.ts");
  return proveProblems(
    measured,
    JSON.parse(readFileSync(new URL("prove-bounds.json", import.meta.url), "utf8")),
  );
}

function flatten(figures: Record<string, unknown>, prefix = ""): [string, unknown][] {
  return Object.entries(figures).flatMap(([key, value]) =>
    typeof value === "object" && value !== null
      ? flatten(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value] as [string, unknown]],
  );
}
