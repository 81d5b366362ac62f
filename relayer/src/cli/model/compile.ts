// SPDX-License-Identifier: GPL-3.0-or-later

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { modelEntry, modelId, parseModelSpec } from "@meantime/sdk/model";
import { RelayerError } from "../../errors.ts";
import { readJson } from "../read-json.ts";
import { openCompiledModel, SPEC_FILE } from "./folder.ts";

/**
 * `meantime model compile`: makes circuit, witness generator and INSECURE development keys of a specification.
 *
 * @throws RelayerError `MT-CLI-004` the folder exists and --force is not given
 */
export async function compileModel(
  specFile: string,
  { out, force, json }: { out: string; force?: true; json?: true },
): Promise<void> {
  const folder = resolve(out);
  if (existsSync(folder) && !force) {
    throw new RelayerError(
      "MT-CLI-004",
      `${out} exists`,
      "Name a new folder, or replace its files with --force.",
      { out },
    );
  }
  const spec = parseModelSpec(readJson(specFile, "MT-CLI-001", "Name a model specification."));
  const files = await build(spec);
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes);
  writeFileSync(join(folder, SPEC_FILE), readFileSync(specFile));

  const { compiled } = openCompiledModel(folder);
  const { verificationKeyId, constraints, setup } = compiled;
  const id = modelId(modelEntry(spec, { verificationKeyId }));
  const result = { model: spec.name, folder, constraints, setup, verificationKeyId, modelId: id };
  process.stdout.write(
    json
      ? `${JSON.stringify(result)}\n`
      : `${spec.name} is in ${out}: ${constraints} constraints\n  verification key ${verificationKeyId}\n` +
          `  model            ${id} (with an enclave's measurement it is another)\n` +
          "  The keys are for development: anybody can forge proofs under them. See docs/CEREMONY.md.\n",
  );
}

// The compiler is no part of a running relayer: it is loaded by this command alone.
async function build(spec: Parameters<typeof modelEntry>[0]): Promise<Record<string, Uint8Array>> {
  const [{ circuitArtifacts }, { modelCircuit }, { curves }] = await Promise.all([
    import("../../../../circuits/circuit-artifacts.ts"),
    import("../../../../circuits/suite.ts"),
    import("snarkjs"),
  ]);
  try {
    const say = (message: string) => process.stderr.write(`${message}\n`);
    return (await circuitArtifacts(modelCircuit(spec), say)).files;
  } finally {
    // snarkjs' threads would keep the process alive.
    await (await curves.getCurveFromName("bn128")).terminate();
  }
}
