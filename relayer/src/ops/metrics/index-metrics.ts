// SPDX-License-Identifier: GPL-3.0-or-later

import { Gauge, Registry } from "prom-client";

/** What is measured of an index. */
export type IndexMetrics = ReturnType<typeof createIndexMetrics>;

/** Makes the metrics of an index, in a relayer's registry or in one of their own. */
export function createIndexMetrics(registry: Registry = new Registry()) {
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge({ name: `meantime_index_${name}`, help, labelNames, registers: [registry] });
  return {
    registry,
    lagBlocks: gauge("lag_blocks", "Blocks between the head and the last whose events are in the index."),
    sourceLagBlocks: gauge(
      "source_lag_blocks",
      "Blocks by which the contract that was found last is behind the others; 0: none is.",
    ),
    batches: gauge("batches", "Committed batches by what became of their data.", ["state"]),
    missingDataSeconds: gauge(
      "oldest_missing_data_age_seconds",
      "Age of the oldest batch whose data could not be had yet; 0: none.",
    ),
    claims: gauge("claims", "Claims of committed batches."),
    listeners: gauge("listeners", "Who listens to the stream of changes."),
  };
}
