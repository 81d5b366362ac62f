// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  address,
  id,
  list,
  MalformedAnswer,
  oneOf,
  orNull,
  shape,
  text,
  wei,
  whole,
} from "../../explorer/src/api/read.ts";
import { amount, duration, percent, relative, share, utc } from "../../explorer/src/format.ts";
import { isBehind } from "../../explorer/src/status.ts";
import { overallOf, type Step, withoutChain } from "../../explorer/src/verify/step.ts";

const refused = (read: () => unknown, where: RegExp) =>
  assert.throws(read, (error) => error instanceof MalformedAnswer && where.test(error.message));

describe("the explorer's boundary to an index", () => {
  it("takes ids and addresses in one form alone", () => {
    assert.equal(id(`0x${"ab".repeat(32)}`, "x"), `0x${"ab".repeat(32)}`);
    for (const bad of [`0x${"AB".repeat(32)}`, `0x${"ab".repeat(31)}`, "javascript:alert(1)", null, 7, {}]) {
      refused(() => id(bad, "claimId"), /^claimId is not an id$/);
      refused(() => address(bad, "operator"), /^operator is not an address$/);
    }
  });

  it("takes whole numbers and amounts, and no others", () => {
    assert.equal(whole("1700000000", "x"), 1_700_000_000);
    assert.equal(wei("20000000000000000000", "x"), 20n * 10n ** 18n);
    for (const bad of [-1, 1.5, Number.NaN, Infinity, "1e9", "-1", "", 2 ** 53])
      refused(() => whole(bad, "n"), /^n /);
    for (const bad of [1, "0x10", "-5", "1".repeat(79)]) refused(() => wei(bad, "w"), /^w /);
  });

  it("shows text as text, without what could hide in it", () => {
    assert.equal(text("<script>alert(1)</script>", "x"), "<script>alert(1)</script>");
    assert.equal(text("abc\u202ecba\u0000", "x"), "abc\ufffdcba\ufffd");
    refused(() => text("x".repeat(513), "name"), /at most 512/);
  });

  it("names where an answer is malformed", () => {
    const read = shape<{ items: { at: number }[] }>({ items: list(shape({ at: whole })) });
    refused(
      () => read({ items: [{ at: 1 }, { at: "soon" }] }, "answer"),
      /^answer\.items\[1\]\.at is not a whole number$/,
    );
    refused(() => read([], "answer"), /^answer is not an object$/);
    refused(() => oneOf("a", "b")("c", "kind"), /^kind is not one of a, b$/);
    assert.equal(orNull(whole)(undefined, "x"), null);
    // What an object inherits is nothing that was answered.
    refused(() => shape<{ toString: string }>({ toString: text })({}, "answer"), /answer\.toString/);
  });

  it("writes every number with its unit", () => {
    assert.deepEqual([0, 59, 60, 200, 3_600, 3_900, 90_000].map(duration), [
      ...["0 s", "59 s", "1 min", "3 min 20 s", "1 h", "1 h 5 min", "1 d 1 h"],
    ]);
    assert.equal(amount(10n ** 16n), "0.01 ether");
    assert.equal(amount(1n), "under 0.000001 ether");
    assert.equal(amount(1_500n, `0x${"11".repeat(20)}`), "1,500 units of 0x11111111…111111");
    assert.equal(percent(share(1n, 3n)), "33 %");
    assert.equal(share(5n, 0n), 0);
    assert.equal(relative(100, 160), "1 min ago");
    assert.equal(relative(160, 100), "in 1 min");
    assert.equal(utc(1_700_000_000), "2023-11-14 22:13:20 UTC");
  });
});

describe("the explorer's findings", () => {
  const step = (finding: Step["finding"]): Step => ({
    name: finding,
    title: "",
    finding,
    reason: "It fits.",
    facts: [],
  });

  it("are as bad as the worst step, and nothing without steps", () => {
    assert.equal(overallOf([step("checked"), step("checked")]), "checked");
    assert.equal(overallOf([step("checked"), step("unknown")]), "unknown");
    assert.equal(overallOf([step("unknown"), step("wrong")]), "wrong");
    assert.equal(overallOf([]), "unknown");
  });

  it("are never green without a chain, and stay red", () => {
    const found = withoutChain([step("checked"), step("unknown"), step("wrong")]).map(
      ({ finding }) => finding,
    );
    assert.deepEqual(found, ["unknown", "unknown", "wrong"]);
  });

  it("tell late news from forged ones", () => {
    assert.ok(isBehind("Served", "Committed"));
    assert.ok(isBehind("Committed", "Final"));
    assert.ok(isBehind("Committed", "Challenged"));
    assert.ok(!isBehind("Final", "Committed"));
    assert.ok(!isBehind("Final", "Rejected"));
    assert.ok(!isBehind("Committed", "Rejected"));
    assert.ok(!isBehind("Rejected", "Final"));
  });
});
