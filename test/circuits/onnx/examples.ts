// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { floatModelFile } from "../../../circuits/paths.ts";
import { type FloatModel, parseFloatModel } from "../../../circuits/quantise/float-model.ts";
import { type RandomStream, seededRandom } from "../../../circuits/training/random.ts";
import { chain, scalar, type TestGraph, tensor } from "./graph.ts";

/** Steps of a quantised input that make a real 1. */
export const INPUT_STEPS = 256;

/** iris_mlp: one layer as Gemm, the other as MatMul and Add. */
export function irisGraph(): TestGraph {
  const [first, , second] = floatModel("iris_mlp").layers;
  assert.ok(first?.type === "dense" && second?.type === "dense");
  return {
    inputShape: ["batch", 4],
    nodes: chain(
      ["Gemm", ["w1", "b1"], { transB: 1 }],
      ["Relu"],
      ["MatMul", ["w2"]],
      ["Add", ["b2"]],
      ["Softmax"],
    ),
    constants: {
      w1: tensor("float", [8, 4], first.weights.flat()),
      b1: tensor("float", [8], first.bias),
      w2: tensor(
        "float",
        [8, 3],
        range(24).map((at) => second.weights[at % 3]?.[Math.floor(at / 3)] ?? 0),
      ),
      b2: tensor("float", [3], second.bias),
    },
  };
}

/** mnist_cnn with a batch norm taken out of its first convolution again. */
export function digitGraph(): TestGraph {
  const [conv1, , , conv2, , , dense] = floatModel("mnist_cnn").layers;
  assert.ok(conv1?.type === "conv2d" && conv2?.type === "conv2d" && dense?.type === "dense");
  const [scale, mean, variance, epsilon] = [[1, 2, 3, 4], [0.1, -0.2, 0.3, -0.4], [1, 2, 3, 4], 0.5];
  const factor = (filter: number): number =>
    (scale[filter] ?? 0) / Math.sqrt((variance[filter] ?? 0) + epsilon);
  const kernel = (weights: number[][][][]): number[] =>
    weights.flatMap((filter) =>
      range(filter[0]?.[0]?.length ?? 0).flatMap((channel) =>
        filter.flatMap((row) => row.map((pixel) => pixel[channel] ?? 0)),
      ),
    );
  return {
    inputShape: [1, 1, 28, 28],
    nodes: chain(
      ["Conv", ["k1"], { kernel_shape: [3, 3] }],
      ["BatchNormalization", ["scale", "offset", "mean", "variance"], { epsilon }],
      ["Relu"],
      ["AveragePool", [], { kernel_shape: [2, 2], strides: [2, 2] }],
      ["Conv", ["k2", "kb2"], { kernel_shape: [3, 3], strides: [1, 1], pads: [0, 0, 0, 0] }],
      ["Relu"],
      ["AveragePool", [], { kernel_shape: [2, 2], strides: [2, 2] }],
      ["Flatten"],
      ["Gemm", ["w", "b"], { transB: 1 }],
    ),
    constants: {
      k1: tensor(
        "float",
        [4, 1, 3, 3],
        kernel(conv1.weights).map((weight, at) => weight / factor(Math.floor(at / 9))),
      ),
      scale: tensor("float", [4], scale),
      offset: tensor(
        "float",
        [4],
        conv1.bias.map((bias, at) => bias + (mean[at] ?? 0) * factor(at)),
      ),
      mean: tensor("float", [4], mean),
      variance: tensor("float", [4], variance),
      k2: tensor("float", [8, 4, 3, 3], kernel(conv2.weights)),
      kb2: tensor("float", [8], conv2.bias),
      // A specification's dense layer reads pixel by pixel, ONNX's channel by channel.
      w: tensor(
        "float",
        [10, 200],
        dense.weights.flatMap((row) => range(200).map((at) => row[(at % 25) * 8 + Math.floor(at / 25)] ?? 0)),
      ),
      b: tensor("float", [10], dense.bias),
    },
  };
}

/** 8-6-4, sums of 16 bits whose 6 low ones go. */
export function qdqMlp(): TestGraph {
  const random = seededRandom(1);
  return {
    inputShape: [1, 8],
    nodes: [
      ...weightNodes("w1", "sw1", "b1", "sb1", { axis: 1 }),
      ...weightNodes("w2", "sw2", "b2", "sb2"),
      ...chain(
        ["QuantizeLinear", ["s0", "z"]],
        ["DequantizeLinear", ["s0", "z"]],
        ["MatMul", ["w1_real"]],
        ["Add", ["b1_real"]],
        ["Relu"],
        ["QuantizeLinear", ["s1", "z"]],
        ["DequantizeLinear", ["s1", "z"]],
        ["MatMul", ["w2_real"]],
        ["Add", ["b2_real"]],
      ),
    ],
    constants: {
      z: scalar("uint8", 0),
      s0: scalar("float", 1 / INPUT_STEPS),
      sw1: scalar("float", 2 ** -7),
      sb1: scalar("float", 2 ** -15),
      w1: tensor("int8", [8, 6], integers(random, 48, -12, 12)),
      b1: tensor("int32", [6], integers(random, 6, -900, 900)),
      s1: scalar("float", 2 ** -9),
      sw2: scalar("float", 2 ** -6),
      sb2: scalar("float", 2 ** -15),
      w2: tensor("int8", [6, 4], integers(random, 24, -127, 127)),
      b2: tensor("int32", [4], integers(random, 4, -900, 900)),
    },
  };
}

/** A convolution of two channels, a pool that keeps its sums, a convolution whose ReLU is only a clamp, a dense layer. */
export function qdqCnn(): TestGraph {
  const random = seededRandom(14);
  return {
    inputShape: ["n", 2, 7, 7],
    nodes: [
      ...weightNodes("k1", "sk1", "b1", "sb1", { axis: 0 }),
      ...weightNodes("k2", "sk2", "b2", "sb2", { axis: 0 }),
      ...weightNodes("w", "sw", "b", "sb"),
      ...chain(
        ["QuantizeLinear", ["s0", "z"]],
        ["DequantizeLinear", ["s0", "z"]],
        ["Conv", ["k1_real", "b1_real"]],
        ["Relu"],
        ["QuantizeLinear", ["s1", "z"]],
        ["DequantizeLinear", ["s1", "z"]],
        ["AveragePool", [], { kernel_shape: [2, 2], strides: [2, 2] }],
        ["QuantizeLinear", ["sp", "z"]],
        ["DequantizeLinear", ["sp", "z"]],
        ["Conv", ["k2_real", "b2_real"]],
        ["QuantizeLinear", ["s2", "low"]],
        ["DequantizeLinear", ["s2", "low"]],
        ["Flatten"],
        ["MatMul", ["w_real"]],
        ["Add", ["b_real"]],
      ),
    ],
    constants: {
      z: scalar("uint8", 0),
      low: scalar("int8", -128),
      s0: scalar("float", 1 / INPUT_STEPS),
      sk1: scalar("float", 2 ** -4),
      sb1: scalar("float", 2 ** -12),
      k1: tensor("int8", [3, 2, 2, 2], integers(random, 24, -8, 8)),
      b1: tensor("int32", [3], integers(random, 3, -90, 90)),
      s1: scalar("float", 2 ** -4),
      sp: scalar("float", 2 ** -6),
      sk2: scalar("float", 2 ** -3),
      sb2: scalar("float", 2 ** -9),
      k2: tensor("int8", [4, 3, 2, 2], integers(random, 48, -8, 8)),
      b2: tensor("int32", [4], integers(random, 4, -90, 90)),
      s2: scalar("float", 2 ** -2),
      sw: scalar("float", 2 ** -5),
      sb: scalar("float", 2 ** -7),
      w: tensor("int8", [16, 3], integers(random, 48, -127, 127)),
      b: tensor("int32", [3], integers(random, 3, -90, 90)),
    },
  };
}

export function qlinearCnn(): TestGraph {
  const random = seededRandom(3);
  return {
    inputShape: [1, 1, 5, 5],
    nodes: [
      { op: "DequantizeLinear", inputs: ["w2", "sw"], output: "w2_real" },
      ...chain(
        ["QuantizeLinear", ["s0", "z"]],
        ["QLinearConv", ["s0", "z", "k", "sk", "zk", "s1", "z", "kb"], { strides: [2, 2] }],
        ["Flatten"],
        ["QLinearMatMul", ["s1", "z", "w1", "sw", "zk", "s2", "z"]],
        ["DequantizeLinear", ["s2", "z"]],
        ["MatMul", ["w2_real"]],
      ),
    ],
    constants: {
      z: scalar("uint8", 0),
      zk: scalar("int8", 0),
      s0: scalar("float", 1 / INPUT_STEPS),
      sk: scalar("float", 2 ** -4),
      k: tensor("int8", [3, 1, 3, 3], integers(random, 27, -12, 12)),
      kb: tensor("int32", [3], integers(random, 3, -200, 200)),
      s1: scalar("float", 2 ** -4),
      sw: scalar("float", 2 ** -6),
      w1: tensor("int8", [12, 5], integers(random, 60, -20, 20)),
      s2: scalar("float", 2 ** -5),
      w2: tensor("int8", [5, 4], integers(random, 20, -127, 127)),
    },
  };
}

export function integerMlp(): TestGraph {
  const random = seededRandom(4);
  return {
    inputShape: [1, 8],
    types: { input: "uint8", output: "int32" },
    nodes: chain(
      ["MatMulInteger", ["w1"]],
      ["Add", ["b1"]],
      ["Relu"],
      ["Div", ["d"]],
      ["Cast", [], { to: 2 }],
      ["MatMulInteger", ["w2"]],
      ["Add", ["b2"]],
      ["ArgMax", [], { axis: -1 }],
    ).slice(0, -1),
    constants: {
      w1: tensor("int8", [8, 6], integers(random, 48, -30, 30)),
      b1: tensor("int32", [6], integers(random, 6, -500, 500)),
      d: scalar("int32", 256),
      w2: tensor("int8", [6, 4], integers(random, 24, -127, 127)),
      b2: tensor("int32", [4], integers(random, 4, -500, 500)),
    },
  };
}

export function integerCnn(): TestGraph {
  const random = seededRandom(8);
  return {
    inputShape: [1, 1, 6, 6],
    types: { input: "uint8", output: "int32" },
    nodes: chain(
      ["ConvInteger", ["k1"]],
      ["Add", ["kb1"]],
      ["Relu"],
      ["Div", ["d"]],
      ["Cast", [], { to: 2 }],
      ["ConvInteger", ["k2"], { strides: [2, 2] }],
      ["Relu"],
      ["Div", ["d2"]],
      ["Cast", [], { to: 2 }],
      ["Flatten"],
      ["MatMulInteger", ["w"]],
    ),
    constants: {
      k1: tensor("int8", [3, 1, 3, 3], integers(random, 27, -15, 30)),
      kb1: tensor("int32", [3, 1, 1], integers(random, 3, -500, 500)),
      d: scalar("int32", 256),
      k2: tensor("int8", [4, 3, 2, 2], integers(random, 48, -4, 5)),
      d2: scalar("int32", 32),
      w: tensor("int8", [16, 3], integers(random, 48, -127, 127)),
    },
  };
}

export function branching(): TestGraph {
  return {
    inputShape: [1, 2],
    nodes: [
      { op: "MatMul", inputs: ["x", "w"], output: "a" },
      { op: "Relu", inputs: ["a"], output: "c" },
      { op: "Add", inputs: ["c", "a"], output: "d" },
    ],
    constants: { w: tensor("float", [2, 2], [1, 2, 3, 4]) },
  };
}

function weightNodes(
  weights: string,
  weightScale: string,
  bias: string,
  biasScale: string,
  attributes: Record<string, number> = {},
): TestGraph["nodes"] {
  return [
    { op: "DequantizeLinear", inputs: [weights, weightScale], output: `${weights}_real`, attributes },
    { op: "DequantizeLinear", inputs: [bias, biasScale], output: `${bias}_real`, attributes: { axis: 0 } },
  ];
}

/** `count` integers from `min` to `max`. */
export function integers(random: RandomStream, count: number, min: number, max: number): number[] {
  return range(count).map(() => min + Math.floor(random() * (max - min + 1)));
}

/** `count` numbers from -1 to 1. */
export function reals(random: RandomStream, count: number): number[] {
  return range(count).map(() => 2 * random() - 1);
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, at) => at);
}

function floatModel(name: string): FloatModel {
  return parseFloatModel(JSON.parse(readFileSync(floatModelFile(name), "utf8")));
}
