// SPDX-License-Identifier: GPL-3.0-or-later

/** Percentiles of seconds, by nearest rank. */
export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** How often each number of seconds came: exact, and as large as there are different ones. */
export interface SecondsCounted {
  add(seconds: number): void;
  /** Null: none came. */
  percentiles(): Percentiles | null;
  readonly count: number;
}

/** Counts seconds. */
export function countSeconds(): SecondsCounted {
  const counts = new Map<number, number>();
  let total = 0;
  return {
    add(seconds) {
      counts.set(seconds, (counts.get(seconds) ?? 0) + 1);
      total++;
    },
    get count() {
      return total;
    },
    percentiles() {
      if (total === 0) return null;
      const sorted = [...counts].sort(([a], [b]) => a - b);
      return {
        p50: rank(sorted, total, 0.5),
        p95: rank(sorted, total, 0.95),
        p99: rank(sorted, total, 0.99),
      };
    },
  };
}

/** The smallest value that at least this share of the values does not exceed. */
function rank(sorted: readonly (readonly [number, number])[], total: number, share: number): number {
  const wanted = Math.ceil(share * total);
  let seen = 0;
  for (const [seconds, count] of sorted) {
    seen += count;
    if (seen >= wanted) return seconds;
  }
  return sorted.at(-1)?.[0] ?? 0;
}
