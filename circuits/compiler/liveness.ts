// SPDX-License-Identifier: GPL-3.0-or-later
import { visitTerms } from "@meantime/sdk/layers/linear";
import { sizeOf } from "@meantime/sdk/layers/shape";
import type { LayerPlan } from "@meantime/sdk/model";

/**
 * For each layer, which of its outputs anything after it reads. A pool drops the odd row at the edge, a stride skips
 * pixels: a circuit that leaves such units out computes the same labels.
 */
export function liveOutputs(plans: readonly LayerPlan[]): boolean[][] {
  const live: boolean[][] = [];
  let needed = [true];
  for (const { layer, input, output } of plans.toReversed()) {
    live.unshift(needed);
    if (layer.type === "relu") continue;
    const read = new Array<boolean>(sizeOf(input)).fill(layer.type === "argmax");
    if (layer.type !== "argmax") {
      const outputs = needed;
      visitTerms(layer, input, output, (to, from) => {
        if (outputs[to]) read[from] = true;
      });
    }
    needed = read;
  }
  return live;
}
