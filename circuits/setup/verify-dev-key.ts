// SPDX-License-Identifier: GPL-3.0-or-later
import * as snarkjs from "snarkjs";
import { devPowersOfTau } from "./dev-powers-of-tau.ts";
import { domainPower, readR1csHeader } from "./r1cs-file.ts";
import { problemOf } from "./snarkjs-messages.ts";

/**
 * Lets snarkjs check a development key against a circuit: its points are those of this R1CS, and its contribution is one.
 * Independent of `dev-keys.ts`, which made the key. Returns what is wrong, or nothing.
 */
export async function devKeyProblem(r1cs: Uint8Array, zkey: Uint8Array): Promise<string | undefined> {
  const ptau = await devPowersOfTau(domainPower(readR1csHeader(r1cs)));
  const memory = (data: Uint8Array) => ({ type: "mem", data }) as const;
  return problemOf((logger) => snarkjs.zKey.verifyFromR1cs(memory(r1cs), memory(ptau), memory(zkey), logger));
}
