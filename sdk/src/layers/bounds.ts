// SPDX-License-Identifier: MIT

/** The smallest and largest value that each element can take, over all inputs. */
export interface Bounds {
  low: number[];
  high: number[];
}
