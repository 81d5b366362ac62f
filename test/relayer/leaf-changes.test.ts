// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openLedger } from "../../relayer/src/ledger/ledger.ts";
import { MIGRATIONS } from "../../relayer/src/ledger/migrations.ts";
import { TEST_DATABASES } from "./databases.ts";
import { writeOldLedger } from "./old-ledger.ts";

/** By leaf: what happened to it, at which second. */
const HISTORIES: readonly (readonly [string, number][])[] = [
  [["ClaimRevealed", 100]],
  [
    ["RevealDemanded", 100],
    ["ClaimRevealed", 200],
  ],
  [
    ["EvidenceAccepted", 100],
    ["ClaimReopened", 300],
  ],
  [],
];

describe("leaves of a ledger that did not know when they changed", () => {
  for (const { name, fresh, stop, skip } of TEST_DATABASES) {
    it(`have it from their events on ${name}, and those shown unasked go on as their batch does`, {
      skip,
    }, async () => {
      const source = await fresh();
      try {
        const { version } = MIGRATIONS.find(({ name }) => name === "leaf-changes") ?? assert.fail();
        await writeOldLedger(source, version, HISTORIES.flatMap(rowsOf));
        const ledger = await openLedger(source);
        const rows = await ledger
          .selectFrom("chain_leaves")
          .select(["changed_at", "final_at"])
          .orderBy("leaf_index")
          .execute();
        await ledger.close();
        assert.deepEqual(
          rows.map(({ changed_at, final_at }) => [changed_at, final_at]),
          [
            [100, null],
            [200, 5_000],
            [300, 5_000],
            [0, null],
          ],
        );
      } finally {
        await stop();
      }
    });
  }
});

function rowsOf(history: readonly [string, number][], index: number): string[] {
  return [
    `INSERT INTO chain_leaves (batch_id, leaf_index, state, final_at) VALUES ('0xb', ${index}, 'revealed', 5000)`,
    ...history.map(
      ([name, at]) =>
        `INSERT INTO events (block_number, log_index, block_hash, tx_hash, timestamp, name, batch_id, leaf_index, arguments)
         VALUES (${at}, ${index}, '0x1', '0x2', ${at}, '${name}', '0xb', ${index}, '{}')`,
    ),
  ];
}
