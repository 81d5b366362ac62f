// SPDX-License-Identifier: GPL-3.0-or-later
import * as snarkjs from "snarkjs";
import { devPowersOfTau } from "./dev-powers-of-tau.ts";

/** Proving key and verification key of one circuit. */
export interface DevKeys {
  zkey: Uint8Array;
  /** snarkjs' `verification_key.json`. */
  verificationKey: unknown;
}

// Public and constant, so the same bytes everywhere. A beacon is what makes delta differ from gamma: a key straight from
// `groth16 setup` would let anybody forge proofs, and the key registry refuses it.
const BEACON = "6d65616e74696d6520646576656c6f706d656e7420736574757020626561636f6e";
const BEACON_ITERATIONS_EXPONENT = 10;

/** Makes INSECURE development keys (see `dev-powers-of-tau.ts`) for a circuit with this many constraints. Deterministic. */
export async function devKeys(r1cs: Uint8Array, constraints: number): Promise<DevKeys> {
  const ptau = { type: "mem", data: await devPowersOfTau(powerFor(constraints)) } as const;
  const initial: snarkjs.MemoryFile = { type: "mem" };
  const final: snarkjs.MemoryFile = { type: "mem" };
  await snarkjs.zKey.newZKey({ type: "mem", data: r1cs }, ptau, initial);
  await snarkjs.zKey.beacon(initial, final, "development beacon", BEACON, BEACON_ITERATIONS_EXPONENT);
  if (!final.data) throw new Error("snarkjs made no key");
  return { zkey: final.data, verificationKey: await snarkjs.zKey.exportVerificationKey(final) };
}

// snarkjs adds a row for each public signal and one for the constant.
function powerFor(constraints: number): number {
  return Math.ceil(Math.log2(constraints + 8));
}
