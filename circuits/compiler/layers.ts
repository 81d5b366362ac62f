// SPDX-License-Identifier: GPL-3.0-or-later
import type { Conv2dLayer } from "@meantime/sdk/layers/conv2d";
import type { DenseLayer } from "@meantime/sdk/layers/dense";
import type { Shape } from "@meantime/sdk/layers/shape";
import type { SumPoolLayer } from "@meantime/sdk/layers/sum-pool";
import { type LayerPlan, type ModelSpec, planLayers } from "@meantime/sdk/model";
import { argmaxSource, reluSource } from "./activations.ts";
import { liveOutputs } from "./liveness.ts";
import { gapWidths, reluWidths } from "./widths.ts";

/** Part of a template's body. */
export interface LayersSource {
  /** Statements, a line break after each. */
  body: string;
  /** The expression that holds the label. */
  label: string;
  /** Files of `circuits/lib` that the statements need. */
  includes: string[];
}

const LIBRARY: Record<LayerPlan["layer"]["type"], string> = {
  dense: "dense.circom",
  conv2d: "conv2d.circom",
  sumPool: "sum-pool.circom",
  relu: "relu.circom",
  argmax: "argmax.circom",
};

/** The layers of a model as statements that read the signal array `input` and end in a label. */
export function layersSource(spec: ModelSpec, input: string): LayersSource {
  const plans = planLayers(spec);
  const live = liveOutputs(plans);
  const body: string[] = [];
  let values = input;
  for (const [at, plan] of plans.entries()) {
    body.push(layerSource(plan, at, values, live[at] ?? []));
    values = plan.layer.type === "relu" ? `relu${at}` : `layer${at}.out`;
  }
  return { body: body.join("\n"), label: values, includes: plans.map(({ layer }) => LIBRARY[layer.type]) };
}

function layerSource(plan: LayerPlan, at: number, values: string, live: boolean[]): string {
  const { layer, input, inputBounds } = plan;
  if (layer.type === "dense") return denseSource(layer, at, values);
  if (layer.type === "conv2d") return conv2dSource(layer, at, values, input);
  if (layer.type === "sumPool") return sumPoolSource(layer, at, values, input);
  if (layer.type === "argmax") return argmaxSource(at, values, gapWidths(inputBounds));
  const bits = reluWidths(inputBounds).map((width, unit) => (live[unit] ? width : 0));
  return reluSource(at, values, layer.shift, bits);
}

function denseSource({ weights, bias }: DenseLayer, at: number, input: string): string {
  const rows = weights.map((row) => `        [${row.join(",")}]`).join(",\n");
  return `    component layer${at} = Dense(${weights.length}, ${weights[0]?.length ?? 0}, [
${rows}
    ], [${bias.join(",")}]);
    layer${at}.in <== ${input};
`;
}

function conv2dSource(
  { weights, bias, stride }: Conv2dLayer,
  at: number,
  input: string,
  shape: Shape,
): string {
  const { height, width, channels } = shape;
  const sides = `${weights[0]?.length ?? 0}, ${weights[0]?.[0]?.length ?? 0}`;
  const kernels = weights.map((kernel) => `        ${JSON.stringify(kernel)}`).join(",\n");
  return `    component layer${at} = Conv2d(${height}, ${width}, ${channels}, ${weights.length}, ${sides}, ${stride}, [
${kernels}
    ], [${bias.join(",")}]);
    layer${at}.in <== ${input};
`;
}

function sumPoolSource({ size, stride }: SumPoolLayer, at: number, input: string, shape: Shape): string {
  const { height, width, channels } = shape;
  return `    component layer${at} = SumPool(${height}, ${width}, ${channels}, ${size}, ${stride});
    layer${at}.in <== ${input};
`;
}
