// SPDX-License-Identifier: GPL-3.0-or-later
import { modulo, signed } from "../field.ts";
import { type Affine, addScaled, constantValue, linearKey, solveFor, substitute } from "./affine.ts";
import type { Component } from "./components.ts";
import { rangeAt, tightestRange, type WeightedDigit } from "./digits.ts";
import { determine, type Knowledge } from "./propagation.ts";
import type { Residual, ResidualProduct } from "./residual.ts";

const MAX_ALTERNATIVES = 1024;
const MAX_CHOICES_TRIED = 200_000;

/**
 * The rule "alternatives", for a choice that inequalities make unique, as in an argmax.
 *
 * A cluster is a set of unknown booleans that `digitRows` tie together: one-hot, say. The assignments that
 * satisfy those rows are its alternatives; every solution has one of them. Under an alternative s the
 * constraints that the booleans occur in become simpler, and some of them say that a form G of known
 * variables is congruent to an integer of an interval [l, h]. Let one solution have alternative s, with G
 * in [l, h], and another with the same known values have t, with H in [l', h']. If G + H (or G - H) is a
 * constant k as a form, then k is congruent to an integer of [l + l', h + h'] (or [l - h', h - l']). If it
 * is not, s and t exclude each other. If all pairs do, every solution has the same alternative.
 *
 * For the argmax, where alternative c says that m - y_i - [i < c] is in [0, 2^n_i - 1] with m = y_c: for c
 * < d the form for i = d under c is y_c - y_d, that for i = c under d is y_d - y_c - 1, their sum is -1,
 * and this is not congruent to an integer of [0, 2^n_c + 2^n_d - 2] if 2^n_c + 2^n_d - 1 < p. No bound on y
 * is needed.
 */
export function applyAlternatives(knowledge: Knowledge, component: Component, residual: Residual): boolean {
  let progress = false;
  const places = placesOf(residual);
  for (const cluster of clustersOf(knowledge, residual.digitRows)) {
    const alternatives = alternativesOf(knowledge, cluster);
    if (!alternatives) continue;
    const possible = alternatives.flatMap((alternative) => {
      const claims = claimsUnder(knowledge, alternative, places);
      return claims ? [claims] : [];
    });
    if (possible.length === 0 || !doAllExclude(possible, knowledge.system.prime)) continue;
    determine(knowledge, cluster.variables, "alternatives", component);
    progress = true;
  }
  return progress;
}

/** Booleans and the forms over them that are zero. */
interface Cluster {
  variables: number[];
  rows: Affine[];
}

/** `form`, of known variables, is congruent to an integer of low .. high. */
interface Claim {
  form: Affine;
  low: bigint;
  high: bigint;
}

interface Places {
  productsOf: Map<number, ResidualProduct[]>;
  zerosOf: Map<number, Affine[]>;
}

/** Rows of two-valued variables, joined where they share one. */
function clustersOf({ digits, isKnown }: Knowledge, digitRows: readonly Affine[]): Cluster[] {
  const clusterOf = new Map<number, Cluster>();
  for (const row of digitRows) {
    const variables = [...row.keys()].filter((variable) => variable !== 0);
    if (variables.some((variable) => isKnown[variable] || digits[variable]?.count !== 1n)) continue;
    const merged: Cluster = { variables: [], rows: [row] };
    const joined = new Set(variables.flatMap((variable) => clusterOf.get(variable) ?? []));
    for (const cluster of joined) merged.rows.push(...cluster.rows);
    merged.variables = [...new Set([...variables, ...[...joined].flatMap((cluster) => cluster.variables)])];
    for (const variable of merged.variables) clusterOf.set(variable, merged);
  }
  return [...new Set(clusterOf.values())];
}

/** Every assignment that satisfies the rows, or undefined when there are too many to look at. */
function alternativesOf(
  { system, digits }: Knowledge,
  { variables, rows }: Cluster,
): Map<number, bigint>[] | undefined {
  const { prime } = system;
  const found: Map<number, bigint>[] = [];
  const chosen = new Map<number, bigint>();
  let tried = 0;

  const visit = (at: number): boolean => {
    if (++tried > MAX_CHOICES_TRIED || found.length > MAX_ALTERNATIVES) return false;
    if (!rows.every(canBeZero)) return true;
    const variable = variables[at];
    if (variable === undefined) {
      found.push(new Map(chosen));
      return true;
    }
    const { low, step } = digits[variable] ?? { low: 0n, step: 1n };
    for (const value of [low, modulo(low + step, prime)]) {
      chosen.set(variable, value);
      if (!visit(at + 1)) return false;
    }
    chosen.delete(variable);
    return true;
  };
  return visit(0) ? found : undefined;

  /** Whether zero is in the interval that the open digits leave a row. */
  function canBeZero(row: Affine): boolean {
    let constant = 0n;
    const open: WeightedDigit[] = [];
    for (const [variable, coefficient] of row) {
      const value = variable === 0 ? 1n : chosen.get(variable);
      const digit = digits[variable];
      if (value !== undefined) constant += coefficient * value;
      else if (digit) {
        constant += coefficient * digit.low;
        open.push({ weight: modulo(coefficient * digit.step, prime), count: digit.count });
      }
    }
    const { low, high } = rangeAt(open, 1n, prime);
    return hasMultiple(constant + low, constant + high, prime);
  }
}

/**
 * What the residual says about known variables under an alternative; undefined when that contradicts
 * itself.
 */
function claimsUnder(
  knowledge: Knowledge,
  alternative: ReadonlyMap<number, bigint>,
  { productsOf, zerosOf }: Places,
): Claim[] | undefined {
  const { system, digits } = knowledge;
  const { prime } = system;
  const values = new Map<number, Affine>();
  for (const [variable, value] of alternative)
    values.set(variable, value === 0n ? new Map() : new Map([[0, value]]));
  const touched = new Set<ResidualProduct | Affine>();
  const pending = [...alternative.keys()];
  for (let variable = pending.pop(); variable !== undefined; variable = pending.pop()) {
    for (const place of [...(productsOf.get(variable) ?? []), ...(zerosOf.get(variable) ?? [])]) {
      touched.add(place);
      const form = zeroForm(place, values, prime);
      const [unknown, another] = form ? unknownsOf(knowledge, form) : [];
      if (!form || unknown === undefined || another !== undefined || digits[unknown]) continue;
      values.set(unknown, solveFor(form, unknown, prime));
      pending.push(unknown);
    }
  }
  const claims: Claim[] = [];
  for (const place of touched) {
    const form = zeroForm(place, values, prime);
    const claim = form && claimOf(knowledge, form, unknownsOf(knowledge, form));
    if (!claim) continue;
    const value = constantValue(claim.form);
    if (value !== undefined && !hasMultiple(claim.low - value, claim.high - value, prime)) return undefined;
    claims.push(claim);
  }
  return claims;
}

function unknownsOf({ isKnown }: Knowledge, form: Affine): number[] {
  return [...form.keys()].filter((variable) => !isKnown[variable]);
}

/**
 * What a row or product says under the values, as a form that is zero; undefined where a product stays one.
 */
function zeroForm(
  place: ResidualProduct | Affine,
  values: ReadonlyMap<number, Affine>,
  prime: bigint,
): Affine | undefined {
  return place instanceof Map ? substitute(place, values, prime) : linearised(place, values, prime);
}

/** The claim of a zero form whose unknown variables are all digits. */
function claimOf({ system, digits }: Knowledge, form: Affine, unknown: readonly number[]): Claim | undefined {
  const { prime } = system;
  const known: Affine = new Map(form);
  const weighted: WeightedDigit[] = [];
  for (const variable of unknown) {
    const digit = digits[variable];
    if (!digit) return undefined;
    const coefficient = form.get(variable) ?? 0n;
    known.delete(variable);
    addScaled(known, new Map([[0, digit.low]]), coefficient, prime);
    weighted.push({ weight: modulo(-coefficient * digit.step, prime), count: digit.count });
  }
  const { scale, low, high } = tightestRange(weighted, prime);
  if (high - low >= prime) return undefined;
  const scaled: Affine = new Map();
  addScaled(scaled, known, scale, prime);
  return { form: scaled, low, high };
}

/** The product as a form that is zero, if one factor is a constant under the values. */
function linearised(
  { a, b, c }: ResidualProduct,
  values: ReadonlyMap<number, Affine>,
  prime: bigint,
): Affine | undefined {
  const [left, right] = [substitute(a, values, prime), substitute(b, values, prime)];
  const [leftValue, rightValue] = [constantValue(left), constantValue(right)];
  const form: Affine = new Map();
  if (leftValue !== undefined) addScaled(form, right, leftValue, prime);
  else if (rightValue !== undefined) addScaled(form, left, rightValue, prime);
  else return undefined;
  addScaled(form, substitute(c, values, prime), -1n, prime);
  return form;
}

function doAllExclude(alternatives: readonly (readonly Claim[])[], prime: bigint): boolean {
  const plain = alternatives.map((claims) => byKey(claims, 1n, prime));
  const negated = alternatives.map((claims) => byKey(claims, -1n, prime));
  return alternatives.every((claims, at) =>
    alternatives.every((_, other) => other <= at || doesExclude(claims, plain[other], negated[other], prime)),
  );
}

function byKey(claims: readonly Claim[], sign: bigint, prime: bigint): Map<string, Claim[]> {
  const keyed = new Map<string, Claim[]>();
  for (const claim of claims) {
    const form: Affine = new Map();
    addScaled(form, claim.form, sign, prime);
    const key = linearKey(form);
    keyed.set(key, [...(keyed.get(key) ?? []), claim]);
  }
  return keyed;
}

function doesExclude(
  claims: readonly Claim[],
  plain: ReadonlyMap<string, Claim[]> | undefined,
  negated: ReadonlyMap<string, Claim[]> | undefined,
  prime: bigint,
): boolean {
  return claims.some(({ form, low, high }) => {
    const key = linearKey(form);
    const constant = form.get(0) ?? 0n;
    const bySum = negated?.get(key)?.some((other) => {
      const sum = signed(modulo(constant + (other.form.get(0) ?? 0n), prime), prime);
      return !hasMultiple(low + other.low - sum, high + other.high - sum, prime);
    });
    const byDifference = plain?.get(key)?.some((other) => {
      const difference = signed(modulo(constant - (other.form.get(0) ?? 0n), prime), prime);
      return !hasMultiple(low - other.high - difference, high - other.low - difference, prime);
    });
    return bySum || byDifference;
  });
}

/** Whether an integer of low .. high is a multiple of the prime. */
function hasMultiple(low: bigint, high: bigint, prime: bigint): boolean {
  return modulo(-low, prime) <= high - low;
}

function placesOf({ zeros, products }: Residual): Places {
  const places: Places = { productsOf: new Map(), zerosOf: new Map() };
  const note = <T>(map: Map<number, T[]>, variables: Iterable<number>, place: T) => {
    for (const variable of variables) {
      const known = map.get(variable);
      if (known) known.push(place);
      else map.set(variable, [place]);
    }
  };
  for (const product of products) {
    note(
      places.productsOf,
      new Set([...product.a.keys(), ...product.b.keys(), ...product.c.keys()]),
      product,
    );
  }
  for (const zero of zeros) note(places.zerosOf, zero.keys(), zero);
  return places;
}
