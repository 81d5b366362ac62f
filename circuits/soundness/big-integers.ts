// SPDX-License-Identifier: GPL-3.0-or-later
import type { ModelSpec } from "@meantime/sdk/model";

/**
 * The label of a model of dense layers, computed in integers without a bound and from the definitions
 * alone: floor division, the lowest index of a largest logit. It shares no code with the runtime or the
 * circuit.
 *
 * @throws RangeError for another kind of layer
 */
export function labelInBigIntegers(spec: ModelSpec, input: readonly number[]): number {
  let values = input.map(BigInt);
  for (const layer of spec.layers) {
    if (layer.type === "dense") {
      values = layer.weights.map((row, at) => {
        const products = row.map((weight, column) => BigInt(weight) * (values[column] ?? 0n));
        return products.reduce((sum, product) => sum + product, BigInt(layer.bias[at] ?? 0));
      });
    } else if (layer.type === "relu") {
      values = values.map((value) => (value > 0n ? value / 2n ** BigInt(layer.shift) : 0n));
    } else if (layer.type === "argmax") {
      const largest = values.reduce((best, value) => (value > best ? value : best));
      return values.indexOf(largest);
    } else {
      throw new RangeError(`${layer.type} is not computed here`);
    }
  }
  throw new RangeError("the model has no argmax");
}
