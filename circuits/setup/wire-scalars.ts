// SPDX-License-Identifier: GPL-3.0-or-later
import { type R1csHeader, r1csTerms, readR1csHeader } from "./r1cs-file.ts";
import { R } from "./scalar-field.ts";
import { littleEndian } from "./sections.ts";
import { ALPHA, BETA } from "./trapdoor.ts";

/** The polynomials of Groth16 of each wire, evaluated at tau. */
export interface WireScalars {
  a: bigint[];
  b: bigint[];
  /** beta a + alpha b + c. */
  joined: bigint[];
  /** Section 4 of a zkey: the terms of A and B, each coefficient times 2^512. */
  coefficients: Uint8Array;
}

const TERM_BYTES = 44;
const MONTGOMERY_SQUARED = 2n ** 512n % R;

/** Evaluates with the Lagrange basis of the circuit's domain at tau. */
export function wireScalars(r1cs: Uint8Array, lagrange: readonly bigint[]): WireScalars {
  const circuit = readR1csHeader(r1cs);
  const sums = { a: zeros(circuit), b: zeros(circuit), c: zeros(circuit) };
  const terms = termWriter();
  for (const { side, row, wire, coefficient } of r1csTerms(r1cs)) {
    const sum = sums[side];
    sum[wire] = ((sum[wire] ?? 0n) + coefficient * (lagrange[row] ?? 0n)) % R;
    if (side !== "c") terms.add(side === "a" ? 0 : 1, row, wire, coefficient);
  }
  // A row of its own for each public signal keeps a prover from moving their values into other wires.
  for (let wire = 0; wire <= circuit.publicSignals; wire++) {
    const row = circuit.constraints + wire;
    sums.a[wire] = ((sums.a[wire] ?? 0n) + (lagrange[row] ?? 0n)) % R;
    terms.add(0, row, wire, 1n);
  }
  const joined = sums.c.map(
    (c, wire) => (BETA * (sums.a[wire] ?? 0n) + ALPHA * (sums.b[wire] ?? 0n) + c) % R,
  );
  return { a: sums.a, b: sums.b, joined, coefficients: terms.section() };
}

function zeros({ wires }: R1csHeader): bigint[] {
  return new Array<bigint>(wires).fill(0n);
}

function termWriter() {
  let bytes = Buffer.alloc(2 ** 20);
  let at = 4;
  let count = 0;
  // Weights repeat, and the product of large numbers does not.
  const encoded = new Map<bigint, Uint8Array>();
  return {
    add(matrix: 0 | 1, row: number, wire: number, coefficient: bigint): void {
      if (at + TERM_BYTES > bytes.length) bytes = Buffer.concat([bytes], 2 * bytes.length);
      let value = encoded.get(coefficient);
      if (!value) {
        value = littleEndian((coefficient * MONTGOMERY_SQUARED) % R, 32);
        encoded.set(coefficient, value);
      }
      at = bytes.writeUInt32LE(matrix, at);
      at = bytes.writeUInt32LE(row, at);
      at = bytes.writeUInt32LE(wire, at);
      bytes.set(value, at);
      at += value.length;
      count += 1;
    },
    section(): Uint8Array {
      bytes.writeUInt32LE(count, 0);
      return bytes.subarray(0, at);
    },
  };
}
