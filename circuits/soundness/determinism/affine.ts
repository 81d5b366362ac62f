// SPDX-License-Identifier: GPL-3.0-or-later
import { inverse, modulo } from "../field.ts";
import type { LinearForm } from "../r1cs.ts";

/**
 * A linear form to calculate with: coefficient of each variable, none zero; variable 0 is the constant one.
 */
export type Affine = Map<number, bigint>;

export function affineOf({ wires, coefficients }: LinearForm): Affine {
  return new Map(wires.map((wire, at) => [wire, coefficients[at] as bigint]));
}

/** Adds factor * form to target. */
export function addScaled(target: Affine, form: Affine, factor: bigint, prime: bigint): void {
  for (const [variable, coefficient] of form) {
    const sum = modulo((target.get(variable) ?? 0n) + factor * coefficient, prime);
    if (sum === 0n) target.delete(variable);
    else target.set(variable, sum);
  }
}

/**
 * The form with every variable replaced that `values` has a form for. Values have no such variables
 * themselves.
 */
export function substitute(form: Affine, values: ReadonlyMap<number, Affine>, prime: bigint): Affine {
  const replaced = [...form.keys()].filter((variable) => values.has(variable));
  if (replaced.length === 0) return form;
  const result = new Map(form);
  for (const variable of replaced) {
    const coefficient = result.get(variable) ?? 0n;
    result.delete(variable);
    addScaled(result, values.get(variable) ?? new Map(), coefficient, prime);
  }
  return result;
}

/** The form that equals `variable` when `form` is zero. */
export function solveFor(form: Affine, variable: number, prime: bigint): Affine {
  const solution: Affine = new Map();
  const rest = new Map(form);
  rest.delete(variable);
  addScaled(solution, rest, modulo(-inverse(form.get(variable) ?? 1n, prime), prime), prime);
  return solution;
}

/** The value of a form without variables, or undefined. */
export function constantValue(form: Affine): bigint | undefined {
  if (form.size === 0) return 0n;
  return form.size === 1 ? form.get(0) : undefined;
}

/** Equal for the non-constant parts of f and g exactly when those are equal. */
export function linearKey(form: Affine): string {
  return [...form]
    .filter(([variable]) => variable !== 0)
    .sort(([x], [y]) => x - y)
    .map(([variable, coefficient]) => `${variable}:${coefficient.toString(36)}`)
    .join(" ");
}

/** Equal for multiples of the same form, constants included. */
export function projectiveKey(form: Affine, prime: bigint): string {
  const terms = [...form].sort(([x], [y]) => y - x);
  const scale = inverse(terms[0]?.[1] ?? 1n, prime);
  return terms
    .map(([variable, coefficient]) => `${variable}:${((coefficient * scale) % prime).toString(36)}`)
    .join(" ");
}
