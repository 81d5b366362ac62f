// SPDX-License-Identifier: GPL-3.0-or-later
import { constraintsOfWires, holds, readR1cs } from "../../circuits/soundness/r1cs.ts";
import { FIELD } from "./fixture.ts";

/** Constraints A * B = C over a witness, evaluated without snarkjs. */
export interface Constraints {
  count: number;
  /** How many signals a prover is given or gives. */
  inputs: { public: number; private: number; outputs: number };
  /** Indices of the constraints that a wire occurs in. */
  touching(wire: number): number[];
  holds(index: number, witness: readonly bigint[]): boolean;
}

export function readConstraints(bytes: Uint8Array): Constraints {
  const r1cs = readR1cs(bytes);
  const touching = constraintsOfWires(r1cs);
  return {
    count: r1cs.constraints.length,
    inputs: {
      public: r1cs.publicInputCount,
      private: r1cs.privateInputCount,
      outputs: r1cs.outputCount,
    },
    touching: (wire) => touching[wire] ?? [],
    holds: (index, witness) => {
      const constraint = r1cs.constraints[index];
      return constraint !== undefined && holds(constraint, witness, r1cs.prime);
    },
  };
}

/** Wires, the constant aside, that may be raised by one without breaking a constraint. */
export function freeWires(constraints: Constraints, witness: readonly bigint[]): number[] {
  return [...witness.keys()].filter(
    (wire) => wire > 0 && !breaksWhen(constraints, witness, wire, (witness[wire] ?? 0n) + 1n),
  );
}

/** Whether a constraint fails when one wire has another value and all others theirs. */
export function breaksWhen(
  constraints: Constraints,
  witness: readonly bigint[],
  wire: number,
  value: bigint,
): boolean {
  const forged = witness.with(wire, value % FIELD);
  return constraints.touching(wire).some((index) => !constraints.holds(index, forged));
}
