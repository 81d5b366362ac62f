// SPDX-License-Identifier: GPL-3.0-or-later
// npm run circuits:train [-- NAME ...]: trains the models of that name, or all, and writes models/NAME.float.json and
// models/NAME.json. With --quantise it only rounds the float files that are there; with --check it writes nothing and
// fails unless every byte is what is committed.
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { floatModelFile, modelFile } from "./paths.ts";
import { type FloatModel, parseFloatModel } from "./quantise/float-model.ts";
import { specificationJson } from "./specification-json.ts";
import { followRecipe, RECIPES, type Recipe, recipeNamed, specificationOf } from "./training/recipes.ts";

const { values, positionals } = parseArgs({
  options: {
    quantise: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const chosen = positionals.length === 0 ? RECIPES : positionals.map(recipeNamed);
for (const recipe of chosen) {
  const model = values.quantise ? committedFloatModel(recipe) : trainedModel(recipe);
  put(floatModelFile(recipe.name), specificationJson(model));
  put(modelFile(recipe.name), specificationJson(specificationOf(recipe, model)));
}

function put(file: string, text: string): void {
  if (!values.check) {
    writeFileSync(file, text);
    process.stderr.write(`wrote ${file}\n`);
  } else if (readFileSync(file, "utf8") === text) {
    process.stderr.write(`${file} is byte for byte what is committed\n`);
  } else {
    process.stderr.write(`${file} is not what is committed\n`);
    process.exitCode = 1;
  }
}

function committedFloatModel({ name }: Recipe): FloatModel {
  return parseFloatModel(JSON.parse(readFileSync(floatModelFile(name), "utf8")));
}

function trainedModel(recipe: Recipe): FloatModel {
  const { name, trainExamples, training } = recipe;
  return followRecipe(recipe, trainExamples(), (epoch, meanLoss) =>
    process.stderr.write(`${name}: epoch ${epoch}/${training.epochs}, loss ${meanLoss.toFixed(4)}\n`),
  );
}
