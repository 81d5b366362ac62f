// SPDX-License-Identifier: GPL-3.0-or-later

import { leafBytes, type Opening, openingLeafBytes } from "@meantime/sdk/batch";
import type { Hex } from "@meantime/sdk/hex";
import { type MerkleTree, merkleTreeSteps } from "@meantime/sdk/merkle";
import { claimIdsOfBatch, openingsOfBatch } from "./receipts.ts";
import type { Reader } from "./schema.ts";
import { inSlices } from "./slices.ts";

/** The tree behind the root of one of our batches. */
export async function claimTree(db: Reader, batchId: Hex): Promise<MerkleTree> {
  return treeOfClaims(await claimIdsOfBatch(db, batchId));
}

/** The tree behind its data root. */
export async function openingTree(db: Reader, batchId: Hex): Promise<MerkleTree> {
  const openings = await openingsOfBatch(db, batchId);
  return treeOfOpenings(openings.map((opening) => ({ opening })));
}

/** The tree over claims, in their order. The event loop turns meanwhile. */
export function treeOfClaims(claimIds: readonly Hex[]): Promise<MerkleTree> {
  return inSlices(merkleTreeSteps(claimIds.length, (index) => leafBytes(index, at(claimIds, index))));
}

/** The tree over what opens the claims, in their order. The event loop turns meanwhile. */
export function treeOfOpenings(stored: readonly { opening: Opening }[]): Promise<MerkleTree> {
  return inSlices(
    merkleTreeSteps(stored.length, (index) => openingLeafBytes(index, at(stored, index).opening)),
  );
}

function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index];
  if (item === undefined) throw new RangeError(`no item at ${index} of ${items.length}`);
  return item;
}
