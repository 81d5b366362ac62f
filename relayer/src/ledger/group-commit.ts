// SPDX-License-Identifier: GPL-3.0-or-later

import { setTimeout as delay, setImmediate } from "node:timers/promises";

/** Stores items together; one result for each, in their order. */
export type StoreAll<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>;

/** A group of so many shows that more are coming, ... */
const BUSY_GROUP = 3;
/** ... which the next wait for the disk, at least so long after the last, is for as well. */
const PACE_MILLISECONDS = 5;

/**
 * Group commit: items that arrive while the disk is busy with earlier ones share the next transaction, and its one wait
 * for the disk; under load the groups are kept large enough for that to be worth it. A lone item waits for nobody.
 *
 * @param maxGroup bounds the transaction that a flood of items makes, and with it the time that others wait for it
 * @returns stores one item; resolves when it is durable, and rejects with its group
 */
export function groupCommit<Item, Result>(
  storeAll: StoreAll<Item, Result>,
  maxGroup: number,
): (item: Item) => Promise<Result> {
  interface Waiting {
    item: Item;
    resolve(result: Result): void;
    reject(error: unknown): void;
  }
  let waiting: Waiting[] = [];
  let flushing = false;
  let last = { at: 0, size: 0 };

  async function flush(): Promise<void> {
    flushing = true;
    while (waiting.length > 0) {
      await gather();
      const group = waiting.slice(0, maxGroup);
      waiting = waiting.slice(maxGroup);
      last = { at: performance.now(), size: group.length };
      try {
        const results = await storeAll(group.map(({ item }) => item));
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      // Who was answered may come again at once.
      if (waiting.length === 0) await setImmediate();
    }
    flushing = false;
  }

  /** Turns of the event loop that bring more items are not lost to anybody: each did the work of those requests. */
  async function gather(): Promise<void> {
    for (let before = 0; before < waiting.length && before < maxGroup; ) {
      before = waiting.length;
      await setImmediate();
    }
    const pace = last.at + PACE_MILLISECONDS - performance.now();
    if (last.size >= BUSY_GROUP && pace > 1 && waiting.length < maxGroup) await delay(pace);
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!flushing) void flush();
    });
}
