// SPDX-License-Identifier: MIT
// node scripts/explorer/build.ts [--if-stale]: builds the explorer into explorer/dist.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);
const CONFIG = new URL("explorer/vite.config.ts", ROOT);
/** Says what `explorer/dist` was built from. */
const STAMP = new URL("explorer/dist/.built-from", ROOT);
const INPUTS = [
  "explorer/src",
  "explorer/static",
  "explorer/index.html",
  "explorer/vite.config.ts",
  "sdk/src",
  "package-lock.json",
];

/** Builds the explorer unless what is there was built from the same sources. */
export async function buildExplorerIfStale(): Promise<void> {
  const from = inputsHash();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === from) return;
  await buildExplorer(from);
}

/** @param from the hash of the sources */
async function buildExplorer(from: string): Promise<void> {
  rmSync(STAMP, { force: true });
  const { build } = await import("vite");
  await build({ configFile: fileURLToPath(CONFIG), logLevel: "warn" });
  writeFileSync(STAMP, from);
}

function inputsHash(): string {
  const hash = createHash("sha256");
  for (const file of INPUTS.flatMap(filesOf).sort()) {
    hash
      .update(`${file}\n`)
      .update(readFileSync(new URL(file, ROOT)))
      .update("\n");
  }
  return hash.digest("hex");
}

function filesOf(path: string): string[] {
  const url = new URL(path, ROOT);
  if (!statSync(url).isDirectory()) return [path];
  return readdirSync(url, { recursive: true, encoding: "utf8" })
    .map((name) => `${path}/${name.replaceAll("\\", "/")}`)
    .filter((name) => statSync(new URL(name, ROOT)).isFile());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes("--if-stale")) await buildExplorerIfStale();
  else await buildExplorer(inputsHash());
}
