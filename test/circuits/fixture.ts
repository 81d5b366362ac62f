// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Hex } from "@meantime/sdk/hex";
import { type ModelSpec, parseModelSpec } from "@meantime/sdk/model";
import { getCurveFromName } from "ffjavascript";
import * as snarkjs from "snarkjs";
import { ARTIFACTS_DIRECTORY, MODEL_FILE } from "../../circuits/paths.ts";

/** Order of BN254's scalar field, which witnesses are computed in. */
export const FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

export const SALT: Hex = `0x00${"5a".repeat(31)}`;
export const CONTEXT = 0xc0ffeen;

/** A committed artefact of the digit model. */
export function artifact(name: string): Buffer {
  return readFileSync(join(ARTIFACTS_DIRECTORY, name));
}

export function digitSpec(): ModelSpec {
  return parseModelSpec(JSON.parse(readFileSync(MODEL_FILE, "utf8")));
}

/** Signal inputs of any circuit of the compiler. */
export function signalsFor(x: readonly number[]): snarkjs.SignalInputs {
  return { x, salt: BigInt(SALT).toString(), ctx: CONTEXT.toString() };
}

/** The witness of the stock generator, wire by wire: 0 is the constant one, then inputHash, outputHash, ctx. */
export async function witnessOf(wasm: Uint8Array, signals: snarkjs.SignalInputs): Promise<bigint[]> {
  const witness: snarkjs.MemoryFile = { type: "mem" };
  await snarkjs.wtns.calculate(signals, { type: "mem", data: wasm }, witness);
  return (await snarkjs.wtns.exportJson(witness)).map(BigInt);
}

/** snarkjs keeps worker threads that would keep a test process alive. */
export async function stopSnarkjs(): Promise<void> {
  await (await getCurveFromName("bn128")).terminate();
}
