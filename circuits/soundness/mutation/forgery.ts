// SPDX-License-Identifier: GPL-3.0-or-later
import { modulo } from "../field.ts";
import { evaluate, type R1cs } from "../r1cs.ts";

/** What is added to wires of an honest witness. */
export type Change = readonly (readonly [wire: number, difference: bigint])[];

/** An honest witness, prepared to ask quickly which constraints a changed one breaks. */
export interface Honest {
  r1cs: R1cs;
  witness: readonly bigint[];
  /** The values of a, b and c of each constraint. */
  values: readonly (readonly [a: bigint, b: bigint, c: bigint])[];
  /** Where a wire occurs. */
  places: readonly (readonly Place[])[];
}

/** A wire's coefficients in one constraint. */
export interface Place {
  constraint: number;
  a: bigint;
  b: bigint;
  c: bigint;
}

/** @throws RangeError if the witness breaks a constraint: it is not honest */
export function honest(r1cs: R1cs, witness: readonly bigint[]): Honest {
  const { prime, constraints } = r1cs;
  const values = constraints.map(({ a, b, c }, index): [bigint, bigint, bigint] => {
    const [left, right, result] = [evaluate(a, witness), evaluate(b, witness), evaluate(c, witness)];
    if ((left * right - result) % prime !== 0n) throw new RangeError(`constraint ${index} does not hold`);
    return [modulo(left, prime), modulo(right, prime), modulo(result, prime)];
  });
  return { r1cs, witness, values, places: placesOf(r1cs) };
}

/** Constraints that the changed witness breaks, at most `limit` of them. */
export function brokenBy({ r1cs, values, places }: Honest, change: Change, limit: number): number[] {
  const sums = new Map<number, [bigint, bigint, bigint]>();
  for (const [wire, difference] of change) {
    for (const { constraint, a, b, c } of places[wire] ?? []) {
      const sum = sums.get(constraint) ?? [0n, 0n, 0n];
      sums.set(constraint, [sum[0] + a * difference, sum[1] + b * difference, sum[2] + c * difference]);
    }
  }
  const broken: number[] = [];
  for (const [constraint, [da, db, dc]] of sums) {
    const [a, b, c] = values[constraint] ?? [0n, 0n, 0n];
    if (((a + da) * (b + db) - c - dc) % r1cs.prime === 0n) continue;
    broken.push(constraint);
    if (broken.length === limit) break;
  }
  return broken;
}

function placesOf({ wireCount, constraints }: R1cs): Place[][] {
  const places = Array.from({ length: wireCount }, (): Place[] => []);
  for (const [constraint, sides] of constraints.entries()) {
    for (const side of ["a", "b", "c"] as const) {
      const { wires, coefficients } = sides[side];
      for (const [at, wire] of wires.entries()) {
        const here = places[wire] ?? [];
        let place = here.at(-1);
        if (place?.constraint !== constraint) {
          place = { constraint, a: 0n, b: 0n, c: 0n };
          here.push(place);
        }
        place[side] = coefficients[at] ?? 0n;
      }
    }
  }
  return places;
}
