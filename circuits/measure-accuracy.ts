// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import { parseModelSpec, runModel } from "@meantime/sdk/model";
import { floatModelFile, modelFile } from "./paths.ts";
import { classify, parseFloatModel } from "./quantise/float-model.ts";
import type { Example } from "./training/example.ts";
import { recipeNamed } from "./training/recipes.ts";

/** How many examples a model and the float network that it was rounded from get right. */
export interface RightAnswers {
  images: number;
  float: number;
  integer: number;
}

/** Accuracy in percent. */
export interface Accuracy {
  /** Of the float network, its weights rounded to the five decimals that are committed. */
  accuracyFloat: number;
  /** Of the integer network: what is served and proven. */
  accuracyInt: number;
  /** Float minus integer, in percentage points. */
  lossPoints: number;
  images: number;
}

/** Accuracy of a committed model on all its held-out examples, MNIST's 10,000 or 30 irises. Takes seconds, half a minute for a convolutional network. */
export function measureAccuracy(name: string): Accuracy {
  const { images, float, integer } = countRight(name, recipeNamed(name).heldOutExamples());
  const percent = (count: number): number => Math.round((count * 10_000) / images) / 100;
  return {
    accuracyFloat: percent(float),
    accuracyInt: percent(integer),
    lossPoints: percent(float - integer),
    images,
  };
}

/** Runs a committed model, float and integer, over examples. */
export function countRight(name: string, examples: readonly Example[]): RightAnswers {
  const spec = parseModelSpec(JSON.parse(readFileSync(modelFile(name), "utf8")));
  const network = parseFloatModel(JSON.parse(readFileSync(floatModelFile(name), "utf8")));
  const count = (answer: (elements: Uint8Array) => number): number =>
    examples.filter(({ elements, label }) => answer(elements) === label).length;
  return {
    images: examples.length,
    float: count((elements) => classify(network, elements)),
    integer: count((elements) => runModel(spec, Array.from(elements)).label),
  };
}
