// SPDX-License-Identifier: GPL-3.0-or-later

import { sql } from "kysely";
import { eventSources } from "../chain/event-sources.ts";
import type { IndexMetrics } from "../ops/metrics/index-metrics.ts";
import { countListeners } from "./api/stream.ts";
import type { IndexReader } from "./services.ts";

const STATES = ["pending", "complete", "private", "withheld", "mismatch"] as const;

/** Reads what is measured of an index. */
export async function observeIndex(reader: IndexReader, metrics: IndexMetrics): Promise<void> {
  const { ledger, clock, view } = reader;
  const seen = view();
  if (seen) {
    metrics.lagBlocks.set(Math.max(0, seen.head.number - seen.readUpTo));
    const behind = (await eventSources(ledger)).map(({ read_up_to }) => seen.readUpTo - read_up_to);
    metrics.sourceLagBlocks.set(Math.max(0, ...behind));
  }
  const last = await ledger
    .selectFrom("index_batches")
    .select("claims_up_to")
    .orderBy("ordinal", "desc")
    .limit(1)
    .executeTakeFirst();
  metrics.claims.set(last?.claims_up_to ?? 0);
  const states = await ledger
    .selectFrom("index_data")
    .select((eb) => ["state", eb.fn.countAll<number>().as("batches")])
    .groupBy("state")
    .execute();
  for (const state of STATES) {
    metrics.batches.set({ state }, states.find((row) => row.state === state)?.batches ?? 0);
  }
  const missing = await ledger
    .selectFrom("index_data as d")
    .innerJoin("index_batches as b", "b.ordinal", "d.ordinal")
    .select((eb) => eb.fn.min<number | null>("b.committed_at").as("at"))
    .where(sql<boolean>`d.state IN ('pending', 'withheld', 'mismatch')`)
    .executeTakeFirst();
  metrics.missingDataSeconds.set(missing?.at == null ? 0 : Math.max(0, clock.nowSeconds() - missing.at));
  metrics.listeners.set(countListeners());
}
