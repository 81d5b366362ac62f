// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import { compileCircuit } from "./compiler/compile.ts";
import { devKeys } from "./setup/dev-keys.ts";
import type { SuiteCircuit } from "./suite.ts";

/** Contents by file name. */
export type Files = Record<string, Uint8Array>;

/**
 * Everything that proves a circuit, with INSECURE development keys: source, witness generator, proving key, verification
 * key, manifest. Deterministic. The R1CS that the keys were made of is not kept; it follows from the source.
 *
 * @param say told what is being done
 */
export async function circuitArtifacts(
  circuit: SuiteCircuit,
  say: (message: string) => void,
): Promise<{ files: Files; r1cs: Uint8Array }> {
  const { name, source } = circuit;
  say(`${name}: compiling ...`);
  const { r1cs, wasm, constraints } = await compileCircuit(name, source);
  const total = constraints.nonLinear + constraints.linear;
  say(`${name}: ${total} constraints; making development keys ...`);
  const { zkey, verificationKey } = await devKeys(r1cs);
  const files: Files = {
    [`${name}.circom`]: text(source),
    [`${name}.wasm`]: wasm,
    [`${name}.zkey`]: zkey,
    "verification_key.json": text(`${JSON.stringify(verificationKey, null, 1)}\n`),
  };
  const facts = {
    verificationKeyId: verificationKeyId(encodeVerificationKey(verificationKey)),
    setup: "dev-insecure",
    constraints: { total, ...constraints },
    r1csSha256: sha256(r1cs),
  };
  return { files: withManifest(files, circuit, facts), r1cs };
}

/** Adds the manifest: what the files are of, their hashes, and the tools that made them. */
export function withManifest(files: Files, circuit: SuiteCircuit, facts: Record<string, unknown>): Files {
  const manifest = {
    model: circuit.name,
    specHash: circuit.specHash,
    inputScheme: circuit.inputScheme,
    outputScheme: circuit.outputScheme,
    ...facts,
    sha256: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)])),
    tools: {
      circom2: versionOf("circom2"),
      snarkjs: versionOf("snarkjs"),
      circomlib: versionOf("circomlib"),
    },
  };
  return { ...files, "manifest.json": text(`${JSON.stringify(manifest, null, 2)}\n`) };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function versionOf(name: string): string {
  const manifest = new URL(`../node_modules/${name}/package.json`, import.meta.url);
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
