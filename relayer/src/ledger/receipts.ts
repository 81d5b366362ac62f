// SPDX-License-Identifier: GPL-3.0-or-later

import { type Claim, claimToJson, parseClaim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import type { Receipt } from "@meantime/sdk/receipt";
import type { Ledger } from "./ledger.ts";

/** What the gateway keeps of one answer: the receipt, its opening, and enough to give the same answer again. */
export interface StoredReceipt {
  receipt: Receipt;
  opening: { input: Uint8Array; salt: Hex; output: Uint8Array };
  /** Tells a repeated request from another one under the same id. */
  requestDigest: Hex;
  /** The answer's `output`, as JSON. */
  answer: string;
  batchId?: Hex;
  index?: number;
}

/** A group of receipts that may share a batch, and how urgent it is. Times are unix seconds. */
export interface WaitingGroup {
  policyId: Hex;
  modelId: Hex;
  count: number;
  oldestServedAt: number;
  nearestCommitBy: number;
}

interface ReceiptRow {
  claim_id: Hex;
  claim: string;
  signature: Hex;
  input: Uint8Array;
  salt: Hex;
  output: Uint8Array;
  request_digest: Hex;
  answer: string;
  batch_id: Hex | null;
  leaf_index: number | null;
}

const COLUMNS =
  "claim_id, claim, signature, input, salt, output, request_digest, answer, batch_id, leaf_index";

/**
 * Stores a receipt; durable when this returns. At most one per (requester, requestId, modelId): the database itself
 * refuses a second, whatever its caller believes.
 */
export function insertReceipt(ledger: Ledger, stored: StoredReceipt): void {
  const { claim, claimId, signature } = stored.receipt;
  ledger.run(
    `INSERT INTO receipts (claim_id, requester, request_id, model_id, policy_id, request_digest, claim, signature,
       input, salt, output, answer, served_at, commit_by)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    claimId,
    claim.requester,
    claim.requestId,
    claim.modelId,
    claim.policyId,
    stored.requestDigest,
    JSON.stringify(claimToJson(claim)),
    signature,
    stored.opening.input,
    stored.opening.salt,
    stored.opening.output,
    stored.answer,
    Number(claim.servedAt),
    Number(claim.commitBy),
  );
}

/** The receipt given for a request, if one was. */
export function findByRequest(
  ledger: Ledger,
  request: Pick<Claim, "requester" | "requestId" | "modelId">,
): StoredReceipt | undefined {
  const row = ledger.get<ReceiptRow>(
    `SELECT ${COLUMNS} FROM receipts WHERE requester = ? AND request_id = ? AND model_id = ?`,
    request.requester,
    request.requestId,
    request.modelId,
  );
  return row && fromRow(row);
}

/** The receipt of a claim. */
export function findReceipt(ledger: Ledger, claimId: Hex): StoredReceipt | undefined {
  const row = ledger.get<ReceiptRow>(`SELECT ${COLUMNS} FROM receipts WHERE claim_id = ?`, claimId);
  return row && fromRow(row);
}

/** The receipts of a batch in the order of its leaves. */
export function receiptsOfBatch(ledger: Ledger, batchId: Hex): StoredReceipt[] {
  return ledger
    .all<ReceiptRow>(`SELECT ${COLUMNS} FROM receipts WHERE batch_id = ? ORDER BY leaf_index`, batchId)
    .map(fromRow);
}

/** The claim ids of a batch in the order of its leaves. */
export function claimIdsOfBatch(ledger: Ledger, batchId: Hex): Hex[] {
  return ledger
    .all<{ claim_id: Hex }>("SELECT claim_id FROM receipts WHERE batch_id = ? ORDER BY leaf_index", batchId)
    .map((row) => row.claim_id);
}

/** Receipts not yet in a batch, grouped by what may share one. */
export function waitingGroups(ledger: Ledger): WaitingGroup[] {
  return ledger.all<WaitingGroup>(
    `SELECT policy_id AS policyId, model_id AS modelId, COUNT(*) AS count, MIN(served_at) AS oldestServedAt,
       MIN(commit_by) AS nearestCommitBy
     FROM receipts WHERE state = 'served' GROUP BY policy_id, model_id`,
  );
}

/** The oldest receipts of a group, at most `limit`. */
export function waitingReceipts(ledger: Ledger, group: WaitingGroup, limit: number): StoredReceipt[] {
  return ledger
    .all<ReceiptRow>(
      `SELECT ${COLUMNS} FROM receipts WHERE state = 'served' AND policy_id = ? AND model_id = ?
       ORDER BY sequence LIMIT ?`,
      group.policyId,
      group.modelId,
      limit,
    )
    .map(fromRow);
}

/** How many receipts of each policy have no bond locked on chain yet: not batched, or batched and not committed. */
export function unlockedCounts(ledger: Ledger): { policyId: Hex; count: number }[] {
  return ledger.all(
    `SELECT policy_id AS policyId, SUM(claims) AS count FROM (
       SELECT policy_id, COUNT(*) AS claims FROM receipts WHERE state = 'served' GROUP BY policy_id
       UNION ALL
       SELECT policy_id, SUM(count) FROM batches
       WHERE NOT EXISTS (SELECT 1 FROM chain_batches WHERE chain_batches.batch_id = batches.batch_id)
       GROUP BY policy_id
     ) GROUP BY policy_id`,
  );
}

/** How many receipts there are. */
export function countReceipts(ledger: Ledger): number {
  return ledger.get<{ count: number }>("SELECT COUNT(*) AS count FROM receipts")?.count ?? 0;
}

function fromRow(row: ReceiptRow): StoredReceipt {
  return {
    receipt: { claim: parseClaim(JSON.parse(row.claim)), claimId: row.claim_id, signature: row.signature },
    opening: { input: row.input, salt: row.salt, output: row.output },
    requestDigest: row.request_digest,
    answer: row.answer,
    ...(row.batch_id === null ? {} : { batchId: row.batch_id }),
    ...(row.leaf_index === null ? {} : { index: row.leaf_index }),
  };
}
