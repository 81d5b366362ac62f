// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { canonicalJson, parseJson } from "@meantime/sdk/canonical-json";
import { MeantimeError } from "@meantime/sdk/errors";
import fc from "fast-check";
import vectors from "../../docs/vectors/canonical-json.json" with { type: "json" };

describe("canonical JSON", () => {
  it("is that of RFC 8785 for its test data, and its own canonical form", () => {
    for (const { name, text, canonical } of vectors.valid) {
      assert.equal(canonicalJson(parseJson(text)), canonical, name);
      assert.equal(canonicalJson(parseJson(canonical)), canonical, name);
    }
  });

  it("writes the numbers of RFC 8785, appendix B", () => {
    for (const { bits, text } of vectors.numbers) {
      const number = new DataView(new BigUint64Array([BigInt(`0x${bits}`)]).buffer).getFloat64(0, true);
      assert.equal(canonicalJson(number), text, bits);
      assert.equal(canonicalJson(parseJson(text)), text, bits);
    }
  });

  it("is refused to texts without one meaning, with the place", () => {
    for (const { name, text } of vectors.refused) {
      assert.throws(
        () => parseJson(text),
        (error) => isError(error, "MT-SDK-008") && typeof error.details.offset === "number",
        name,
      );
    }
    assert.equal((parseJson("[".repeat(128) + "]".repeat(128)) as unknown[]).length, 1);
  });

  it("is refused to values that JSON cannot say, with the path", () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const values: [unknown, string][] = [
      [undefined, "$"],
      [{ a: undefined }, "$.a"],
      [[1, undefined], "$[1]"],
      [new Array(1), "$[0]"],
      [{ a: [Number.NaN] }, "$.a[0]"],
      [Number.POSITIVE_INFINITY, "$"],
      [Number.NEGATIVE_INFINITY, "$"],
      [1n, "$"],
      [() => 1, "$"],
      [Symbol("s"), "$"],
      ["\ud83d", "$"],
      [{ "\ude02": 1 }, "$"],
      [new Date(0), "$"],
      [new Map(), "$"],
      [new Uint8Array(1), "$"],
      [cyclic, `$${"[0]".repeat(128)}`],
    ];
    for (const [value, path] of values) {
      assert.throws(
        () => canonicalJson(value),
        (error) => isError(error, "MT-SDK-007") && error.details.path === path,
        path,
      );
    }
  });

  it("keeps a member called __proto__ as a member", () => {
    const read = parseJson('{"__proto__":{"polluted":1}}') as object;
    assert.ok(Object.hasOwn(read, "__proto__"));
    assert.equal(Reflect.get(Object.getPrototypeOf(read), "polluted"), undefined);
  });

  it("reads megabytes of text", () => {
    const body = JSON.stringify({ image: "iVBORw0KGgo=".repeat(400_000), quotes: '\\"'.repeat(100_000) });
    assert.equal(canonicalJson(parseJson(body)), body);
  });

  it("reads whatever JSON.stringify writes as JSON.parse does, and does not depend on order or space", () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value);
        const canonical = canonicalJson(parseJson(text));
        assert.deepEqual(JSON.parse(canonical), JSON.parse(text));
        assert.equal(
          canonicalJson(parseJson(JSON.stringify(shuffled(JSON.parse(text)), null, 3))),
          canonical,
        );
      }),
    );
  });

  it("refuses every text that JSON.parse refuses", () => {
    const piece = fc.constantFrom(...'{}[]:,"\\ntrue-01.eE+5u00 ');
    fc.assert(
      fc.property(fc.string({ unit: piece, maxLength: 12 }), (text) => {
        if (parses(text)) return;
        assert.throws(
          () => parseJson(text),
          (error) => isError(error, "MT-SDK-008"),
        );
      }),
      { numRuns: 3_000 },
    );
  });
});

function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([name, entry]) => [name, shuffled(entry)]));
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isError(error: unknown, code: string): error is MeantimeError {
  return error instanceof MeantimeError && error.code === code;
}
