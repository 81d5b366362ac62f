// SPDX-License-Identifier: MIT
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const SDK = join(ROOT, "sdk");

/**
 * Makes the package that is published: JavaScript with declarations, the ABIs, a manifest without what only this repository
 * needs. The workspace itself exports its TypeScript, so that nothing has to be built to work on it.
 */
export async function packageSdk(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  await compile(directory);
  await pointDeclarationsAtJavaScript(directory);
  await cp(join(SDK, "abi"), join(directory, "abi"), { recursive: true });
  await cp(join(SDK, "README.md"), join(directory, "README.md"));
  await cp(join(ROOT, "LICENSES/MIT.txt"), join(directory, "LICENSE"));
  const manifest = publishedManifest(JSON.parse(await readFile(join(SDK, "package.json"), "utf8")));
  await writeFile(join(directory, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

function publishedManifest({ scripts: _, ...manifest }: Record<string, unknown>): Record<string, unknown> {
  return {
    ...manifest,
    engines: { node: ">=20.3" },
    exports: {
      "./package.json": "./package.json",
      "./abi/*": "./abi/*.json",
      "./*": { types: "./*.d.ts", default: "./*.js" },
    },
  };
}

async function compile(directory: string): Promise<void> {
  const compiler = join(
    dirname(createRequire(import.meta.url).resolve("typescript/package.json")),
    "bin/tsc",
  );
  await run(process.execPath, [compiler, "--project", join(SDK, "tsconfig.json"), "--outDir", directory]);
}

// The compiler rewrites the extensions of imports in what runs, and leaves declarations as they are.
async function pointDeclarationsAtJavaScript(directory: string): Promise<void> {
  const files = await readdir(directory, { recursive: true });
  for (const file of files.filter((name) => name.endsWith(".d.ts"))) {
    const path = join(directory, file);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replaceAll(/((?:from|import\() ?"\.[^"]*)\.ts"/g, '$1.js"'));
  }
}

if (import.meta.main) {
  const directory = join(SDK, "dist");
  await packageSdk(directory);
  process.stdout.write(`The package is in ${directory}. Publish that directory.\n`);
}
