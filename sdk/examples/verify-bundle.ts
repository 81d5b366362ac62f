// SPDX-License-Identifier: MIT
// Judges a bundle offline and says what it looked at:
//
//   node sdk/examples/verify-bundle.ts bundle.json
//
// Exit code 0: valid; 1: invalid; 2: it cannot be told without facts from the chain, which `verifyBundle` takes.
import { readFile } from "node:fs/promises";
import { parseBundle } from "@meantime/sdk/bundle/format";
import { verifyBundle } from "@meantime/sdk/bundle/verify";

const EXIT_CODES = { valid: 0, invalid: 1, "cannot tell": 2 };

const [file = "bundle.json"] = process.argv.slice(2);
const { verdict, checks, notChecked } = verifyBundle(parseBundle(await readFile(file, "utf8")));
for (const check of checks) process.stdout.write(`${check.name}: ${check.verdict}, ${check.reason}\n`);
for (const name of notChecked) process.stdout.write(`${name}: not checked, look it up on the chain\n`);
process.stdout.write(`${verdict}\n`);
process.exitCode = EXIT_CODES[verdict];
