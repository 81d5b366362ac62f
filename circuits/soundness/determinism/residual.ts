// SPDX-License-Identifier: GPL-3.0-or-later
import { modulo } from "../field.ts";
import {
  type Affine,
  addScaled,
  affineOf,
  constantValue,
  projectiveKey,
  solveFor,
  substitute,
} from "./affine.ts";
import type { Component } from "./components.ts";
import { areDigitsUnique } from "./digits.ts";
import { determine, type Knowledge } from "./propagation.ts";

/** What the rules for single rows have left: constraints with unknown variables, calculated with as maps. */
export interface Residual {
  /** Forms that are zero in every solution. */
  zeros: Affine[];
  products: ResidualProduct[];
  /** Forms that are zero in every solution, of unknown digits and constants. */
  digitRows: Affine[];
}

export interface ResidualProduct {
  a: Affine;
  b: Affine;
  c: Affine;
}

/**
 * Above this the residual is no rest of a sound circuit but most of an unsound one, and the rules would
 * take too long.
 */
const MAX_ELIMINATIONS = 4000;

export function residualOf(knowledge: Knowledge, component: Component): Residual {
  const { rows, products } = knowledge.system;
  const zeros = component.rows.flatMap((at) => {
    const row = rows[at];
    return row?.isZero ? [affineOf(row.form)] : [];
  });
  const open = component.products.flatMap((at) => {
    const product = products[at];
    return product ? [{ a: affineOf(product.a), b: affineOf(product.b), c: affineOf(product.c) }] : [];
  });
  return eliminate(knowledge, { zeros, products: open, digitRows: [] });
}

/**
 * Rewrites the residual without the unknown variables that constants and other unknowns define.
 *
 * Only forms without known variables are used, and only variables that are neither two-valued nor the result of
 * a product are replaced. Adding multiples of forms that are zero changes no solution. Forms of digits
 * alone are left over as `digitRows`.
 */
function eliminate({ system, isKnown, digits }: Knowledge, residual: Residual): Residual {
  const { prime } = system;
  const isFree = (form: Affine) => [...form.keys()].every((variable) => variable === 0 || !isKnown[variable]);
  const results = new Set(residual.products.flatMap(({ c }) => [...c.keys()]));
  const mayReplace = (variable: number) =>
    variable !== 0 && digits[variable]?.count !== 1n && !results.has(variable);
  const candidates = residual.zeros.filter(isFree).slice(0, MAX_ELIMINATIONS);
  const definitions = new Map<number, Affine>();
  const users = new Map<number, Set<number>>();
  const digitRows: Affine[] = [];
  for (const candidate of candidates) {
    const form = substitute(candidate, definitions, prime);
    const replaced = [...form.keys()].find((variable) => mayReplace(variable));
    if (replaced === undefined) {
      const isOfDigits = [...form.keys()].every((variable) => variable === 0 || digits[variable]);
      if (form.size > 0 && isOfDigits) digitRows.push(form);
      continue;
    }
    const definition = solveFor(form, replaced, prime);
    for (const user of users.get(replaced) ?? []) {
      const old = definitions.get(user);
      const coefficient = old?.get(replaced);
      if (!old || coefficient === undefined) continue;
      old.delete(replaced);
      addScaled(old, definition, coefficient, prime);
      noteUser(user, definition);
    }
    definitions.set(replaced, definition);
    noteUser(replaced, definition);
  }
  const rewrite = (form: Affine) => substitute(form, definitions, prime);
  return {
    zeros: [
      ...residual.zeros.map(rewrite).filter((form) => form.size > 0),
      ...[...definitions].map(([variable, definition]) => {
        const form = new Map(definition);
        form.set(variable, prime - 1n);
        return form;
      }),
    ],
    products: residual.products.map(({ a, b, c }) => ({ a: rewrite(a), b: rewrite(b), c: rewrite(c) })),
    digitRows,
  };

  function noteUser(user: number, definition: Affine): void {
    for (const variable of definition.keys()) {
      const known = users.get(variable);
      if (known) known.add(user);
      else users.set(variable, new Set([user]));
    }
  }
}

/** The rule "digits" on the forms that elimination has made. */
export function applyElimination(
  knowledge: Knowledge,
  component: Component,
  { zeros, digitRows }: Residual,
): boolean {
  const { isKnown, digits, system } = knowledge;
  let progress = false;
  for (const form of [...zeros, ...digitRows]) {
    const unknown = [...form.keys()].filter((variable) => !isKnown[variable]);
    if (unknown.length === 0) continue;
    const weighted = unknown.flatMap((variable) => {
      const digit = digits[variable];
      if (!digit) return [];
      return [{ weight: modulo((form.get(variable) ?? 0n) * digit.step, system.prime), count: digit.count }];
    });
    const isUnique = unknown.length === weighted.length && areDigitsUnique(weighted, system.prime);
    if (!isUnique) continue;
    determine(knowledge, unknown, "elimination", component);
    progress = true;
  }
  return progress;
}

/**
 * Rules about a known factor A that may be zero.
 *
 * division: A * B = C with known A and C and one unknown variable in B determines it if A is never zero. A
 * is never zero if some product that has a multiple of A as a factor is a constant other than zero.
 *
 * zeroTest: of all constraints with a multiple of A as a factor, A * B_i = C_i: where A = 0 every C_i is 0;
 * where A != 0 every B_i is C_i / A. A variable that is determined in both cases is determined: the one
 * unknown of some C_i, and the one unknown of some B_j whose C_j is known. This is IsZero: its output
 * follows, its hint does not where the input is 0.
 */
export function applyKnownFactors(
  knowledge: Knowledge,
  component: Component,
  { products }: Residual,
): boolean {
  let progress = false;
  for (const group of groupsByKnownFactor(knowledge, products)) {
    const isNonzero = group.some(({ product }) => (constantValue(product) ?? 0n) !== 0n);
    const whenZero = new Set(isNonzero ? [] : group.map(({ product }) => onlyUnknown(knowledge, product)));
    for (const { other, product } of group) {
      const whenNonzero = isAllKnown(knowledge, product) ? onlyUnknown(knowledge, other) : undefined;
      if (whenNonzero === undefined || knowledge.isKnown[whenNonzero]) continue;
      if (!isNonzero && !whenZero.has(whenNonzero)) continue;
      determine(knowledge, [whenNonzero], isNonzero ? "division" : "zeroTest", component);
      progress = true;
    }
  }
  return progress;
}

interface KnownFactorProduct {
  other: Affine;
  product: Affine;
}

function groupsByKnownFactor(
  knowledge: Knowledge,
  products: readonly ResidualProduct[],
): KnownFactorProduct[][] {
  const groups = new Map<string, KnownFactorProduct[]>();
  for (const { a, b, c } of products) {
    for (const [factor, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (!isAllKnown(knowledge, factor)) continue;
      const key = projectiveKey(factor, knowledge.system.prime);
      const group = groups.get(key);
      if (group) group.push({ other, product: c });
      else groups.set(key, [{ other, product: c }]);
    }
  }
  return [...groups.values()];
}

function isAllKnown({ isKnown }: Knowledge, form: Affine): boolean {
  return [...form.keys()].every((variable) => isKnown[variable]);
}

function onlyUnknown({ isKnown }: Knowledge, form: Affine): number | undefined {
  const unknown = [...form.keys()].filter((variable) => !isKnown[variable]);
  return unknown.length === 1 ? unknown[0] : undefined;
}
