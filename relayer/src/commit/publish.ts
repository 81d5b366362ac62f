// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import type { Hex } from "@meantime/sdk/hex";
import { boundOf, encodeBatch, type PublishedClaim } from "../availability/batch-codec.ts";
import { packBlobs, roomIn } from "../availability/blob-packing.ts";
import type { SealedBlob, Sidecar } from "../availability/sidecar.ts";
import type { ChainClock } from "../chain/clock.ts";
import type { Availability } from "../config/load.ts";
import { describeError, TemporaryError } from "../errors.ts";
import { publishedClaims, type WaitingGroup, type WaitingLeaf } from "../ledger/receipts.ts";
import type { Services } from "../services.ts";

/**
 * The share of a receipt's time to `commitBy` in which a batch no longer waits for blobs. Less than what a batch is sealed by,
 * and more than what calls commits behind: who waits for cheap blobs goes on taking work.
 */
const WITHOUT_BLOBS_SHARE = 0.4;
/** Version and flags of the packed form. */
const PREFIX_BYTES = 2;

/** Where the data of a policy's batches goes, beside this gateway. */
export function availabilityOf({ policies, config }: Services, policyId: Hex): Availability {
  return policies.find(({ id }) => id === policyId)?.availability ?? config.commit.availability;
}

/** Until when a batch of this group may wait for blobs, in unix seconds: what it promises comes first. */
export function blobsUntil({ config }: Services, { nearestCommitBy }: WaitingGroup): number {
  return nearestCommitBy - Math.ceil(config.commit.commitHorizonSeconds * WITHOUT_BLOBS_SHARE);
}

/** The first leaves, as many as surely fit into the blobs of one batch. */
export function thatFit({ config }: Services, leaves: readonly WaitingLeaf[]): readonly WaitingLeaf[] {
  const room = roomIn(config.commit.blobs.maxBlobs) - PREFIX_BYTES;
  let bytes = 0;
  const end = leaves.findIndex((leaf) => {
    bytes += boundOf(leaf);
    return bytes > room;
  });
  return end === -1 ? leaves : leaves.slice(0, Math.max(1, end));
}

/**
 * The blobs that hold a batch, with commitments and proofs: seconds in a thread for each. What stands in the way is logged;
 * a batch is never late for it, nor is another that waits behind it.
 *
 * @param isPublic whether the openings belong into them
 * @param until unix seconds at which it goes without, should they not be there
 * @returns undefined where the batch goes without
 */
export async function sealBlobs(
  {
    ledger,
    blobs,
    config,
    logger,
    clock,
  }: Pick<Services, "ledger" | "blobs" | "config" | "logger" | "clock">,
  header: BatchHeader,
  leaves: readonly WaitingLeaf[],
  isPublic: boolean,
  until: number,
): Promise<Sidecar | undefined> {
  const { maxBlobs, proofs } = config.commit.blobs;
  try {
    const stored = await publishedClaims(
      ledger,
      leaves.map(({ claimId }) => claimId),
    );
    const claims = stored.map(
      (each): PublishedClaim => ({ ...each, opening: isPublic ? each.opening : undefined }),
    );
    const packed = packBlobs(await encodeBatch(header, claims));
    if (packed.length > maxBlobs) throw new RangeError(`it takes ${packed.length} blobs, not ${maxBlobs}`);
    const sealed: SealedBlob[] = [];
    for (const blob of packed) sealed.push(await within(clock, until, blobs.kzg.seal(blob, proofs)));
    return { proofKind: proofs, blobs: sealed };
  } catch (error) {
    const { code, message } = describeError(error);
    logger.error({ code: "MT-DA-004", cause: code, message }, "a batch is committed without its blobs");
    return undefined;
  }
}

/** What the work brings. @throws TemporaryError `MT-DA-003` it is still at it at that time */
async function within<Result>(clock: ChainClock, until: number, work: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const secondsLeft = Math.max(0, until - clock.nowSeconds());
    timer = setTimeout(() => reject(outOfTime()), secondsLeft * 1_000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function outOfTime(): TemporaryError {
  return new TemporaryError(
    "MT-DA-003",
    "the commitment of a blob was not there in time",
    "A batch goes without blobs before it is late. If it stays, set commit.availability to http.",
  );
}
