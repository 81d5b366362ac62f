// SPDX-License-Identifier: GPL-3.0-or-later
import { type LinearForm, linearForm, type R1cs } from "../../circuits/soundness/r1cs.ts";

/** Terms [coefficient, name]; the name "1" is the constant. */
export type Terms = readonly (readonly [coefficient: bigint | number, name: string])[];
export type TermConstraint = readonly [a: Terms, b: Terms, c: Terms];

/** A constraint system by names: wires in order of first mention, inputs before the rest. */
export interface SmallSystem {
  r1cs: R1cs;
  wireOf(name: string): number;
  nameOf(wire: number): string;
}

export function smallSystem(
  prime: bigint,
  inputs: readonly string[],
  constraints: readonly TermConstraint[],
): SmallSystem {
  const names = ["1", ...inputs];
  const wireOf = (name: string) => {
    const at = names.indexOf(name);
    return at >= 0 ? at : names.push(name) - 1;
  };
  const form = (terms: Terms): LinearForm =>
    linearForm(
      terms.map(([coefficient, name]) => [wireOf(name), BigInt(coefficient)]),
      prime,
    );
  const rows = constraints.map(([a, b, c]) => ({ a: form(a), b: form(b), c: form(c) }));
  const r1cs: R1cs = {
    prime,
    wireCount: names.length,
    outputCount: 0,
    publicInputCount: 0,
    privateInputCount: inputs.length,
    constraints: rows,
  };
  return { r1cs, wireOf, nameOf: (wire) => names[wire] ?? `wire ${wire}` };
}

export const one = (factor: bigint | number = 1): Terms => [[factor, "1"]];
export const wire = (name: string, factor: bigint | number = 1): Terms => [[factor, name]];

/** name * (name - 1) = 0. */
export function isBoolean(name: string): TermConstraint {
  return [wire(name), [...wire(name), ...one(-1)], []];
}

/** The terms sum to zero. */
export function isZero(terms: Terms): TermConstraint {
  return [terms, one(), []];
}

/** The pattern of circuits/lib/range.circom: the terms are 0 .. 2^bits - 1, the top bit has no wire. */
export function inRange(terms: Terms, bits: number, prefix: string): TermConstraint[] {
  const low = Array.from({ length: bits - 1 }, (_, at) => `${prefix}${at}`);
  const rest: Terms = [...terms, ...low.map((name, at) => [-(2n ** BigInt(at)), name] as const)];
  return [...low.map(isBoolean), [rest, [...rest, ...one(-(2n ** BigInt(bits - 1)))], []]];
}

/**
 * The argmax of circuits/lib/argmax.circom over forms, with one width for each gap. With open ties any
 * largest will do.
 */
export function argmax(
  values: readonly Terms[],
  gapBits: readonly number[],
  ties: "lowest" | "open" = "lowest",
): TermConstraint[] {
  const chosen = values.map((_, at) => `chosen${at}`);
  const maximum: Terms = values.map((_, at) => [1, `term${at}`]);
  return [
    ...chosen.map(isBoolean),
    isZero([...chosen.map((name) => [1, name] as const), ...one(-1)]),
    ...values.map((value, at): TermConstraint => [wire(`chosen${at}`), value, wire(`term${at}`)]),
    ...values.flatMap((value, at) => {
      const isBefore: Terms = [...one(-1), ...chosen.slice(0, at + 1).map((name) => [1, name] as const)];
      const before = ties === "lowest" ? isBefore : [];
      const minus: Terms = value.map(([coefficient, name]) => [-BigInt(coefficient), name]);
      return inRange([...maximum, ...minus, ...before], gapBits[at] ?? 2, `gap${at}_`);
    }),
  ];
}

/**
 * All solutions, by trying every value of every wire and giving up a branch at the first broken constraint.
 */
export function solutionsOf({ prime, wireCount, constraints }: R1cs): number[][] {
  const p = Number(prime);
  const due = Array.from({ length: wireCount }, (): NumberConstraint[] => []);
  for (const { a, b, c } of constraints) {
    const last = Math.max(0, ...a.wires, ...b.wires, ...c.wires);
    due[last]?.push([numbersOf(a), numbersOf(b), numbersOf(c)]);
  }
  const solutions: number[][] = [];
  const values = new Array<number>(wireCount).fill(0);
  values[0] = 1;
  const at = (terms: readonly [number, number][]) =>
    terms.reduce((sum, [index, coefficient]) => (sum + coefficient * (values[index] ?? 0)) % p, 0);
  const isMet = ([a, b, c]: NumberConstraint) => (at(a) * at(b) - at(c)) % p === 0;
  const visit = (index: number): void => {
    if (index === wireCount) {
      solutions.push([...values]);
      return;
    }
    for (let value = 0; value < p; value++) {
      values[index] = value;
      if (due[index]?.every(isMet)) visit(index + 1);
    }
  };
  if (due[0]?.every(isMet)) visit(1);
  return solutions;
}

/** Wires that two solutions with the same inputs have different values on. */
export function ambiguousWires(r1cs: R1cs): Set<number> {
  const inputs = r1cs.privateInputCount;
  const seen = new Map<string, number[]>();
  const ambiguous = new Set<number>();
  for (const solution of solutionsOf(r1cs)) {
    const key = solution.slice(1, 1 + inputs).join();
    const first = seen.get(key);
    if (!first) seen.set(key, solution);
    else for (const [index, value] of solution.entries()) if (value !== first[index]) ambiguous.add(index);
  }
  return ambiguous;
}

type NumberConstraint = [[number, number][], [number, number][], [number, number][]];

function numbersOf({ wires, coefficients }: LinearForm): [number, number][] {
  return wires.map((index, at) => [index, Number(coefficients[at] ?? 0n)]);
}
