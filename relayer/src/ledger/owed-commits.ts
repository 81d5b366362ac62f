// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { waitingGroups } from "./receipts.ts";
import type { Reader } from "./schema.ts";

/** What is promised and in no block: receipts that wait for a batch, or a batch. */
export interface OwedCommit {
  policyId: Hex;
  /** The nearest of its receipts, in unix seconds. */
  commitBy: number;
  /** Undefined for receipts that wait for a batch. */
  batch?: {
    id: Hex;
    /** The number of its transaction. */
    transaction: number;
    /** What that waits for, beginning with a code; null: nothing stands in its way. */
    error: string | null;
  };
}

/**
 * What is still to be brought into a block, the most urgent first: not what is in a block that waits for its confirmations, or was
 * given up. Of a sealed batch the nearest counts, which need not be that of the oldest: the horizon may have been lowered since.
 */
export async function owedCommits(db: Reader): Promise<OwedCommit[]> {
  const waiting = await waitingGroups(db);
  const sealed = await db
    .selectFrom("intents as i")
    .innerJoin("batches as b", "b.batch_id", "i.batch_id")
    .select(["b.policy_id", "b.batch_id", "i.id", "i.error", "b.nearest_commit_by"])
    .where("i.kind", "=", "commit")
    .where(sql<boolean>`i.state IN ('queued', 'signed', 'broadcast', 'mined')`)
    .where("i.state", "<>", sql.lit("mined"))
    .where("b.committed_block", "is", null)
    .execute();
  return [
    ...waiting.map(({ policyId, nearestCommitBy: commitBy }) => ({ policyId, commitBy })),
    ...sealed.map((row) => ({
      ...{ policyId: row.policy_id, commitBy: row.nearest_commit_by },
      batch: { id: row.batch_id, transaction: row.id, error: row.error },
    })),
  ].sort((a, b) => a.commitBy - b.commitBy);
}
