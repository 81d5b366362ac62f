// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId, type Opening } from "@meantime/sdk/batch";
import type { Claim } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import type { MerkleTree } from "@meantime/sdk/merkle";
import { RelayerError } from "../errors.ts";
import { treeOfClaims, treeOfOpenings } from "../ledger/trees.ts";

/** One claim of a batch with all that is needed to check it. */
export interface BatchEntry {
  claim: Claim;
  claimId: Hex;
  /** As served, unchecked: the chain does not commit to it, so it must not decide whether the claim is looked at. */
  signature: unknown;
  /** Undefined where the batch keeps its data private. */
  opening: Opening | undefined;
}

/** The data of a batch, known to be what its header commits to. */
export interface BatchData {
  entries: BatchEntry[];
  tree: MerkleTree;
}

/**
 * Makes sure that the data of a batch is the committed one, wherever it was had: claims that rebuild the header's root,
 * openings that rebuild its data root if it has one.
 *
 * @throws RelayerError `MT-WATCH-002` it is not
 */
export async function checkedBatch(
  header: BatchHeader,
  domain: SettlementDomain,
  entries: BatchEntry[],
): Promise<BatchData> {
  const id = batchId(domain, header);
  if (entries.length !== header.count)
    throw notCommitted(id, `it has ${entries.length} claims, not ${header.count}`);
  const tree = await treeOfClaims(entries.map((entry) => entry.claimId));
  if (tree.root !== header.root) throw notCommitted(id, "its claims have another root");
  if (header.dataRoot === ZERO_HASH) return { entries, tree };
  const opened = entries.flatMap(({ opening }) => (opening ? [{ opening }] : []));
  if (opened.length !== entries.length) throw notCommitted(id, "openings are missing");
  const dataTree = await treeOfOpenings(opened);
  if (dataTree.root !== header.dataRoot) throw notCommitted(id, "its openings have another root");
  return { entries, tree };
}

/** What is said of data that is not the committed one. */
export function notCommitted(id: Hex, reason: string): RelayerError {
  return new RelayerError(
    "MT-WATCH-002",
    `the data served for batch ${id} is not what was committed: ${reason}`,
    "It is tried again until the batch is final. An operator that withholds data should not be trusted.",
  );
}
