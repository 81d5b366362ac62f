// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { Transaction } from "ethers";
import type { Reader, Row, Writer } from "../ledger/schema.ts";
import type { Signer } from "../signers/signer.ts";
import type { Fees } from "./fees.ts";
import type { Intent } from "./intents.ts";

/** Signed bytes of one nonce. */
export type Attempt = Pick<
  Row<"attempts">,
  "tx_hash" | "raw" | "cancels" | "max_fee_wei" | "tip_wei" | "blob_fee_wei" | "signed_at_block"
>;

/** What is signed for an intent. */
export interface Unsigned {
  chainId: number;
  nonce: number;
  gasLimit: bigint;
  fees: Fees;
  /** The head at this time. */
  head: number;
  /** A transfer to oneself instead of the intent's call. */
  cancels: boolean;
  /** What it carries; with `fees.blobFeeWei`. A transfer to oneself that replaces it carries the first one. */
  blobHashes?: readonly Hex[] | undefined;
}

/** Signs an intent's call, or the transfer to oneself that takes its place. */
export async function signAttempt(signer: Signer, intent: Intent, unsigned: Unsigned): Promise<Attempt> {
  const { chainId, nonce, gasLimit, fees, head, cancels, blobHashes } = unsigned;
  const { blobFeeWei } = fees;
  const transaction = Transaction.from({
    ...(blobHashes && blobFeeWei !== undefined
      ? {
          type: 3,
          maxFeePerBlobGas: blobFeeWei,
          blobVersionedHashes: blobHashes.slice(0, cancels ? 1 : undefined),
        }
      : { type: 2 }),
    chainId,
    nonce,
    gasLimit,
    maxFeePerGas: fees.maxFeeWei,
    maxPriorityFeePerGas: fees.tipWei,
    ...(cancels
      ? { to: signer.address, data: "0x", value: 0n }
      : { to: intent.to, data: intent.data, value: intent.valueWei }),
  });
  transaction.signature = await signer.sign(transaction.unsignedSerialized as Hex);
  return {
    tx_hash: transaction.hash as Hex,
    raw: transaction.serialized as Hex,
    cancels: cancels ? 1 : 0,
    max_fee_wei: fees.maxFeeWei.toString(),
    tip_wei: fees.tipWei.toString(),
    blob_fee_wei: transaction.type === 3 && blobFeeWei !== undefined ? blobFeeWei.toString() : null,
    signed_at_block: head,
  };
}

/** Reserves the nonce for the intent and stores its bytes, at once. */
export async function storeAttempt(
  tx: Writer,
  intent: Intent,
  attempt: Attempt,
  reserved: { sender: NonNullable<Intent["sender"]>; nonce: number },
): Promise<void> {
  const { tx_hash, cancels: cancelling, signed_at_block } = attempt;
  await tx
    .insertInto("attempts")
    .values({ ...attempt, intent_id: intent.id, nonce: reserved.nonce })
    .onConflict((conflict) =>
      conflict.column("tx_hash").doUpdateSet({ intent_id: intent.id, signed_at_block }),
    )
    .execute();
  const { numUpdatedRows } = await tx
    .updateTable("intents")
    .set({ state: "signed", ...reserved, cancelling, tx_hash, error: null })
    .where("id", "=", intent.id)
    .where((eb) => eb.or([eb("sender", "is", null), eb("sender", "=", reserved.sender)]))
    .where((eb) => eb.or([eb("nonce", "is", null), eb("nonce", "=", reserved.nonce)]))
    .where("state", "in", ["queued", "signed", "broadcast", "mined"])
    .executeTakeFirstOrThrow();
  // It was given up while it was being signed, or sent by another worker that held the lease meanwhile; or two workers of different configurations hold two senders of its lane, and
  // the other was faster.
  if (numUpdatedRows === 0n) throw new TypeError(`transaction ${intent.id} is not this sender's any more`);
}

/** The stored bytes of an intent's present nonce, newest first. */
export function attemptsOf(db: Reader, intent: Intent): Promise<Attempt[]> {
  return db
    .selectFrom("attempts")
    .selectAll()
    .where("intent_id", "=", intent.id)
    .where("nonce", "=", intent.nonce ?? null)
    .orderBy("sequence", "desc")
    .execute();
}

/** What stored bytes offer. */
export function feesOf(attempt: Attempt): Fees {
  const { max_fee_wei, tip_wei, blob_fee_wei } = attempt;
  return {
    ...{ maxFeeWei: BigInt(max_fee_wei), tipWei: BigInt(tip_wei) },
    ...(blob_fee_wei === null ? {} : { blobFeeWei: BigInt(blob_fee_wei) }),
  };
}
