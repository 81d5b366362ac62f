// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import type { Hex } from "@meantime/sdk/hex";
import { modelEntry, modelId, parseModelSpec } from "@meantime/sdk/model";
import type { Deployment } from "./deployment.ts";

/** The digit classifier's specification and circuit artefacts, from the repository's root. */
export const DIGIT_MODEL = {
  name: "tiny_mlp",
  spec: "circuits/models/tiny_mlp.json",
  wasm: "circuits/artifacts/tiny_mlp/tiny_mlp.wasm",
  zkey: "circuits/artifacts/tiny_mlp/tiny_mlp.zkey",
  verificationKey: "circuits/artifacts/tiny_mlp/verification_key.json",
} as const;

const ROOT = new URL("../../", import.meta.url);

/** The path of one of the model's files. */
export function digitModelUrl(file: "spec" | "wasm" | "zkey" | "verificationKey"): URL {
  return new URL(DIGIT_MODEL[file], ROOT);
}

/** Registers the digit classifier's verification key and its entry, run by enclaves of this measurement. */
export async function registerDigitModel(deployment: Deployment, measurement: Hex): Promise<Hex> {
  const spec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));
  const keyJson = JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8"));
  const key = encodeVerificationKey(keyJson);
  const entry = modelEntry(spec, { verificationKeyId: verificationKeyId(key), measurement });
  await (await deployment.groth16Evidence.registerKey(key)).wait();
  await (await deployment.models.register(entry)).wait();
  return modelId(entry);
}
