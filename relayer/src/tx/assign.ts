// SPDX-License-Identifier: GPL-3.0-or-later

import { signAttempt, storeAttempt, type Unsigned } from "./attempts.ts";
import { blobHashesOf } from "./blobs.ts";
import { broadcast, isTooCheap } from "./broadcast.ts";
import type { Step } from "./context.ts";
import { type Fees, replacementFees } from "./fees.ts";
import { type Intent, lowestFreeNonce } from "./intents.ts";
import type { NodeErrorKind } from "./node-errors.ts";

/** The lowest nonce that neither the chain nor an intent has. */
export async function freeNonce({ ledger, rpc, sender }: Step): Promise<number> {
  return lowestFreeNonce(ledger, sender, await rpc.getTransactionCount(sender, "latest"));
}

/** What is offered for an intent's call, or for a transfer to oneself in its place. */
export interface Offer {
  gasLimit: bigint;
  fees: Fees;
  /** The most that a unit of gas may cost. */
  capWei: bigint;
  /** A transfer to oneself in place of the intent's call. */
  cancels: boolean;
}

/** So often a refused offer is raised at once: far enough for any step that a pool may be set to. */
const MAX_RAISES = 4;

/**
 * The write-ahead step: nonce and signed bytes are durable before the first byte leaves. An intent that has a nonce keeps
 * it. What a node refuses as too little is raised at once, within the cap.
 *
 * @returns why the last of it was refused
 */
export async function signAndBroadcast(
  step: Step,
  intent: Intent,
  offer: Offer,
): Promise<NodeErrorKind | undefined> {
  const nonce = intent.nonce ?? (await freeNonce(step));
  let { fees } = offer;
  for (let raises = 0; ; raises++) {
    const refusal = await signOnce(step, intent, nonce, { ...offer, fees });
    if (!isTooCheap(refusal) || raises === MAX_RAISES) return refusal;
    const dearer = replacementFees(fees, fees, offer.capWei, true);
    if (!dearer) return refusal;
    fees = dearer;
  }
}

async function signOnce(step: Step, intent: Intent, nonce: number, { gasLimit, fees, cancels }: Offer) {
  const { ledger, chainId, signer, sender, head } = step;
  // Before the transaction: a remote signer takes its time. Nobody else gives out nonces of this sender meanwhile.
  const blobHashes = fees.blobFeeWei === undefined ? undefined : await blobHashesOf(ledger, intent);
  const unsigned: Unsigned = { chainId, nonce, gasLimit, fees, head, cancels, blobHashes };
  const signed = await signAttempt(signer, intent, unsigned);
  await ledger.transaction((tx) => storeAttempt(tx, intent, signed, { sender, nonce }));
  return broadcast(step, intent, signed);
}
