// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId, type Opening } from "@meantime/sdk/batch";
import { type Claim, claimId, parseClaim } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { asHex32, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import type { MerkleTree } from "@meantime/sdk/merkle";
import { z } from "zod";
import { RelayerError } from "../errors.ts";
import { inSlices } from "../ledger/slices.ts";
import { treeOfClaims, treeOfOpenings } from "../ledger/trees.ts";
import { fetchGuarded } from "./guard.ts";

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

const FETCH_TIMEOUT_MILLISECONDS = 20_000;
const ENTRIES_PER_STEP = 16;
/** Room for 65,536 claims of the largest kind that is served today. */
const MAX_RESPONSE_BYTES = 128 * 1024 * 1024;

const batchFileSchema = z.object({
  claims: z.array(
    z.object({
      claim: z.unknown(),
      signature: z.unknown(),
      opening: z.object({ input: z.string(), salt: z.unknown(), output: z.string() }).optional(),
    }),
  ),
});

/**
 * Fetches a batch from its operator and makes sure that it is the committed one: claims that rebuild the header's root,
 * openings that rebuild its data root if it has one. Nothing the operator sends is believed beyond that.
 *
 * @param header as the chain has it
 * @param allowPrivate follows the endpoint to private addresses too
 * @param signal gives up
 * @throws RelayerError `MT-WATCH-001` unreachable; `MT-WATCH-002` not the data that was committed; `MT-WATCH-008` an
 * address that is not followed
 */
export async function fetchBatch(
  endpoint: string,
  header: BatchHeader,
  domain: SettlementDomain,
  allowPrivate: boolean,
  signal?: AbortSignal,
): Promise<BatchData> {
  const id = batchId(domain, header);
  const url = batchUrl(endpoint, id);
  const limits = { timeoutMilliseconds: FETCH_TIMEOUT_MILLISECONDS, maxBytes: MAX_RESPONSE_BYTES };
  const file = parseFile(
    await fetchGuarded(url, { allowPrivate, ...limits, ...(signal ? { signal } : {}) }),
    id,
  );
  const isPrivate = header.dataRoot === ZERO_HASH;
  const entries = await inSlices(readEntries(file.claims, domain, isPrivate));
  if (entries.length !== header.count)
    throw notCommitted(id, `it has ${entries.length} claims, not ${header.count}`);
  const tree = await treeOfClaims(entries.map(({ claimId: leaf }) => leaf));
  if (tree.root !== header.root) throw notCommitted(id, "its claims have another root");
  if (isPrivate) return { entries, tree };
  const opened = entries.flatMap(({ opening }) => (opening ? [{ opening }] : []));
  if (opened.length !== entries.length) throw notCommitted(id, "openings are missing");
  const dataTree = await treeOfOpenings(opened);
  if (dataTree.root !== header.dataRoot) throw notCommitted(id, "its openings have another root");
  return { entries, tree };
}

function* readEntries(
  claims: z.output<typeof batchFileSchema>["claims"],
  domain: SettlementDomain,
  isPrivate: boolean,
): Generator<undefined, BatchEntry[]> {
  const entries: BatchEntry[] = [];
  for (const entry of claims) {
    const claim = parseClaim(entry.claim);
    const opening = isPrivate ? undefined : entry.opening;
    entries.push({
      claim,
      claimId: claimId(domain, claim),
      signature: entry.signature,
      opening: opening && {
        input: Buffer.from(opening.input, "base64url"),
        salt: asHex32(opening.salt, "salt"),
        output: Buffer.from(opening.output, "base64url"),
      },
    });
    if (entries.length % ENTRIES_PER_STEP === 0) yield;
  }
  return entries;
}

function batchUrl(endpoint: string, id: Hex): URL {
  try {
    return new URL(`v1/batches/${id}`, endpoint.endsWith("/") ? endpoint : `${endpoint}/`);
  } catch {
    throw new RelayerError(
      "MT-WATCH-001",
      `the announced endpoint ${JSON.stringify(endpoint.slice(0, 200))} is no address`,
      "Its batches cannot be checked until the operator announces where their data is.",
    );
  }
}

function parseFile(text: string, id: Hex) {
  try {
    return batchFileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw notCommitted(
      id,
      `it is not a batch file: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function notCommitted(id: Hex, reason: string): RelayerError {
  return new RelayerError(
    "MT-WATCH-002",
    `the data served for batch ${id} is not what was committed: ${reason}`,
    "It is tried again until the batch is final. An operator that withholds data should not be trusted.",
  );
}
