// SPDX-License-Identifier: GPL-3.0-or-later
import type { Knowledge } from "./propagation.ts";

/** Rows and products that hang together by unknown variables. */
export interface Component {
  rows: number[];
  products: number[];
}

/** What is left after the rules for single rows, cut where it shares no unknown variable. */
export function componentsOf(knowledge: Knowledge): Component[] {
  const { system, isKnown, isActive, unknown, unknownFactors, ignored } = knowledge;
  const parent = Int32Array.from({ length: system.variableCount }, (_, variable) => variable);
  const rows: [row: number, member: number][] = [];
  const products: [product: number, member: number][] = [];

  for (const [row, { form, isZero }] of system.rows.entries()) {
    if (isZero && isActive[row] && (unknown[row] ?? 0) > 0)
      join(form.wires, (member) => rows.push([row, member]));
  }
  for (const [at, { a, b, c, row, source }] of system.products.entries()) {
    if (ignored.has(source) || ((unknownFactors[at] ?? 0) === 0 && (unknown[row] ?? 0) === 0)) continue;
    join([...a.wires, ...b.wires, ...c.wires], (member) => {
      products.push([at, member]);
      if (isActive[row]) rows.push([row, member]);
    });
  }

  const components = new Map<number, Component>();
  for (const [row, member] of rows) componentOf(member).rows.push(row);
  for (const [product, member] of products) componentOf(member).products.push(product);
  return [...components.values()];

  function join(variables: readonly number[], found: (member: number) => void): void {
    let first: number | undefined;
    for (const variable of variables) {
      if (isKnown[variable]) continue;
      if (first === undefined) first = variable;
      else parent[rootOf(variable)] = rootOf(first);
    }
    if (first !== undefined) found(first);
  }

  function componentOf(member: number): Component {
    const root = rootOf(member);
    let component = components.get(root);
    if (!component) {
      component = { rows: [], products: [] };
      components.set(root, component);
    }
    return component;
  }

  function rootOf(variable: number): number {
    let root = variable;
    while (parent[root] !== root) {
      parent[root] = parent[parent[root] ?? root] ?? root;
      root = parent[root] ?? root;
    }
    return root;
  }
}
