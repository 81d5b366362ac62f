// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { commitInput, commitLabel, inputSchemeTag, randomSalt } from "@meantime/sdk/commitment";
import {
  checkInput,
  layerBounds,
  modelEntry,
  modelId,
  parseModelSpec,
  runModel,
  specHash,
} from "@meantime/sdk/model";
import { poseidon4, poseidon16 } from "poseidon-lite";
import { measureAccuracy } from "../../circuits/measure-accuracy.ts";
import { seededRandom } from "../../circuits/training/random.ts";
import { digitSpec, SALT } from "./fixture.ts";

const ONE_LAYER = {
  name: "small",
  version: 1,
  inputBits: 4,
  inputShape: [2],
  classes: 2,
  layers: [
    {
      type: "dense",
      weights: [
        [3, -2],
        [1, 1],
      ],
      bias: [-1, 0],
    },
    { type: "argmax" },
  ],
};

describe("a model specification", () => {
  it("runs in exact integers: floor shift after the ReLU, the lowest index wins a tie", () => {
    const spec = parseModelSpec({
      ...ONE_LAYER,
      layers: [
        {
          type: "dense",
          weights: [
            [3, -2],
            [1, 1],
          ],
          bias: [-1, 0],
        },
        { type: "relu", shift: 1 },
        {
          type: "dense",
          weights: [
            [2, 0],
            [1, 1],
          ],
          bias: [0, 0],
        },
        { type: "argmax" },
      ],
    });
    assert.deepEqual(runModel(spec, [0, 15]), { label: 1, logits: [0, 7] });
    assert.deepEqual(runModel(spec, [2, 0]), { label: 0, logits: [4, 3] });
    assert.deepEqual(runModel(spec, [1, 0]), { label: 0, logits: [2, 1] });
    assert.deepEqual(runModel(spec, [0, 0]), { label: 0, logits: [0, 0] });
  });

  it("has a hash that neither key order nor white space changes, and any weight does", () => {
    const reordered = Object.fromEntries(Object.entries(ONE_LAYER).reverse());
    const hash = specHash(parseModelSpec(ONE_LAYER));
    assert.equal(specHash(parseModelSpec(reordered)), hash);
    const altered = structuredClone(ONE_LAYER);
    altered.layers[0]?.bias?.splice(0, 1, -2);
    assert.notEqual(specHash(parseModelSpec(altered)), hash);
  });

  it("of the digit model, and its id, stay what they are", () => {
    const spec = digitSpec();
    assert.equal(specHash(spec), "0x6e5c15ac8714ee1a2f6f6b2f40694aaf7383617743704380137f39ef593319fc");
    const provable = modelId(modelEntry(spec, { verificationKeyId: `0x${"11".repeat(32)}` }));
    assert.equal(provable.slice(-2), "05");
    assert.equal(modelId(modelEntry(spec, { measurement: `0x${"22".repeat(32)}` })).slice(-2), "06");
    assert.equal(modelId(modelEntry(spec, {})).slice(-2), "04");
  });

  const REFUSED: [string, unknown][] = [
    ["an unknown layer", { ...ONE_LAYER, layers: [{ type: "tanh" }, { type: "argmax" }] }],
    ["no argmax", { ...ONE_LAYER, layers: ONE_LAYER.layers.slice(0, 1) }],
    ["a layer after the argmax", { ...ONE_LAYER, layers: [...ONE_LAYER.layers, { type: "relu", shift: 1 }] }],
    [
      "a row of another length",
      withDense({
        weights: [
          [3, -2, 1],
          [1, 1, 1],
        ],
        bias: [0, 0],
      }),
    ],
    [
      "a missing bias",
      withDense({
        weights: [
          [3, -2],
          [1, 1],
        ],
        bias: [0],
      }),
    ],
    [
      "a fractional weight",
      withDense({
        weights: [
          [3.5, -2],
          [1, 1],
        ],
        bias: [0, 0],
      }),
    ],
    [
      "a weight as text",
      withDense({
        weights: [
          ["3", -2],
          [1, 1],
        ],
        bias: [0, 0],
      }),
    ],
    ["another number of classes", { ...ONE_LAYER, classes: 3 }],
    ["elements of 17 bits", { ...ONE_LAYER, inputBits: 17 }],
    [
      "sums past 2^53",
      withDense({
        weights: [
          [2 ** 50, 0],
          [1, 1],
        ],
        bias: [0, 0],
      }),
    ],
    [
      "sums past 2^53 that cancel",
      withDense({
        weights: [
          [2 ** 49, -(2 ** 49)],
          [1, 1],
        ],
        bias: [0, 0],
      }),
    ],
    ["no object", "model"],
  ];
  for (const [what, json] of REFUSED) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseModelSpec(json), { name: "MeantimeError" });
    });
  }

  it("has bounds that random inputs never leave", () => {
    const spec = digitSpec();
    const logitBounds = layerBounds(spec).at(-2);
    const random = seededRandom(3);
    for (let run = 0; run < 200; run++) {
      const { logits } = runModel(
        spec,
        Array.from({ length: 196 }, () => 15 * Math.round(random())),
      );
      for (const [at, logit] of logits.entries()) {
        assert.ok(logit >= (logitBounds?.low[at] ?? 0) && logit <= (logitBounds?.high[at] ?? 0));
      }
    }
  });
});

describe("an input", () => {
  const spec = digitSpec();
  const blank = new Array<number>(196).fill(0);

  it("of another length is refused", () => {
    for (const length of [0, 195, 197]) {
      assert.throws(() => checkInput(spec, new Array(length).fill(0)), {
        code: "MT-SDK-302",
        details: { expected: 196, actual: length },
      });
    }
  });

  for (const value of [16, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3", null, 3n]) {
    it(`with the element ${String(value)} (${typeof value}) is refused, naming its place`, () => {
      assert.throws(() => checkInput(spec, (blank as unknown[]).with(77, value)), {
        code: "MT-SDK-303",
        details: { place: 77, value, max: 15 },
      });
    });
  }
});

describe("an input commitment", () => {
  it("absorbs (tag, salt, 14 words), then (hash, 3 words more)", () => {
    const elements = Array.from({ length: 16 * 15 + 3 }, (_, at) => (at * 7919) % 2 ** 16);
    const words: bigint[] = [];
    for (let from = 0; from < elements.length; from += 15) {
      const share = elements.slice(from, from + 15);
      words.push(share.reduceRight((word, element) => (word << 16n) + BigInt(element), 0n));
    }
    assert.equal(words.length, 17);
    const first = poseidon16([inputSchemeTag(16, elements.length), BigInt(SALT), ...words.slice(0, 14)]);
    const expected = poseidon4([first, ...words.slice(14)]);
    assert.equal(BigInt(commitInput({ bits: 16, elements, salt: SALT })), expected);
  });

  it("hides behind its salt and binds length, width and every element", () => {
    const elements = [1, 2, 3];
    const hash = commitInput({ bits: 4, elements, salt: SALT });
    for (const other of [
      { bits: 4, elements, salt: randomSalt() },
      { bits: 5, elements, salt: SALT },
      { bits: 4, elements: [...elements, 0], salt: SALT },
      { bits: 4, elements: [1, 2, 4], salt: SALT },
    ]) {
      assert.notEqual(commitInput(other), hash);
    }
  });

  it("refuses what it could not bind", () => {
    const refused = (code: string, opening: Parameters<typeof commitInput>[0]) =>
      assert.throws(() => commitInput(opening), { code });
    refused("MT-SDK-201", { bits: 17, elements: [1], salt: SALT });
    refused("MT-SDK-202", { bits: 4, elements: [16], salt: SALT });
    refused("MT-SDK-202", { bits: 4, elements: [0.5], salt: SALT });
    refused("MT-SDK-203", { bits: 4, elements: [1], salt: `0x${"ff".repeat(32)}` });
    refused("MT-SDK-205", { bits: 4, elements: [], salt: SALT });
  });

  it("is not what a label gets: a label is readable, and one of its classes", () => {
    assert.equal(commitLabel(7, 10), `0x${"00".repeat(31)}07`);
    for (const label of [-1, 10, 1.5]) assert.throws(() => commitLabel(label, 10), { code: "MT-SDK-204" });
  });
});

describe("accuracy on the 10,000 held-out images", () => {
  const accuracy = measureAccuracy("tiny_mlp");

  it("is at least 97 % in integers", () => {
    assert.equal(accuracy.images, 10_000);
    assert.ok(accuracy.accuracyInt >= 97, `${accuracy.accuracyInt} %`);
  });

  it("loses at most 0.1 points to quantisation", () => {
    assert.ok(accuracy.lossPoints <= 0.1, `${accuracy.lossPoints} points`);
  });
});

function withDense(dense: { weights: unknown[][]; bias: number[] }): unknown {
  return { ...ONE_LAYER, layers: [{ type: "dense", ...dense }, { type: "argmax" }] };
}
