// SPDX-License-Identifier: GPL-3.0-or-later
// npm run circuits:build [-- --check] [--recompile] [--model NAME ...]: writes what is committed of each circuit of the
// suite. With --check nothing is written: it fails unless every byte is what is committed, and snarkjs verifies each
// committed key against the R1CS that was just compiled.
//
// Of the circuits whose keys are made on demand, --check compiles none: the key of a compilation, over source, library
// and compiler, is in the manifest and decides. --recompile compiles them in any case and compares the R1CS.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { circuitArtifacts, type Files, sha256, text, withManifest } from "./circuit-artifacts.ts";
import { compilationKey } from "./compiler/cache.ts";
import { compileCircuit } from "./compiler/compile.ts";
import { artifactsDirectory } from "./paths.ts";
import { devKeyProblem } from "./setup/verify-dev-key.ts";
import { SHIPPED, SUITE, type SuiteCircuit, suiteCircuit } from "./suite.ts";

const { values: options } = parseArgs({
  options: {
    check: { type: "boolean", default: false },
    recompile: { type: "boolean", default: false },
    model: { type: "string", multiple: true },
  },
});

const stale: string[] = [];
for (const name of options.model ?? SUITE) {
  const circuit = suiteCircuit(name);
  const directory = artifactsDirectory(name);
  for (const [file, bytes] of Object.entries(await build(circuit))) {
    if (isCommitted(join(directory, file), bytes)) continue;
    stale.push(`${name}/${file}`);
    if (options.check) continue;
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, file), bytes);
  }
}
say(report());
// snarkjs leaves its worker threads running.
process.exit(options.check && stale.length > 0 ? 1 : 0);

function report(): string {
  if (!options.check) return `wrote ${stale.length} files`;
  if (stale.length === 0) return "byte for byte what is committed";
  return `not what is committed: ${stale.join(", ")}. Run "npm run circuits:build" and commit the result.`;
}

function build(circuit: SuiteCircuit): Promise<Files> {
  return (SHIPPED as readonly string[]).includes(circuit.name)
    ? buildShipped(circuit)
    : buildOnDemand(circuit);
}

async function buildShipped(circuit: SuiteCircuit): Promise<Files> {
  const { files, r1cs } = await circuitArtifacts(circuit, say);
  if (options.check) await requireVerified(circuit.name, r1cs);
  return files;
}

async function requireVerified(name: string, r1cs: Uint8Array): Promise<void> {
  say(`${name}: verifying the committed key with snarkjs ...`);
  const problem = await devKeyProblem(r1cs, readFileSync(join(artifactsDirectory(name), `${name}.zkey`)));
  if (!problem) return;
  say(`snarkjs refuses the committed key of ${name}: ${problem}`);
  process.exit(1);
}

async function buildOnDemand(circuit: SuiteCircuit): Promise<Files> {
  const { name, source } = circuit;
  const files = { [`${name}.circom`]: text(source) };
  const key = await compilationKey(source);
  const known = committedManifest(name);
  if (known?.compilationKey === key && !options.recompile) {
    return withManifest(files, circuit, {
      compilationKey: key,
      constraints: known.constraints,
      r1csSha256: known.r1csSha256,
    });
  }
  say(`${name}: compiling ...`);
  const { r1cs, constraints } = await compileCircuit(name, source);
  const total = constraints.nonLinear + constraints.linear;
  say(`${name}: ${total} constraints`);
  return withManifest(files, circuit, {
    compilationKey: key,
    constraints: { total, ...constraints },
    r1csSha256: sha256(r1cs),
  });
}

function committedManifest(name: string): Record<string, unknown> | undefined {
  const file = join(artifactsDirectory(name), "manifest.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>) : undefined;
}

function isCommitted(file: string, bytes: Uint8Array): boolean {
  return existsSync(file) && Buffer.compare(readFileSync(file), bytes) === 0;
}

function say(message: string): void {
  process.stderr.write(`${message}\n`);
}
