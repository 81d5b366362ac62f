// SPDX-License-Identifier: MIT
// Fails where the compiler had anything to say about a contract of ours: its warnings are errors here. Packages have
// other rules.
import { readdirSync, readFileSync } from "node:fs";

interface Diagnostic {
  severity: string;
  formattedMessage: string;
  sourceLocation?: { file: string };
}

const FOLDER = new URL("../artifacts/build-info/", import.meta.url);
const diagnostics = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".output.json"))
  .flatMap(
    (file): Diagnostic[] => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")).output.errors ?? [],
  )
  .filter(({ sourceLocation }) => !sourceLocation?.file.startsWith("npm/"));

for (const { formattedMessage } of diagnostics) process.stderr.write(`${formattedMessage}\n`);
process.exitCode = diagnostics.length > 0 ? 1 : 0;
