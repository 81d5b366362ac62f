// SPDX-License-Identifier: GPL-3.0-or-later
import { inverse, modulo, signed } from "../field.ts";
import { areDigitsUnique, rangeAt } from "./digits.ts";
import type { Adjacency, Digit, System } from "./system.ts";

/** How a variable came to be known. */
export type Rule = "linear" | "digits" | "span" | "elimination" | "division" | "zeroTest" | "alternatives";

/** Rows and products that a conclusion rests on, together with the digits of their variables. */
export interface Evidence {
  rows: readonly number[];
  products: readonly number[];
}

/** One conclusion: the variables that it determines, and why. */
export interface Step extends Evidence {
  rule: Rule;
  variables: readonly number[];
}

/** What is known to be determined so far, and what every solution obeys. */
export interface Knowledge {
  system: System;
  /** Constraints that are not used, as if they were not there. */
  ignored: ReadonlySet<number>;
  isKnown: Uint8Array;
  digits: (Digit | undefined)[];
  /** Constraints that a variable's digit rests on. */
  digitSources: (readonly number[])[];
  /** Rows whose form is a known value: linear ones, and the c of a product with known factors. */
  isActive: Uint8Array;
  /** Unknown variables of a row. */
  unknown: Int32Array;
  /** Unknown variables of a row without a digit. */
  loose: Int32Array;
  /** Unknown occurrences in the factors of a product. */
  unknownFactors: Int32Array;
  /** The derivation, in order. */
  steps: Step[];
  pending: number[];
}

/** Starts with the constant and the given wires known, and with the digits that constraints show. */
export function begin(system: System, known: Iterable<number>, ignored: ReadonlySet<number>): Knowledge {
  const { rows, products, variableCount } = system;
  const digits: (Digit | undefined)[] = new Array(variableCount).fill(undefined);
  const digitSources: (readonly number[])[] = new Array(variableCount).fill([]);
  for (const { variable, digit, source } of system.digits) {
    if (ignored.has(source) || digits[variable]) continue;
    digits[variable] = digit;
    digitSources[variable] = [source];
  }
  const knowledge: Knowledge = {
    system,
    ignored,
    isKnown: new Uint8Array(variableCount),
    digits,
    digitSources,
    isActive: Uint8Array.from(rows, ({ isZero, source }) => (isZero && !ignored.has(source) ? 1 : 0)),
    unknown: Int32Array.from(rows, ({ form }) => form.wires.length),
    loose: new Int32Array(rows.length),
    unknownFactors: Int32Array.from(products, ({ a, b }) => a.wires.length + b.wires.length),
    steps: [],
    pending: [...rows.keys()],
  };
  boundSums(knowledge);
  for (const [row, { form }] of rows.entries()) {
    knowledge.loose[row] = form.wires.reduce((count, wire) => count + (digits[wire] ? 0 : 1), 0);
  }
  markKnown(knowledge, 0);
  for (const wire of known) markKnown(knowledge, wire);
  return knowledge;
}

/**
 * Applies the two rules that look at one row, until they give nothing more.
 *
 * linear: a row whose form is a known value and which has one unknown variable determines it, for the
 * coefficient is not zero. digits: a row whose unknown variables are all digits determines them if
 * `areDigitsUnique`.
 */
export function propagate(knowledge: Knowledge): void {
  const { pending, isActive, unknown, loose } = knowledge;
  for (let row = pending.pop(); row !== undefined; row = pending.pop()) {
    if (!isActive[row] || unknown[row] === 0) continue;
    if (unknown[row] === 1) {
      determine(knowledge, unknownsOf(knowledge, row), "linear", { rows: [row], products: [] });
    } else if (loose[row] === 0) {
      const wires = unknownsOf(knowledge, row);
      if (areRowDigitsUnique(knowledge, row, wires)) {
        determine(knowledge, wires, "digits", { rows: [row], products: [] });
      }
    }
  }
}

export function determine(
  knowledge: Knowledge,
  variables: readonly number[],
  rule: Rule,
  { rows, products }: Evidence,
): void {
  knowledge.steps.push({ rule, variables, rows, products });
  for (const variable of variables) markKnown(knowledge, variable);
}

/** Wires that are not known. */
export function unknownWires({ system, isKnown }: Knowledge): number[] {
  return Array.from({ length: system.wireCount }, (_, wire) => wire).filter((wire) => !isKnown[wire]);
}

export function unknownsOf({ system, isKnown }: Knowledge, row: number): number[] {
  return system.rows[row]?.form.wires.filter((wire) => !isKnown[wire]) ?? [];
}

function markKnown(knowledge: Knowledge, variable: number): void {
  const { system, isKnown, digits, isActive, unknown, loose, unknownFactors, pending } = knowledge;
  if (isKnown[variable]) return;
  isKnown[variable] = 1;
  const isLoose = digits[variable] ? 0 : 1;
  for (const row of placesOf(system.rowsOf, variable)) {
    unknown[row] = (unknown[row] ?? 0) - 1;
    loose[row] = (loose[row] ?? 0) - isLoose;
    if (isActive[row]) pending.push(row);
  }
  for (const at of placesOf(system.productsOf, variable)) {
    const left = (unknownFactors[at] ?? 0) - 1;
    unknownFactors[at] = left;
    const product = system.products[at];
    if (left > 0 || !product || knowledge.ignored.has(product.source)) continue;
    isActive[product.row] = 1;
    pending.push(product.row);
  }
}

function placesOf({ from, places }: Adjacency, variable: number): Int32Array {
  return places.subarray(from[variable], from[variable + 1]);
}

function areRowDigitsUnique({ system, digits }: Knowledge, row: number, wires: readonly number[]): boolean {
  const form = system.rows[row]?.form;
  if (!form) return false;
  const unknown = new Set(wires);
  const weighted = form.wires.flatMap((wire, at) => {
    const digit = digits[wire];
    if (!digit || !unknown.has(wire)) return [];
    return [{ weight: modulo((form.coefficients[at] ?? 0n) * digit.step, system.prime), count: digit.count }];
  });
  return areDigitsUnique(weighted, system.prime);
}

/**
 * Gives a digit to a variable that a linear row makes the sum of digits: it is congruent to an integer of
 * the interval that they span. An interval as long as the field says nothing and is not kept.
 */
function boundSums(knowledge: Knowledge): void {
  const { system, digits, isActive } = knowledge;
  const open = Int32Array.from(system.rows, ({ form }) => {
    return form.wires.reduce((count, wire) => count + (wire === 0 || digits[wire] ? 0 : 1), 0);
  });
  const pending = [...system.rows.keys()];
  for (let row = pending.pop(); row !== undefined; row = pending.pop()) {
    if (!isActive[row] || open[row] !== 1) continue;
    const form = system.rows[row]?.form;
    const at = form?.wires.findIndex((wire) => wire !== 0 && !digits[wire]) ?? -1;
    const variable = form?.wires[at];
    if (!form || variable === undefined) continue;
    const digit = sumDigit(knowledge, row, at);
    if (!digit) continue;
    digits[variable] = digit;
    knowledge.digitSources[variable] = [
      system.rows[row]?.source ?? 0,
      ...form.wires.flatMap((wire) => knowledge.digitSources[wire] ?? []),
    ];
    for (const other of placesOf(system.rowsOf, variable)) {
      open[other] = (open[other] ?? 0) - 1;
      pending.push(other);
    }
  }
}

function sumDigit({ system, digits }: Knowledge, row: number, at: number): Digit | undefined {
  const { prime } = system;
  const form = system.rows[row]?.form;
  if (!form) return undefined;
  const scale = inverse(modulo(-(form.coefficients[at] ?? 1n), prime), prime);
  let constant = 0n;
  const weighted = form.wires.flatMap((wire, place) => {
    if (place === at) return [];
    const coefficient = (form.coefficients[place] ?? 0n) * scale;
    const digit = digits[wire] ?? { low: 1n, step: 0n, count: 0n };
    constant += coefficient * digit.low;
    return [{ weight: modulo(coefficient * digit.step, prime), count: digit.count }];
  });
  const { low, high } = rangeAt(weighted, 1n, prime);
  if (high - low >= prime) return undefined;
  const base = signed(modulo(constant, prime), prime);
  return { low: modulo(base + low, prime), step: 1n, count: high - low };
}
