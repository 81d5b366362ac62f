// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";

/** Stores items together; one result for each, in their order. */
export type StoreAll<Item, Result> = (items: readonly Item[]) => Promise<readonly Result[]>;

/**
 * Group commit: items that arrive while the disk is busy with earlier ones share the next transaction, and its one wait
 * for the disk. A lone item waits for nobody but those that the same turn of the event loop brings.
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

  async function flush(): Promise<void> {
    flushing = true;
    while (waiting.length > 0) {
      await setImmediate();
      const group = waiting.slice(0, maxGroup);
      waiting = waiting.slice(maxGroup);
      try {
        const results = await storeAll(group.map(({ item }) => item));
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    flushing = false;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!flushing) void flush();
    });
}
