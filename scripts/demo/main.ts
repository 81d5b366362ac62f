// SPDX-License-Identifier: MIT
// npm run demo [-- --json --anvil]: from nothing to settled inferences on a local chain, Hardhat's or Anvil. Exits 0 only
// if every claim ended as it had to.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runDemo } from "./demo.ts";
import { formatTable } from "./report.ts";

const json = process.argv.includes("--json");
const folder = await mkdtemp(join(tmpdir(), "meantime-demo-"));
const { phases, expectations, audit, seconds } = await runDemo(
  folder,
  process.argv.includes("--anvil") ? "anvil" : "hardhat",
);
await rm(folder, { recursive: true });

const met = expectations.every((expectation) => expectation.met);
process.stdout.write(`\n${formatTable(phases)}\n\n`);
for (const { expected, met } of expectations) process.stdout.write(`${met ? "ok  " : "FAIL"}  ${expected}\n`);
process.stdout.write(`\n${met ? "Every claim ended as it had to" : "NOT AS EXPECTED"}, in ${seconds} s.\n`);
if (json) process.stdout.write(`${JSON.stringify({ ok: met, seconds, phases, expectations, audit })}\n`);
// The chain's native threads and snarkjs' workers would keep the process alive.
process.exit(met ? 0 : 1);
