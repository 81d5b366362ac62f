// SPDX-License-Identifier: GPL-3.0-or-later
import { createHash } from "node:crypto";
import { encodeVerificationKey, verificationKeyId } from "@meantime/sdk/groth16";
import * as snarkjs from "snarkjs";
import { problemOf } from "../snarkjs-messages.ts";
import type { CeremonyCircuit } from "./circuit.ts";
import { type Contribution, readHistory } from "./contributions.ts";
import { CeremonyError } from "./errors.ts";
import { readKey } from "./key-file.ts";
import { type PhaseOne, requirePower } from "./phase-one.ts";

/** What a verified key was made of: everything that somebody needs to check it again. */
export interface Transcript {
  setup: "ceremony" | "insecure";
  model?: { name: string; specHash: string };
  r1csSha256: string;
  circuitHash: string;
  phaseOne: { power: number; blake2b: string; pinned: boolean };
  contributions: Contribution[];
  zkeySha256: string;
  verificationKeyId: string;
}

/**
 * Verifies a key: its points are those of the circuit and of phase 1, every contribution follows from the one before, and
 * delta is not gamma. One honest contributor who forgot their secret then suffices.
 *
 * @throws CeremonyError `MT-CER-003` saying what does not hold
 */
export async function verifiedTranscript(
  circuit: CeremonyCircuit,
  phaseOne: PhaseOne,
  keyFile: string,
): Promise<Transcript> {
  requirePower(phaseOne, circuit.power);
  const zkey = await readKey(keyFile);
  const { circuitHash, contributions } = await readHistory(zkey);
  if (!contributions.some(({ kind }) => kind === "contribution")) {
    throw refused(
      keyFile,
      "nobody has contributed to it",
      "Contribute; a beacon alone is known to everybody.",
    );
  }
  const key = { type: "mem", data: zkey } as const;
  const r1cs = { type: "mem", data: circuit.r1cs } as const;
  const problem = await problemOf((logger) => snarkjs.zKey.verifyFromR1cs(r1cs, phaseOne.file, key, logger));
  if (problem) throw refused(keyFile, problem, "It was made for another circuit or phase 1, or altered.");
  const verificationKey = (await snarkjs.zKey.exportVerificationKey(key)) as Record<string, unknown>;
  if (JSON.stringify(verificationKey.vk_gamma_2) === JSON.stringify(verificationKey.vk_delta_2)) {
    throw refused(keyFile, "gamma equals delta: anybody forges proofs", "Contribute.");
  }
  return {
    setup: phaseOne.pinned ? "ceremony" : "insecure",
    ...(circuit.model ? { model: circuit.model } : {}),
    r1csSha256: circuit.sha256,
    circuitHash,
    phaseOne: { power: phaseOne.power, blake2b: phaseOne.blake2b, pinned: phaseOne.pinned },
    contributions,
    zkeySha256: createHash("sha256").update(zkey).digest("hex"),
    verificationKeyId: verificationKeyId(encodeVerificationKey(verificationKey)),
  };
}

function refused(file: string, reason: string, hint: string): CeremonyError {
  return new CeremonyError("MT-CER-003", `${file} does not verify: ${reason}`, hint, { file });
}
