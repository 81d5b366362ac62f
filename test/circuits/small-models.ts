// SPDX-License-Identifier: GPL-3.0-or-later
import { type ModelSpec, parseModelSpec } from "@meantime/sdk/model";
import { type RandomStream, seededRandom } from "../../circuits/training/random.ts";

/** Whole numbers from -max to max in nested lists of these lengths. */
export function randomTensor(random: RandomStream, max: number, ...lengths: number[]): unknown {
  const [length, ...rest] = lengths;
  if (length === undefined) return Math.floor((2 * max + 1) * random()) - max;
  return Array.from({ length }, () => randomTensor(random, max, ...rest));
}

/** 9x8 pixels of 2 channels, two convolutions with ReLUs, a pool that drops an edge, 3 classes. */
export function smallConvolution(): ModelSpec {
  const random = seededRandom(11);
  return parseModelSpec({
    name: "small_convolution",
    version: 1,
    inputBits: 3,
    inputShape: [9, 8, 2],
    classes: 3,
    layers: [
      { type: "conv2d", weights: randomTensor(random, 9, 3, 3, 2, 2), bias: [-4, 20, 7], stride: 1 },
      { type: "relu", shift: 2 },
      { type: "sumPool", size: 2, stride: 2 },
      { type: "conv2d", weights: randomTensor(random, 9, 2, 2, 2, 3), bias: [3, -8], stride: 1 },
      { type: "relu", shift: 4 },
      { type: "sumPool", size: 2, stride: 1 },
      { type: "dense", weights: randomTensor(random, 9, 3, 2), bias: [0, 5, -5] },
      { type: "argmax" },
    ],
  });
}

/** 6-5-4-3 with a shift of 0 and a shift that drops all bits of some units. */
export function smallPerceptron(): ModelSpec {
  const random = seededRandom(39);
  return parseModelSpec({
    name: "small_perceptron",
    version: 1,
    inputBits: 5,
    inputShape: [6],
    classes: 3,
    layers: [
      { type: "dense", weights: randomTensor(random, 20, 5, 6), bias: randomTensor(random, 90, 5) },
      { type: "relu", shift: 0 },
      { type: "dense", weights: randomTensor(random, 20, 4, 5), bias: randomTensor(random, 90, 4) },
      { type: "relu", shift: 9 },
      { type: "dense", weights: randomTensor(random, 20, 3, 4), bias: randomTensor(random, 90, 3) },
      { type: "argmax" },
    ],
  });
}

/** The all-zero and the all-largest input, those at which a unit of the first layer is at its bounds, and noise. */
export function probingInputs(spec: ModelSpec, firstRows: readonly number[][], noise: number): number[][] {
  const random = seededRandom(13);
  const length = spec.inputShape.reduce((product, side) => product * side, 1);
  const top = 2 ** spec.inputBits - 1;
  return [
    new Array<number>(length).fill(0),
    new Array<number>(length).fill(top),
    ...firstRows.flatMap((row) => [
      row.map((weight) => (weight > 0 ? top : 0)),
      row.map((weight) => (weight < 0 ? top : 0)),
    ]),
    ...Array.from({ length: noise }, () => Array.from({ length }, () => Math.floor((top + 1) * random()))),
  ];
}
