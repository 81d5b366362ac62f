// SPDX-License-Identifier: MIT
// npm run governance [-- --check]: writes the tables of docs/GOVERNANCE.md from the ABIs and governance/powers.ts.
import { readFile, writeFile } from "node:fs/promises";
import { Interface } from "ethers";
import hre from "hardhat";
import type { Deployment } from "./chain/deployment.ts";
import { CONTRACTS } from "./governance/contracts.ts";
import { POWERS } from "./governance/powers.ts";
import { sectionOf } from "./governance/tables.ts";
import { replaceSection } from "./markdown.ts";

const FILE = new URL("../docs/GOVERNANCE.md", import.meta.url);

const sections: string[] = [];
for (const [key, name] of Object.entries(CONTRACTS) as [keyof Deployment, string][]) {
  const { abi } = await hre.artifacts.readArtifact(name);
  sections.push(sectionOf(name, new Interface(abi), POWERS[key]));
}

const text = await readFile(FILE, "utf8");
const updated = replaceSection(text, "functions", `${sections.join("")}\n`);
if (!process.argv.includes("--check")) await writeFile(FILE, updated);
else if (updated !== text) {
  process.stderr.write('Stale docs/GOVERNANCE.md. Run "npm run governance" and commit the result.\n');
  process.exitCode = 1;
}
