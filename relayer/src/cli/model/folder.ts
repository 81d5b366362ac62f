// SPDX-License-Identifier: GPL-3.0-or-later

import { existsSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import type { Hex } from "@meantime/sdk/hex";
import { asRecord } from "@meantime/sdk/json";
import { type ModelSpec, parseModelSpec, specHash } from "@meantime/sdk/model";
import { RelayerError } from "../../errors.ts";
import { readJson } from "../read-json.ts";

/** A model by its files: a specification and, once compiled, what proves it. */
export interface ModelFolder {
  spec: ModelSpec;
  compiled?: CompiledModel;
}

/** What `meantime model compile` made of a specification. Paths are absolute. */
export interface CompiledModel {
  wasm: string;
  zkey: string;
  /** Encoded as the contracts read it. */
  verificationKey: Hex;
  verificationKeyId: Hex;
  setup: string;
  constraints: number;
}

/** In a folder of `meantime model compile`, beside what was made of it. */
export const SPEC_FILE = "model.json";

const KEY_FILE = "verification_key.json";

const CIRCUITS = fileURLToPath(new URL("../../../../circuits", import.meta.url));
const HINT =
  'Name a model of this repository, a specification, or a folder that "meantime model compile" wrote.';

/**
 * Finds a model by the name it has in this repository, by its specification, or by the folder it was compiled to.
 *
 * @throws RelayerError `MT-CLI-001` unreadable; `MT-CLI-008` files of another model
 * @throws MeantimeError `MT-SDK-301` a bad specification; `MT-SDK-401` a bad verification key
 */
export function openModel(model: string): ModelFolder {
  const { specFile, folder } = locate(model);
  const spec = parseModelSpec(readJson(specFile, "MT-CLI-001", HINT));
  const manifestFile = join(folder, "manifest.json");
  if (!existsSync(manifestFile)) return { spec };
  const manifest = asRecord(readJson(manifestFile, "MT-CLI-001", HINT), "manifest");
  // A manifest beside a specification that has changed since describes another model.
  if (manifest.specHash !== specHash(spec)) {
    throw new RelayerError(
      "MT-CLI-008",
      `${folder} was compiled from another specification than ${specFile}`,
      "Compile it again.",
      { folder },
    );
  }
  const keyFile = join(folder, KEY_FILE);
  // Of its largest circuits the repository holds the manifest alone.
  if (!existsSync(keyFile)) return { spec };
  const verificationKey = encodeVerificationKey(readJson(keyFile, "MT-CLI-001", HINT));
  return {
    spec,
    compiled: {
      wasm: join(folder, `${spec.name}.wasm`),
      zkey: join(folder, `${spec.name}.zkey`),
      verificationKey,
      verificationKeyId: verificationKeyId(verificationKey),
      setup: String(manifest.setup),
      constraints: Number(asRecord(manifest.constraints, "constraints").total),
    },
  };
}

/** The same, with its proving files. @throws RelayerError `MT-CLI-008` it is not compiled */
export function openCompiledModel(model: string): { spec: ModelSpec; compiled: CompiledModel } {
  const { spec, compiled } = openModel(model);
  if (compiled) return { spec, compiled };
  throw new RelayerError(
    "MT-CLI-008",
    `${model} has no proving files`,
    "Make them with: npx meantime model compile SPEC --out FOLDER",
    { model },
  );
}

/** The files that a configuration names for a model: its specification and, where it is compiled, what proves it. */
export function modelFiles(model: string): Record<string, string> {
  const { specFile, folder } = locate(model);
  const { compiled } = openModel(model);
  if (!compiled) return { spec: specFile };
  const { wasm, zkey } = compiled;
  return { spec: specFile, wasm, zkey, verificationKey: join(folder, KEY_FILE) };
}

function locate(model: string): { specFile: string; folder: string } {
  const named = join(CIRCUITS, "models", `${model}.json`);
  if (/^\w+$/.test(model) && existsSync(named)) {
    return { specFile: named, folder: join(CIRCUITS, "artifacts", model) };
  }
  const path = resolve(model);
  if (existsSync(path) && statSync(path).isDirectory())
    return { specFile: join(path, SPEC_FILE), folder: path };
  return { specFile: path, folder: dirname(path) };
}
