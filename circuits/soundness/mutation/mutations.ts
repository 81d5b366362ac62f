// SPDX-License-Identifier: GPL-3.0-or-later
import { inverse, modulo } from "../field.ts";
import type { R1cs } from "../r1cs.ts";
import { brokenBy, type Change, type Honest, type Place } from "./forgery.ts";

/** What a family of forged witnesses came to. */
export interface Trials {
  tried: number;
  /** Forged witnesses that satisfy every constraint. There must be none. */
  survivors: Change[];
  /** Constraints that were the only ones to refuse some forgery: without them it would pass. */
  soleGuards: Set<number>;
}

/**
 * Every wire that a forger may set: not the constant, and no public input, for another value of that makes
 * another statement, which may have an honest witness.
 */
export function forgeableWires({ wireCount, outputCount, publicInputCount }: R1cs): number[] {
  const isPublicInput = (wire: number) => wire > outputCount && wire <= outputCount + publicInputCount;
  return Array.from({ length: wireCount }, (_, wire) => wire).filter(
    (wire) => wire > 0 && !isPublicInput(wire),
  );
}

/** The wires one at a time, with each of several values. */
export function mutateWires(subject: Honest, wires: readonly number[], random: () => bigint): Trials {
  return tryAll(subject, singleChanges(subject, wires, random));
}

/**
 * Two wires of one constraint at a time: the first gets another value, the second the one value that keeps
 * this constraint satisfied. A forger who wants to pass has to do at least this. Of a constraint with many
 * wires, `perConstraint` pairs are drawn.
 */
export function mutatePairs(
  subject: Honest,
  constraints: readonly number[],
  perConstraint: number,
  random: () => bigint,
): Trials {
  return tryAll(subject, pairChanges(subject, constraints, perConstraint, random));
}

const MAX_TAILS = 64;

/**
 * The honest witness with some wires from another honest one: the wires of each group alone, and of all
 * groups from some group on. Inputs stay, so every mixture that differs from the honest witness is a
 * forgery.
 */
export function mixWitnesses(
  subject: Honest,
  other: readonly bigint[],
  groups: readonly (readonly number[])[],
): Trials {
  const difference = (wire: number): [number, bigint] => [
    wire,
    (other[wire] ?? 0n) - (subject.witness[wire] ?? 0n),
  ];
  const changeOf = (wires: readonly number[]) => wires.map(difference).filter(([, by]) => by !== 0n);
  const changes = groups.map(changeOf);
  const stride = Math.ceil(groups.length / MAX_TAILS);
  for (let from = 0; from < groups.length; from += stride) changes.push(changeOf(groups.slice(from).flat()));
  return tryAll(
    subject,
    changes.filter((change) => change.length > 0),
  );
}

function tryAll(subject: Honest, changes: Iterable<Change>): Trials {
  const trials: Trials = { tried: 0, survivors: [], soleGuards: new Set() };
  for (const change of changes) {
    trials.tried++;
    const [first, second] = brokenBy(subject, change, 2);
    if (first === undefined) trials.survivors.push(change);
    else if (second === undefined) trials.soleGuards.add(first);
  }
  return trials;
}

function* singleChanges(
  { r1cs: { prime }, witness }: Honest,
  wires: readonly number[],
  random: () => bigint,
): Generator<Change> {
  for (const wire of wires) {
    const value = witness[wire] ?? 0n;
    const values = [
      value + 1n,
      value - 1n,
      0n,
      1n,
      -value,
      2n * value,
      1n - value,
      value + (prime >> 1n),
      random(),
    ];
    const differences = new Set(values.map((other) => modulo(other - value, prime)));
    for (const difference of differences) if (difference !== 0n) yield [[wire, difference]];
  }
}

function* pairChanges(
  subject: Honest,
  constraints: readonly number[],
  perConstraint: number,
  random: () => bigint,
): Generator<Change> {
  const { prime } = subject.r1cs;
  const forgeable = new Set(forgeableWires(subject.r1cs));
  for (const constraint of constraints) {
    const wires = wiresOf(subject, constraint, forgeable);
    for (const [first, second] of pairsOf(wires, perConstraint, random)) {
      for (const difference of [1n, prime - 1n, modulo(1n - 2n * (subject.witness[first] ?? 0n), prime)]) {
        const answer = balance(subject, constraint, first, difference, second);
        if (answer !== undefined && answer !== 0n) {
          yield [
            [first, difference],
            [second, answer],
          ];
        }
      }
    }
  }
}

function* pairsOf(
  wires: readonly number[],
  limit: number,
  random: () => bigint,
): Generator<[number, number]> {
  if (wires.length * (wires.length - 1) <= limit) {
    for (const first of wires) for (const second of wires) if (first !== second) yield [first, second];
    return;
  }
  const draw = () => wires[Number(random() % BigInt(wires.length))] ?? 0;
  for (let at = 0; at < limit; at++) {
    const [first, second] = [draw(), draw()];
    if (first !== second) yield [first, second];
  }
}

/**
 * What to add to `second` so that the constraint holds with `first` changed; undefined if not linear or not
 * possible.
 */
function balance(
  { r1cs: { prime }, values, places }: Honest,
  constraint: number,
  first: number,
  difference: bigint,
  second: number,
): bigint | undefined {
  const at = (wire: number): Place | undefined =>
    places[wire]?.find((place) => place.constraint === constraint);
  const [moved, free] = [at(first), at(second)];
  if (!moved || !free || (free.a !== 0n && free.b !== 0n)) return undefined;
  const [a, b, c] = values[constraint] ?? [0n, 0n, 0n];
  const [left, right] = [a + moved.a * difference, b + moved.b * difference];
  const slope = modulo(free.a * right + free.b * left - free.c, prime);
  if (slope === 0n) return undefined;
  return modulo(-(left * right - c - moved.c * difference) * inverse(slope, prime), prime);
}

function wiresOf({ r1cs }: Honest, constraint: number, forgeable: ReadonlySet<number>): number[] {
  const { a, b, c } = r1cs.constraints[constraint] ?? {};
  const wires = new Set([...(a?.wires ?? []), ...(b?.wires ?? []), ...(c?.wires ?? [])]);
  return [...wires].filter((wire) => forgeable.has(wire));
}
