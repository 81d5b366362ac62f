// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";
import { type BatchHeader, batchHeaderToJson } from "@meantime/sdk/batch";
import { type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { receiptToJson } from "@meantime/sdk/receipt";
import { type StoredReceipt, someOfBatch } from "../ledger/receipts.ts";
import type { Reader } from "../ledger/schema.ts";

/** Of one file this many claims are in memory, some hundred kilobytes at most where they are public; the event loop turns between. */
export const CLAIMS_PER_SLICE = 16;

/**
 * Everything that a watchtower needs to check a batch, named by the hash of its header: once sealed it never changes, so
 * that anybody may keep it for ever. Without the openings where the policy keeps data private.
 *
 * @param batchId one of our own
 * @returns a JSON text, piece by piece: the next claims are read when their piece is asked for
 */
export async function* batchFile(
  db: Reader,
  batchId: Hex,
  header: BatchHeader,
): AsyncGenerator<string, void, undefined> {
  const withOpenings = header.dataRoot !== ZERO_HASH;
  const end = "]}";
  const around = JSON.stringify({ batchId, header: batchHeaderToJson(header), claims: [] });
  let before = around.slice(0, -end.length);
  for (let from = 0; from < header.count; from += CLAIMS_PER_SLICE) {
    const slice = await someOfBatch(db, batchId, { from, most: CLAIMS_PER_SLICE, withOpenings });
    yield before + slice.map((each) => JSON.stringify(entryOf(each))).join(",");
    before = ",";
    await setImmediate();
  }
  yield end;
}

function entryOf({ receipt, opening }: Awaited<ReturnType<typeof someOfBatch>>[number]) {
  return { ...receiptToJson(receipt), ...(opening ? { opening: openingToJson(opening) } : {}) };
}

/** An opening as it is served: byte strings in base64url. */
export function openingToJson({ input, salt, output }: StoredReceipt["opening"]) {
  return {
    input: Buffer.from(input).toString("base64url"),
    salt,
    output: Buffer.from(output).toString("base64url"),
  };
}
