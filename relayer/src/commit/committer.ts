// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId, leafHash, openingLeaf } from "@meantime/sdk/batch";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { insertBatch } from "../ledger/batches.ts";
import { type StoredReceipt, type WaitingGroup, waitingGroups, waitingReceipts } from "../ledger/receipts.ts";
import type { Services } from "../services.ts";
import { commitIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";

/** The share of a receipt's time to `commitBy` that is kept for getting the commit into a block. */
const COMMIT_MARGIN = 0.5;

/**
 * Seals every group of waiting receipts that is due: full, old enough, or near its promise to be on chain. A group has
 * one policy and one model, so that an enclave can attest the batch whole.
 */
export function sealDueBatches(services: Services): void {
  const { ledger, config, clock } = services;
  for (const group of waitingGroups(ledger)) {
    if (!isDue(group, config.commit, clock.nowSeconds())) continue;
    sealBatch(services, waitingReceipts(ledger, group, config.commit.maxClaims));
  }
}

function isDue(group: WaitingGroup, limits: Services["config"]["commit"], nowSeconds: number): boolean {
  const latestSeal = group.nearestCommitBy - limits.commitHorizonSeconds * COMMIT_MARGIN;
  return (
    group.count >= limits.maxClaims ||
    nowSeconds - group.oldestServedAt >= limits.maxAgeSeconds ||
    nowSeconds >= latestSeal
  );
}

/**
 * Puts receipts into a batch, in the order given. The batch, the place of each receipt in it and the transaction that
 * commits it become durable together: a crash leaves either waiting receipts or a batch that will be sent.
 */
function sealBatch(
  { ledger, domain, config, contracts, logger }: Services,
  stored: readonly StoredReceipt[],
): void {
  const [first] = stored;
  if (!first) return;
  const claimIds = stored.map(({ receipt }) => receipt.claimId);
  const header: BatchHeader = {
    operator: config.operator.address,
    policyId: first.receipt.claim.policyId,
    modelId: first.receipt.claim.modelId,
    root: buildMerkleTree(claimIds.map((claimId, index) => leafHash(index, claimId))).root,
    dataRoot: buildMerkleTree(stored.map(({ opening }, index) => openingLeaf(index, opening))).root,
    count: stored.length,
    oldestServedAt: stored.reduce(
      (oldest, { receipt }) => min(oldest, receipt.claim.servedAt),
      first.receipt.claim.servedAt,
    ),
    nonce: randomNonce(),
  };
  const id = batchId(domain, header);
  ledger.transaction(() => {
    insertBatch(ledger, id, header, claimIds);
    enqueue(ledger, commitIntent(contracts.settlementAddress, id, header));
  });
  logger.info({ batchId: id, claims: stored.length }, "batch sealed");
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Random, not counted: a ledger that starts anew must not repeat one. */
function randomNonce(): bigint {
  const bytes = bytesToHex(crypto.getRandomValues(new Uint8Array(8))) as Hex;
  return BigInt(bytes);
}
