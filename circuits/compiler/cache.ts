// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CompiledCircuit, compileCircuit } from "./compile.ts";

/** A compiled circuit and the folder that keeps it; what is made from it (keys) belongs there as well. */
export interface CachedCircuit extends CompiledCircuit {
  /** SHA-256 over everything that the compilation reads: source, library, compiler. */
  key: string;
  /** Under `cache/circuits`, which git ignores; named after circuit and key. */
  folder: string;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LIBRARY = join(ROOT, "circuits", "lib");
const PACKAGES = ["circom2", "circomlib"];

/**
 * As `compileCircuit`, but compiles nothing that was compiled before on this machine. A circuit compiles to the same
 * bytes everywhere, so the key decides. Rejects with the compiler's messages.
 */
export async function cachedCircuit(name: string, source: string): Promise<CachedCircuit> {
  const key = await compilationKey(source);
  const folder = join(ROOT, "cache", "circuits", `${name}-${key.slice(0, 16)}`);
  const compiled = (await load(folder)) ?? (await store(folder, await compileCircuit(name, source)));
  return { ...compiled, key, folder };
}

/** The key of a compilation: two sources with the same key compile to the same bytes. */
export async function compilationKey(source: string): Promise<string> {
  const hash = createHash("sha256").update(source);
  for (const file of (await readdir(LIBRARY)).sort()) {
    hash.update(`\0${file}\0`).update(await readFile(join(LIBRARY, file)));
  }
  for (const name of PACKAGES) hash.update(await readFile(join(ROOT, "node_modules", name, "package.json")));
  return hash.digest("hex");
}

async function load(folder: string): Promise<CompiledCircuit | undefined> {
  try {
    const [r1cs, wasm, symbols, constraints] = await Promise.all([
      readFile(join(folder, "circuit.r1cs")),
      readFile(join(folder, "circuit.wasm")),
      readFile(join(folder, "circuit.sym"), "utf8"),
      readFile(join(folder, "constraints.json"), "utf8"),
    ]);
    return { r1cs, wasm, symbols, constraints: JSON.parse(constraints) as CompiledCircuit["constraints"] };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

// Each file appears whole or not at all, the one that `load` asks for last, so that two processes cannot spoil it.
async function store(folder: string, circuit: CompiledCircuit): Promise<CompiledCircuit> {
  await mkdir(folder, { recursive: true });
  await writeWhole(join(folder, "circuit.r1cs"), circuit.r1cs);
  await writeWhole(join(folder, "circuit.wasm"), circuit.wasm);
  await writeWhole(join(folder, "circuit.sym"), circuit.symbols);
  await writeWhole(join(folder, "constraints.json"), JSON.stringify(circuit.constraints));
  return circuit;
}

async function writeWhole(file: string, content: Uint8Array | string): Promise<void> {
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, content);
  await rename(unfinished, file);
}
