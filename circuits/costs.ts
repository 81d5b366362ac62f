// SPDX-License-Identifier: GPL-3.0-or-later
// npm run --silent circuits:costs [-- --json]: how many constraints each circuit of the suite has, as its manifest says
// (circuits:build -- --check --recompile proves that), what they are for, and the static bounds that the widths follow from.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inputLength, type ModelSpec, planLayers } from "@meantime/sdk/model";
import { liveOutputs } from "./compiler/liveness.ts";
import { gapWidths, reluWidths } from "./compiler/widths.ts";
import { artifactsDirectory } from "./paths.ts";
import { SUITE, type SuiteName, suiteSpec } from "./suite.ts";

interface Costs {
  constraints: number;
  /** Constraints by what they are for; only of models with public weights. */
  parts?: Parts & { hashAndContext: number };
}

interface Parts {
  inputRange: number;
  relu: number;
  argmax: number;
  /** No wire of a layer can be larger in magnitude. */
  largestWire: number;
  /** The widest decomposition. */
  widestBits: number;
}

const costs = Object.fromEntries(SUITE.map((name) => [name, costsOf(name)]));
process.stdout.write(process.argv.includes("--json") ? `${JSON.stringify(costs)}\n` : table());

function costsOf(name: SuiteName): Costs {
  const manifest = JSON.parse(readFileSync(join(artifactsDirectory(name), "manifest.json"), "utf8")) as {
    constraints: { total: number };
  };
  const constraints = manifest.constraints.total;
  if (name === "committed_mlp" || name === "batch_root") return { constraints };
  const known = partsOf(suiteSpec(name));
  const hashAndContext = constraints - known.inputRange - known.relu - known.argmax;
  return { constraints, parts: { ...known, hashAndContext } };
}

// What the templates cost: a range check its bits, a ReLU its bits and one, an argmax two a logit and its gaps.
function partsOf(spec: ModelSpec): Parts {
  const plans = planLayers(spec);
  const live = liveOutputs(plans);
  let relu = 0;
  let argmax = 0;
  let largestWire = 0;
  let widestBits = spec.inputBits;
  for (const [at, { layer, inputBounds, outputBounds }] of plans.entries()) {
    const { low, high } = outputBounds;
    largestWire = Math.max(largestWire, ...low.map(Math.abs), ...high.map(Math.abs));
    if (layer.type === "relu") {
      const widths = reluWidths(inputBounds).filter((_, unit) => live[at]?.[unit]);
      relu += widths.reduce((sum, bits) => sum + bits + 1, 0);
      widestBits = Math.max(widestBits, ...widths);
    }
    if (layer.type === "argmax") {
      const widths = gapWidths(inputBounds);
      argmax += widths.reduce((sum, bits) => sum + bits + 2, 0);
      widestBits = Math.max(widestBits, ...widths);
    }
  }
  return { inputRange: inputLength(spec) * spec.inputBits, relu, argmax, largestWire, widestBits };
}

function cellsOf(parts: Parts & { hashAndContext: number }): number[] {
  const { inputRange, relu, argmax, hashAndContext, largestWire, widestBits } = parts;
  return [inputRange, relu, argmax, hashAndContext, largestWire, widestBits];
}

function table(): string {
  const heads = [
    "circuit",
    "constraints",
    "input range",
    "ReLU",
    "argmax",
    "hash, ctx",
    "largest wire",
    "widest bits",
  ];
  const rows = Object.entries(costs).map(([name, { constraints, parts }]) => [
    name,
    constraints,
    ...(parts ? cellsOf(parts) : []),
  ]);
  const line = (cells: (string | number)[]) =>
    cells.map((cell, at) => (at === 0 ? String(cell).padEnd(14) : String(cell).padStart(13))).join("");
  return `${[heads, ...rows].map(line).join("\n")}\n`;
}
