// SPDX-License-Identifier: GPL-3.0-or-later
import { inverse, modulo } from "../field.ts";
import type { LinearForm } from "../r1cs.ts";
import { type Affine, addScaled } from "./affine.ts";
import type { Component } from "./components.ts";
import { determine, type Knowledge } from "./propagation.ts";

/** Coefficients that may be touched: some times what a Poseidon of 17 inputs needs. */
const MAX_WORK = 40_000_000;

/**
 * The rule "span": linear algebra over forms with a known value.
 *
 * The forms with a known value are a vector space: sums and multiples of known values are known. It starts
 * with the active rows. When both factors of a product lie in it, the value of the product is known, so its
 * c is added. A variable that lies in it itself is determined. Known variables do not matter, so forms are
 * taken modulo them.
 *
 * circom's simplification makes this necessary: it may write the state of a Poseidon round in terms of
 * later rounds.
 */
export function applySpan(knowledge: Knowledge, component: Component): boolean {
  const { system, isActive, isKnown } = knowledge;
  const { prime } = system;
  const tracked = new Map<number, Set<Affine>>();
  const rowOfPivot = new Map<number, Affine>();
  const pivotOf = new Map<Affine, number>();
  const factors = new Map<string, Factor>();
  const waitingFor = new Map<Affine, Factor>();
  const pending: Affine[] = [];
  let work = 0;

  for (const row of component.rows) {
    if (isActive[row]) pending.push(unknownPart(system.rows[row]?.form));
  }
  for (const at of component.products) {
    const product = system.products[at];
    if (!product || isActive[product.row]) continue;
    const waiting: Waiting = { left: 0, form: unknownPart(product.c) };
    for (const factor of [product.a, product.b]) {
      const form = unknownPart(factor);
      if (form.size > 0) awaitFactor(form, waiting);
    }
  }
  const found: number[] = [];
  for (let form = pending.pop(); form !== undefined && work < MAX_WORK; form = pending.pop()) add(form);
  if (found.length === 0) return false;
  determine(knowledge, found, "span", component);
  return true;

  function unknownPart(form: LinearForm | undefined): Affine {
    const part: Affine = new Map();
    form?.wires.forEach((wire, at) => {
      if (!isKnown[wire]) part.set(wire, form.coefficients[at] as bigint);
    });
    return part;
  }

  function awaitFactor(form: Affine, waiting: Waiting): void {
    const key = [...form].map(([variable, coefficient]) => `${variable}:${coefficient}`).join(" ");
    let factor = factors.get(key);
    if (!factor) {
      factor = { form, products: [] };
      factors.set(key, factor);
      waitingFor.set(form, factor);
      track(form, form.keys());
    }
    if (!factor.products.includes(waiting)) {
      factor.products.push(waiting);
      waiting.left++;
    }
  }

  function track(form: Affine, variables: Iterable<number>): void {
    for (const variable of variables) {
      const forms = tracked.get(variable);
      if (forms) forms.add(form);
      else tracked.set(variable, new Set([form]));
    }
  }

  /** Adds a form with a known value to the space and rewrites everything without its pivot. */
  function add(given: Affine): void {
    const row = new Map(given);
    for (const variable of given.keys()) {
      const known = rowOfPivot.get(variable);
      const coefficient = row.get(variable);
      if (known && coefficient !== undefined) subtract(row, known, coefficient);
    }
    const pivot = [...row.keys()].reduce<number | undefined>(
      (best, variable) => (best === undefined || usesOf(variable) < usesOf(best) ? variable : best),
      undefined,
    );
    if (pivot === undefined) return;
    const scale = inverse(row.get(pivot) ?? 1n, prime);
    for (const [variable, coefficient] of row) row.set(variable, modulo(coefficient * scale, prime));
    for (const form of tracked.get(pivot) ?? []) {
      const coefficient = form.get(pivot);
      if (coefficient === undefined) continue;
      subtract(form, row, coefficient);
      track(form, row.keys());
      settle(form);
    }
    tracked.delete(pivot);
    rowOfPivot.set(pivot, row);
    pivotOf.set(row, pivot);
    track(
      row,
      [...row.keys()].filter((variable) => variable !== pivot),
    );
    settle(row);
  }

  function subtract(form: Affine, row: Affine, coefficient: bigint): void {
    work += row.size;
    addScaled(form, row, prime - coefficient, prime);
  }

  function settle(form: Affine): void {
    const pivot = pivotOf.get(form);
    if (pivot !== undefined && form.size === 1) found.push(pivot);
    const factor = waitingFor.get(form);
    if (!factor || form.size > 0) return;
    waitingFor.delete(form);
    for (const waiting of factor.products) {
      waiting.left--;
      if (waiting.left === 0) pending.push(waiting.form);
    }
  }

  function usesOf(variable: number): number {
    return tracked.get(variable)?.size ?? 0;
  }
}

interface Factor {
  form: Affine;
  products: Waiting[];
}

/** A product whose factors are not all known yet, and what is known once they are. */
interface Waiting {
  left: number;
  form: Affine;
}
