// SPDX-License-Identifier: GPL-3.0-or-later
import { readFileSync } from "node:fs";
import { parseModelSpec, runModel } from "@meantime/sdk/model";
import { loadTestImages } from "./mnist.ts";
import { FLOAT_MODEL_FILE, MODEL_FILE } from "./paths.ts";
import { classify, type FloatNetwork } from "./training/network.ts";

/** Accuracy of `tiny_mlp` on MNIST's held-out images. */
export interface Accuracy {
  testImages: number;
  /** The float network, weights rounded to the five decimals that are committed. */
  floatPercent: number;
  /** The integer network: what is served and proven. */
  integerPercent: number;
  /** Float minus integer, in percentage points. */
  lossPoints: number;
}

/** Runs the float and the integer network over all 10,000 held-out images. Takes about a second. */
export function measureAccuracy(): Accuracy {
  const images = loadTestImages();
  const spec = parseModelSpec(JSON.parse(readFileSync(MODEL_FILE, "utf8")));
  const network = readFloatNetwork();
  const countRight = (answer: (pixels: Uint8Array) => number): number =>
    images.filter(({ pixels, label }) => answer(pixels) === label).length;
  const floatRight = countRight((pixels) => classify(network, pixels));
  const integerRight = countRight((pixels) => runModel(spec, Array.from(pixels)).label);
  const percent = (count: number): number => Math.round((count * 10_000) / images.length) / 100;
  return {
    testImages: images.length,
    floatPercent: percent(floatRight),
    integerPercent: percent(integerRight),
    lossPoints: percent(floatRight - integerRight),
  };
}

type FloatJson = Record<"inputs" | "hidden" | "classes", number> &
  Record<"weights1" | "bias1" | "weights2" | "bias2", number[]>;

function readFloatNetwork(): FloatNetwork {
  const json = JSON.parse(readFileSync(FLOAT_MODEL_FILE, "utf8")) as FloatJson;
  return {
    ...json,
    weights1: Float64Array.from(json.weights1),
    bias1: Float64Array.from(json.bias1),
    weights2: Float64Array.from(json.weights2),
    bias2: Float64Array.from(json.bias2),
  };
}
