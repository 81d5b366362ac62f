// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkDeterminism } from "../../circuits/soundness/determinism/check.ts";
import { inverse } from "../../circuits/soundness/field.ts";
import { FIELD } from "./fixture.ts";
import {
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

type Case = [what: string, inputs: string[], constraints: TermConstraint[], free?: string[]];

const xyz = [wire("x"), wire("y"), wire("z")];

describe("the determinism checker certifies", () => {
  const cases: Case[] = [
    [
      "a chain of products",
      ["x"],
      [
        [wire("x"), wire("x"), wire("x2")],
        [wire("x2"), wire("x2"), wire("x4")],
        [wire("x4"), [...wire("x"), ...one(3)], [...wire("y", 5), ...one(7)]],
      ],
    ],
    ["253 bits of an element", ["x"], decomposition(253)],
    ["the range pattern with an implied top bit", ["x"], inRange(wire("x"), 20, "low")],
    ["sign, range and shift from one decomposition", ["x"], reluShift(12, 4)],
    ["quotient and remainder of a division by 16, both in range", ["x"], divisionBy(16n, 8, 4)],
    ["the inverse of what a constraint keeps from zero", ["x"], [[wire("x"), wire("inverse"), one()]]],
    [
      "two linear rows with two unknowns",
      ["x", "y"],
      [
        isZero([...wire("a"), ...wire("b"), ...wire("x", -1)]),
        isZero([...wire("a"), ...wire("b", 2), ...wire("y", -1)]),
      ],
    ],
    ["an argmax", ["x", "y", "z"], argmax(xyz, [20, 21, 22])],
    [
      "an argmax of forms that share inputs, equal ones and constants among them",
      ["x", "y"],
      argmax([wire("x", 3), [...wire("x"), ...wire("y")], wire("x", 3), one(9)], [20, 20, 20, 20]),
    ],
    ["a double root", ["x"], [[[...wire("u"), ...wire("x", -1)], [...wire("u"), ...wire("x", -1)], []]]],
  ];
  for (const [what, inputs, constraints] of cases) {
    it(what, () => {
      assert.deepEqual(freeNames(inputs, constraints), []);
    });
  }
});

describe("the determinism checker refuses, and names the free signals of", () => {
  const range = inRange(wire("x"), 4, "low");
  const cases: Case[] = [
    ["a square root", ["x"], [[wire("root"), wire("root"), wire("x")]], ["root"]],
    ["a range check with a bit that may be anything", ["x"], range.slice(1), ["low0", "low1", "low2"]],
    ["a range check whose last constraint is gone", ["x"], range.slice(0, -1), ["low0", "low1", "low2"]],
    ["254 bits of an element: x and x + p are both 254 bits", ["x"], decomposition(254), bitNames("b", 254)],
    [
      "a division with a quotient of 250 bits, which wraps round the field",
      ["x"],
      divisionBy(16n, 250, 4),
      [...bitNames("q", 250), ...bitNames("r", 4), "quotient", "remainder"],
    ],
    [
      "a division by 10 with a remainder up to 15",
      ["x"],
      divisionBy(10n, 8, 4),
      [...bitNames("q", 8), ...bitNames("r", 4), "quotient", "remainder"],
    ],
    [
      "a division whose remainder is not in range",
      ["x"],
      divisionBy(16n, 8, 4).slice(0, -4),
      [...bitNames("q", 8), ...bitNames("r", 4), "quotient", "remainder"],
    ],
    [
      "a division by an input that may be zero",
      ["x", "y"],
      [[wire("x"), wire("quotient"), wire("y")]],
      ["quotient"],
    ],
    [
      "a zero test without its second constraint",
      ["x"],
      [[wire("x"), wire("hint"), [...one(), ...wire("out", -1)]]],
      ["hint", "out"],
    ],
    ["a complete zero test, whose hint alone is free where the input is zero", ["x"], zeroTest(), ["hint"]],
    [
      "a comparison that nobody reads the result of",
      ["x", "y"],
      [...inRange([...wire("x"), ...wire("y", -1), ...one(16)], 5, "low"), isBoolean("isLess")],
      ["isLess"],
    ],
    [
      "a sign that no bit is tied to",
      ["x"],
      [...inRange(wire("x"), 8, "low"), [wire("sign"), wire("x"), wire("out")], isBoolean("sign")],
      ["out", "sign"],
    ],
    [
      "a linear row with two unknowns",
      ["x"],
      [isZero([...wire("a"), ...wire("b"), ...wire("x", -1)])],
      ["a", "b"],
    ],
    [
      "two rows that say the same",
      ["x"],
      [
        isZero([...wire("a"), ...wire("b"), ...wire("x", -1)]),
        isZero([...wire("a", 2), ...wire("b", 2), ...wire("x", -2)]),
      ],
      ["a", "b"],
    ],
    [
      "two elements, though not of the bits of their difference",
      [],
      [
        isZero([...wire("a"), ...wire("b", -1), ...one(-3)]),
        isZero([...wire("a"), ...wire("b", -1), ...minusBinary("d", 2)]),
        ...bitNames("d", 2).map(isBoolean),
      ],
      ["a", "b"],
    ],
    ["an output that nothing states", ["x"], [[wire("x"), wire("x"), wire("y")], isBoolean("out")], ["out"]],
    ["a wire times zero", ["x"], [[wire("y"), wire("x"), []], isZero(wire("x"))], ["y"]],
  ];
  for (const [what, inputs, constraints, free = []] of cases) {
    it(what, () => {
      assert.deepEqual(freeNames(inputs, constraints), [...free].sort());
    });
  }

  const whole = argmax(xyz, [20, 21, 22]);
  for (const at of whole.keys()) {
    it(`an argmax without constraint ${at}`, () => {
      assert.notDeepEqual(freeNames(["x", "y", "z"], whole.toSpliced(at, 1)), []);
    });
  }

  it("an argmax whose ties are open", () => {
    const free = freeNames(["x", "y", "z"], argmax(xyz, [20, 21, 22], "open"));
    assert.ok(free.includes("chosen0") && free.includes("term2"));
  });

  it("an argmax with gaps as wide as the field", () => {
    const free = freeNames(["x", "y", "z"], argmax(xyz, [253, 253, 253]));
    assert.ok(free.includes("chosen0") && free.includes("term2"));
  });
});

function freeNames(inputs: readonly string[], constraints: readonly TermConstraint[]): string[] {
  const { r1cs, nameOf } = smallSystem(FIELD, inputs, constraints);
  const { free, isDetermined } = checkDeterminism(r1cs);
  assert.equal(isDetermined, free.length === 0);
  return free.map(nameOf).sort();
}

function bitNames(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}${at}`);
}

function minusBinary(prefix: string, count: number): Terms {
  return bitNames(prefix, count).map((name, at) => [-(2n ** BigInt(at)), name]);
}

/** x is the sum of `count` bits. */
function decomposition(count: number): TermConstraint[] {
  return [isZero([...wire("x"), ...minusBinary("b", count)]), ...bitNames("b", count).map(isBoolean)];
}

/** x = divisor * quotient + remainder. */
function divisionBy(divisor: bigint, quotientBits: number, remainderBits: number): TermConstraint[] {
  return [
    isZero([...wire("x"), ...wire("quotient", -divisor), ...wire("remainder", -1)]),
    isZero([...wire("quotient"), ...minusBinary("q", quotientBits)]),
    isZero([...wire("remainder"), ...minusBinary("r", remainderBits)]),
    ...bitNames("q", quotientBits).map(isBoolean),
    ...bitNames("r", remainderBits).map(isBoolean),
  ];
}

/**
 * The pattern of circuits/lib/relu.circom, with the division by 2^(width - 1) that the compiler makes of
 * it.
 */
function reluShift(width: number, shift: number): TermConstraint[] {
  const low = bitNames("low", width - 1);
  const scale = inverse(2n ** BigInt(width - 1), FIELD);
  const sign: Terms = [
    [scale, "x"],
    [1, "1"],
    ...low.map((name, at) => [-scale * 2n ** BigInt(at), name] as const),
  ];
  const shifted: Terms = low.slice(shift).map((name, at) => [2n ** BigInt(at), name]);
  return [...low.map(isBoolean), [sign, [...sign, ...one(-1)], []], [sign, shifted, wire("out")]];
}

function zeroTest(): TermConstraint[] {
  return [
    [wire("x"), wire("hint"), [...one(), ...wire("out", -1)]],
    [wire("x"), wire("out"), []],
  ];
}
