// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId, leafHash, type Opening, openingLeaf } from "@meantime/sdk/batch";
import { type Claim, claimId, parseClaim } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { asHex32, type Hex } from "@meantime/sdk/hex";
import { buildMerkleTree, type MerkleTree } from "@meantime/sdk/merkle";
import { z } from "zod";
import { RelayerError } from "../errors.ts";

/** One claim of a batch with all that is needed to check it. */
export interface BatchEntry {
  claim: Claim;
  claimId: Hex;
  /** As served, unchecked: the chain does not commit to it, so it must not decide whether the claim is looked at. */
  signature: unknown;
  opening: Opening;
}

/** The data of a batch, known to be what its header commits to. */
export interface BatchData {
  entries: BatchEntry[];
  tree: MerkleTree;
}

const FETCH_TIMEOUT_MILLISECONDS = 20_000;
/** Room for 65,536 claims of the largest kind that is served today. */
const MAX_RESPONSE_BYTES = 128 * 1024 * 1024;

const batchFileSchema = z.object({
  claims: z.array(
    z.object({
      claim: z.unknown(),
      signature: z.unknown(),
      opening: z.object({ input: z.string(), salt: z.unknown(), output: z.string() }),
    }),
  ),
});

/**
 * Fetches a batch from its operator and makes sure that it is the committed one: claims that rebuild the header's root,
 * openings that rebuild its data root. Nothing the operator sends is believed beyond that.
 *
 * @param header as the chain has it
 * @throws RelayerError `MT-WATCH-001` unreachable; `MT-WATCH-002` not the data that was committed
 */
export async function fetchBatch(
  endpoint: string,
  header: BatchHeader,
  domain: SettlementDomain,
): Promise<BatchData> {
  const id = batchId(domain, header);
  const url = new URL(`v1/batches/${id}`, endpoint.endsWith("/") ? endpoint : `${endpoint}/`);
  const file = parseFile(await fetchText(url), id);
  const entries = file.claims.map((entry): BatchEntry => {
    const claim = parseClaim(entry.claim);
    return {
      claim,
      claimId: claimId(domain, claim),
      signature: entry.signature,
      opening: {
        input: Buffer.from(entry.opening.input, "base64url"),
        salt: asHex32(entry.opening.salt, "salt"),
        output: Buffer.from(entry.opening.output, "base64url"),
      },
    };
  });
  if (entries.length !== header.count)
    throw notCommitted(id, `it has ${entries.length} claims, not ${header.count}`);
  const tree = buildMerkleTree(entries.map((entry, index) => leafHash(index, entry.claimId)));
  if (tree.root !== header.root) throw notCommitted(id, "its claims have another root");
  const dataTree = buildMerkleTree(entries.map((entry, index) => openingLeaf(index, entry.opening)));
  if (dataTree.root !== header.dataRoot) throw notCommitted(id, "its openings have another root");
  return { entries, tree };
}

async function fetchText(url: URL): Promise<string> {
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw unreachable(url, `it is not an http address`);
  try {
    const response = await fetch(url, {
      redirect: "error",
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MILLISECONDS),
    });
    if (!response.ok) throw unreachable(url, `status ${response.status}`);
    return await readLimited(response, url);
  } catch (error) {
    if (error instanceof RelayerError) throw error;
    throw unreachable(url, error instanceof Error ? error.message : String(error));
  }
}

async function readLimited(response: Response, url: URL): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_RESPONSE_BYTES) throw unreachable(url, `it sends more than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
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

function unreachable(url: URL, reason: string): RelayerError {
  return new RelayerError(
    "MT-WATCH-001",
    `the batch data at ${url.href} cannot be had: ${reason}`,
    "It is tried again until the batch is final. An operator that withholds data should not be trusted.",
  );
}

function notCommitted(id: Hex, reason: string): RelayerError {
  return new RelayerError(
    "MT-WATCH-002",
    `the data served for batch ${id} is not what was committed: ${reason}`,
    "It is tried again until the batch is final. An operator that withholds data should not be trusted.",
  );
}
