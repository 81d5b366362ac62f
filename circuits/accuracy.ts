// SPDX-License-Identifier: GPL-3.0-or-later
// npm run --silent circuits:accuracy [-- --model NAME] [--json]: accuracy on what nothing was trained on, of
// one model or all: 10,000 images of MNIST, 30 irises.
import { parseArgs } from "node:util";
import { type Accuracy, measureAccuracy } from "./measure-accuracy.ts";
import { RECIPES } from "./training/recipes.ts";

const { values } = parseArgs({
  options: { model: { type: "string" }, json: { type: "boolean", default: false } },
});
const names = values.model === undefined ? RECIPES.map(({ name }) => name) : [values.model];
const accuracies = Object.fromEntries(names.map((name) => [name, measureAccuracy(name)]));
process.stdout.write(values.json ? `${JSON.stringify(accuracies)}\n` : table(accuracies));

function table(rows: Record<string, Accuracy>): string {
  const lines = Object.entries(rows).map(([name, { accuracyFloat, accuracyInt, lossPoints, images }]) =>
    [
      name.padEnd(14),
      `${accuracyFloat.toFixed(2)} %`.padStart(10),
      `${accuracyInt.toFixed(2)} %`.padStart(10),
      `${lossPoints.toFixed(2)} points`.padStart(13),
      String(images).padStart(8),
    ].join(""),
  );
  const head = `${"model".padEnd(14)}${"float".padStart(10)}${"integer".padStart(10)}${"lost".padStart(13)}${"images".padStart(8)}`;
  return `${[head, ...lines].join("\n")}\n`;
}
