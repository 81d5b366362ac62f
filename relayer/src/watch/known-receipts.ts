// SPDX-License-Identifier: GPL-3.0-or-later

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { claimId as claimIdOf, claimToJson, parseClaim } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import type { Hex } from "@meantime/sdk/hex";
import { parseReceipt, type Receipt, receiptToJson } from "@meantime/sdk/receipt";
import { sql } from "kysely";
import { COMMIT_GRACE_SECONDS } from "../chain/pause.ts";
import { RelayerError } from "../errors.ts";
import type { Row, Writer } from "../ledger/schema.ts";
import type { BatchEntry } from "./batch-data.ts";
import type { WatchServices } from "./services.ts";
import { bindingSignatures } from "./signatures.ts";

/** `REPORT_WINDOW_SECONDS` of `contracts/Limits.sol`: what can be reported is kept so long. */
export const REPORT_WINDOW_SECONDS = 7 * 24 * 60 * 60;
/** A pause moves the time to report by seven days at most. */
const MAX_PAUSE_SECONDS = 7 * 24 * 60 * 60;

const NO_RECEIPT = "MT-WATCH-011";
const ROWS_PER_STATEMENT = 200;

/** What has been read of a folder, by ledger: a file is read once in a process. */
const filesRead = new WeakMap<object, Set<string>>();

/** Takes in the receipts that lie in the configured folder. A file that is none is said so once and left where it is. */
export async function readHeldReceipts(services: WatchServices): Promise<void> {
  const { config, ledger, logger } = services;
  const folder = config.watch.receiptsFolder;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  const read = filesRead.get(ledger) ?? new Set<string>();
  filesRead.set(ledger, read);
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".json") || read.has(name)) continue;
    try {
      const receipt = await readReceiptFile(join(folder, name), services.domain);
      await holdReceipt(services, receipt);
      read.add(name);
    } catch (error) {
      // Any other trouble, of the node or the ledger, may pass: the file is read again.
      if (!(error instanceof RelayerError) || error.code !== NO_RECEIPT) throw error;
      read.add(name);
      logger.warn({ code: error.code, file: name, message: error.message }, "a receipt is not taken in");
    }
  }
}

/** Puts a receipt into the folder that a watchtower reads. @returns where it lies */
export async function storeReceiptFile(
  file: string,
  folder: string,
  domain: SettlementDomain,
): Promise<{ claimId: Hex; file: string }> {
  const receipt = await readReceiptFile(file, domain);
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${receipt.claimId}.json`);
  await writeFile(path, `${JSON.stringify(receiptToJson(receipt))}\n`);
  return { claimId: receipt.claimId, file: path };
}

/** Notes the claims of a batch, with the signatures that bind, so that they can be compared with others. */
export async function noteBatchClaims(
  tx: Writer,
  place: { batchId: Hex; committedAt: number; nowSeconds: number },
  entries: readonly BatchEntry[],
  signatures: readonly (Hex | undefined)[],
): Promise<void> {
  const rows = entries.flatMap(({ claim, claimId }, at) =>
    Number(claim.commitBy) + KEPT_SECONDS < place.nowSeconds
      ? []
      : [
          {
            ...rowOf({ claim, claimId, signature: signatures[at] }),
            held: 0,
            batch_id: place.batchId,
            committed_at: place.committedAt,
          },
        ],
  );
  for (let from = 0; from < rows.length; from += ROWS_PER_STATEMENT) {
    await tx
      .insertInto("watch_receipts")
      .values(rows.slice(from, from + ROWS_PER_STATEMENT))
      .onConflict((conflict) =>
        conflict.column("claim_id").doUpdateSet((eb) => ({
          signature: eb.fn.coalesce("watch_receipts.signature", "excluded.signature"),
          // The first batch is the one that a promise was kept by.
          ...{ batch_id: first("batch_id"), committed_at: first("committed_at") },
          compared: 0,
        })),
      )
      .execute();
  }
}

/** Forgets what nobody can be held to any more. */
export async function forgetOld({ ledger, clock }: Pick<WatchServices, "ledger" | "clock">): Promise<void> {
  const before = clock.nowSeconds() - KEPT_SECONDS;
  const old = await ledger
    .selectFrom("watch_receipts")
    .select("claim_id")
    .where("commit_by", "<", before)
    .limit(1)
    .executeTakeFirst();
  if (!old) return;
  await ledger.transaction((tx) => tx.deleteFrom("watch_receipts").where("commit_by", "<", before).execute());
}

/** A receipt as it is known; it has a signature. */
export function receiptOf(row: Row<"watch_receipts">): Receipt {
  if (row.signature === null) throw new TypeError(`claim ${row.claim_id} has no signature`);
  return { claim: parseClaim(JSON.parse(row.claim)), claimId: row.claim_id, signature: row.signature };
}

const KEPT_SECONDS = REPORT_WINDOW_SECONDS + COMMIT_GRACE_SECONDS + MAX_PAUSE_SECONDS;

/** Of two batches with the same claim, the value of the one that was committed first. */
function first<Column extends "batch_id" | "committed_at">(column: Column) {
  return sql<Row<"watch_receipts">[Column]>`CASE
    WHEN watch_receipts.committed_at IS NULL OR excluded.committed_at < watch_receipts.committed_at
    THEN ${sql.ref(`excluded.${column}`)} ELSE ${sql.ref(`watch_receipts.${column}`)} END`;
}

async function holdReceipt(services: WatchServices, receipt: Receipt): Promise<void> {
  const { ledger, logger } = services;
  const { claimId, claim } = receipt;
  const [signature] = await bindingSignatures(services, claimId, claim.operator, [receipt]);
  if (!signature) {
    throw new RelayerError(
      NO_RECEIPT,
      `the receipt of claim ${claimId} was not signed by a key of its operator`,
      "It binds nobody: there is nothing to hold the operator to.",
      { claimId },
    );
  }
  const isNew = await ledger.transaction(async (tx) => {
    const known = await tx
      .selectFrom("watch_receipts")
      .select("held")
      .where("claim_id", "=", claimId)
      .executeTakeFirst();
    await tx
      .insertInto("watch_receipts")
      .values({ ...rowOf(receipt), held: 1, batch_id: null, committed_at: null })
      .onConflict((conflict) => conflict.column("claim_id").doUpdateSet({ held: 1, signature, compared: 0 }))
      .execute();
    return known?.held !== 1;
  });
  if (isNew) logger.info({ claimId, operator: claim.operator }, "holding a receipt");
}

async function readReceiptFile(file: string, domain: SettlementDomain): Promise<Receipt> {
  let receipt: Receipt;
  try {
    const json = JSON.parse(await readFile(file, "utf8")) as { receipt?: unknown };
    receipt = parseReceipt(json.receipt ?? json);
  } catch (error) {
    throw noReceipt(file, error instanceof Error ? error.message : String(error));
  }
  if (claimIdOf(domain, receipt.claim) === receipt.claimId) return receipt;
  throw noReceipt(file, "its claim id is that of another chain, Settlement contract or claim");
}

function noReceipt(file: string, reason: string): RelayerError {
  return new RelayerError(
    NO_RECEIPT,
    `${basename(file)} is no receipt of this chain: ${reason}`,
    "Give a receipt, or the answer that holds one, as the gateway sent it.",
    { file },
  );
}

function rowOf({
  claim,
  claimId,
  signature,
}: Pick<BatchEntry, "claim" | "claimId"> & { signature?: Hex | undefined }) {
  return {
    claim_id: claimId,
    operator: claim.operator,
    requester: claim.requester,
    request_id: claim.requestId,
    model_id: claim.modelId,
    input_hash: claim.inputHash,
    output_hash: claim.outputHash,
    claim: JSON.stringify(claimToJson(claim)),
    signature: signature ?? null,
    commit_by: Number(claim.commitBy),
  };
}
