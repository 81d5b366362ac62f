// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import { claimId } from "@meantime/sdk/claim";
import { asHex32, type Hex } from "@meantime/sdk/hex";
import { Transaction } from "ethers";
import { decodeBatch } from "../availability/batch-codec.ts";
import { unpackBlobs } from "../availability/blob-packing.ts";
import { type BlobPlace, readBlobs } from "../availability/blob-source.ts";
import { TemporaryError } from "../errors.ts";
import { type BatchData, type BatchEntry, checkedBatch, notCommitted } from "./batch-data.ts";
import type { WatchServices } from "./services.ts";

/** A committed batch, as far as its blobs are concerned. */
export interface CommittedBatch {
  batchId: Hex;
  header: BatchHeader;
  committedTx: Hex;
  /** Unix seconds. */
  committedAt: number;
}

/**
 * A batch from the blobs of the transaction that committed it. Nothing on the way is believed: the transaction's hash is
 * computed, every blob must be one that the transaction names, and what the blobs hold must rebuild the header's roots.
 *
 * @returns undefined where the transaction carries no blobs
 * @throws TemporaryError `MT-DA-001` the blobs cannot be had; RelayerError `MT-WATCH-002` they are not the batch's data
 */
export async function batchInBlobs(
  services: Pick<WatchServices, "rpc" | "domain" | "blobs">,
  batch: CommittedBatch,
): Promise<BatchData | undefined> {
  const place = await placeOf(services, batch);
  if (!place) return undefined;
  const blobs = await readBlobs(services.blobs.sources, services.blobs.kzg, place);
  const { header, batchId } = batch;
  let entries: BatchEntry[];
  try {
    entries = (await decodeBatch(header, unpackBlobs(blobs))).map((published) => ({
      ...published,
      claimId: claimId(services.domain, published.claim),
    }));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw notCommitted(batchId, `its blobs hold no batch: ${error.message}`);
  }
  return checkedBatch(header, services.domain, entries);
}

async function placeOf(
  { rpc }: Pick<WatchServices, "rpc">,
  { committedTx, committedAt }: CommittedBatch,
): Promise<BlobPlace | undefined> {
  const answer = await rpc.getTransaction(committedTx);
  if (answer?.blockNumber === null || answer?.blockNumber === undefined) throw unknown(committedTx);
  if (!answer.blobVersionedHashes?.length) return undefined;
  const { blockNumber } = answer;
  // A node that makes up hashes would send us looking for blobs that never were.
  if (Transaction.from(answer).hash !== committedTx) throw unknown(committedTx);
  const hashes = answer.blobVersionedHashes.map((hash) => asHex32(hash, "blobVersionedHashes"));
  return { hashes, blockNumber, timestamp: committedAt };
}

function unknown(hash: Hex): TemporaryError {
  return new TemporaryError(
    "MT-DA-001",
    `the node does not show the transaction ${hash} that committed a batch`,
    "It is asked again. Should it stay, add another endpoint to chain.rpcUrls.",
  );
}
