// SPDX-License-Identifier: GPL-3.0-or-later

import { headerFromRow } from "../ledger/batches.ts";
import type { Services } from "../services.ts";
import { releaseIntent } from "../tx/calls.ts";
import { enqueue, openOfKind } from "../tx/intents.ts";

/** Headers in one transaction: far under the gas limit of a transaction. */
const MAX_HEADERS = 50;

/** Frees the bonds of our batches that are final and have no open dispute. */
export async function releaseFinalBatches({
  ledger,
  config,
  contracts,
  clock,
  logger,
}: Services): Promise<void> {
  // One release at a time: a batch in two transactions would pay for the second in vain.
  if ((await openOfKind(ledger, "release")).length > 0) return;
  const now = clock.nowSeconds();
  const rows = await ledger
    .selectFrom("chain_batches as b")
    .innerJoin("batches as own", "own.batch_id", "b.batch_id")
    .selectAll("b")
    .where("b.operator", "=", config.operator.address)
    .where("b.released_tx", "is", null)
    .where("b.final_at", "<=", now)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("chain_leaves as c")
            .select("c.leaf_index")
            .whereRef("c.batch_id", "=", "b.batch_id")
            .where((or) =>
              or.or([or("c.state", "in", ["challenged", "demanded"]), or("c.final_at", ">", now)]),
            ),
        ),
      ),
    )
    .orderBy("b.final_at")
    .limit(MAX_HEADERS)
    .execute();
  if (rows.length === 0) return;
  const batches = rows.map((row) => ({
    batchId: row.batch_id,
    header: headerFromRow(config.operator.address, row),
  }));
  const intent = releaseIntent(contracts.settlementAddress, batches);
  if (await ledger.transaction((tx) => enqueue(tx, intent))) {
    logger.info({ batches: batches.length }, "releasing the bonds of final batches");
  }
}
