// SPDX-License-Identifier: GPL-3.0-or-later
import type { ModelSpec } from "@meantime/sdk/model";
import { loadIrises } from "../iris.ts";
import { type DigitImage, halvedImage, loadTestImages, loadTrainImages, wholeImage } from "../mnist.ts";
import { POOLED_SIDE } from "../pooling.ts";
import { type FloatModel, roundModel } from "../quantise/float-model.ts";
import { largestGrid, powerOfTwoGrid, type QuantisationPlan, quantiseModel } from "../quantise/quantise.ts";
import { floatModelOfCnn, initialCnn, trainableCnn } from "./cnn.ts";
import { descend, type TrainingPlan } from "./descent.ts";
import type { Example } from "./example.ts";
import { floatModelOfMlp, initialMlp, type Mlp, trainableMlp } from "./mlp.ts";
import { seededRandom } from "./random.ts";

/** Everything that a committed model follows from. */
export interface Recipe {
  name: string;
  trainExamples: () => Example[];
  /** Nothing is ever trained on them. */
  heldOutExamples: () => Example[];
  inputBits: number;
  training: Pick<TrainingPlan, "epochs" | "batchSize" | "learningRate" | "momentum" | "weightDecay">;
  train: (examples: readonly Example[], plan: TrainingPlan) => FloatModel;
  quantisation: QuantisationPlan;
  /** Whether the specification says what its integers stand for. */
  statesScales: boolean;
}

const SEED = 2025;
const FLOAT_DIGITS = 5;
const CNN_SHIFTS = [7, 9];

const irisMlp: Recipe = {
  name: "iris_mlp",
  trainExamples: () => loadIrises().train,
  heldOutExamples: () => loadIrises().heldOut,
  inputBits: 7,
  training: { epochs: 200, batchSize: 8, learningRate: 0.05, momentum: 0.9, weightDecay: 1e-4 },
  train: mlpTrainer({ inputs: 4, hidden: 8, classes: 3, inputMax: 127 }, [4]),
  quantisation: { weightScaleOf: powerOfTwoGrid([8]), shiftOf: () => 6, rounding: "nearest" },
  statesScales: true,
};

const tinyMlp: Recipe = {
  name: "tiny_mlp",
  trainExamples: () => loadTrainImages().map(asExample),
  heldOutExamples: () => loadTestImages().map(asExample),
  inputBits: 4,
  training: { epochs: 40, batchSize: 32, learningRate: 0.1, momentum: 0.9, weightDecay: 1e-4 },
  train: mlpTrainer({ inputs: 196, hidden: 24, classes: 10, inputMax: 15 }, [POOLED_SIDE, POOLED_SIDE]),
  quantisation: { weightScaleOf: largestGrid([7]), shiftOf: () => 6, rounding: "nearest" },
  statesScales: false,
};

const mnistMlp: Recipe = {
  name: "mnist_mlp",
  trainExamples: () => loadTrainImages(halvedImage).map(asExample),
  heldOutExamples: () => loadTestImages(halvedImage).map(asExample),
  inputBits: 7,
  training: { epochs: 30, batchSize: 32, learningRate: 0.05, momentum: 0.9, weightDecay: 1e-4 },
  train: mlpTrainer({ inputs: 784, hidden: 56, classes: 10, inputMax: 127 }, [28, 28]),
  quantisation: { weightScaleOf: powerOfTwoGrid([8]), shiftOf: () => 8, rounding: "nearest" },
  statesScales: true,
};

const mnistCnn: Recipe = {
  name: "mnist_cnn",
  trainExamples: () => loadTrainImages(wholeImage).map(asExample),
  heldOutExamples: () => loadTestImages(wholeImage).map(asExample),
  inputBits: 8,
  training: { epochs: 10, batchSize: 32, learningRate: 0.05, momentum: 0.9, weightDecay: 1e-4 },
  train: (examples, plan) => {
    const network = initialCnn(plan.random);
    descend(trainableCnn(network), examples, plan);
    return floatModelOfCnn(network);
  },
  quantisation: {
    weightScaleOf: powerOfTwoGrid([8]),
    shiftOf: (relu) => CNN_SHIFTS[relu] ?? 0,
    rounding: "nearest",
  },
  statesScales: true,
};

/** The models that are trained here, the cheapest first. */
export const RECIPES: readonly Recipe[] = [irisMlp, tinyMlp, mnistMlp, mnistCnn];

/** Throws a RangeError for a name that no recipe has. */
export function recipeNamed(name: string): Recipe {
  const recipe = RECIPES.find((candidate) => candidate.name === name);
  if (recipe) return recipe;
  throw new RangeError(`no model ${name}: there are ${RECIPES.map((known) => known.name).join(", ")}`);
}

/** Trains from the one seed; the numbers of the result are rounded as they are committed. */
export function followRecipe(
  { training, train }: Recipe,
  examples: readonly Example[],
  onEpoch: TrainingPlan["onEpoch"],
): FloatModel {
  return roundModel(train(examples, { ...training, random: seededRandom(SEED), onEpoch }), FLOAT_DIGITS);
}

/** The specification that a recipe makes of a float network. */
export function specificationOf(recipe: Recipe, model: FloatModel): ModelSpec {
  const { scales, ...integers } = quantiseModel(model, recipe, recipe.quantisation);
  return recipe.statesScales && scales ? { ...integers, scales } : integers;
}

function mlpTrainer(
  shape: Pick<Mlp, "inputs" | "hidden" | "classes" | "inputMax">,
  inputShape: number[],
): Recipe["train"] {
  return (examples, plan) => {
    const network = initialMlp(shape, plan.random);
    descend(trainableMlp(network), examples, plan);
    return floatModelOfMlp(network, inputShape);
  };
}

function asExample({ pixels, label }: DigitImage): Example {
  return { elements: pixels, label };
}
