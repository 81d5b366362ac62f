// SPDX-License-Identifier: GPL-3.0-or-later

import { readFile } from "node:fs/promises";
import { encodeVerificationKey } from "@meantime/sdk/groth16";
import { inputLength, parseModelSpec } from "@meantime/sdk/model";
import type { ModelConfig, RelayerConfig } from "../../config/load.ts";
import { describeError } from "../../errors.ts";
import { createProver, type ProvableModel } from "../../prove/create-prover.ts";

/**
 * Seconds for one proof of each model that has its proving files here, with the configured prover: the first proof, which
 * reads the files, and the next.
 */
export async function timeProofs(config: RelayerConfig): Promise<Record<string, unknown>> {
  const models = (await Promise.all(config.models.map(provable))).filter((model) => model !== undefined);
  const figures: Record<string, unknown> = {};
  for (const model of models) figures[model.spec.name] = await timeModel(config, model);
  return figures;
}

async function timeModel({ prover: limits }: RelayerConfig, model: ProvableModel): Promise<object> {
  const faults: string[] = [];
  const prover = await createProver(limits, model, ({ code }) => faults.push(code));
  const signals = { x: new Array<string>(inputLength(model.spec)).fill("0"), salt: "1", ctx: "1" };
  const { wasm, zkey, verificationKey } = model;
  const prove = async () => {
    const start = performance.now();
    await prover.prove({ wasm, zkey, verificationKey, signals });
    return Math.round(performance.now() - start) / 1_000;
  };
  try {
    const [firstSeconds, seconds] = [await prove(), await prove()];
    return { firstSeconds, seconds, ...(faults.length > 0 ? { faults } : {}) };
  } catch (error) {
    const { code, message } = describeError(error);
    return { error: { code, message } };
  } finally {
    prover.close();
  }
}

async function provable(model: ModelConfig): Promise<ProvableModel | undefined> {
  if (!("spec" in model)) return undefined;
  const { spec, wasm, zkey, verificationKey } = model;
  if (!wasm || !zkey || !verificationKey) return undefined;
  const read = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, "utf8"));
  return {
    ...{ wasm, zkey },
    spec: parseModelSpec(await read(spec)),
    verificationKey: encodeVerificationKey(await read(verificationKey)),
  };
}
