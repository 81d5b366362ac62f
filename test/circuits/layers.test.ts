// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Conv2dLayer, conv2dShape } from "@meantime/sdk/layers/conv2d";
import { applyLinear, type LinearLayer, linearBounds, visitTerms } from "@meantime/sdk/layers/linear";
import { applyRelu } from "@meantime/sdk/layers/relu";
import { placeOf, type Shape, sizeOf } from "@meantime/sdk/layers/shape";
import { type SumPoolLayer, sumPoolShape } from "@meantime/sdk/layers/sum-pool";
import {
  inputBounds,
  layerBounds,
  parseModelSpec,
  planLayers,
  runModel,
  specHash,
} from "@meantime/sdk/model";
import { liveOutputs } from "../../circuits/compiler/liveness.ts";
import { seededRandom } from "../../circuits/training/random.ts";
import { probingInputs, randomTensor, smallConvolution } from "./small-models.ts";

describe("a convolution", () => {
  const random = seededRandom(21);
  const cases: [Shape, rows: number, columns: number, filters: number, stride: number][] = [
    [{ height: 5, width: 5, channels: 1 }, 3, 3, 2, 1],
    [{ height: 6, width: 4, channels: 3 }, 2, 3, 4, 1],
    [{ height: 7, width: 8, channels: 2 }, 3, 2, 3, 2],
    [{ height: 3, width: 3, channels: 2 }, 3, 3, 1, 5],
    [{ height: 4, width: 4, channels: 5 }, 1, 1, 2, 3],
  ];
  for (const [input, rows, columns, filters, stride] of cases) {
    const { height, width, channels } = input;
    it(`of ${rows}x${columns} by ${stride} over ${height}x${width}x${channels} is the sum that its formula says`, () => {
      const layer: Conv2dLayer = {
        type: "conv2d",
        weights: randomTensor(random, 50, filters, rows, columns, channels) as number[][][][],
        bias: randomTensor(random, 50, filters) as number[],
        stride,
      };
      const values = randomTensor(random, 50, sizeOf(input)) as number[];
      const output = conv2dShape(layer, input, "layer");
      assert.deepEqual(applyLinear(layer, input, output, values), naiveConvolution(layer, input, values));
    });
  }
});

describe("a sum pool", () => {
  const random = seededRandom(22);
  for (const [size, stride, rows, columns] of [
    [2, 2, 3, 2],
    [3, 1, 5, 3],
    [2, 3, 2, 2],
    [5, 5, 1, 1],
  ] as const) {
    it(`of ${size}x${size} by ${stride} over 7x5x2 gives ${rows}x${columns} sums, the edge dropped`, () => {
      const layer: SumPoolLayer = { type: "sumPool", size, stride };
      const input = { height: 7, width: 5, channels: 2 };
      const values = randomTensor(random, 50, sizeOf(input)) as number[];
      const output = sumPoolShape(layer, input, "layer");
      assert.deepEqual(output, { height: rows, width: columns, channels: 2 });
      const expected: number[] = [];
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++)
          for (let k = 0; k < 2; k++) {
            let sum = 0;
            for (let i = 0; i < size; i++)
              for (let j = 0; j < size; j++)
                sum += values[((r * stride + i) * 5 + c * stride + j) * 2 + k] ?? Number.NaN;
            expected.push(sum);
          }
      assert.deepEqual(applyLinear(layer, input, output, values), expected);
    });
  }
});

describe("a ReLU", () => {
  it("floors, and gives 0 for everything negative", () => {
    const values = [-1024, -9, -1, 0, 1, 7, 8, 15, 16, 2 ** 52];
    assert.deepEqual(applyRelu({ type: "relu", shift: 3 }, values), [0, 0, 0, 0, 0, 0, 1, 1, 2, 2 ** 49]);
    assert.deepEqual(applyRelu({ type: "relu", shift: 0 }, values), [0, 0, 0, 0, 1, 7, 8, 15, 16, 2 ** 52]);
  });
});

describe("static bounds", () => {
  const spec = smallConvolution();

  it("of the first layer are attained, in every unit and on both sides", () => {
    const [plan] = planLayers(spec);
    assert.ok(plan && plan.layer.type === "conv2d");
    const { layer, input, output } = plan;
    const rows = matrixOf(layer, input, output);
    const lowest = rows.map((row, unit) =>
      valueAt(
        row.map((weight) => (weight < 0 ? 7 : 0)),
        unit,
      ),
    );
    const highest = rows.map((row, unit) =>
      valueAt(
        row.map((weight) => (weight > 0 ? 7 : 0)),
        unit,
      ),
    );
    assert.deepEqual(plan.outputBounds, { low: lowest, high: highest });

    function valueAt(values: number[], unit: number): number | undefined {
      return applyLinear(layer as LinearLayer, input, output, values)[unit];
    }
  });

  it("hold in every layer for random and extreme inputs", () => {
    const [first] = planLayers(spec);
    assert.ok(first && first.layer.type === "conv2d");
    const rows = matrixOf(first.layer, first.input, first.output);
    for (const input of probingInputs(spec, rows, 200)) {
      let values = input;
      for (const { layer, input: before, output, outputBounds } of planLayers(spec)) {
        if (layer.type === "argmax") continue;
        values =
          layer.type === "relu" ? applyRelu(layer, values) : applyLinear(layer, before, output, values);
        for (const [unit, value] of values.entries()) {
          assert.ok(value >= (outputBounds.low[unit] ?? Number.NaN));
          assert.ok(value <= (outputBounds.high[unit] ?? Number.NaN));
        }
      }
    }
  });

  it("count magnitudes, so that sums which cancel are refused as well", () => {
    const one = { height: 1, width: 1, channels: 2 };
    const layer: LinearLayer = { type: "dense", weights: [[2 ** 52, -(2 ** 52)]], bias: [0] };
    const bounds = { low: [0, 0], high: [1, 1] };
    assert.throws(() => linearBounds(layer, one, { ...one, channels: 1 }, bounds, "here"), {
      code: "MT-SDK-301",
      message: /here can exceed 2\^53/,
    });
  });
});

describe("units that nothing reads", () => {
  it("are those a pool or a stride drops, and what only they read", () => {
    const plans = planLayers(smallConvolution());
    const live = liveOutputs(plans);
    // 7x7x3 before a 2x2 pool: 6x6 are read. 3x3x3 before a 2x2 kernel and a 2x2 pool by 1: all.
    const firstUnits = plans[1]?.output as Shape;
    const dead = live[1]?.flatMap((isLive, at) => (isLive ? [] : [at])) ?? [];
    const edge: number[] = [];
    for (let r = 0; r < 7; r++)
      for (let c = 0; c < 7; c++)
        for (let k = 0; k < 3; k++) if (r === 6 || c === 6) edge.push(placeOf(firstUnits, r, c, k));
    assert.deepEqual(dead, edge);
    assert.ok(live[4]?.every(Boolean));
  });

  it("do not change an answer", () => {
    const spec = smallConvolution();
    const plans = planLayers(spec);
    const live = liveOutputs(plans);
    for (const input of probingInputs(spec, [], 50)) {
      let values = input;
      for (const [at, { layer, input: before, output }] of plans.entries()) {
        if (layer.type === "argmax") continue;
        values =
          layer.type === "relu" ? applyRelu(layer, values) : applyLinear(layer, before, output, values);
        values = values.map((value, unit) => (live[at]?.[unit] ? value : 12345));
      }
      assert.deepEqual(values, runModel(spec, input).logits);
    }
  });
});

const CONVOLUTION = {
  name: "small",
  version: 1,
  inputBits: 4,
  inputShape: [3, 3, 1],
  classes: 2,
  layers: [
    { type: "conv2d", weights: [[[[1], [2]]], [[[3], [4]]]], bias: [0, 1], stride: 1 },
    { type: "relu", shift: 0 },
    { type: "sumPool", size: 2, stride: 1 },
    {
      type: "dense",
      weights: [
        [1, 2, 3, 4],
        [4, 3, 2, 1],
      ],
      bias: [0, 0],
    },
    { type: "argmax" },
  ],
};

describe("a specification with convolutions", () => {
  it("is accepted, scales included, and its scales are hashed", () => {
    const plain = parseModelSpec(CONVOLUTION);
    assert.equal("scales" in plain, false);
    const scaled = parseModelSpec({ ...CONVOLUTION, scales: { input: "0.0625", logits: "0.001" } });
    assert.deepEqual(scaled.scales, { input: "0.0625", logits: "0.001" });
    assert.notEqual(specHash(scaled), specHash(plain));
  });

  it("takes a shape without channels for one channel", () => {
    const flat = parseModelSpec({ ...CONVOLUTION, inputShape: [3, 3] });
    assert.deepEqual(layerBounds(flat), layerBounds(parseModelSpec(CONVOLUTION)));
    assert.deepEqual(inputBounds(flat).high, new Array(9).fill(15));
  });

  const REFUSED: [what: string, change: Record<number, unknown>, message: RegExp][] = [
    ["no stride", { 0: { stride: undefined } }, /layers\.0\.stride/],
    ["a stride of 0", { 0: { stride: 0 } }, /layers\.0\.stride/],
    ["a missing filter bias", { 0: { bias: [0] } }, /does not fit 1 channels/],
    ["kernels of two sizes", { 0: { weights: [[[[1], [2]]], [[[3]]]] } }, /does not fit 1 channels/],
    ["kernels of two channels", { 0: { weights: [[[[1, 1]]], [[[1, 1]]]] } }, /does not fit 1 channels/],
    [
      "a kernel larger than the image",
      { 0: { weights: [[[[1], [1], [1], [1]]]], bias: [0] } },
      /larger than/,
    ],
    ["a fractional kernel weight", { 0: { weights: [[[[0.5]]]], bias: [0] } }, /weights\.0\.0\.0\.0 is not/],
    [
      "a flat kernel",
      {
        0: {
          weights: [
            [1, 2],
            [3, 4],
          ],
        },
      },
      /weights\.0\.0 is not a list/,
    ],
    ["a negative shift", { 1: { shift: -1 } }, /layers\.1\.shift/],
    ["a shift of 53", { 1: { shift: 53 } }, /layers\.1\.shift/],
    ["a pool of size 0", { 2: { size: 0 } }, /layers\.2\.size/],
    ["a pool larger than its input", { 2: { size: 4 } }, /window of 4 x 4 is larger/],
    ["a pool without stride", { 2: { stride: undefined } }, /layers\.2\.stride/],
    ["a dense layer for another shape", { 2: { size: 1 } }, /layers\.3 does not fit 12 inputs/],
    ["kernel sums past 2^53", { 0: { weights: [[[[2 ** 49], [2 ** 49]]]], bias: [0] } }, /exceed 2\^53/],
  ];
  for (const [what, changes, message] of REFUSED) {
    it(`is refused with ${what}`, () => {
      const layers = CONVOLUTION.layers.map((layer, at) => ({ ...layer, ...(changes[at] as object) }));
      assert.throws(() => parseModelSpec({ ...CONVOLUTION, layers }), { code: "MT-SDK-301", message });
    });
  }

  for (const [what, change, message] of [
    ["four sides", { inputShape: [3, 3, 1, 1] }, /more than three sides/],
    ["no sides", { inputShape: [] }, /inputShape is not a list/],
    ["257 classes", { classes: 257 }, /classes/],
    ["scales as numbers", { scales: { input: 0.5, logits: 1 } }, /scales\.input is not a decimal/],
    ["half of the scales", { scales: { input: "1" } }, /scales\.logits is not a decimal/],
    ["two argmax", { layers: [...CONVOLUTION.layers, { type: "argmax" }] }, /layers\.4 is argmax/],
  ] as const) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => parseModelSpec({ ...CONVOLUTION, ...change }), { code: "MT-SDK-301", message });
    });
  }
});

// Straight from the definition, over values as nested lists: shares nothing with the layer's own code.
function naiveConvolution(layer: Conv2dLayer, { height, width, channels }: Shape, flat: number[]): number[] {
  const image = Array.from({ length: height }, (_, r) =>
    Array.from({ length: width }, (_, c) =>
      flat.slice((r * width + c) * channels, (r * width + c + 1) * channels),
    ),
  );
  const results: number[] = [];
  for (let r = 0; r + (layer.weights[0]?.length ?? 0) <= height; r += layer.stride) {
    for (let c = 0; c + (layer.weights[0]?.[0]?.length ?? 0) <= width; c += layer.stride) {
      for (const [f, kernel] of layer.weights.entries()) {
        const terms = kernel.flatMap((row, i) =>
          row.flatMap((pixel, j) =>
            pixel.map((weight, k) => weight * (image[r + i]?.[c + j]?.[k] ?? Number.NaN)),
          ),
        );
        results.push(terms.reduce((sum, term) => sum + term, layer.bias[f] ?? Number.NaN));
      }
    }
  }
  return results;
}

function matrixOf(layer: LinearLayer, input: Shape, output: Shape): number[][] {
  const rows = Array.from({ length: sizeOf(output) }, () => new Array<number>(sizeOf(input)).fill(0));
  visitTerms(layer, input, output, (to, from, weight) => {
    const row = rows[to] as number[];
    row[from] = (row[from] ?? 0) + weight;
  });
  return rows;
}
