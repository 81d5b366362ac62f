// SPDX-License-Identifier: GPL-3.0-or-later
// npm run --silent circuits:accuracy [-- --json]: accuracy on the 10,000 images that nothing was trained on.
import { measureAccuracy } from "./measure-accuracy.ts";

const accuracy = measureAccuracy();
if (process.argv.includes("--json")) {
  process.stdout.write(`${JSON.stringify(accuracy)}\n`);
} else {
  process.stdout.write(
    `held-out images   ${accuracy.testImages}\n` +
      `float network     ${accuracy.floatPercent.toFixed(2)} %\n` +
      `integer network   ${accuracy.integerPercent.toFixed(2)} %\n` +
      `lost to integers  ${accuracy.lossPoints.toFixed(2)} points\n`,
  );
}
