// SPDX-License-Identifier: MIT
// Writes the ABIs that the SDK ships. With --check, fails when a committed one differs from the compiled contract.
import { readFile, writeFile } from "node:fs/promises";
import hre from "hardhat";

const CONTRACTS = [
  "AccessManager",
  "BatchRootVerifier",
  "EnclaveEvidence",
  "Erc8274Verifier",
  "Groth16Evidence",
  "InferenceRequests",
  "IntelCollateral",
  "IntelQuoteVerifier",
  "MeantimeLens",
  "ModelRegistry",
  "NitroVerifier",
  "P384",
  "PolicyRegistry",
  "QuorumEvidence",
  "Receipts",
  "Settlement",
];

const check = process.argv.includes("--check");
const stale: string[] = [];

for (const name of CONTRACTS) {
  const { abi } = await hre.artifacts.readArtifact(name);
  const file = new URL(`../sdk/abi/${name}.json`, import.meta.url);
  const text = `${JSON.stringify(abi, null, 2)}\n`;
  if (!check) await writeFile(file, text);
  else if ((await readFile(file, "utf8")) !== text) stale.push(name);
}

if (stale.length > 0) {
  process.stderr.write(
    `Stale ABIs in sdk/abi: ${stale.join(", ")}. Run "npm run abi" and commit the result.\n`,
  );
  process.exitCode = 1;
}
