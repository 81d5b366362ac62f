// SPDX-License-Identifier: GPL-3.0-or-later

import { signAttempt, storeAttempt, type Unsigned } from "./attempts.ts";
import { blobHashesOf } from "./blobs.ts";
import { broadcast } from "./broadcast.ts";
import type { Step } from "./context.ts";
import type { Fees } from "./fees.ts";
import { type Intent, lowestFreeNonce } from "./intents.ts";

/** The lowest nonce that neither the chain nor an intent has. */
export async function freeNonce({ ledger, rpc, sender }: Step): Promise<number> {
  return lowestFreeNonce(ledger, sender, await rpc.getTransactionCount(sender, "latest"));
}

/**
 * The write-ahead step: nonce and signed bytes are durable before the first byte leaves. An intent that has a nonce keeps
 * it.
 *
 * @param cancels a transfer to oneself in place of the intent's call
 */
export async function signAndBroadcast(
  step: Step,
  intent: Intent,
  gasLimit: bigint,
  fees: Fees,
  cancels: boolean,
): Promise<void> {
  const { ledger, chainId, signer, sender, head } = step;
  const nonce = intent.nonce ?? (await freeNonce(step));
  // Before the transaction: a remote signer takes its time. Nobody else gives out nonces of this sender meanwhile.
  const blobHashes = fees.blobFeeWei === undefined ? undefined : await blobHashesOf(ledger, intent);
  const unsigned: Unsigned = { chainId, nonce, gasLimit, fees, head, cancels, blobHashes };
  const signed = await signAttempt(signer, intent, unsigned);
  await ledger.transaction((tx) => storeAttempt(tx, intent, signed, { sender, nonce }));
  await broadcast(step, intent, signed);
}
