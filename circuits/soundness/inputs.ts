// SPDX-License-Identifier: GPL-3.0-or-later
import { weightElements } from "@meantime/sdk/committed-model";
import { inputLength, type ModelSpec } from "@meantime/sdk/model";
import * as snarkjs from "snarkjs";
import { batchExample, committedExample, type SuiteName, suiteSpec } from "../suite.ts";
import type { RandomStream } from "../training/random.ts";
import { readWitness } from "./witness-file.ts";

/** Honest signal inputs of a circuit of the suite, with random pixels and salts. */
export function randomSignals(name: SuiteName, random: RandomStream): snarkjs.SignalInputs {
  const ctx = String(randomInteger(random, 240));
  if (name === "batch_root") {
    const { network, count } = batchExample();
    const times = <T>(make: () => T): T[] => Array.from({ length: count }, make);
    return {
      x: times(() => randomInput(network, random)).flat(),
      salt: times(() => String(randomInteger(random, 248))),
      ctx,
    };
  }
  const committed = name === "committed_mlp" ? committedExample() : undefined;
  const spec = committed?.network ?? suiteSpec(name);
  const single = { x: randomInput(spec, random), salt: String(randomInteger(random, 248)), ctx };
  if (!committed) return single;
  const weights = weightElements(committed.network, committed);
  return { ...single, weights, weightSalt: BigInt(committed.weightSalt).toString() };
}

export function randomInput(spec: ModelSpec, random: RandomStream): number[] {
  return Array.from({ length: inputLength(spec) }, () => Math.floor(2 ** spec.inputBits * random()));
}

/** A uniform integer of at most so many bits. */
export function randomInteger(random: RandomStream, bits: number): bigint {
  let value = 0n;
  for (let left = bits; left > 0; left -= 16) value = (value << 16n) | BigInt(Math.floor(2 ** 16 * random()));
  return value & ((1n << BigInt(bits)) - 1n);
}

/** The witness that the circuit's generator computes. Rejects when an input satisfies no constraint. */
export async function generateWitness(wasm: Uint8Array, signals: snarkjs.SignalInputs): Promise<bigint[]> {
  const file: snarkjs.MemoryFile = { type: "mem" };
  await snarkjs.wtns.calculate(signals, { type: "mem", data: wasm }, file);
  return readWitness(file.data ?? new Uint8Array());
}
