// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { commitInput, commitLabel } from "@meantime/sdk/commitment";
import { encodeGroth16Proof, provingContext } from "@meantime/sdk/evidence";
import type { Hex } from "@meantime/sdk/hex";
import { type ModelSpec, parseModelSpec, runModel } from "@meantime/sdk/model";
import { getCurveFromName } from "ffjavascript";
import * as snarkjs from "snarkjs";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { asAddress, wordOf } from "./fixture.ts";

/** An input of the digit model with everything that a claim about it needs. */
export interface Inference {
  input: number[];
  salt: Hex;
  inputHash: Hex;
  outputHash: Hex;
}

export const spec: ModelSpec = parseModelSpec(JSON.parse(await readFile(digitModelUrl("spec"), "utf8")));

/** The model's answer to a synthetic image: tests of settlement need truth, not a likeness of a digit. */
export function infer(seed: number): Inference {
  const input = Array.from({ length: 196 }, (_, place) => (place * 7 + seed * 13) % 16);
  const salt = wordOf(BigInt(seed + 1));
  const { label } = runModel(spec, input);
  return {
    input,
    salt,
    inputHash: commitInput({ bits: spec.inputBits, elements: input, salt }),
    outputHash: commitLabel(label, spec.classes),
  };
}

/** A real Groth16 proof by snarkjs for one claim, paying `beneficiary`. */
export async function proveClaim(inference: Inference, claimId: Hex, beneficiary: string): Promise<Hex> {
  const ctx = provingContext(claimId, asAddress(beneficiary));
  const { proof } = await snarkjs.groth16.fullProve(
    { x: inference.input, salt: BigInt(inference.salt).toString(), ctx: ctx.toString() },
    fileURLToPath(digitModelUrl("wasm")),
    fileURLToPath(digitModelUrl("zkey")),
  );
  return encodeGroth16Proof(proof);
}

/** Ends the worker threads that snarkjs shares between proofs; without this the process does not end. */
export async function stopProver(): Promise<void> {
  await (await getCurveFromName("bn128")).terminate();
}
