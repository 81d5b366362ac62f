// SPDX-License-Identifier: GPL-3.0-or-later
import { type GeneratorMultiples, generatorMultiples } from "./generator-multiples.ts";
import { lagrangeAt, powersOf, Q, R } from "./scalar-field.ts";
import { encodeSections, littleEndian, uint32 } from "./sections.ts";
import { ALPHA, BETA, TAU } from "./trapdoor.ts";

const G1_BYTES = 64;
const G2_BYTES = 128;

/**
 * A prepared powers-of-tau file for circuits of up to 2^power rows, from the KNOWN trapdoor of `trapdoor.ts`, so that
 * snarkjs can verify a development key against its circuit. Deterministic.
 *
 * Holds only what `snarkjs zkey new` and `zkey verify` read: header (1), powers of tau (2), alpha and beta in G1 and beta
 * in G2 (4, 5, 6), and the Lagrange bases (12 to 15). Section 2 has one power more than the format asks for: for domains
 * above 2^14, snarkjs reads that far when it hashes a circuit. Format: `powersoftau_utils.js` of snarkjs.
 */
export async function devPowersOfTau(power: number): Promise<Uint8Array> {
  const n = 2 ** power;
  const g1 = await generatorMultiples("g1", 6 * n);
  const g2 = await generatorMultiples("g2", n);
  const lagrange = lagrangeAt(TAU, n);
  const times = (factor: bigint) => lagrange.map((value) => (value * factor) % R);
  return encodeSections("ptau", [
    [1, Buffer.concat([uint32(32), littleEndian(Q, 32), uint32(power), uint32(power)])],
    [2, g1(powersOf(TAU, 2 * n))],
    [4, g1([ALPHA])],
    [5, g1([BETA])],
    [6, g2([BETA])],
    [12, twoLevels(g1, lagrange, n)],
    [13, atLevel(n, G2_BYTES, g2(lagrange))],
    [14, atLevel(n, G1_BYTES, g1(times(ALPHA)))],
    [15, atLevel(n, G1_BYTES, g1(times(BETA)))],
  ]);
}

// A section holds the bases of all domains, 1, 2, 4, ...: that of size n starts at n - 1. The smaller ones stay zero.
function atLevel(n: number, pointBytes: number, points: Uint8Array): Uint8Array {
  const section = new Uint8Array((2 * n - 1) * pointBytes);
  section.set(points, (n - 1) * pointBytes);
  return section;
}

// Of the double domain only the odd rows are read, for the quotient H.
function twoLevels(g1: GeneratorMultiples, lagrange: bigint[], n: number): Uint8Array {
  const section = new Uint8Array((4 * n - 1) * G1_BYTES);
  section.set(g1(lagrange), (n - 1) * G1_BYTES);
  const odd = g1(lagrangeAt(TAU, 2 * n).filter((_, row) => row % 2 === 1));
  for (let row = 0; row < n; row++) {
    const point = odd.subarray(row * G1_BYTES, (row + 1) * G1_BYTES);
    section.set(point, (2 * n - 1 + 2 * row + 1) * G1_BYTES);
  }
  return section;
}
