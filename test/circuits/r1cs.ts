// SPDX-License-Identifier: GPL-3.0-or-later
import * as snarkjs from "snarkjs";
import { FIELD } from "./fixture.ts";

type Terms = [wire: number, coefficient: bigint][];

/** Constraints A * B = C over a witness, evaluated without snarkjs' prover or checker. */
export interface Constraints {
  count: number;
  /** Indices of the constraints that a wire occurs in. */
  touching(wire: number): number[];
  holds(index: number, witness: readonly bigint[]): boolean;
}

export async function readConstraints(r1cs: Uint8Array): Promise<Constraints> {
  const json = await snarkjs.r1cs.exportJson({ type: "mem", data: r1cs });
  const rows = json.constraints.map((row) => row.map(termsOf));
  const touching = Array.from({ length: json.nVars }, () => new Set<number>());
  for (const [index, row] of rows.entries()) {
    for (const [wire] of row.flat()) touching[wire]?.add(index);
  }
  return {
    count: rows.length,
    touching: (wire) => [...(touching[wire] ?? [])],
    holds: (index, witness) => {
      const [a = 0n, b = 0n, c = 0n] = (rows[index] ?? []).map((terms) => evaluate(terms, witness));
      return (a * b - c) % FIELD === 0n;
    },
  };
}

function termsOf(linear: Record<string, string>): Terms {
  return Object.entries(linear).map(([wire, coefficient]) => [Number(wire), BigInt(coefficient)]);
}

function evaluate(terms: Terms, witness: readonly bigint[]): bigint {
  return terms.reduce((sum, [wire, coefficient]) => sum + coefficient * (witness[wire] ?? 0n), 0n) % FIELD;
}
