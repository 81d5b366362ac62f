// SPDX-License-Identifier: MIT
// npm run build:legacy: fails where a contract does not compile, or compiles with a warning, without the IR pipeline.
import { compileProfile } from "./solidity/compile.ts";

const compilations = await compileProfile("legacy");
// What ships is the IR build, and `npm run snapshots` measures its contracts: the size of this one is nobody's concern.
const CODE_SIZE_WARNING = "5574";
const diagnostics = compilations
  .flatMap(({ output }) => output.errors ?? [])
  // Packages have other rules.
  .filter(({ errorCode, formattedMessage }) => {
    return errorCode !== CODE_SIZE_WARNING && !formattedMessage?.includes("--> npm/");
  });
for (const { formattedMessage, message } of diagnostics) {
  process.stderr.write(`${formattedMessage ?? message}\n`);
}
process.exitCode = diagnostics.length > 0 ? 1 : 0;
