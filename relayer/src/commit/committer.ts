// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId } from "@meantime/sdk/batch";
import { bytesToHex, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { insertBatch } from "../ledger/batches.ts";
import { type StoredReceipt, type WaitingGroup, waitingGroups, waitingReceipts } from "../ledger/receipts.ts";
import { treeOfClaims, treeOfOpenings } from "../ledger/trees.ts";
import type { Services } from "../services.ts";
import { commitIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";

/** The share of a receipt's time to `commitBy` that is kept for getting the commit into a block. */
const COMMIT_MARGIN = 0.5;

/**
 * Seals every group of waiting receipts that is due: full, old enough, or near its promise to be on chain. A group has
 * one policy and one model, so that an enclave can attest the batch whole. While commits are paused everything waits: what
 * is promised for that time is excused until an hour after it.
 */
export function sealDueBatches(services: Services): void {
  const { ledger, config, clock, view } = services;
  if (clock.nowSeconds() < (view()?.commitsPausedUntil ?? 0)) return;
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
function sealBatch(services: Services, stored: readonly StoredReceipt[]): void {
  const { ledger, domain, config, contracts, logger } = services;
  const [first] = stored;
  if (!first) return;
  const { policyId, modelId } = first.receipt.claim;
  const claimIds = stored.map(({ receipt }) => receipt.claimId);
  const servedAt = stored.map(({ receipt }) => receipt.claim.servedAt).sort((a, b) => Number(a - b));
  const header: BatchHeader = {
    operator: config.operator.address,
    policyId,
    modelId,
    root: treeOfClaims(claimIds).root,
    dataRoot: isPublic(services, policyId) ? treeOfOpenings(stored).root : ZERO_HASH,
    count: stored.length,
    oldestServedAt: noLaterThanClosing(services, policyId, servedAt[0] ?? 0n),
    nonce: randomNonce(),
  };
  const id = batchId(domain, header);
  ledger.transaction(() => {
    insertBatch(ledger, id, header, claimIds);
    enqueue(ledger, commitIntent(contracts.settlementAddress, id, header, servedAt.at(-1) ?? 0n));
  });
  logger.info({ batchId: id, claims: stored.length }, "batch sealed");
}

function isPublic({ policies }: Services, policyId: Hex): boolean {
  return policies.find(({ id }) => id === policyId)?.terms.publicData ?? true;
}

/**
 * Under a closed policy only batches that began before it was closed can be committed. What was answered in the moment
 * before this relayer saw the closing was promised like the rest: it goes into a batch that begins a second earlier.
 */
function noLaterThanClosing({ view }: Services, policyId: Hex, oldestServedAt: bigint): bigint {
  const closedAt = view()?.closedPolicies.get(policyId);
  if (closedAt === undefined || oldestServedAt < BigInt(closedAt)) return oldestServedAt;
  return BigInt(closedAt) - 1n;
}

/** Random, not counted: a ledger that starts anew must not repeat one. */
function randomNonce(): bigint {
  const bytes = bytesToHex(crypto.getRandomValues(new Uint8Array(8))) as Hex;
  return BigInt(bytes);
}
