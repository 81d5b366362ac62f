// SPDX-License-Identifier: GPL-3.0-or-later
import { writeFileSync } from "node:fs";
import { loadTrainImages } from "./mnist.ts";
import { FLOAT_MODEL_FILE, MODEL_FILE } from "./paths.ts";
import { POOLED_LENGTH, POOLED_SIDE } from "./pooling.ts";
import { type FloatNetwork, initialNetwork, trainNetwork } from "./training/network.ts";
import { gridFor, quantise } from "./training/quantise.ts";
import { seededRandom } from "./training/random.ts";

const SEED = 2025;
const HIDDEN = 24;
const CLASSES = 10;
const EPOCHS = 40;
const WEIGHT_BITS = 7;
const RELU_SHIFT = 6;
const FLOAT_DIGITS = 5;

const random = seededRandom(SEED);
const network = initialNetwork({ inputs: POOLED_LENGTH, hidden: HIDDEN, classes: CLASSES }, random);
trainNetwork(network, loadTrainImages(), {
  epochs: EPOCHS,
  batchSize: 32,
  learningRate: 0.1,
  momentum: 0.9,
  weightDecay: 1e-4,
  random,
  onEpoch: (epoch, meanLoss) =>
    process.stderr.write(`epoch ${epoch}/${EPOCHS}: loss ${meanLoss.toFixed(4)}\n`),
});
writeFileSync(MODEL_FILE, specificationJson(network));
writeFileSync(FLOAT_MODEL_FILE, floatJson(network));
process.stderr.write(`wrote ${MODEL_FILE}\n`);

function specificationJson(trained: FloatNetwork): string {
  const integers = quantise(trained, gridFor(trained, { weightBits: WEIGHT_BITS, shift: RELU_SHIFT }));
  return json({
    name: "tiny_mlp",
    version: 1,
    inputBits: 4,
    inputShape: [POOLED_SIDE, POOLED_SIDE],
    classes: CLASSES,
    layers: [
      { type: "dense", weights: integers.weights1, bias: integers.bias1 },
      { type: "relu", shift: RELU_SHIFT },
      { type: "dense", weights: integers.weights2, bias: integers.bias2 },
      { type: "argmax" },
    ],
  });
}

function floatJson(trained: FloatNetwork): string {
  const rounded = (values: Float64Array): number[] =>
    Array.from(values, (value) => Number(value.toFixed(FLOAT_DIGITS)));
  return json({
    inputs: trained.inputs,
    hidden: trained.hidden,
    classes: trained.classes,
    weights1: rounded(trained.weights1),
    bias1: rounded(trained.bias1),
    weights2: rounded(trained.weights2),
    bias2: rounded(trained.bias2),
  });
}

// Indented JSON with each innermost array on one line: a matrix reads, and differs in a review, row by row.
function json(value: unknown): string {
  const indented = JSON.stringify(value, null, 2);
  const compact = indented.replace(/\[[^[\]{}]*\]/g, (row) =>
    row.replace(/\s+/g, " ").replace(/^\[ | \]$/g, (edge) => edge.trim()),
  );
  return `${compact}\n`;
}
