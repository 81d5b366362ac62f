// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { Transaction } from "ethers";
import { decodeSidecar, encodeSidecar, type Sidecar, versionedHash } from "../availability/sidecar.ts";
import type { Reader, Writer } from "../ledger/schema.ts";
import type { Attempt } from "./attempts.ts";
import type { OutboxContext, Step } from "./context.ts";
import { type Market, marketFees } from "./fees.ts";
import type { Intent } from "./intents.ts";

/** Wrapper version 1 of EIP-7594: with cell proofs. */
const CELL_WRAPPER = 1;

/** Keeps what a transaction carries beside itself, until that is final. Together with the intent, so that neither is alone. */
export async function insertSidecar(tx: Writer, dedupeKey: string, sidecar: Sidecar): Promise<void> {
  await tx
    .insertInto("sidecars")
    .values({ dedupe_key: dedupeKey, bytes: encodeSidecar(sidecar) })
    .onConflict((conflict) => conflict.column("dedupe_key").doNothing())
    .execute();
}

/** The blobs of an intent. Undefined: it has none, is final, or goes without. */
export async function findSidecar(
  db: Reader,
  { dedupeKey }: Pick<Intent, "dedupeKey">,
): Promise<Sidecar | undefined> {
  const row = await db
    .selectFrom("sidecars")
    .select("bytes")
    .where("dedupe_key", "=", dedupeKey)
    .executeTakeFirst();
  return row && decodeSidecar(row.bytes);
}

/** From now on the intent goes without blobs. */
export async function dropSidecar(tx: Writer, { dedupeKey }: Pick<Intent, "dedupeKey">): Promise<void> {
  await tx.deleteFrom("sidecars").where("dedupe_key", "=", dedupeKey).execute();
}

/** Whether signed bytes are those of a transaction with blobs. */
export function carriesBlobs({ blob_fee_wei }: Pick<Attempt, "blob_fee_wei">): boolean {
  return blob_fee_wei !== null;
}

/** What a transaction names the blobs of an intent by; undefined where it goes without. */
export async function blobHashesOf(db: Reader, intent: Intent): Promise<Hex[] | undefined> {
  const sidecar = await findSidecar(db, intent);
  return sidecar?.blobs.map(({ commitment }) => versionedHash(commitment));
}

/**
 * The bytes that a node wants: of a transaction with blobs the stored, signed ones with the blobs, commitments and proofs
 * around them. Undefined where the blobs are gone.
 */
export async function networkBytes(
  { ledger }: Pick<OutboxContext, "ledger">,
  intent: Intent,
  attempt: Attempt,
): Promise<Hex | undefined> {
  if (!carriesBlobs(attempt)) return attempt.raw;
  const sidecar = await findSidecar(ledger, intent);
  if (!sidecar) return undefined;
  const transaction = Transaction.from(attempt.raw);
  const named = new Set(transaction.blobVersionedHashes ?? []);
  const carried = sidecar.blobs.filter(({ commitment }) => named.has(versionedHash(commitment)));
  if (sidecar.proofKind === "cell") transaction.blobWrapperVersion = CELL_WRAPPER;
  transaction.blobs = carried.map(({ blob, commitment, proofs }) => ({
    data: hexOf(blob),
    commitment: hexOf(commitment),
    proof: hexOf(proofs),
  }));
  return transaction.serialized as Hex;
}

/**
 * What the market asks for the first transaction of an intent: for its blobs too, where it carries them. While blobs are
 * dearer than the operator allows the intent waits, until its subject's `blobsUntil` (unix seconds); then it goes without.
 *
 * @returns undefined where it has to wait
 */
export async function firstMarket(step: Step, intent: Intent): Promise<Market | undefined> {
  const { ledger, rpc } = step;
  const withBlobs = (await findSidecar(ledger, intent)) !== undefined;
  // What closes a gap is what the others wait for.
  if (intent.kind !== "fill" && (await waitsForOthers(step, withBlobs))) {
    // Without them it need not wait for those that never end.
    if (withBlobs && (await isLateForBlobs(step, intent))) {
      await goWithout(step, intent, "its sender has transactions without blobs on their way");
    }
    return undefined;
  }
  const market = await marketFees(rpc, withBlobs);
  if (!withBlobs || step.maxBlobFeeWei === undefined || (market.blobFeeWei ?? 0n) <= step.maxBlobFeeWei) {
    return market;
  }
  if (await isLateForBlobs(step, intent)) {
    await goWithout(step, intent, "they are dearer than commit.blobs.maxFeeGwei");
  }
  return undefined;
}

/** Whether an intent must no longer wait for its blobs. */
export async function isLateForBlobs(
  { rpc }: Pick<OutboxContext, "rpc">,
  { subject }: Intent,
): Promise<boolean> {
  const head = await rpc.getBlock("latest");
  return head !== null && head.timestamp >= Number(subject.blobsUntil ?? 0);
}

/** Its data is with its operator alone then. */
export async function goWithout(
  { ledger, logger }: Pick<OutboxContext, "ledger" | "logger">,
  intent: Intent,
  reason: string,
): Promise<void> {
  logger.warn({ code: "MT-TX-019", intent: intent.dedupeKey, reason }, "it goes without its blobs");
  await ledger.transaction((tx) => dropSidecar(tx, intent));
}

/**
 * Whether the sender has transactions of the other sort on their way: geth keeps transactions with blobs in a pool of their
 * own, and lets a sender be in one pool only.
 */
async function waitsForOthers(
  { ledger, sender }: Pick<Step, "ledger" | "sender">,
  withBlobs: boolean,
): Promise<boolean> {
  const others = await ledger
    .selectFrom("intents as i")
    .innerJoin("attempts as a", "a.tx_hash", "i.tx_hash")
    .select("i.id")
    .where("i.sender", "=", sender)
    .where("i.state", "in", ["signed", "broadcast"])
    .where("a.blob_fee_wei", withBlobs ? "is" : "is not", null)
    .limit(1)
    .executeTakeFirst();
  return others !== undefined;
}

function hexOf(bytes: Uint8Array): Hex {
  return `0x${Buffer.from(bytes).toString("hex")}`;
}
