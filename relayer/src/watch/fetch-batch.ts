// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId } from "@meantime/sdk/batch";
import { claimId, parseClaim } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { asHex32, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { z } from "zod";
import { RelayerError } from "../errors.ts";
import { inSlices } from "../ledger/slices.ts";
import { type BatchData, type BatchEntry, checkedBatch, notCommitted } from "./batch-data.ts";
import { fetchGuarded } from "./guard.ts";

const FETCH_TIMEOUT_MILLISECONDS = 20_000;
const ENTRIES_PER_STEP = 16;
/** Room for 65,536 claims of the largest kind that is served today. */
export const MAX_RESPONSE_BYTES = 128 * 1024 * 1024;
/** Twice what a claim takes with the largest opening that can be shown on chain (`MAX_OPENING_BYTES`, in base64). */
const BYTES_OF_A_CLAIM = 24 * 1024;
const BYTES_AROUND_CLAIMS = 64 * 1024;

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
 * @param maxBytes what is read at most
 * @throws RelayerError `MT-WATCH-001` unreachable, or {@link isTooLarge}; `MT-WATCH-002` not the data that was committed; `MT-WATCH-008` an
 * address that is not followed
 */
export async function fetchBatch(
  endpoint: string,
  header: BatchHeader,
  domain: SettlementDomain,
  allowPrivate: boolean,
  signal?: AbortSignal,
  maxBytes?: number,
): Promise<BatchData> {
  const text = await fetchBatchText(endpoint, batchId(domain, header), allowPrivate, signal, maxBytes);
  return readBatchData(text, header, domain);
}

/** What the file of a batch hardly exceeds. */
export function usualBytesOf({ count }: Pick<BatchHeader, "count">): number {
  return Math.min(MAX_RESPONSE_BYTES, BYTES_AROUND_CLAIMS + count * BYTES_OF_A_CLAIM);
}

/**
 * The text of a batch file, as an operator's endpoint serves it.
 *
 * @throws RelayerError `MT-WATCH-001` unreachable; `MT-WATCH-008` an address that is not followed
 */
export async function fetchBatchText(
  endpoint: string,
  id: Hex,
  allowPrivate: boolean,
  signal?: AbortSignal,
  maxBytes = MAX_RESPONSE_BYTES,
): Promise<string> {
  const limits = { timeoutMilliseconds: FETCH_TIMEOUT_MILLISECONDS, maxBytes };
  return fetchGuarded(batchUrl(endpoint, id), { allowPrivate, ...limits, ...(signal ? { signal } : {}) });
}

/**
 * What a batch file says, once it was seen to be what the header commits to.
 *
 * @throws RelayerError `MT-WATCH-002` not the data that was committed
 */
export async function readBatchData(
  text: string,
  header: BatchHeader,
  domain: SettlementDomain,
): Promise<BatchData> {
  const id = batchId(domain, header);
  const file = parseFile(text, id);
  const isPrivate = header.dataRoot === ZERO_HASH;
  const entries = await inSlices(readEntries(file.claims, domain, isPrivate));
  return checkedBatch(header, domain, entries);
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
