// SPDX-License-Identifier: MIT
// npm run bench:check [-- --write]: measures gas and fails where a figure rose by more than 1 % over bench/gas.json or is
// above its bound. With --write, the measurement becomes the reference and the table of docs/GAS.md.
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import hre from "hardhat";
import { replaceSection } from "../scripts/markdown.ts";
import { type GasFigures, gasProblems, gasTable } from "./gas-gate.ts";

const REFERENCE = new URL("gas.json", import.meta.url);
const BOUNDS = new URL("gas-bounds.json", import.meta.url);
const PAGE = new URL("../docs/GAS.md", import.meta.url);
const SECTION = "npm run bench:check -- --write";

const { values: options } = parseArgs({ options: { write: { type: "boolean", default: false } } });

await hre.tasks.getTask("build").run({ quiet: true });
const { benchGas } = await import("./gas.ts");
const measured = await benchGas();
const bounds = JSON.parse(await readFile(BOUNDS, "utf8"));
if (options.write) await writeFile(REFERENCE, `${JSON.stringify(measured, null, 2)}\n`);
const reference: GasFigures = JSON.parse(await readFile(REFERENCE, "utf8"));

const page = await readFile(PAGE, "utf8");
const wantedPage = replaceSection(page, SECTION, `\n${gasTable(reference, bounds)}\n`);
if (options.write) await writeFile(PAGE, wantedPage);

const problems = gasProblems(measured, reference, bounds);
if (!options.write && page !== wantedPage) problems.push("the table of docs/GAS.md is not of bench/gas.json");
for (const problem of problems) process.stderr.write(`${problem}\n`);
// snarkjs leaves its worker threads running.
process.exit(problems.length > 0 ? 1 : 0);
