// SPDX-License-Identifier: GPL-3.0-or-later

import { access, readFile } from "node:fs/promises";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import type { Hex } from "@meantime/sdk/hex";
import { modelEntry, modelId, parseModelSpec, runModel } from "@meantime/sdk/model";
import { openAiModelEntry } from "@meantime/sdk/openai/model";
import type { ModelRegistry } from "../../../types/ethers-contracts/index.ts";
import type { ModelConfig, NetworkConfig, UpstreamModelConfig } from "../config/load.ts";
import { RelayerError } from "../errors.ts";
import type { ModelRuntime, NetworkModel, ServedModel, UpstreamModel } from "../services.ts";

/**
 * Loads the configured models and compares each with its entry in the registries that the policies' evidence uses.
 *
 * A model id is the hash of the entry, so an entry under the id has the same specification, verification key and
 * measurement as the files here. A different verification key would make every proof worthless and lose bonds: it is
 * found here, before the first answer.
 *
 * @throws RelayerError `MT-CFG-007` a file is missing or unusable; `MT-CFG-008` the registry has no such model, or one
 * with another verification key; `MT-CFG-009` the specification has another version than the configuration pins
 */
export async function loadModels(
  configs: readonly ModelConfig[],
  registries: readonly ModelRegistry[],
  runtimes: ReadonlyMap<string, ModelRuntime>,
): Promise<ServedModel[]> {
  return Promise.all(
    configs.map((config, index) => loadModel(config, `models.${index}`, registries, runtimes)),
  );
}

async function loadModel(
  config: ModelConfig,
  path: string,
  registries: readonly ModelRegistry[],
  runtimes: ReadonlyMap<string, ModelRuntime>,
): Promise<ServedModel> {
  if ("weights" in config) return loadUpstreamModel(config, path, registries);
  return loadNetwork(config, path, registries, runtimes);
}

async function loadUpstreamModel(
  config: UpstreamModelConfig,
  path: string,
  registries: readonly ModelRegistry[],
): Promise<UpstreamModel> {
  const { name, version, reexecutable, measurement, upstream } = config;
  const entry = openAiModelEntry(config);
  const id = modelId(entry);
  for (const registry of registries)
    await requireRegistered(id, entry.verificationKeyId, name, path, registry);
  return { kind: "upstream", id, name, version, reexecutable, measurement, upstream };
}

async function loadNetwork(
  config: NetworkConfig,
  path: string,
  registries: readonly ModelRegistry[],
  runtimes: ReadonlyMap<string, ModelRuntime>,
): Promise<NetworkModel> {
  const spec = await readWith(config.spec, `${path}.spec`, parseModelSpec);
  if (config.version !== undefined && config.version !== spec.version) {
    throw new RelayerError(
      "MT-CFG-009",
      `${path}.version: the specification is version ${spec.version}, not ${config.version}`,
      "Correct the version, or remove it to take the specification's.",
      { path: `${path}.version` },
    );
  }
  const verificationKey = config.verificationKey
    ? await readWith(config.verificationKey, `${path}.verificationKey`, encodeVerificationKey)
    : undefined;
  const entry = modelEntry(spec, {
    ...(verificationKey ? { verificationKeyId: verificationKeyId(verificationKey) } : {}),
    ...(config.measurement ? { measurement: config.measurement } : {}),
  });
  const id = modelId(entry);
  for (const registry of registries)
    await requireRegistered(id, entry.verificationKeyId, spec.name, path, registry);
  const { wasm, zkey } = config;
  if (wasm) await requireFile(wasm, `${path}.wasm`);
  if (zkey) await requireFile(zkey, `${path}.zkey`);
  return {
    kind: "network",
    name: spec.name,
    id,
    spec,
    run: runtimes.get(spec.name) ?? ((input) => runModel(spec, input)),
    measurement: config.measurement,
    verificationKey,
    proving: wasm && zkey ? { wasm, zkey } : undefined,
  };
}

async function requireRegistered(id: Hex, keyId: Hex, name: string, path: string, registry: ModelRegistry) {
  const { registeredAt, model } = await registry.modelOf(id);
  if (registeredAt === 0n) {
    throw new RelayerError(
      "MT-CFG-008",
      `${path}: the registry has no model ${id}, which is what the entry of ${name} hashes to`,
      "Register the model, or use the specification, verification key and measurement that were registered.",
      { path, modelId: id },
    );
  }
  if (model.verificationKeyId.toLowerCase() !== keyId) {
    throw new RelayerError(
      "MT-CFG-008",
      `${path}.verificationKey: the key's hash is ${keyId}, the registry has ${model.verificationKeyId}`,
      "Use the verification key that was registered with the model.",
      { path: `${path}.verificationKey` },
    );
  }
}

async function readWith<Result>(
  file: string,
  path: string,
  parse: (json: unknown) => Result,
): Promise<Result> {
  try {
    return parse(JSON.parse(await readFile(file, "utf8")));
  } catch (error) {
    throw new RelayerError(
      "MT-CFG-007",
      `${path}: ${file} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      "Correct the path (it is relative to the configuration file) or the file.",
      { path },
    );
  }
}

async function requireFile(file: string, path: string): Promise<void> {
  try {
    await access(file);
  } catch {
    throw new RelayerError("MT-CFG-007", `${path}: there is no file ${file}`, "Correct the path.", { path });
  }
}
