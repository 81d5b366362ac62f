// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { runModel } from "@meantime/sdk/model";
import { countRight, measureAccuracy } from "../../circuits/measure-accuracy.ts";
import { floatModelFile, modelFile } from "../../circuits/paths.ts";
import {
  type FloatModel,
  parseFloatModel,
  roundModel,
  runFloatModel,
} from "../../circuits/quantise/float-model.ts";
import {
  calibratedShifts,
  largestGrid,
  powerOfTwoGrid,
  quantiseModel,
} from "../../circuits/quantise/quantise.ts";
import { specificationJson } from "../../circuits/specification-json.ts";
import { floatModelOfCnn, initialCnn, trainableCnn } from "../../circuits/training/cnn.ts";
import type { Trainable } from "../../circuits/training/descent.ts";
import type { Example } from "../../circuits/training/example.ts";
import { initialMlp, trainableMlp } from "../../circuits/training/mlp.ts";
import { seededRandom } from "../../circuits/training/random.ts";
import {
  followRecipe,
  RECIPES,
  type Recipe,
  recipeNamed,
  specificationOf,
} from "../../circuits/training/recipes.ts";

describe("training", () => {
  // Of the float model after one epoch over 320 examples: the same on every machine.
  const DIGESTS: Record<string, string> = {
    iris_mlp: "2730323dd76f168ec44f6dc5e0b6b03c60d4297e122ccc863a4b3e43a30d9e41",
    tiny_mlp: "2dc1708e09f731a42e74e51e522e5ab4f57dcd2460ff29767ca90e092c3b40f3",
    mnist_mlp: "e7c89eaf1dce539faf8e0181574b6ad213817cb4ad55bc8605f87a1ed61180db",
    mnist_cnn: "e24117c2049da158bb16080ccd65c82c483b7fa12d6ae30d4ec6b937281d2642",
  };
  for (const recipe of RECIPES) {
    it(`of ${recipe.name} gives the same bytes every time, everywhere`, () => {
      const bytes = specificationJson(trainBriefly(recipe));
      assert.equal(createHash("sha256").update(bytes).digest("hex"), DIGESTS[recipe.name]);
    });
  }

  it("follows the slope of the loss: dense layers", () => {
    const network = initialMlp({ inputs: 784, hidden: 5, classes: 10, inputMax: 255 }, seededRandom(1));
    assertGradients(trainableMlp(network), digits(8));
  });

  it("follows the slope of the loss: convolutions, batch norms and pools", () => {
    assertGradients(trainableCnn(initialCnn(seededRandom(2))), digits(8));
  });

  it("of a convolutional network ends in one whose batch norms are folded", () => {
    const network = initialCnn(seededRandom(3));
    const batch = digits(2);
    const input = Float64Array.from(
      batch.flatMap(({ elements }) => Array.from(elements, (byte) => byte / 255)),
    );
    let logits = new Float64Array();
    // Running moments settle on those of a batch that comes again and again: folded, they have to give its logits.
    for (let pass = 0; pass < 2000; pass++) {
      logits = Float64Array.from(
        network.layers.reduce<Float64Array>((values, layer) => layer.forward(values, batch.length), input),
      );
    }
    const folded = floatModelOfCnn(network);
    for (const [at, { elements }] of batch.entries()) {
      for (const [label, logit] of runFloatModel(folded, elements).entries()) {
        assert.ok(Math.abs(logit - (logits[10 * at + label] ?? 0)) < 1e-6, `image ${at}, logit ${label}`);
      }
    }
  });
});

describe("quantisation", () => {
  const model: FloatModel = {
    inputShape: [2],
    inputScale: 10,
    layers: [
      {
        type: "dense",
        weights: [
          [0.3, -0.9],
          [1.4, 0.1],
        ],
        bias: [0.25, -0.5],
      },
      { type: "relu" },
      {
        type: "dense",
        weights: [
          [1, 2],
          [-3, 0.6],
        ],
        bias: [0.1, -0.1],
      },
    ],
  };
  const plan = { weightScaleOf: powerOfTwoGrid([5, 4]), shiftOf: () => 2, rounding: "nearest" } as const;

  it("puts weights on a power of two, biases on the grid of their sums, half a step before a shift", () => {
    const { layers, scales } = quantiseModel(model, { name: "small", inputBits: 4 }, plan);
    // Weights times 8 (1.4 * 16 would pass 15), sums times 80; after the shift 20; weights times 2, sums times 40.
    assert.deepEqual(layers, [
      {
        type: "dense",
        weights: [
          [2, -7],
          [11, 1],
        ],
        bias: [22, -38],
      },
      { type: "relu", shift: 2 },
      {
        type: "dense",
        weights: [
          [2, 4],
          [-6, 1],
        ],
        bias: [4, -4],
      },
      { type: "argmax" },
    ]);
    assert.deepEqual([Number(scales?.input), Number(scales?.logits)], [0.1, 0.025]);
  });

  it("floors without that half where told, and fits the largest weight where told", () => {
    const { layers } = quantiseModel(
      model,
      { name: "small", inputBits: 4 },
      {
        ...plan,
        weightScaleOf: largestGrid([5]),
        rounding: "floor",
      },
    );
    const [first] = layers;
    assert.ok(first?.type === "dense");
    assert.deepEqual(first.weights, [
      [3, -10],
      [15, 1],
    ]);
    assert.deepEqual(first.bias, [27, -54]);
  });

  it("drops what leaves the largest calibrated value its bits", () => {
    // The largest hidden value over these is 1.4 * 1.5 + 0.1 * 0.5 - 0.5 = 1.65.
    const inputs = [
      [15, 5],
      [0, 15],
    ];
    const shiftOf = calibratedShifts(model, inputs, 3);
    assert.deepEqual(
      [80, 4, 8, 4.9].map((scale) => shiftOf(0, scale)),
      [5, 0, 1, 1],
    );
  });

  it("turns an average pool into a sum pool of a larger scale", () => {
    const pooled: FloatModel = {
      inputShape: [4, 4],
      inputScale: 4,
      layers: [
        { type: "averagePool", size: 2, stride: 2 },
        {
          type: "dense",
          weights: [
            [1, 1, 1, 1],
            [0, 1, 0, 1],
          ],
          bias: [1, -1],
        },
      ],
    };
    const spec = quantiseModel(pooled, { name: "pooled", inputBits: 3 }, plan);
    const input = Array.from({ length: 16 }, (_, at) => (at * 5) % 8);
    const [scale, logits] = [1 / Number(spec.scales?.logits), runModel(spec, input).logits];
    assert.deepEqual(
      logits.map((logit) => logit / scale),
      runFloatModel(pooled, input),
    );
  });
});

describe("the committed models", () => {
  for (const recipe of RECIPES) {
    it(`${recipe.name} is what its float network rounds to`, () => {
      const model = committedFloatModel(recipe.name);
      assert.equal(
        specificationJson(specificationOf(recipe, model)),
        readFileSync(modelFile(recipe.name), "utf8"),
      );
      assert.deepEqual(roundModel(model, 5), model);
    });
  }

  const RIGHT_OF_1000: Record<string, { images: number; float: number; integer: number }> = {
    iris_mlp: { images: 30, float: 30, integer: 30 },
    tiny_mlp: { images: 1000, float: 970, integer: 967 },
    mnist_mlp: { images: 1000, float: 975, integer: 975 },
    mnist_cnn: { images: 1000, float: 991, integer: 991 },
  };
  for (const { name, heldOutExamples } of RECIPES) {
    it(`${name} gets as many of the first 1,000 held-out examples right as it did`, () => {
      assert.deepEqual(countRight(name, heldOutExamples().slice(0, 1000)), RIGHT_OF_1000[name]);
    });
  }

  it("mnist_mlp is right on 97.5 % of all held-out images and loses at most 0.1 points to integers", () => {
    const { accuracyFloat, lossPoints, images } = measureAccuracy("mnist_mlp");
    assert.equal(images, 10_000);
    assert.ok(accuracyFloat >= 97.5, `${accuracyFloat} %`);
    assert.ok(lossPoints <= 0.1, `${lossPoints} points`);
  });

  it("iris_mlp is what its recipe trains", () => {
    const recipe = recipeNamed("iris_mlp");
    assert.deepEqual(
      followRecipe(recipe, recipe.trainExamples(), () => {}),
      committedFloatModel("iris_mlp"),
    );
  });

  it("are measured on nothing that they were trained on", () => {
    const key = ({ elements }: Example): string => Buffer.from(elements).toString("latin1");
    const { trainExamples, heldOutExamples } = recipeNamed("mnist_mlp");
    const [train, heldOut] = [trainExamples(), heldOutExamples()];
    const seen = new Set(train.map(key));
    assert.deepEqual([train.length, heldOut.length], [60_000, 10_000]);
    assert.equal(heldOut.filter((example) => seen.has(key(example))).length, 0);
    const irises = recipeNamed("iris_mlp");
    assert.deepEqual([irises.trainExamples().length, irises.heldOutExamples().length], [120, 30]);
  });

  it("have no recipe under another name", () => {
    assert.throws(() => recipeNamed("large_mlp"), RangeError);
  });
});

function trainBriefly(recipe: Recipe): FloatModel {
  const brief = { ...recipe, training: { ...recipe.training, epochs: 1 } };
  return followRecipe(brief, recipe.trainExamples().slice(0, 320), () => {});
}

function committedFloatModel(name: string): FloatModel {
  return parseFloatModel(JSON.parse(readFileSync(floatModelFile(name), "utf8")));
}

function digits(count: number): Example[] {
  return recipeNamed("mnist_mlp").heldOutExamples().slice(0, count);
}

/** Compares some parameters' gradients with differences of the loss. */
function assertGradients({ parameters, addGradients }: Trainable, batch: readonly Example[]): void {
  const zeros = (): Float64Array[] => parameters.map((values) => new Float64Array(values.length));
  const gradients = zeros();
  addGradients(batch, gradients);
  const step = 1e-5;
  for (const [which, values] of parameters.entries()) {
    for (let at = 0; at < values.length; at += 1 + Math.floor(values.length / 12)) {
      const value = values[at] as number;
      values[at] = value + step;
      const above = addGradients(batch, zeros());
      values[at] = value - step;
      const below = addGradients(batch, zeros());
      values[at] = value;
      const slope = (above - below) / (2 * step);
      const gradient = gradients[which]?.[at] ?? Number.NaN;
      assert.ok(
        Math.abs(gradient - slope) <= 1e-4 * Math.max(1, Math.abs(slope)),
        `parameter ${which}.${at}: ${gradient}, but the loss moves by ${slope}`,
      );
    }
  }
}
