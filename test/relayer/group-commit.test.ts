// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { groupCommit } from "../../relayer/src/ledger/group-commit.ts";

const MAX_GROUP = 4;

describe("group commit", () => {
  it("puts items that come in one turn into one group, up to its bound, and keeps their order", async () => {
    const groups: (readonly number[])[] = [];
    const store = groupCommit<number, number>(async (items) => {
      groups.push(items);
      return items.map((item) => -item);
    }, MAX_GROUP);
    const stored = [1, 2, 3, 4, 5, 6].map(store);
    assert.deepEqual(await Promise.all(stored), [-1, -2, -3, -4, -5, -6]);
    assert.deepEqual(groups, [
      [1, 2, 3, 4],
      [5, 6],
    ]);
  });

  it("stores what comes while a group is on its way to the disk with the next", async () => {
    const disk = Promise.withResolvers<void>();
    const groups: (readonly string[])[] = [];
    const store = groupCommit<string, string>(async (items) => {
      groups.push(items);
      if (groups.length === 1) await disk.promise;
      return items;
    }, MAX_GROUP);
    const first = store("first");
    while (groups.length === 0) await setImmediate();
    const others = ["second", "third"].map(store);
    disk.resolve();
    assert.deepEqual(await Promise.all([first, ...others]), ["first", "second", "third"]);
    assert.deepEqual(groups, [["first"], ["second", "third"]]);
  });

  it("rejects a group as a whole, and goes on", async () => {
    const store = groupCommit<string, string>(async (items) => {
      if (items.includes("bad")) throw new Error("no space");
      return items;
    }, MAX_GROUP);
    const outcomes = await Promise.allSettled([store("good"), store("bad")]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    assert.equal(await store("good"), "good");
  });
});
