// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { type HeaderColumns, headerFromRow } from "../ledger/batches.ts";
import type { Services } from "../services.ts";
import { releaseIntent } from "../tx/calls.ts";
import { enqueue, openOfKind } from "../tx/intents.ts";

/** Headers in one transaction: far under the gas limit of a transaction. */
const MAX_HEADERS = 50;

/** Frees the bonds of our batches that are final and have no open dispute. */
export function releaseFinalBatches({ ledger, config, contracts, clock, logger }: Services): void {
  // One release at a time: a batch in two transactions would pay for the second in vain.
  if (openOfKind(ledger, "release").length > 0) return;
  const rows = ledger.all<HeaderColumns & { batch_id: Hex }>(
    `SELECT b.* FROM chain_batches b JOIN batches own ON own.batch_id = b.batch_id
     WHERE b.released_tx IS NULL AND b.final_at <= ?1
       AND NOT EXISTS (
         SELECT 1 FROM chain_leaves c
         WHERE c.batch_id = b.batch_id AND (c.state IN ('challenged', 'demanded') OR c.final_at > ?1)
       )
     ORDER BY b.final_at LIMIT ?2`,
    clock.nowSeconds(),
    MAX_HEADERS,
  );
  if (rows.length === 0) return;
  const batches = rows.map((row) => ({
    batchId: row.batch_id,
    header: headerFromRow(config.operator.address, row),
  }));
  if (enqueue(ledger, releaseIntent(contracts.settlementAddress, batches))) {
    logger.info({ batches: batches.length }, "releasing the bonds of final batches");
  }
}
