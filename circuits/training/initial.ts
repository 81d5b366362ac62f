// SPDX-License-Identifier: GPL-3.0-or-later
import type { RandomStream } from "./random.ts";

/** Weights uniform with the variance of He et al. 2015, arXiv 1502.01852. `fanIn`: how many terms each sum has. */
export function heUniform(count: number, fanIn: number, random: RandomStream): Float64Array {
  return Float64Array.from({ length: count }, () => (2 * random() - 1) * Math.sqrt(6 / fanIn));
}
