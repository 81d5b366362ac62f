// SPDX-License-Identifier: GPL-3.0-or-later

import { MeantimeError } from "@meantime/sdk/errors";
import type { Bounds } from "@meantime/sdk/layers/bounds";

// Two values of a decomposition are the same number only if they cannot differ by the field's modulus. 2^64 leaves 189
// bits of room below it (2^253 < r < 2^254), for sums and differences of any two wires too.
const MAX_BITS = 64;
const MIN_RANGE_BITS = 2;

/**
 * Width n of each unit of a ReLU, such that -2^(n-1) <= value <= 2^(n-1) - 1 whatever the input of the model is.
 * Throws MT-ZK-101 when a width is not far below the field.
 */
export function reluWidths({ low, high }: Bounds): number[] {
  return low.map((lowest, unit) => {
    const largest = BigInt(high[unit] ?? 0);
    const mostNegative = -BigInt(lowest) - 1n;
    return farBelowField(1 + unsignedBits(largest > mostNegative ? largest : mostNegative), `unit ${unit}`);
  });
}

/**
 * Width n of each gap "largest logit minus this one", such that it is at most 2^n - 1. Throws MT-ZK-101 as above.
 */
export function gapWidths({ low, high }: Bounds): number[] {
  const top = BigInt(Math.max(...high));
  return low.map((lowest, logit) => farBelowField(unsignedBits(top - BigInt(lowest)), `logit ${logit}`));
}

// Width n such that value <= 2^n - 1, at least what the range check can do.
function unsignedBits(value: bigint): number {
  return Math.max(MIN_RANGE_BITS, value.toString(2).length);
}

function farBelowField(bits: number, what: string): number {
  if (bits <= MAX_BITS) return bits;
  throw new MeantimeError(
    "MT-ZK-101",
    `${what} needs ${bits} bits, more than the ${MAX_BITS} that are proved`,
    {
      hint: "Shift more after the layer before, or use smaller weights.",
      details: { bits, maximum: MAX_BITS },
    },
  );
}
