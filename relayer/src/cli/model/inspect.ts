// SPDX-License-Identifier: GPL-3.0-or-later

import type { Bounds } from "@meantime/sdk/layers/bounds";
import type { Shape } from "@meantime/sdk/layers/shape";
import { type LayerPlan, modelEntry, modelId, planLayers } from "@meantime/sdk/model";
import { openModel } from "./folder.ts";

interface LayerReport {
  type: string;
  output: string;
  /** Least and greatest value that any unit can have, for any input. */
  low: number;
  high: number;
}

/** `meantime model inspect`: layers with their bounds, ids, and what the circuit costs where it is compiled. */
export function inspectModel(model: string, { json }: { json?: true }): void {
  const { spec, compiled } = openModel(model);
  const entry = modelEntry(spec, compiled ? { verificationKeyId: compiled.verificationKeyId } : {});
  const layers = planLayers(spec).map(reportOf);
  const report = {
    ...{ name: spec.name, version: spec.version, inputShape: spec.inputShape, inputBits: spec.inputBits },
    classes: spec.classes,
    layers,
    specHash: entry.specHash,
    ...{ inputScheme: entry.inputScheme, outputScheme: entry.outputScheme },
    ...(compiled
      ? {
          constraints: compiled.constraints,
          setup: compiled.setup,
          verificationKeyId: compiled.verificationKeyId,
          modelId: modelId(entry),
        }
      : {}),
  };
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : table(report, layers));
}

function reportOf({ layer, output, outputBounds }: LayerPlan): LayerReport {
  return { type: layer.type, output: shapeOf(output), ...extremes(outputBounds) };
}

function shapeOf({ height, width, channels }: Shape): string {
  return height === 1 && width === 1 ? String(channels) : `${height}x${width}x${channels}`;
}

function extremes({ low, high }: Bounds): { low: number; high: number } {
  return {
    low: low.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
    high: high.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY),
  };
}

function table(report: Record<string, unknown>, layers: LayerReport[]): string {
  const facts = Object.entries(report)
    .filter(([, value]) => !Array.isArray(value) || typeof value[0] !== "object")
    .map(([name, value]) => `${name.padEnd(18)} ${Array.isArray(value) ? value.join("x") : value}`);
  const rows = layers.map(
    ({ type, output, low, high }) => `  ${type.padEnd(8)} ${output.padEnd(10)} ${low} .. ${high}`,
  );
  return `${[...facts, "layers", ...rows].join("\n")}\n`;
}
