// SPDX-License-Identifier: MIT
import { Field } from "@noble/curves/abstract/modular.js";
import { grainGenConstants, poseidon as permutation } from "@noble/curves/abstract/poseidon.js";

/** The scalar field of BN254. */
const SCALARS = Field(21888242871839275222246405745257275088548364400416034343698204186575808495617n);
const FULL_ROUNDS = 8;
/** For 1 to 16 inputs: table 8 of https://eprint.iacr.org/2019/458, rounded up as circomlib has them. */
const PARTIAL_ROUNDS = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];
const SBOX_POWER = 5;

type Permutation = (state: bigint[]) => bigint[];

const permutations = new Map<number, Permutation>();

/**
 * circomlib's Poseidon of 1 to 16 field elements. Its constants are computed when a number of inputs comes for the first time,
 * which takes some ten milliseconds: written out they would be 430 kB, compressed.
 */
export function poseidon(inputs: readonly bigint[]): bigint {
  const [hash = 0n] = permutationOf(inputs.length)([0n, ...inputs]);
  return hash;
}

function permutationOf(inputs: number): Permutation {
  const known = permutations.get(inputs);
  if (known) return known;
  const roundsPartial = PARTIAL_ROUNDS[inputs - 1];
  if (roundsPartial === undefined) throw new RangeError(`Poseidon takes 1..16 inputs, not ${inputs}`);
  const shape = { Fp: SCALARS, t: inputs + 1, roundsFull: FULL_ROUNDS, roundsPartial, sboxPower: SBOX_POWER };
  const made = permutation({ ...shape, ...grainGenConstants(shape) });
  permutations.set(inputs, made);
  return made;
}
