// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { Ledger } from "./ledger.ts";

/** The columns that a header is stored in, in `batches` (own) and `chain_batches` (anybody's). */
export interface HeaderColumns {
  policy_id: Hex;
  model_id: Hex;
  root: Hex;
  data_root: Hex;
  count: number;
  oldest_served_at: number;
  nonce: string;
}

/** Stores a sealed batch and puts its claims into it, leaf by leaf. Call inside a transaction. */
export function insertBatch(
  ledger: Ledger,
  batchId: Hex,
  header: BatchHeader,
  claimIds: readonly Hex[],
): void {
  ledger.run(
    `INSERT INTO batches (batch_id, policy_id, model_id, root, data_root, count, oldest_served_at, nonce)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    batchId,
    header.policyId,
    header.modelId,
    header.root,
    header.dataRoot,
    header.count,
    Number(header.oldestServedAt),
    header.nonce.toString(),
  );
  for (const [index, claimId] of claimIds.entries()) {
    ledger.run(
      "UPDATE receipts SET state = 'batched', batch_id = ?, leaf_index = ? WHERE claim_id = ? AND state = 'served'",
      batchId,
      index,
      claimId,
    );
  }
}

/** The header of one of our own batches, committed or not. */
export function findOwnHeader(ledger: Ledger, operator: Address, batchId: Hex): BatchHeader | undefined {
  const row = ledger.get<HeaderColumns>(
    "SELECT policy_id, model_id, root, data_root, count, oldest_served_at, nonce FROM batches WHERE batch_id = ?",
    batchId,
  );
  return row && headerFromRow(operator, row);
}

/** A header from its columns. */
export function headerFromRow(operator: Address, row: HeaderColumns): BatchHeader {
  return {
    operator,
    policyId: row.policy_id,
    modelId: row.model_id,
    root: row.root,
    dataRoot: row.data_root,
    count: row.count,
    oldestServedAt: BigInt(row.oldest_served_at),
    nonce: BigInt(row.nonce),
  };
}
