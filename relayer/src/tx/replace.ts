// SPDX-License-Identifier: GPL-3.0-or-later

import { Transaction } from "ethers";
import { signAndBroadcast } from "./assign.ts";
import { type Attempt, feesOf } from "./attempts.ts";
import { carriesBlobs, findSidecar, goWithout, isLateForBlobs } from "./blobs.ts";
import { broadcast } from "./broadcast.ts";
import { type Step, verdictOf } from "./context.ts";
import { marketBlobFees, marketFees, replacementFees } from "./fees.ts";
import { highestNonceInFlight, type Intent } from "./intents.ts";
import { CANCELLED, endIntent } from "./outcomes.ts";

const SELF_TRANSFER_GAS = 21_000n;
/** A transaction that is not in a block after this many blocks is offered again at a higher fee. */
const BUMP_AFTER_BLOCKS = 5;

/**
 * Sends the stored bytes of an intent that is in no block, or dearer ones, if the chain still needs it.
 *
 * @param attempts newest first
 * @param latest the first of them
 */
export async function offerAgain(
  step: Step,
  intent: Intent,
  attempts: readonly Attempt[],
  latest: Attempt,
): Promise<void> {
  const { wishes, unchecked } = step.memory;
  const wish = wishes.get(intent.id);
  wishes.delete(intent.id);
  if (wish === "cancel") return cancel(step, intent, latest);
  const isBumpDue = wish === "bump" || step.head - latest.signed_at_block >= BUMP_AFTER_BLOCKS;
  if (!isBumpDue && intent.state === "broadcast" && !unchecked.has(intent.id)) return;
  const isGivenBack = latest.cancels === 0 && (await giveBackUnneeded(step, intent, attempts, latest));
  unchecked.delete(intent.id);
  if (isGivenBack) return;
  if (isBumpDue) await bump(step, intent, latest);
  else if (intent.state !== "broadcast") await offerStored(step, intent, latest);
}

/** What the chain no longer needs is not sent again. @returns whether the intent was dealt with */
async function giveBackUnneeded(
  step: Step,
  intent: Intent,
  attempts: readonly Attempt[],
  latest: Attempt,
): Promise<boolean> {
  const { ledger, rpc, logger, sender } = step;
  const verdict = await verdictOf(step, intent);
  if (verdict === "needed" || verdict === "later") return false;
  const seen = await Promise.all(attempts.map((attempt) => rpc.getTransaction(attempt.tx_hash)));
  // A nonce below others in flight has to be used: they would wait for it for ever.
  const isLast = (await highestNonceInFlight(ledger, sender)) === intent.nonce;
  if (isLast && seen.every((transaction) => transaction === null)) {
    logger.info({ intent: intent.dedupeKey, verdict }, "not needed any more; its nonce is free again");
    const state = verdict === "done" ? "satisfied" : "failed";
    await endIntent(ledger, intent, state, `${verdict} before it was sent`);
    return true;
  }
  logger.info(
    { intent: intent.dedupeKey, verdict },
    "not needed any more; cancelling by a transfer to oneself",
  );
  await replace(step, intent, latest, SELF_TRANSFER_GAS, true);
  return true;
}

/** The stored bytes as they are, which no node took; where the intent goes without the blobs that they name, others. */
async function offerStored(step: Step, intent: Intent, latest: Attempt): Promise<void> {
  if (carriesBlobs(latest)) {
    if (await isLateForBlobs(step, intent)) await goWithout(step, intent, "no node has taken them");
    if (!(await findSidecar(step.ledger, intent))) return bump(step, intent, latest);
  }
  await broadcast(step, intent, latest);
}

async function bump(step: Step, intent: Intent, latest: Attempt): Promise<void> {
  const { gasLimit } = Transaction.from(latest.raw);
  step.logger.warn(
    { code: "MT-TX-009", intent: intent.dedupeKey, maxFeeWei: latest.max_fee_wei },
    "not in a block yet; offering a higher fee under the same nonce",
  );
  await replace(step, intent, latest, gasLimit, latest.cancels === 1);
}

async function cancel(step: Step, intent: Intent, latest: Attempt): Promise<void> {
  step.memory.unwanted.add(intent.id);
  step.logger.warn(
    { code: CANCELLED, intent: intent.dedupeKey },
    "the operator cancels a transaction: its nonce goes to a transfer to oneself",
  );
  await replace(step, intent, latest, SELF_TRANSFER_GAS, true);
}

/** Offers other bytes under the same nonce; where the market does not justify a higher fee, the old ones again. */
async function replace(
  step: Step,
  intent: Intent,
  latest: Attempt,
  gasLimit: bigint,
  cancels: boolean,
): Promise<void> {
  // With blobs once, with blobs always: the pool that holds them takes nothing else of their sender.
  const keepsBlobs = carriesBlobs(latest) && (await findSidecar(step.ledger, intent)) !== undefined;
  const market = await (keepsBlobs ? marketBlobFees(step.rpc) : marketFees(step.rpc));
  const fees = replacementFees(feesOf(latest), market);
  if (fees) await signAndBroadcast(step, intent, gasLimit, fees, cancels);
  else await broadcast(step, intent, latest);
}
