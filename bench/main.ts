// SPDX-License-Identifier: MIT
// npm run bench -- SUITE [--json]: runs one suite. With --json the last line of standard output is one JSON object.
import hre from "hardhat";

const SUITES: Record<string, () => Promise<Record<string, unknown>>> = {
  gas: async () => (await import("./gas.ts")).benchGas(),
  prove: async () => (await import("./prove-suite.ts")).benchProveSuite(),
};

const [suite = "", ...flags] = process.argv.slice(2);
const run = SUITES[suite];
if (!run || flags.some((flag) => flag !== "--json")) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(SUITES).join("|")} [--json]\n`);
  process.exit(2);
}

await hre.tasks.getTask("build").run({ quiet: true });
const figures = await run();
if (flags.includes("--json")) process.stdout.write(`${JSON.stringify(figures)}\n`);
else for (const [key, value] of flatten(figures)) process.stdout.write(`${key.padEnd(36)} ${value}\n`);
// snarkjs leaves its worker threads running.
process.exit(0);

function flatten(figures: Record<string, unknown>, prefix = ""): [string, unknown][] {
  return Object.entries(figures).flatMap(([key, value]) =>
    typeof value === "object" && value !== null
      ? flatten(value as Record<string, unknown>, `${prefix}${key}.`)
      : [[`${prefix}${key}`, value] as [string, unknown]],
  );
}
