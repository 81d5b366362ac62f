// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { checkDeterminism } from "../../circuits/soundness/determinism/check.ts";
import type { Rule } from "../../circuits/soundness/determinism/propagation.ts";
import type { R1cs } from "../../circuits/soundness/r1cs.ts";
import { seededRandom } from "../../circuits/training/random.ts";
import {
  ambiguousWires,
  argmax,
  inRange,
  isBoolean,
  isZero,
  one,
  smallSystem,
  type TermConstraint,
  type Terms,
  wire,
} from "./small-systems.ts";

const random = seededRandom(11);
const below = (limit: number): number => Math.floor(limit * random());
const pick = <T>(from: readonly [T, ...T[]]): T => from[below(from.length)] ?? from[0];

// Small primes make wrap-round, aliases and zero divisors common. Every solution is looked at.
describe("over small fields, the determinism checker never calls a wire determined that has two values", () => {
  const families: [name: string, systems: number, make: () => R1cs, rules: Rule[]][] = [
    ["random systems", 3000, () => randomSystem(pick([3n, 5n, 7n])), ["linear", "digits", "span"]],
    ["decompositions", 400, () => decomposition(pick([5n, 7n, 11n, 13n, 17n])), ["digits"]],
    ["argmaxes, whole or not", 300, () => brokenArgmax(pick([11n, 13n, 17n, 23n])), ["alternatives"]],
    ["zero tests and divisions", 600, () => zeroTest(pick([3n, 5n, 7n])), ["zeroTest", "division"]],
  ];
  for (const [name, systems, make, rules] of families) {
    it(`${systems} ${name}`, () => {
      let ambiguous = 0;
      const derived = new Map<string, number>();
      for (let at = 0; at < systems; at++) {
        const r1cs = make();
        const { free, derivedBy } = checkDeterminism(r1cs);
        const twoValued = ambiguousWires(r1cs);
        const missed = [...twoValued].filter((index) => !free.includes(index));
        assert.deepEqual(missed, [], inspect(r1cs, { depth: 6 }));
        for (const [rule, count] of Object.entries(derivedBy))
          derived.set(rule, (derived.get(rule) ?? 0) + count);
        if (twoValued.size > 0) ambiguous++;
      }
      for (const rule of rules) assert.ok((derived.get(rule) ?? 0) >= 50, `${rule}: ${derived.get(rule)}`);
      assert.ok(ambiguous >= systems / 10, `only ${ambiguous} had two solutions`);
    });
  }
});

const NAMES = ["x", "u", "v", "w", "t"] as const;

function randomTerms(): Terms {
  const count = 1 + below(3);
  const terms: Terms = Array.from({ length: count }, () => [below(7) - 3, pick(NAMES)] as const);
  return random() < 0.4 ? [...terms, [below(5) - 2, "1"]] : terms;
}

function randomConstraint(): TermConstraint {
  const terms = randomTerms();
  switch (below(8)) {
    case 0:
    case 1:
      return isBoolean(pick(NAMES));
    case 2:
      return [terms, [...terms, ...one(below(4) - 2)], []];
    case 3:
    case 4:
      return isZero(terms);
    case 5:
      return [terms, terms, wire(pick(NAMES))];
    case 6:
      return [terms, wire("x"), randomTerms()];
    default:
      return [terms, randomTerms(), random() < 0.5 ? wire(pick(NAMES)) : []];
  }
}

function randomSystem(prime: bigint): R1cs {
  const constraints = Array.from({ length: 3 + below(6) }, randomConstraint);
  return smallSystem(prime, ["x"], constraints).r1cs;
}

/** Digits with random weights and ranges that may alias, under a random scale. */
function decomposition(prime: bigint): R1cs {
  const count = 2 + below(3);
  const scale = 1 + below(Number(prime) - 1);
  const weights = Array.from({ length: count }, (_, at) => (random() < 0.7 ? 2 ** at : 1 + below(6)));
  const digits: Terms = weights.map((weight, at) => [-scale * weight, `b${at}`]);
  const constraints: TermConstraint[] = [
    isZero([[scale, "x"], ...digits]),
    ...weights.map((_, at): TermConstraint => {
      if (random() < 0.8) return isBoolean(`b${at}`);
      return [wire(`b${at}`), [...wire(`b${at}`), ...one(-1 - below(3))], []];
    }),
    ...(random() < 0.5 ? inRange([[1, "x"], ...digits], 2, "low") : []),
  ];
  if (random() < 0.2) constraints.splice(below(constraints.length), 1);
  return smallSystem(prime, ["x"], constraints).r1cs;
}

function brokenArgmax(prime: bigint): R1cs {
  const count = 2 + below(2);
  const inputs = ["x", "y"];
  const forms: Terms[] = Array.from({ length: count }, () => [
    [below(3), "x"],
    [below(3), "y"],
    [below(4), "1"],
  ]);
  const gapBits = forms.map(() => 2 + below(3));
  const constraints = argmax(forms, gapBits, random() < 0.8 ? "lowest" : "open");
  if (random() < 0.4) constraints.splice(below(constraints.length), 1);
  if (random() < 0.2)
    constraints.push(
      isZero([
        [1, "chosen0"],
        [1, "chosen1"],
        [-1, "index"],
      ]),
    );
  return smallSystem(prime, inputs, constraints).r1cs;
}

function zeroTest(prime: bigint): R1cs {
  const factor: Terms = [
    [1 + below(2), "x"],
    [below(3), "1"],
  ];
  const scaled: Terms = factor.map(([coefficient, name]) => [2 * Number(coefficient), name]);
  const pool: TermConstraint[] = [
    [factor, wire("hint"), [...one(), ...wire("out", -1)]],
    [random() < 0.5 ? factor : scaled, wire("out"), []],
    [factor, wire("v"), random() < 0.5 ? one(1 + below(2)) : wire("y")],
    [
      scaled,
      wire("w"),
      [
        [below(3), "1"],
        [below(3), "y"],
      ],
    ],
    [wire("out"), wire("hint"), []],
    [factor, [...wire("w"), ...wire("y")], wire("z", below(2))],
  ];
  return smallSystem(
    prime,
    ["x", "y"],
    pool.filter(() => random() < 0.6),
  ).r1cs;
}
