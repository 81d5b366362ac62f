// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { describeError, TemporaryError } from "../errors.ts";
import type { Kzg } from "./kzg.ts";
import { versionedHash } from "./sidecar.ts";

/** The blobs of one transaction, in its order, and the block that it is in. */
export interface BlobPlace {
  hashes: readonly Hex[];
  blockNumber: number;
  /** The block's, in unix seconds. */
  timestamp: number;
}

/** Somewhere that blobs can be had. What it gives is not believed. */
export interface BlobSource {
  name: string;
  /** Blobs of the block, those that were asked for among them if it has them; in any order. */
  blobsAt(place: BlobPlace): Promise<Uint8Array[]>;
  /** Told of blobs that were checked, should it want to keep them. */
  keep?(blobs: ReadonlyMap<Hex, Uint8Array>): Promise<void>;
}

/**
 * The blobs of a transaction, in its order, from the first sources that have them. Of every blob the commitment is computed
 * and its versioned hash compared: what the transaction does not name is not used.
 *
 * @throws TemporaryError `MT-DA-001` no source has one of them
 */
export async function readBlobs(
  sources: readonly BlobSource[],
  kzg: Pick<Kzg, "commitmentOf">,
  place: BlobPlace,
): Promise<Uint8Array[]> {
  const found = new Map<Hex, Uint8Array>();
  const reasons: string[] = [];
  for (const source of sources) {
    const missing = new Set(place.hashes.filter((hash) => !found.has(hash)));
    if (missing.size === 0) break;
    try {
      await collect(source, kzg, { ...place, hashes: [...missing] }, missing, found);
      if (missing.size > 0) reasons.push(`${source.name} lacks ${[...missing].join(", ")}`);
    } catch (error) {
      reasons.push(`${source.name}: ${describeError(error).message}`);
    }
  }
  const blobs = place.hashes.flatMap((hash) => found.get(hash) ?? []);
  if (blobs.length !== place.hashes.length) throw notHad(place, reasons);
  for (const source of sources) await source.keep?.(found);
  return blobs;
}

async function collect(
  source: BlobSource,
  kzg: Pick<Kzg, "commitmentOf">,
  place: BlobPlace,
  missing: Set<Hex>,
  found: Map<Hex, Uint8Array>,
): Promise<void> {
  for (const blob of await source.blobsAt(place)) {
    if (missing.size === 0) return;
    const hash = versionedHash(await kzg.commitmentOf(blob));
    if (missing.delete(hash)) found.set(hash, blob);
  }
}

function notHad({ blockNumber }: BlobPlace, reasons: readonly string[]): TemporaryError {
  return new TemporaryError(
    "MT-DA-001",
    `blobs of block ${blockNumber} cannot be had: ${reasons.join("; ")}`,
    "The network drops blobs after about 18 days; older ones are in an archive, or with their operator.",
  );
}
