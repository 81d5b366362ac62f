// SPDX-License-Identifier: MIT

/** What a figure has to be, and what the best public system has. */
export interface ProveBound {
  atMost?: number;
  atLeast?: number;
  rival: string;
}

/** The figures that break their bound or were not measured. Keys of bounds are paths such as `tiny_mlp.constraints`. */
export function proveProblems(
  figures: Record<string, unknown>,
  bounds: Record<string, ProveBound>,
): string[] {
  return Object.entries(bounds).flatMap(([path, { atMost, atLeast }]) => {
    const value = figureAt(figures, path);
    if (typeof value !== "number" || Number.isNaN(value)) return [`${path} is not measured`];
    if (atMost !== undefined && value > atMost) return [`${path} is ${value}, above its bound of ${atMost}`];
    if (atLeast !== undefined && value < atLeast)
      return [`${path} is ${value}, below its bound of ${atLeast}`];
    return [];
  });
}

function figureAt(figures: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      figures,
    );
}
