// SPDX-License-Identifier: GPL-3.0-or-later
// npm run circuits:build [-- --check]: compiles the digit model's circuit and makes its development keys. With --check
// nothing is written: it fails unless every byte is what is committed.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import { parseModelSpec, specHash } from "@meantime/sdk/model";
import { compileCircuit } from "./compiler/compile.ts";
import { circuitSource } from "./compiler/source.ts";
import { ARTIFACTS_DIRECTORY, MODEL_FILE } from "./paths.ts";
import { devKeys } from "./setup/dev-keys.ts";

const check = process.argv.includes("--check");
const files = await build();
const different = Object.entries(files).filter(([name, bytes]) => !isCommitted(name, bytes));
if (check && different.length > 0) {
  const names = different.map(([name]) => name).join(", ");
  process.stderr.write(
    `not what is committed: ${names}. Run "npm run circuits:build" and commit the result.\n`,
  );
  process.exit(1);
}
mkdirSync(ARTIFACTS_DIRECTORY, { recursive: true });
for (const [name, bytes] of different) writeFileSync(join(ARTIFACTS_DIRECTORY, name), bytes);
process.stderr.write(check ? "byte for byte what is committed\n" : `wrote ${different.length} files\n`);
// snarkjs leaves its worker threads running.
process.exit(0);

async function build(): Promise<Record<string, Uint8Array>> {
  const spec = parseModelSpec(JSON.parse(readFileSync(MODEL_FILE, "utf8")));
  const source = circuitSource(spec);
  say(`compiling ${spec.name}`);
  const { r1cs, wasm, constraints } = await compileCircuit(spec.name, source);
  const total = constraints.nonLinear + constraints.linear;
  say(`${total} constraints; making development keys`);
  const { zkey, verificationKey } = await devKeys(r1cs, total);
  const artifacts: Record<string, Uint8Array> = {
    [`${spec.name}.circom`]: text(source),
    [`${spec.name}.wasm`]: wasm,
    [`${spec.name}.zkey`]: zkey,
    "verification_key.json": text(`${JSON.stringify(verificationKey, null, 1)}\n`),
  };
  const manifest = {
    model: spec.name,
    specHash: specHash(spec),
    verificationKeyId: verificationKeyId(encodeVerificationKey(verificationKey)),
    setup: "dev-insecure",
    constraints: { total, ...constraints },
    r1csSha256: sha256(r1cs),
    sha256: Object.fromEntries(Object.entries(artifacts).map(([name, bytes]) => [name, sha256(bytes)])),
    tools: {
      circom2: versionOf("circom2"),
      snarkjs: versionOf("snarkjs"),
      circomlib: versionOf("circomlib"),
    },
  };
  return { ...artifacts, "manifest.json": text(`${JSON.stringify(manifest, null, 2)}\n`) };
}

function isCommitted(name: string, bytes: Uint8Array): boolean {
  const file = join(ARTIFACTS_DIRECTORY, name);
  return existsSync(file) && Buffer.compare(readFileSync(file), bytes) === 0;
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function versionOf(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}

function say(message: string): void {
  process.stderr.write(`${message} ...\n`);
}
