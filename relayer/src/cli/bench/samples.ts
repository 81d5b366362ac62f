// SPDX-License-Identifier: GPL-3.0-or-later

/** The middlemost of some measurements. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** To a tenth. */
export function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
