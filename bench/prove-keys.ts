// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cachedCircuit } from "../circuits/compiler/cache.ts";
import { devKeys } from "../circuits/setup/dev-keys.ts";

/** A compiled circuit with development keys. */
export interface KeyedCircuit {
  constraints: { nonLinear: number; linear: number };
  wasm: Uint8Array;
  zkey: Uint8Array;
  verificationKey: unknown;
}

const SETUP = fileURLToPath(new URL("../circuits/setup/", import.meta.url));

/**
 * Compiles a circuit and makes its development keys, or takes both from the cache that git ignores: they follow from the
 * source, the compiler and the setup, whose hashes name the files.
 */
export async function keyedCircuit(name: string, source: string): Promise<KeyedCircuit> {
  const { folder, r1cs, wasm, constraints } = await cachedCircuit(name, source);
  const setup = (await setupHash()).slice(0, 16);
  const [zkeyFile, keyFile] = [join(folder, `${setup}.zkey`), join(folder, `${setup}.json`)];
  // The one that is written last decides.
  if (!existsSync(keyFile)) {
    const { zkey, verificationKey } = await devKeys(r1cs);
    await writeWhole(zkeyFile, zkey);
    await writeWhole(keyFile, JSON.stringify(verificationKey));
  }
  return {
    constraints,
    wasm,
    zkey: new Uint8Array(readFileSync(zkeyFile)),
    verificationKey: JSON.parse(readFileSync(keyFile, "utf8")),
  };
}

async function setupHash(): Promise<string> {
  const hash = createHash("sha256");
  for (const file of (await readdir(SETUP)).filter((name) => name.endsWith(".ts")).sort()) {
    hash.update(readFileSync(join(SETUP, file)));
  }
  return hash.digest("hex");
}

async function writeWhole(file: string, content: Uint8Array | string): Promise<void> {
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, content);
  await rename(unfinished, file);
}
