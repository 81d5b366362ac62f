// SPDX-License-Identifier: GPL-3.0-or-later
import { inverse, modulo, squareRoot } from "../field.ts";
import { type Constraint, type LinearForm, linearForm, type R1cs } from "../r1cs.ts";

/**
 * What every solution gives to a variable: low + step * k for an integer k of 0 .. count. A boolean has (0,
 * 1, 1). `low` and `step` are field elements, the step is not zero.
 */
export interface Digit {
  low: bigint;
  step: bigint;
  count: bigint;
}

/**
 * The linear form that equals zero (`source` of a linear constraint) or the value of a product (see
 * `Product`).
 */
export interface Row {
  form: LinearForm;
  /** Index of the constraint that it states. */
  source: number;
  /**
   * Whether the form is a constant zero; otherwise it equals a product and counts once both factors are
   * known.
   */
  isZero: boolean;
}

/** a * b = c with the row that states c. */
export interface Product extends Constraint {
  row: number;
  source: number;
}

/** A digit that one constraint shows by itself. */
export interface DigitSource {
  variable: number;
  digit: Digit;
  source: number;
}

/**
 * The constraints sorted by what can be concluded from them. Variables are the wires and, after them, one
 * variable for each constraint that lets a linear form have two values only: with roots r and s the form is
 * r + (s - r) * bit. Such a bit is a function of the witness, so that a system determines its wires exactly
 * when it determines wires and bits.
 */
export interface System {
  prime: bigint;
  wireCount: number;
  variableCount: number;
  constraintCount: number;
  rows: readonly Row[];
  products: readonly Product[];
  digits: readonly DigitSource[];
  rowsOf: Adjacency;
  productsOf: Adjacency;
}

/** For each variable the places it occurs at, once for each occurrence. */
export interface Adjacency {
  from: Int32Array;
  places: Int32Array;
}

/** Sorts the constraints. The prime must be odd. */
export function systemOf({ prime, wireCount, constraints }: R1cs): System {
  const rows: Row[] = [];
  const products: Product[] = [];
  const digits: DigitSource[] = [];
  let variableCount = wireCount;

  for (const [source, constraint] of constraints.entries()) {
    const linear = linearConstraint(constraint, prime);
    const roots = linear ? undefined : rootsOf(constraint, prime);
    if (linear) {
      rows.push({ form: linear, source, isZero: true });
    } else if (roots) {
      addRoots(roots, source);
    } else {
      products.push({ ...constraint, row: rows.length, source });
      rows.push({ form: constraint.c, source, isZero: false });
    }
  }

  const rowsOf = adjacency(
    variableCount,
    rows.map(({ form }) => form.wires),
  );
  const productsOf = adjacency(
    variableCount,
    products.map(({ a, b }) => [...a.wires, ...b.wires]),
  );
  const constraintCount = constraints.length;
  return { prime, wireCount, variableCount, constraintCount, rows, products, digits, rowsOf, productsOf };

  function addRoots({ form, values }: Roots, source: number): void {
    const [first, second] = values;
    // A form without a root has no solution at all: nothing is concluded from it.
    if (first === undefined) return;
    if (second === undefined) {
      rows.push({ form: shifted(form, -first), source, isZero: true });
    } else if (form.wires.length === 1) {
      const scale = inverse(form.coefficients[0] ?? 1n, prime);
      const low = modulo(first * scale, prime);
      const step = modulo((second - first) * scale, prime);
      digits.push({ variable: form.wires[0] ?? 0, digit: { low, step, count: 1n }, source });
    } else {
      const bit = variableCount++;
      const { wires, coefficients } = shifted(form, -first);
      rows.push({
        form: { wires: [...wires, bit], coefficients: [...coefficients, modulo(first - second, prime)] },
        source,
        isZero: true,
      });
      digits.push({ variable: bit, digit: { low: 0n, step: 1n, count: 1n }, source });
    }
  }

  function shifted(form: LinearForm, by: bigint): LinearForm {
    return linearForm([[0, by], ...termsOf(form)], prime);
  }
}

export function termsOf({ wires, coefficients }: LinearForm): [variable: number, coefficient: bigint][] {
  return wires.map((wire, at) => [wire, coefficients[at] as bigint]);
}

/** The constraint as a form that must be zero, if one factor is a constant. */
function linearConstraint({ a, b, c }: Constraint, prime: bigint): LinearForm | undefined {
  const [factor, form] = isConstant(a) ? [a, b] : [b, a];
  if (!isConstant(factor)) return undefined;
  const scale = constantOf(factor);
  return linearForm(
    [
      ...termsOf(form).map(([wire, coefficient]): [number, bigint] => [wire, scale * coefficient]),
      ...termsOf(c).map(([wire, coefficient]): [number, bigint] => [wire, -coefficient]),
    ],
    prime,
  );
}

interface Roots {
  form: LinearForm;
  /** The values that the constraint leaves the form: none, one or two. */
  values: bigint[];
}

/**
 * The constraint read as a quadratic equation of one linear form, if it is one: a, b and c are multiples of
 * the same form L plus constants. With a = L + p, b = k L + q, c = m L + s the equation is k L^2 + (q + k p
 * - m) L + p q - s = 0.
 */
function rootsOf({ a, b, c }: Constraint, prime: bigint): Roots | undefined {
  const form = withoutConstant(a);
  const k = ratioOf(withoutConstant(b), form, prime);
  const m = isConstant(c) ? 0n : ratioOf(withoutConstant(c), form, prime);
  if (k === undefined || m === undefined) return undefined;
  const [p, q, s] = [constantOf(a), constantOf(b), constantOf(c)];
  const scale = inverse(k, prime);
  if (m === 0n && s === 0n) return { form, values: distinct([modulo(-p, prime), modulo(-q * scale, prime)]) };
  const half = modulo((q + k * p - m) * scale * inverse(2n, prime), prime);
  const root = squareRoot(modulo(half * half - (p * q - s) * scale, prime), prime);
  const values =
    root === undefined ? [] : distinct([modulo(root - half, prime), modulo(-root - half, prime)]);
  return { form, values };
}

function distinct(values: readonly bigint[]): bigint[] {
  return [...new Set(values)].sort((x, y) => (x < y ? -1 : 1));
}

function isConstant({ wires }: LinearForm): boolean {
  return wires.length === 0 || (wires.length === 1 && wires[0] === 0);
}

function constantOf({ wires, coefficients }: LinearForm): bigint {
  return wires[0] === 0 ? (coefficients[0] ?? 0n) : 0n;
}

function withoutConstant(form: LinearForm): LinearForm {
  if (form.wires[0] !== 0) return form;
  return { wires: form.wires.slice(1), coefficients: form.coefficients.slice(1) };
}

/** k with form = k * base, if there is one. */
function ratioOf(form: LinearForm, base: LinearForm, prime: bigint): bigint | undefined {
  if (form.wires.length !== base.wires.length) return undefined;
  if (form.wires.some((wire, at) => wire !== base.wires[at])) return undefined;
  const ratio = modulo((form.coefficients[0] ?? 1n) * inverse(base.coefficients[0] ?? 1n, prime), prime);
  const isMultiple = form.coefficients.every(
    (coefficient, at) => (coefficient - ratio * (base.coefficients[at] ?? 0n)) % prime === 0n,
  );
  return isMultiple ? ratio : undefined;
}

function adjacency(variableCount: number, variablesOfPlaces: readonly (readonly number[])[]): Adjacency {
  const from = new Int32Array(variableCount + 1);
  for (const variables of variablesOfPlaces) {
    for (const variable of variables) from[variable + 1] = (from[variable + 1] ?? 0) + 1;
  }
  for (let variable = 0; variable < variableCount; variable++) {
    from[variable + 1] = (from[variable + 1] ?? 0) + (from[variable] ?? 0);
  }
  const places = new Int32Array(from[variableCount] ?? 0);
  const next = from.slice();
  for (const [place, variables] of variablesOfPlaces.entries()) {
    for (const variable of variables) {
      const at = next[variable] ?? 0;
      places[at] = place;
      next[variable] = at + 1;
    }
  }
  return { from, places };
}
