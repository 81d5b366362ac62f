// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId } from "@meantime/sdk/batch";
import { bytesToHex, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { insertBatch, unsentBatches } from "../ledger/batches.ts";
import { type WaitingGroup, type WaitingLeaf, waitingGroups, waitingLeaves } from "../ledger/receipts.ts";
import { traced } from "../ops/tracing/trace.ts";
import type { Services } from "../services.ts";
import { insertSidecar } from "../tx/blobs.ts";
import { commitIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";
import { availabilityOf, blobsUntil, sealBlobs, thatFit } from "./publish.ts";
import { rootsOf } from "./roots.ts";

/** The share of a receipt's time to `commitBy` that is kept for getting the commit into a block. */
const COMMIT_MARGIN = 0.5;

/** While so many commits under a policy wait to be sent another one would wait too: receipts gather in a larger batch instead. */
const MOST_UNSENT = 4;

/**
 * Seals every group of waiting receipts that is due: full, old enough, or, whatever waits before it, near its promise to be on
 * chain. A group has one policy and one model, so that an enclave can attest the batch whole. While commits are paused everything
 * waits: what is promised for that time is excused until an hour after it.
 */
export async function sealDueBatches(services: Services): Promise<void> {
  const { ledger, config, clock, view } = services;
  if (clock.nowSeconds() < (view()?.commitsPausedUntil ?? 0)) return;
  const unsent = await unsentBatches(ledger);
  const waiting = await waitingGroups(ledger);
  const groups = waiting.toSorted((a, b) => a.nearestCommitBy - b.nearestCommitBy);
  const unsealed = new Set(groups);
  for (const group of groups) {
    const { policyId: policy, modelId: model } = group;
    const unsentHere = unsent.get(policy) ?? 0;
    if (!isDue(group, config.commit, clock.nowSeconds(), unsentHere)) continue;
    // Blobs take their time. None of the groups that wait may be late for those of this one.
    const until = Math.min(...[...unsealed].map((each) => blobsUntil(services, each)));
    const wantsBlobs = availabilityOf(services, policy) === "blob";
    const withBlobs = wantsBlobs && clock.nowSeconds() < until;
    // It can have them when what is late has been sealed.
    if (wantsBlobs && !withBlobs && clock.nowSeconds() < blobsUntil(services, group)) continue;
    unsent.set(policy, unsentHere + 1);
    const sealed = await traced("batch.seal", { policy, model }, async (note) => {
      const oldest = await waitingLeaves(ledger, group, config.commit.maxClaims);
      const leaves = withBlobs ? thatFit(services, oldest) : oldest;
      note({ claims: leaves.length });
      await sealBatch(services, group, leaves, withBlobs ? until : undefined);
      return leaves.length;
    });
    unsealed.delete(group);
    // Its turn comes again with the next call.
    const rest = sealed < group.count ? await restOf(services, group) : undefined;
    if (rest) unsealed.add(rest);
  }
}

/** What still waits of a group. */
async function restOf({ ledger }: Services, group: WaitingGroup): Promise<WaitingGroup | undefined> {
  const waiting = await waitingGroups(ledger);
  return waiting.find(({ policyId, modelId }) => policyId === group.policyId && modelId === group.modelId);
}

function isDue(
  group: WaitingGroup,
  limits: Services["config"]["commit"],
  nowSeconds: number,
  unsent: number,
): boolean {
  // Whatever holds up those before it.
  const latestSeal = group.nearestCommitBy - limits.commitHorizonSeconds * COMMIT_MARGIN;
  if (nowSeconds >= latestSeal) return true;
  if (unsent >= MOST_UNSENT) return false;
  return group.count >= limits.maxClaims || nowSeconds - group.oldestServedAt >= limits.maxAgeSeconds;
}

/**
 * Puts receipts into a batch, in the order given. The batch, the place of each receipt in it and the transaction that
 * commits it become durable together: a crash leaves either waiting receipts or a batch that will be sent.
 *
 * @param sealUntil unix seconds until which its blobs are waited for; undefined: it goes without
 */
async function sealBatch(
  services: Services,
  group: WaitingGroup,
  leaves: readonly WaitingLeaf[],
  sealUntil: number | undefined,
): Promise<void> {
  const { ledger, domain, config, contracts, logger } = services;
  const { policyId, modelId } = group;
  if (leaves.length === 0) return;
  const claimIds = leaves.map(({ claimId }) => claimId);
  const servedAt = leaves.map((leaf) => leaf.servedAt).sort((a, b) => a - b);
  const header: BatchHeader = {
    operator: config.operator.address,
    policyId,
    modelId,
    ...(await rootsOf(leaves, isPublic(services, policyId), logger)),
    count: leaves.length,
    oldestServedAt: noLaterThanClosing(services, policyId, BigInt(servedAt[0] ?? 0)),
    nonce: randomNonce(),
  };
  const id = batchId(domain, header);
  const isOpen = header.dataRoot !== ZERO_HASH;
  const sidecar =
    sealUntil === undefined ? undefined : await sealBlobs(services, header, leaves, isOpen, sealUntil);
  const intent = commitIntent(contracts.settlementAddress, id, header, BigInt(servedAt.at(-1) ?? 0));
  if (sidecar) intent.subject = { ...intent.subject, blobsUntil: String(blobsUntil(services, group)) };
  await ledger.transaction(async (tx) => {
    await insertBatch(tx, id, header, claimIds);
    await enqueue(tx, intent);
    if (sidecar) await insertSidecar(tx, intent.dedupeKey, sidecar);
  });
  logger.info({ batchId: id, claims: leaves.length, blobs: sidecar?.blobs.length ?? 0 }, "batch sealed");
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
