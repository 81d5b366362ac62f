// SPDX-License-Identifier: GPL-3.0-or-later
import { writeFile } from "node:fs/promises";
import * as snarkjs from "snarkjs";
import { problemOf } from "../snarkjs-messages.ts";
import type { CeremonyCircuit } from "./circuit.ts";
import { type Contribution, readHistory } from "./contributions.ts";
import { CeremonyError } from "./errors.ts";
import { readKey } from "./key-file.ts";
import { type PhaseOne, requirePower } from "./phase-one.ts";

const MIN_ITERATIONS_EXPONENT = 10;
const MAX_ITERATIONS_EXPONENT = 63;
const MAX_BEACON_BYTES = 255;
const MAX_NAME_CHARACTERS = 64;

/** Makes the key without contributions. It proves nothing yet: gamma equals delta, and anybody forges. */
export async function newKey(circuit: CeremonyCircuit, phaseOne: PhaseOne, out: string): Promise<string> {
  requirePower(phaseOne, circuit.power);
  const key: snarkjs.MemoryFile = { type: "mem" };
  const r1cs = { type: "mem", data: circuit.r1cs } as const;
  const problem = await problemOf(
    async (logger) => (await snarkjs.zKey.newZKey(r1cs, phaseOne.file, key, logger)) !== -1,
  );
  if (problem || !key.data) {
    throw new CeremonyError("MT-CER-002", `no key: ${problem}`, "Check that --ptau is a prepared file.");
  }
  const { circuitHash } = await readHistory(key.data);
  await writeNew(out, key.data);
  return circuitHash;
}

/** Adds a secret that is drawn now, from the system's randomness and the caller's, and forgotten. */
export async function contribute(from: string, out: string, name: string, entropy: string) {
  requireName(name);
  if (entropy.trim() === "") {
    throw new CeremonyError(
      "MT-CER-005",
      "the entropy is empty",
      "Type something nobody can guess; it is mixed with the system's randomness.",
    );
  }
  return step(from, out, (old, next) => snarkjs.zKey.contribute(old, next, name, entropy));
}

/**
 * Adds public randomness that nobody could know before the last contribution: announce the source first (a drand round, a
 * block to come). Its secret is known to all, so that it adds nothing but the end of choosing.
 */
export async function beacon(
  from: string,
  out: string,
  name: string,
  randomness: string,
  iterationsExponent: number,
) {
  requireName(name);
  if (!/^([0-9a-f]{2})+$/i.test(randomness) || randomness.length > 2 * MAX_BEACON_BYTES) {
    throw new CeremonyError(
      "MT-CER-005",
      "the randomness is not 1 to 255 bytes in hexadecimal",
      "Give what the announced source published, without 0x.",
    );
  }
  if (
    !Number.isInteger(iterationsExponent) ||
    iterationsExponent < MIN_ITERATIONS_EXPONENT ||
    iterationsExponent > MAX_ITERATIONS_EXPONENT
  ) {
    throw new CeremonyError(
      "MT-CER-005",
      `the number of iterations is not 2^${MIN_ITERATIONS_EXPONENT} to 2^${MAX_ITERATIONS_EXPONENT}`,
      "Give --iterations-exponent 10, or more to slow down whoever could influence the source.",
    );
  }
  return step(from, out, (old, next) => snarkjs.zKey.beacon(old, next, name, randomness, iterationsExponent));
}

async function step(
  from: string,
  out: string,
  apply: (old: snarkjs.File, next: snarkjs.MemoryFile) => Promise<unknown>,
): Promise<Contribution> {
  const { contributions } = await readHistory(await readKey(from));
  if (contributions.at(-1)?.kind === "beacon") {
    throw new CeremonyError(
      "MT-CER-005",
      `${from} ends with a beacon: it is final`,
      "Contribute to the last key before the beacon, and apply the beacon again.",
    );
  }
  const next: snarkjs.MemoryFile = { type: "mem" };
  await apply(from, next);
  const added = next.data && (await readHistory(next.data)).contributions.at(-1);
  if (!next.data || !added)
    throw new CeremonyError("MT-CER-005", `snarkjs added nothing to ${from}`, "Verify the key.");
  await writeNew(out, next.data);
  return added;
}

function requireName(name: string): void {
  if (name.length > 0 && name.length <= MAX_NAME_CHARACTERS) return;
  throw new CeremonyError(
    "MT-CER-005",
    `a name has 1 to ${MAX_NAME_CHARACTERS} characters`,
    "Give --name: the transcript shows it.",
  );
}

// A contribution that overwrites the key it was made from cannot be made again.
async function writeNew(file: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFile(file, bytes, { flag: "wx" });
  } catch (error) {
    throw new CeremonyError(
      "MT-CER-004",
      `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      "Name a file that does not exist yet.",
      { file },
    );
  }
}
