#!/usr/bin/env node
// SPDX-License-Identifier: GPL-3.0-or-later
// Plain JavaScript that any Node can parse: it says which Node is needed before anything newer is loaded.

import { spawnSync } from "node:child_process";
import * as module from "node:module";
import { fileURLToPath } from "node:url";

const MINIMUM = [22, 13];
const STRIPS_TYPES_UNFLAGGED = [22, 18];
const USAGE_EXIT = 2;

if (!atLeast(MINIMUM)) {
  process.stderr.write(
    `meantime needs Node ${MINIMUM.join(".")} or newer; this is ${process.version}.\n` +
      `Run instead: npx -y -p node@24 npx meantime ${process.argv.slice(2).join(" ")}\n`,
  );
  process.exitCode = USAGE_EXIT;
} else if (!atLeast(STRIPS_TYPES_UNFLAGGED) && !process.execArgv.includes("--experimental-strip-types")) {
  runAgainWithTypeStripping();
} else {
  silenceSqliteWarning();
  keepCompiledCode();
  const { main } = await import("../src/cli/main.ts");
  // Not left to the end: a daemon may be killed.
  module.flushCompileCache?.();
  process.exitCode = await main(process.argv);
}

function atLeast([major, minor]) {
  const [ownMajor, ownMinor] = process.versions.node.split(".").map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

/** Node 22.13 to 22.17 can strip types, but only when told to. */
function runAgainWithTypeStripping() {
  const child = spawnSync(
    process.execPath,
    [
      "--experimental-strip-types",
      "--disable-warning=ExperimentalWarning",
      fileURLToPath(import.meta.url),
      ...process.argv.slice(2),
    ],
    { stdio: "inherit" },
  );
  process.exitCode = child.status ?? 1;
}

/**
 * Types are stripped and modules compiled once, not at every start: a third of what a start takes. Beside the program and not
 * in the common temporary folder, where another user could lay code for us to run. Where that is read-only, nothing is kept.
 */
function keepCompiledCode() {
  module.enableCompileCache?.(fileURLToPath(new URL("../node_modules/.cache/meantime", import.meta.url)));
}

/**
 * node:sqlite warns that its API may still change between Node releases. The ledger uses a small, stable part of it and
 * its tests run on the pinned Node; an operator can do nothing about the warning. Every other warning is shown.
 */
function silenceSqliteWarning() {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning, ...rest) => {
    const text = typeof warning === "string" ? warning : warning.message;
    if (!text.startsWith("SQLite is an experimental feature")) emitWarning(warning, ...rest);
  };
}
