// SPDX-License-Identifier: GPL-3.0-or-later
import { MeantimeError } from "@meantime/sdk/errors";
import { constraintsOfWires, inputWires, type R1cs } from "../r1cs.ts";
import { applyAlternatives } from "./alternatives.ts";
import { type Component, componentsOf } from "./components.ts";
import { begin, type Knowledge, propagate, type Rule, unknownWires } from "./propagation.ts";
import { applyElimination, applyKnownFactors, residualOf } from "./residual.ts";
import { applySpan } from "./span.ts";
import { type System, systemOf } from "./system.ts";

/** What the checker found out. */
export interface Determinism {
  /**
   * Whether every wire is a function of the known ones: no two solutions agree on those and differ
   * elsewhere.
   */
  isDetermined: boolean;
  /**
   * Wires that the rules do not derive, ascending. They may be free; without them the rest is proved
   * determined.
   */
  free: number[];
  /** Known wires that no constraint has: a proof says nothing about them. */
  unconstrained: number[];
  /** How many variables each rule has derived. */
  derivedBy: Partial<Record<Rule, number>>;
}

/**
 * Whether the constraints determine every wire by the known ones, which are all inputs unless others are
 * given. Sound: what it calls determined is. Not complete: what it calls free may be determined for a
 * reason that it has no rule for.
 *
 * @throws MeantimeError `MT-CIR-102` when the field's characteristic is two
 */
export function checkDeterminism(r1cs: R1cs, known: readonly number[] = inputWires(r1cs)): Determinism {
  if (r1cs.prime % 2n === 0n) {
    throw new MeantimeError("MT-CIR-102", "the prime of the constraint system is even", {
      hint: "Compile the circuit for a curve such as bn128.",
    });
  }
  const knowledge = derive(systemOf(r1cs), known);
  const free = unknownWires(knowledge);
  const touching = constraintsOfWires(r1cs);
  const unconstrained = known.filter((wire) => touching[wire]?.length === 0);
  return { isDetermined: free.length === 0, free, unconstrained, derivedBy: countByRule(knowledge) };
}

/**
 * Free wires that would determine the others if they were given: where to look. Inputs come first, then the
 * rest in the order of the wires, outputs last. At most `limit` of them.
 */
export function originsOf(
  r1cs: R1cs,
  known: readonly number[],
  free: readonly number[],
  limit = 20,
): number[] {
  const system = systemOf(r1cs);
  const inputs = new Set(inputWires(r1cs));
  const rank = (wire: number) => (inputs.has(wire) ? 0 : wire > r1cs.outputCount ? 1 : 2);
  const origins: number[] = [];
  let open = [...free];
  while (open.length > 0 && origins.length < limit) {
    const next = open.reduce((best, wire) => (rank(wire) < rank(best) ? wire : best));
    origins.push(next);
    open = unknownWires(derive(system, [...known, ...origins]));
  }
  return origins;
}

/** Derives what follows from the known wires without some constraints; the result holds the derivation. */
export function derive(
  system: System,
  known: Iterable<number>,
  ignored: ReadonlySet<number> = new Set(),
): Knowledge {
  const knowledge = begin(system, known, ignored);
  let progress = true;
  while (progress) {
    propagate(knowledge);
    progress = false;
    for (const component of componentsOf(knowledge)) {
      progress = applyToComponent(knowledge, component) || progress;
    }
  }
  return knowledge;
}

function applyToComponent(knowledge: Knowledge, component: Component): boolean {
  if (applySpan(knowledge, component)) return true;
  const residual = residualOf(knowledge, component);
  const eliminated = applyElimination(knowledge, component, residual);
  const divided = applyKnownFactors(knowledge, component, residual);
  return eliminated || divided || applyAlternatives(knowledge, component, residual);
}

function countByRule({ steps }: Knowledge): Partial<Record<Rule, number>> {
  const counts: Partial<Record<Rule, number>> = {};
  for (const { rule, variables } of steps) counts[rule] = (counts[rule] ?? 0) + variables.length;
  return counts;
}
