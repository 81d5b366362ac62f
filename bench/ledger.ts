// SPDX-License-Identifier: MIT
import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Ledger, openLedger } from "../relayer/src/ledger/ledger.ts";
import { insertReceipt } from "../relayer/src/ledger/receipts.ts";
import { TEST_DATABASES } from "../test/relayer/databases.ts";
import { storedReceipt } from "../test/relayer/receipts.ts";

/** Requests at the same time, and how many of them there are. One alone shares its wait for the disk with nobody. */
const LOADS = [
  { concurrency: 1, receipts: 500 },
  { concurrency: 16, receipts: 5_000 },
  { concurrency: 64, receipts: 15_000 },
  { concurrency: 256, receipts: 30_000 },
];

/** Durable receipts a second on both databases, and how long the event loop waits for SQLite meanwhile. */
export async function benchLedger(): Promise<Record<string, unknown>> {
  const figures: Record<string, unknown> = {};
  for (const database of TEST_DATABASES) {
    if (database.skip) continue;
    const ledger = await openLedger(await database.fresh());
    let first = 0;
    for (const { concurrency, receipts } of LOADS) {
      figures[`${database.name.toLowerCase()}${concurrency}`] = await measure(
        ledger,
        concurrency,
        receipts,
        first,
      );
      first += receipts;
    }
    await ledger.close();
    await database.stop();
  }
  return figures;
}

async function measure(ledger: Ledger, concurrency: number, receipts: number, first: number) {
  const items = Array.from({ length: receipts }, (_, at) => storedReceipt(first + at)).values();
  const milliseconds: number[] = [];
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const item of items) {
        const askedAt = performance.now();
        await insertReceipt(ledger, item);
        milliseconds.push(performance.now() - askedAt);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  loop.disable();
  milliseconds.sort((a, b) => a - b);
  const quantile = (share: number) => round(milliseconds[Math.floor((milliseconds.length - 1) * share)] ?? 0);
  return {
    receiptsPerSecond: Math.round(receipts / seconds),
    p50Milliseconds: quantile(0.5),
    p99Milliseconds: quantile(0.99),
    eventLoopP99Milliseconds: round(loop.percentile(99) / 1e6),
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
