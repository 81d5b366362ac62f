// SPDX-License-Identifier: MIT
import { code, formatTable } from "../scripts/markdown.ts";

export type GasFigures = Record<string, number>;

/** What an operation may cost, and what the best public system takes for the like. */
export interface GasBound {
  operation: string;
  must?: number;
  best?: string;
}

const MAX_RISE = 0.01;

/** Everything that keeps measured figures from passing: rises, broken bounds, and keys without their counterpart. */
export function gasProblems(
  measured: GasFigures,
  reference: GasFigures,
  bounds: Record<string, GasBound>,
): string[] {
  return [...boundProblems(measured, bounds), ...riseProblems(measured, reference)];
}

/** The table of docs/GAS.md. */
export function gasTable(figures: GasFigures, bounds: Record<string, GasBound>): string {
  const rows = Object.entries(figures).map(([key, gas]) => {
    const { operation = "", must, best = "" } = bounds[key] ?? {};
    return [code(key), operation, format(gas), must === undefined ? "" : format(must), best];
  });
  return formatTable(["key", "operation", "gas", "must", "best public system"], rows);
}

/** Broken bounds, and keys without their counterpart. */
export function boundProblems(measured: GasFigures, bounds: Record<string, GasBound>): string[] {
  const unnamed = Object.keys(measured).filter((key) => !(key in bounds));
  return [
    ...unnamed.map((key) => `${key} has no entry in bench/gas-bounds.json`),
    ...Object.entries(bounds).flatMap(([key, { must }]) => {
      const gas = measured[key];
      if (gas === undefined) return [`${key} is not measured`];
      if (must === undefined || gas <= must) return [];
      return [`${key} takes ${format(gas)}, above its bound of ${format(must)}`];
    }),
  ];
}

function riseProblems(measured: GasFigures, reference: GasFigures): string[] {
  const keys = [...new Set([...Object.keys(reference), ...Object.keys(measured)])];
  return keys.flatMap((key) => {
    const [before, now] = [reference[key], measured[key]];
    if (before === undefined) return [`${key} is not in bench/gas.json`];
    if (now === undefined) return [`${key} is in bench/gas.json and not measured`];
    if (now <= before * (1 + MAX_RISE)) return [];
    const percent = ((now / before - 1) * 100).toFixed(1);
    return [`${key} rose by ${percent} %, from ${format(before)} to ${format(now)}`];
  });
}

function format(gas: number): string {
  return gas.toLocaleString("en-US", { maximumFractionDigits: 1 });
}
