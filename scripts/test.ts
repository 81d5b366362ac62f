// SPDX-License-Identifier: MIT
// npm test: everything that has to hold before a change lands, cheapest first. The first failure ends it.
import { spawnSync } from "node:child_process";

const STEPS = [
  "lint",
  "format",
  "build",
  "snapshots:check",
  "build:legacy",
  "typecheck",
  "test:scripts",
  "requirements",
  "test:contracts",
  "bench:check",
  "test:sdk",
  "circuits:lint",
  "test:circuits",
  "test:relayer",
  "test:explorer",
  "circuits:check",
];

const npm = process.env.npm_execpath;

for (const step of STEPS) {
  process.stdout.write(`\n=== npm run ${step}\n`);
  const { status } = npm?.endsWith(".js")
    ? spawnSync(process.execPath, [npm, "run", "--silent", step], { stdio: "inherit" })
    : spawnSync("npm", ["run", "--silent", step], { stdio: "inherit" });
  if (status !== 0) {
    process.stderr.write(`\nnpm run ${step} failed (${status}).\n`);
    process.exit(1);
  }
}
