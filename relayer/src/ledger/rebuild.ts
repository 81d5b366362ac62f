// SPDX-License-Identifier: GPL-3.0-or-later

import { sql } from "kysely";
import { noteReplayed } from "../indexer/replay.ts";
import type { Ledger } from "./ledger.ts";

const DERIVED = [
  ...(["events", "blocks", "chain_batches", "chain_leaves", "exposure"] as const),
  ...(["index_sources", "index_operators", "index_batches", "index_leaves", "index_data"] as const),
  ...(["index_claims", "index_served", "index_groups", "index_accounts", "index_feed"] as const),
] as const;

/**
 * Forgets everything that follows from the chain and computes anew what follows from receipts. Receipts, batches, transactions
 * and findings stay: nobody else has them. The chain is then read again from its first block, now or at the next start.
 */
export async function forgetDerived(ledger: Ledger): Promise<void> {
  await ledger.transaction(async (tx) => {
    for (const table of DERIVED) await tx.deleteFrom(table).execute();
    await noteReplayed(tx);
    await tx.updateTable("batches").set({ committed_block: null }).execute();
    await sql`INSERT INTO exposure (policy_id, model_id, waiting)
      SELECT policy_id, model_id, COUNT(*) FROM receipts WHERE state = 'served' GROUP BY policy_id, model_id`.execute(
      tx,
    );
    await sql`UPDATE batches SET nearest_commit_by = COALESCE((
      SELECT MIN(r.commit_by) FROM receipts r WHERE r.batch_id = batches.batch_id), 0)`.execute(tx);
  });
}
