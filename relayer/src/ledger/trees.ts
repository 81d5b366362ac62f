// SPDX-License-Identifier: GPL-3.0-or-later

import { leafHash, openingLeaf } from "@meantime/sdk/batch";
import type { Hex } from "@meantime/sdk/hex";
import { buildMerkleTree, type MerkleTree } from "@meantime/sdk/merkle";
import type { Ledger } from "./ledger.ts";
import { claimIdsOfBatch, receiptsOfBatch } from "./receipts.ts";

/** The tree behind the root of one of our batches. */
export function claimTree(ledger: Ledger, batchId: Hex): MerkleTree {
  return treeOfClaims(claimIdsOfBatch(ledger, batchId));
}

/** The tree behind its data root. */
export function openingTree(ledger: Ledger, batchId: Hex): MerkleTree {
  return treeOfOpenings(receiptsOfBatch(ledger, batchId));
}

/** The tree over claims, in their order. */
export function treeOfClaims(claimIds: readonly Hex[]): MerkleTree {
  return buildMerkleTree(claimIds.map((claimId, index) => leafHash(index, claimId)));
}

/** The tree over what opens the claims, in their order. */
export function treeOfOpenings(
  stored: readonly { opening: Parameters<typeof openingLeaf>[1] }[],
): MerkleTree {
  return buildMerkleTree(stored.map(({ opening }, index) => openingLeaf(index, opening)));
}
