// SPDX-License-Identifier: GPL-3.0-or-later
import { derive } from "../determinism/check.ts";
import { type Knowledge, type Step, unknownWires } from "../determinism/propagation.ts";
import { type System, systemOf } from "../determinism/system.ts";
import type { R1cs } from "../r1cs.ts";

/** Constraints left out one at a time. */
export interface Deletions {
  deleted: number;
  /** How often the checker then found a free signal. */
  undetermined: number;
  /** How often it did not, but a forgery that only the constraint refuses shows what it is for. */
  forged: number;
  /** Constraints that nobody misses: redundant, or guarding something that the kit does not look at. */
  survivors: number[];
}

/** Leaves out each of the constraints in turn and asks whether the kit notices. */
export function deleteConstraints(
  r1cs: R1cs,
  known: readonly number[],
  constraints: readonly number[],
  soleGuards: ReadonlySet<number>,
): Deletions {
  const system = systemOf(r1cs);
  const whole = derive(system, known);
  const dependencies = whole.steps.map((step) => dependenciesOf(whole, step));
  const result: Deletions = { deleted: constraints.length, undetermined: 0, forged: 0, survivors: [] };
  for (const constraint of constraints) {
    const kept = stillDerived(whole, dependencies, constraint);
    const rest = derive(system, [...known, ...kept], new Set([constraint]));
    if (unknownWires(rest).length > 0) result.undetermined++;
    else if (soleGuards.has(constraint)) result.forged++;
    else result.survivors.push(constraint);
  }
  return result;
}

/** What a step rests on. */
interface Dependencies {
  constraints: ReadonlySet<number>;
  variables: readonly number[];
}

function dependenciesOf(
  { system, digitSources }: Knowledge,
  { rows, products, variables }: Step,
): Dependencies {
  const constraints = new Set<number>();
  const premises = new Set<number>();
  const visitRow = (at: number) => {
    const row = system.rows[at];
    if (!row) return;
    constraints.add(row.source);
    for (const variable of row.form.wires) premises.add(variable);
    if (!row.isZero) visitFactors(productOfSource(system, row.source));
  };
  const visitFactors = (at: number) => {
    const product = system.products[at];
    if (!product) return;
    constraints.add(product.source);
    for (const variable of [...product.a.wires, ...product.b.wires, ...product.c.wires])
      premises.add(variable);
  };
  for (const row of rows) visitRow(row);
  for (const product of products) visitFactors(product);
  for (const variable of premises) for (const source of digitSources[variable] ?? []) constraints.add(source);
  const own = new Set(variables);
  return { constraints, variables: [...premises].filter((variable) => variable !== 0 && !own.has(variable)) };
}

/**
 * Variables whose derivation does not rest on the constraint, at any remove. They stay derived without it.
 */
function stillDerived(
  { steps, system }: Knowledge,
  dependencies: readonly Dependencies[],
  constraint: number,
): number[] {
  const lost = new Uint8Array(system.variableCount);
  const kept: number[] = [];
  for (const [at, { variables }] of steps.entries()) {
    const { constraints, variables: premises } = dependencies[at] ?? {
      constraints: new Set(),
      variables: [],
    };
    if (constraints.has(constraint) || premises.some((variable) => lost[variable])) {
      for (const variable of variables) lost[variable] = 1;
    } else {
      kept.push(...variables);
    }
  }
  return kept;
}

const productIndices = new WeakMap<System, Map<number, number>>();

function productOfSource(system: System, source: number): number {
  let indices = productIndices.get(system);
  if (!indices) {
    indices = new Map(system.products.map((product, at) => [product.source, at]));
    productIndices.set(system, indices);
  }
  return indices.get(source) ?? -1;
}
