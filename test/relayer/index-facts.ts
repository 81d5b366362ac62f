// SPDX-License-Identifier: MIT
import type { Address, Hex } from "@meantime/sdk/hex";
import { ruleOf } from "../../relayer/src/indexer/terms.ts";
import { deriveStatus } from "../../relayer/src/ledger/claim-status.ts";
import type { Ledger } from "../../relayer/src/ledger/ledger.ts";

/** A claim of the index and where it stands. */
export interface IndexedStatus {
  claimId: Hex;
  batchId: Hex;
  operator: Address;
  modelId: Hex;
  policyId: Hex;
  requester: Address;
  status: string;
  finalAt: number | null;
  servedAt: number;
}

/** Every claim, one by one from what its events say: slow and plain. The last committed first. */
export async function claimsFacts(ledger: Ledger, now: number): Promise<IndexedStatus[]> {
  const rows = await ledger
    .selectFrom("index_claims as c")
    .innerJoin("index_batches as i", "i.ordinal", "c.ordinal")
    .innerJoin("chain_batches as b", "b.batch_id", "i.batch_id")
    .leftJoin("chain_leaves as l", (join) =>
      join.onRef("l.batch_id", "=", "b.batch_id").onRef("l.leaf_index", "=", "c.leaf_index"),
    )
    .select(["c.claim_id", "c.model_id", "c.requester", "c.served_at", "b.batch_id", "b.operator"])
    .select(["b.policy_id", "b.committed_at", "b.final_at", "b.attested_at", "l.state", "l.kinds"])
    .select(["l.final_at as leaf_final_at", "l.changed_at"])
    .orderBy("c.ordinal", "desc")
    .orderBy("c.leaf_index", "desc")
    .execute();
  const facts: IndexedStatus[] = [];
  for (const row of rows) {
    const { status, finalAt } = deriveStatus(row, await ruleOf(ledger, row.policy_id), now);
    facts.push({
      ...{ claimId: row.claim_id, batchId: row.batch_id, operator: row.operator, modelId: row.model_id },
      ...{ policyId: row.policy_id, requester: row.requester, status, finalAt, servedAt: row.served_at },
    });
  }
  return facts;
}
