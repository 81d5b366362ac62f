// SPDX-License-Identifier: GPL-3.0-or-later

import { batchHeaderToJson } from "@meantime/sdk/batch";
import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { receiptToJson } from "@meantime/sdk/receipt";
import { findOwnHeader } from "../ledger/batches.ts";
import { receiptsOfBatch, type StoredReceipt } from "../ledger/receipts.ts";
import type { Reader } from "../ledger/schema.ts";

/**
 * Everything that a watchtower needs to check a batch, named by the hash of its header: once sealed it never changes, so
 * that anybody may keep it for ever. Without the openings where the policy keeps data private.
 *
 * @returns undefined for a batch that is not ours
 */
export async function batchFile(db: Reader, operator: Address, batchId: Hex) {
  const header = await findOwnHeader(db, operator, batchId);
  if (!header) return undefined;
  const isPublic = header.dataRoot !== ZERO_HASH;
  const stored = await receiptsOfBatch(db, batchId);
  return {
    batchId,
    header: batchHeaderToJson(header),
    claims: stored.map(({ receipt, opening }) => ({
      ...receiptToJson(receipt),
      ...(isPublic ? { opening: openingToJson(opening) } : {}),
    })),
  };
}

/** An opening as it is served: byte strings in base64url. */
export function openingToJson({ input, salt, output }: StoredReceipt["opening"]) {
  return {
    input: Buffer.from(input).toString("base64url"),
    salt,
    output: Buffer.from(output).toString("base64url"),
  };
}
