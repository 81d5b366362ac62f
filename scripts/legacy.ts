// SPDX-License-Identifier: MIT
// npm run build:legacy: fails where a contract does not compile without the IR pipeline, or compiles with a warning: also
// with the one that it is larger than EIP-170 allows.
import { compileProfile } from "./solidity/compile.ts";

const compilations = await compileProfile("legacy");
const diagnostics = compilations
  .flatMap(({ output }) => output.errors ?? [])
  // Packages have other rules.
  .filter(({ formattedMessage }) => !formattedMessage?.includes("--> npm/"));
for (const { formattedMessage, message } of diagnostics) {
  process.stderr.write(`${formattedMessage ?? message}\n`);
}
process.exitCode = diagnostics.length > 0 ? 1 : 0;
