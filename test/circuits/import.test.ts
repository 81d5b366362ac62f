// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseModelSpec, runModel } from "@meantime/sdk/model";
import { type ImportOptions, importOnnx } from "../../circuits/import/import-onnx.ts";
import { loadIrises } from "../../circuits/iris.ts";
import { loadTestImages, loadTrainImages, wholeImage } from "../../circuits/mnist.ts";
import { seededRandom } from "../../circuits/training/random.ts";
import { type Evaluation, evaluateGraph } from "./onnx/evaluate.ts";
import {
  branching,
  digitGraph,
  INPUT_STEPS,
  integerCnn,
  integerMlp,
  integers,
  irisGraph,
  qdqCnn,
  qdqMlp,
  qlinearCnn,
  range,
  reals,
} from "./onnx/examples.ts";
import { chain, encodeOnnx, scalar, type TestGraph, type TestTensor, tensor } from "./onnx/graph.ts";

const COMMAND = new URL("../../circuits/import/main.ts", import.meta.url).pathname;

describe("an ONNX graph of reals", () => {
  it("with Gemm, MatMul, Add and Softmax answers as the float network does", () => {
    const { train, heldOut } = loadIrises();
    const graph = irisGraph();
    const spec = importOnnx(encodeOnnx(graph), {
      name: "iris",
      inputBits: 7,
      calibration: train.map(({ elements }) => Array.from(elements)),
    });
    const inputs = [...train, ...heldOut].map(({ elements }) => Array.from(elements));
    const agreeing = inputs.filter(
      (input) => runModel(spec, input).label === labelOf(evaluateGraph(graph, scaled(input, 127))),
    );
    assert.equal(agreeing.length, 150);
    assert.deepEqual(spec.inputShape, [4]);
  });

  it("with Conv, BatchNormalization and AveragePool answers as the float network does", () => {
    const graph = digitGraph();
    const spec = importOnnx(encodeOnnx(graph), {
      name: "digits",
      calibration: loadTrainImages(wholeImage)
        .slice(0, 50)
        .map(({ pixels }) => Array.from(pixels)),
    });
    assert.deepEqual(
      spec.layers.map(({ type }) => type),
      ["conv2d", "relu", "sumPool", "conv2d", "relu", "sumPool", "dense", "argmax"],
    );
    const images = loadTestImages(wholeImage).slice(0, 200);
    const agreeing = images.filter(({ pixels }) => {
      const input = Array.from(pixels);
      return runModel(spec, input).label === labelOf(evaluateGraph(graph, scaled(input, 255)));
    });
    assert.equal(agreeing.length, 200);
  });

  it("is read pixel by pixel where ONNX reads it channel by channel", () => {
    const random = seededRandom(11);
    const graph: TestGraph = {
      inputShape: ["batch", 2, 4, 3],
      nodes: chain(
        ["Conv", ["k", "kb"]],
        ["Relu"],
        ["Flatten"],
        ["MatMul", ["w"]],
        ["Add", ["b"]],
        ["ArgMax", [], { axis: 1 }],
      ),
      constants: {
        k: tensor("float", [3, 2, 2, 2], reals(random, 24)),
        kb: tensor("float", [3], reals(random, 3)),
        w: tensor("float", [18, 5], reals(random, 90)),
        b: tensor("float", [5], reals(random, 5)),
      },
    };
    const inputs = range(100).map(() => integers(random, 24, 0, 255));
    const spec = importOnnx(encodeOnnx(graph), {
      name: "channels",
      calibration: inputs,
      weightBits: 16,
      activationBits: 16,
    });
    assert.deepEqual(spec.inputShape, [4, 3, 2]);
    const evaluated = { ...graph, nodes: graph.nodes.slice(0, -1) };
    for (const input of inputs) {
      const { logits } = evaluateGraph(evaluated, scaled(byChannel(graph, input), 255));
      const step = Number(spec.scales?.logits);
      for (const [at, logit] of runModel(spec, input).logits.entries()) {
        assert.ok(
          Math.abs(logit * step - (logits[at] ?? 0)) < 0.001,
          `logit ${at}: ${logit * step}, not ${logits[at]}`,
        );
      }
    }
  });

  it("that reads a vector as rows and columns makes a specification of rows and columns", () => {
    const random = seededRandom(12);
    const graph: TestGraph = {
      inputShape: [1, 12],
      nodes: [
        { op: "Constant", inputs: [], output: "rows", attributes: { value_ints: [1, 1, 3, 4] } },
        ...chain(["Reshape", ["rows"]], ["Conv", ["k"]], ["Reshape", ["flat"]], ["Gemm", ["w", "b"]]),
      ],
      constants: {
        k: tensor("float", [2, 1, 2, 2], reals(random, 8)),
        flat: tensor("int64", [2], [0, -1]),
        w: tensor("float", [12, 3], reals(random, 36)),
        b: tensor("float", [3], reals(random, 3)),
      },
    };
    const spec = importOnnx(encodeOnnx(graph), { name: "rows", inputBits: 4, weightBits: 20 });
    assert.deepEqual(spec.inputShape, [3, 4]);
    const unshaped = {
      ...graph,
      inputShape: [1, 1, 3, 4],
      nodes: chain(["Conv", ["k"]], ["Flatten"], ["Gemm", ["w", "b"]]),
    };
    for (let run = 0; run < 20; run++) {
      const input = integers(random, 12, 0, 15);
      const step = Number(spec.scales?.logits);
      const { logits } = evaluateGraph(unshaped, scaled(input, 15));
      for (const [at, logit] of runModel(spec, input).logits.entries()) {
        assert.ok(Math.abs(logit * step - (logits[at] ?? 0)) < 0.001);
      }
    }
  });

  it("needs calibration inputs, of its own length and range", () => {
    const bytes = encodeOnnx(irisGraph());
    assert.throws(() => importOnnx(bytes, { name: "iris" }), { code: "MT-ONNX-006" });
    for (const calibration of [[[1, 2, 3]], [[1, 2, 3, 256]], [[1, 2, 3, 0.5]]]) {
      assert.throws(() => importOnnx(bytes, { name: "iris", calibration }), { code: "MT-ONNX-006" });
    }
  });
});

describe("a quantised ONNX graph", () => {
  const quantisedGraphs: [string, TestGraph][] = [
    ["QuantizeLinear and DequantizeLinear, dense", qdqMlp()],
    ["QuantizeLinear and DequantizeLinear, convolutions and a pool", qdqCnn()],
    ["QLinearConv and QLinearMatMul", qlinearCnn()],
  ];
  for (const [what, graph] of quantisedGraphs) {
    it(`of ${what} computes the same integers`, () => {
      const spec = importOnnx(encodeOnnx(graph), { name: "quantised" });
      const random = seededRandom(5);
      const length = spec.inputShape.reduce((product, side) => product * side, 1);
      let compared = 0;
      for (let run = 0; run < 300; run++) {
        const input = integers(random, length, 0, 255);
        const { logits, hasTie, hasClamped } = evaluateGraph(
          graph,
          scaled(byChannel(graph, input), INPUT_STEPS),
        );
        assert.equal(hasClamped, false, "static bounds rule clamping out");
        // ONNX rounds a tie to even, a specification up.
        if (hasTie) continue;
        compared++;
        const step = Number(spec.scales?.logits);
        assert.deepEqual(
          runModel(spec, input).logits.map((logit) => logit * step),
          logits,
        );
      }
      assert.ok(compared >= 100, `only ${compared} inputs without a tie`);
    });
  }

  it("reads no more bits than it quantises its input to", () => {
    const bytes = encodeOnnx(qdqMlp());
    assert.throws(() => importOnnx(bytes, { name: "quantised", inputBits: 9 }), { code: "MT-ONNX-006" });
    const signed = encodeOnnx(changed(qdqMlp(), "z", scalar("int8", 0)));
    assert.throws(() => importOnnx(signed, { name: "quantised" }), { code: "MT-ONNX-006" });
  });

  it("keeps the integers of its weights and biases", () => {
    const graph = qdqMlp();
    const [first] = importOnnx(encodeOnnx(graph), { name: "quantised" }).layers;
    assert.ok(first?.type === "dense");
    const { w1, b1 } = graph.constants;
    assert.deepEqual(first.weights, transposed(w1 as TestTensor));
    // The ReLU that follows drops 6 bits: 32 more make the floor round to nearest.
    assert.deepEqual(
      first.bias,
      b1?.values.map((value) => value + 32),
    );
  });

  const inexact: [string, TestGraph][] = [
    ["scales whose ratio is no power of two", changed(qdqMlp(), "s1", scalar("float", 0.003))],
    ["values that could pass the type's end", changed(qdqMlp(), "s1", scalar("float", 2 ** -6))],
    [
      "scales by channel",
      changed(
        qdqMlp(),
        "sw1",
        tensor(
          "float",
          [6],
          [1, 2, 4, 8, 16, 32].map((k) => k / 1024),
        ),
      ),
    ],
    ["a bias off the grid", changed(qdqMlp(), "sb1", scalar("float", 2 ** -15 / 3))],
    ["a pool that rounds", changed(qdqCnn(), "sp", scalar("float", 2 ** -3))],
    ["a ReLU that is not quantised", without(qdqMlp(), ["QuantizeLinear_v5", "DequantizeLinear_v6"])],
  ];
  for (const [what, graph] of inexact) {
    it(`is refused with ${what}, unless an approximation will do`, () => {
      assert.throws(() => importOnnx(encodeOnnx(graph), { name: "quantised" }), { code: "MT-ONNX-005" });
      const random = seededRandom(6);
      const length = graph.inputShape.slice(1).reduce<number>((product, side) => product * Number(side), 1);
      const inputs = range(200).map(() => integers(random, length, 0, 255));
      const spec = importOnnx(encodeOnnx(graph), {
        name: "quantised",
        approximate: true,
        calibration: inputs.slice(0, 50),
        activationBits: 12,
      });
      const agreeing = inputs.filter((input) => {
        const evaluation = evaluateGraph(graph, scaled(byChannel(graph, input), INPUT_STEPS));
        return evaluation.hasClamped || runModel(spec, input).label === labelOf(evaluation);
      });
      assert.ok(agreeing.length >= 190, `${agreeing.length} of 200 labels agree`);
      assert.ok(
        new Set(inputs.map((input) => runModel(spec, input).label)).size > 1,
        "there are labels to tell apart",
      );
    });
  }
});

describe("an ONNX graph of integers", () => {
  for (const [what, graph] of [
    ["dense layers", integerMlp()],
    ["convolutions", integerCnn()],
  ] as const) {
    it(`with ${what} computes the same integers, always`, () => {
      const spec = importOnnx(encodeOnnx(graph), { name: "integers" });
      const answers = new Set<string>();
      const random = seededRandom(7);
      const length = spec.inputShape.reduce((product, side) => product * side, 1);
      for (let run = 0; run < 300; run++) {
        const input = integers(random, length, 0, 255);
        const { logits } = runModel(spec, input);
        assert.deepEqual(logits, evaluateGraph(graph, input).logits);
        answers.add(logits.join());
      }
      assert.ok(answers.size > 200, "the inputs give answers of their own");
      assert.equal(spec.scales, undefined);
    });
  }

  it("is refused where a cast could wrap", () => {
    const graph = changed(integerMlp(), "d", scalar("int32", 2));
    assert.throws(() => importOnnx(encodeOnnx(graph), { name: "integers", approximate: true }), {
      code: "MT-ONNX-005",
      details: { node: "Cast_v4", op: "Cast" },
    });
  });
});

describe("an ONNX graph that no specification expresses", () => {
  const image = (...nodes: Parameters<typeof chain>): TestGraph => ({
    inputShape: [1, 1, 4, 4],
    nodes: chain(...nodes),
    constants: {
      k: tensor("float", [1, 1, 2, 2], [1, 2, 3, 4]),
      k2: tensor("float", [2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]),
      w: tensor("float", [16, 2], range(32)),
      shape: tensor("int64", [3], [1, 2, 8]),
      three: scalar("float", 3),
      zero: scalar("float", 0),
      s: scalar("float", 1 / 128),
      z: scalar("uint8", 3),
    },
  });
  const refused: [what: string, code: string, op: string, graph: TestGraph][] = [
    ["a maximum pool", "MT-ONNX-003", "MaxPool", image(["MaxPool", [], { kernel_shape: [2, 2] }])],
    ["a sigmoid", "MT-ONNX-003", "Sigmoid", image(["Sigmoid"])],
    [
      "a layer after the softmax",
      "MT-ONNX-003",
      "MatMul",
      image(["Flatten"], ["Softmax"], ["MatMul", ["w"]]),
    ],
    ["padding", "MT-ONNX-004", "Conv", image(["Conv", ["k"], { pads: [1, 1, 1, 1] }])],
    ["automatic padding", "MT-ONNX-004", "Conv", image(["Conv", ["k"], { auto_pad: "SAME_UPPER" }])],
    ["groups", "MT-ONNX-004", "Conv", image(["Conv", ["k2"], { group: 2 }])],
    ["dilation", "MT-ONNX-004", "Conv", image(["Conv", ["k"], { dilations: [2, 2] }])],
    ["uneven strides", "MT-ONNX-004", "Conv", image(["Conv", ["k"], { strides: [1, 2] }])],
    ["an uneven pool", "MT-ONNX-004", "AveragePool", image(["AveragePool", [], { kernel_shape: [2, 1] }])],
    [
      "a pool that rounds up",
      "MT-ONNX-004",
      "AveragePool",
      image(["AveragePool", [], { kernel_shape: [2, 2], ceil_mode: 1 }]),
    ],
    ["rows that a dense layer reads", "MT-ONNX-004", "MatMul", image(["MatMul", ["w"]])],
    [
      "a matrix of another size",
      "MT-ONNX-004",
      "MatMul",
      image(["Conv", ["k"]], ["Flatten"], ["MatMul", ["w"]]),
    ],
    ["a reshape that mixes", "MT-ONNX-004", "Reshape", image(["Reshape", ["shape"]])],
    ["a scale of zero", "MT-ONNX-004", "QuantizeLinear", image(["QuantizeLinear", ["zero"]], ["Relu"])],
    ["a sum before any layer", "MT-ONNX-004", "Add", image(["Add", ["three"]])],
    ["a factor on the way", "MT-ONNX-004", "Mul", image(["Conv", ["k"]], ["Mul", ["three"]])],
    ["an input zero point", "MT-ONNX-004", "QuantizeLinear", image(["QuantizeLinear", ["s", "z"]], ["Relu"])],
    [
      "a highest index on ties",
      "MT-ONNX-004",
      "ArgMax",
      image(["Flatten"], ["ArgMax", [], { axis: 1, select_last_index: 1 }]),
    ],
    ["a branch", "MT-ONNX-002", "Add", branching()],
  ];
  for (const [what, code, op, graph] of refused) {
    it(`because of ${what} is refused, naming node and operator`, () => {
      const calibration = [new Array<number>(16).fill(1)];
      assert.throws(
        () => importOnnx(encodeOnnx(graph), { name: "refused", calibration }),
        (error: {
          code?: string;
          hint?: string;
          message?: string;
          details?: { op?: string; node?: string };
        }) => {
          assert.equal(error.code, code);
          assert.equal(error.details?.op, op);
          assert.match(error.message ?? "", new RegExp(`^node ${error.details?.node} \\(${op}\\): `));
          assert.ok((error.hint ?? "").length > 10);
          return true;
        },
      );
    });
  }

  it("because its operator is another vendor's is refused", () => {
    const graph = image(["Relu"]);
    const [node] = graph.nodes;
    const foreign = {
      ...graph,
      nodes: [{ op: "Relu", inputs: ["x"], output: node?.output ?? "", domain: "com.acme" }],
    };
    assert.throws(() => importOnnx(encodeOnnx(foreign), { name: "refused" }), {
      code: "MT-ONNX-003",
      details: { node: "Relu_v0", op: "com.acme.Relu" },
    });
  });

  it("because of its input is refused", () => {
    for (const inputShape of [[8, 4], [1, "width"], [1, 1, 2, 2, 2], []]) {
      const graph = { ...irisGraph(), inputShape };
      assert.throws(() => importOnnx(encodeOnnx(graph), { name: "refused" }), { code: "MT-ONNX-002" });
    }
    const told: Partial<ImportOptions> = { inputShape: [3, 2] };
    assert.throws(() => importOnnx(encodeOnnx(irisGraph()), { name: "refused", ...told }), {
      code: "MT-ONNX-006",
    });
  });

  it("because a weight is no number is refused", () => {
    const graph = changed(irisGraph(), "b1", tensor("float", [8], [0, 1, 2, Number.NaN, 4, 5, 6, 7]));
    assert.throws(() => importOnnx(encodeOnnx(graph), { name: "refused" }), { code: "MT-ONNX-001" });
  });

  it("because it is no graph is refused", () => {
    for (const bytes of [new Uint8Array(), new Uint8Array(100).fill(255), new TextEncoder().encode("{}")]) {
      assert.throws(() => importOnnx(bytes, { name: "refused" }), { code: "MT-ONNX-001" });
    }
    const whole = encodeOnnx(irisGraph());
    for (let length = 0; length < whole.length; length += 7) {
      assert.throws(() => importOnnx(whole.subarray(0, length), { name: "refused" }), {
        name: "MeantimeError",
      });
    }
  });
});

describe("the import command", () => {
  it("writes the specification, and says what is wrong", () => {
    const folder = mkdtempSync(join(tmpdir(), "meantime-import-"));
    try {
      const file = join(folder, "1 Iris-Net.onnx");
      const calibration = join(folder, "calibration.json");
      const { train } = loadIrises();
      const inputs = train.map(({ elements }) => Array.from(elements));
      writeFileSync(file, encodeOnnx(irisGraph()));
      writeFileSync(calibration, JSON.stringify(inputs));
      const text = execFileSync(process.execPath, [
        COMMAND,
        file,
        "--calibration",
        calibration,
        "--input-bits",
        "7",
      ]);
      const expected = importOnnx(readFileSync(file), {
        name: "iris_net",
        inputBits: 7,
        calibration: inputs,
      });
      assert.deepEqual(parseModelSpec(JSON.parse(text.toString())), expected);
      const failed = spawnSync(process.execPath, [COMMAND, file], { encoding: "utf8" });
      assert.equal(failed.status, 1);
      assert.match(failed.stderr, /^MT-ONNX-006: .*\nGive calibration inputs/);
      const missing = spawnSync(process.execPath, [COMMAND, join(folder, "none.onnx")], { encoding: "utf8" });
      assert.match(missing.stderr, /^MT-ONNX-006: cannot read /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("explains itself", () => {
    const help = execFileSync(process.execPath, [COMMAND, "--help"]).toString();
    assert.match(help, /--calibration FILE\.json/);
  });
});

function changed(graph: TestGraph, name: string, constant: TestTensor): TestGraph {
  return { ...graph, constants: { ...graph.constants, [name]: constant } };
}

/** The graph without a node and its twin that reads it, the reader after them reading what they read. */
function without(graph: TestGraph, [first, second]: string[]): TestGraph {
  const nameOf = ({ op, output }: TestGraph["nodes"][number]): string => `${op}_${output}`;
  const removed = graph.nodes.find((node) => nameOf(node) === first);
  const twin = graph.nodes.find((node) => nameOf(node) === second);
  assert.ok(removed && twin);
  const nodes = graph.nodes
    .filter((node) => node !== removed && node !== twin)
    .map((node) => ({
      ...node,
      inputs: node.inputs.map((name) => (name === twin.output ? (removed.inputs[0] ?? "") : name)),
    }));
  return { ...graph, nodes };
}

function transposed({ shape, values }: TestTensor): number[][] {
  const [rows = 0, columns = 0] = shape;
  return range(columns).map((column) => range(rows).map((row) => values[row * columns + column] ?? 0));
}

function labelOf({ logits }: Evaluation): number {
  return logits.indexOf(Math.max(...logits));
}

/** An input of a specification, pixel by pixel, in ONNX's order. */
function byChannel({ inputShape }: TestGraph, input: readonly number[]): number[] {
  const channels = inputShape.length === 4 ? Number(inputShape[1]) : 1;
  const pixels = input.length / channels;
  return range(input.length).map((at) => input[(at % pixels) * channels + Math.floor(at / pixels)] ?? 0);
}

function scaled(input: readonly number[], steps: number): number[] {
  return input.map((element) => element / steps);
}
