// SPDX-License-Identifier: GPL-3.0-or-later

import { Transaction } from "ethers";
import { signAndBroadcast } from "./assign.ts";
import { type Attempt, feesOf } from "./attempts.ts";
import { carriesBlobs, findSidecar, goWithout, isLateForBlobs } from "./blobs.ts";
import { broadcast, isTooCheap } from "./broadcast.ts";
import { AT_CAP, budgetOf } from "./budget.ts";
import { type Step, verdictOf } from "./context.ts";
import { ceilingOf } from "./fee-caps.ts";
import { marketFees, replacementFees } from "./fees.ts";
import { highestNonceInFlight, type Intent } from "./intents.ts";
import { CANCELLED, endIntent, isPaused, tryLater } from "./outcomes.ts";

/** The code of transactions whose sender cannot pay. */
const UNPAYABLE = "MT-TX-004";
const SELF_TRANSFER_GAS = 21_000n;
/** A transaction that is not in a block after so many blocks is offered again at a higher fee. */
const BUMP_AFTER_BLOCKS = 5;
/** The same, when less than half of its time is left, or of the time of one that waits behind it. */
const URGENT_BUMP_AFTER_BLOCKS = 2;
const URGENT_PART = 0.5;

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
  const { bumps, unchecked, offeredAt } = step.memory;
  if (intent.unwanted && isPaused(step, intent) && !bumps.has(intent.id)) return;
  if (intent.unwanted && latest.cancels === 0) return cancel(step, intent, latest);
  const isAsked = bumps.delete(intent.id);
  // It offers all that it may: once a block is often enough.
  if (!isAsked && offeredAt.get(intent.id) === step.head) return;
  const isBumpDue = isAsked || (await isOverdue(step, intent, latest));
  if (!isBumpDue && intent.state === "broadcast" && !unchecked.has(intent.id)) return;
  const isGivenBack = latest.cancels === 0 && (await giveBackUnneeded(step, intent, attempts, latest));
  unchecked.delete(intent.id);
  if (isGivenBack) return;
  if (intent.state !== "broadcast" && (await goesWithout(step, intent, latest))) {
    return bump(step, intent, latest, isAsked);
  }
  if (isBumpDue) await bump(step, intent, latest, isAsked);
  else if (intent.state !== "broadcast") await offerStored(step, intent, latest);
}

/** By blocks, not by a clock: what is in no block while none comes is not late. */
async function isOverdue(step: Step, intent: Intent, latest: Attempt): Promise<boolean> {
  const blocks = step.head - latest.signed_at_block;
  if (blocks < URGENT_BUMP_AFTER_BLOCKS) return false;
  if (blocks >= BUMP_AFTER_BLOCKS) return true;
  const { gasLimit } = Transaction.from(latest.raw);
  const { part } = await budgetOf(step, intent, gasLimit, await marketFees(step.rpc));
  return part >= URGENT_PART;
}

/** The stored bytes as they are; where a node asks for more, dearer ones at once. */
async function offerStored(step: Step, intent: Intent, latest: Attempt): Promise<void> {
  const refusal = await broadcast(step, intent, latest);
  if (refusal === "insufficientFunds") return pauseUnwanted(step, intent, UNPAYABLE);
  if (!isTooCheap(refusal)) return;
  const { gasLimit } = Transaction.from(latest.raw);
  await replace(step, intent, latest, { gasLimit, cancels: latest.cancels === 1, isDemanded: true });
}

/**
 * Whether signed bytes name blobs that the intent goes without: from now on, where time is short and no node takes them.
 * After a reorganisation one may have them.
 */
async function goesWithout(step: Step, intent: Intent, latest: Attempt): Promise<boolean> {
  if (!carriesBlobs(latest)) return false;
  const hasThem = async () => (await findSidecar(step.ledger, intent)) !== undefined;
  if ((await hasThem()) && (await isLateForBlobs(step, intent))) {
    const refusal = await broadcast(step, intent, latest);
    if (refusal === undefined) return false;
    if (await hasThem()) await goWithout(step, intent, `no node has taken them: ${refusal}`);
  }
  return !(await hasThem());
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
  await replace(step, intent, latest, { gasLimit: SELF_TRANSFER_GAS, cancels: true });
  return true;
}

async function bump(step: Step, intent: Intent, latest: Attempt, isAsked: boolean): Promise<void> {
  const { gasLimit } = Transaction.from(latest.raw);
  step.logger.warn(
    { code: "MT-TX-009", intent: intent.dedupeKey, maxFeeWei: latest.max_fee_wei },
    "not in a block yet; offering a higher fee under the same nonce",
  );
  await replace(step, intent, latest, { gasLimit, cancels: latest.cancels === 1, isAsked });
}

async function cancel(step: Step, intent: Intent, latest: Attempt): Promise<void> {
  step.logger.warn(
    { code: CANCELLED, intent: intent.dedupeKey },
    "the operator cancels a transaction: its nonce goes to a transfer to oneself",
  );
  await replace(step, intent, latest, { gasLimit: SELF_TRANSFER_GAS, cancels: true });
}

interface Replacement {
  gasLimit: bigint;
  cancels: boolean;
  /** The operator wants it, whatever is at stake. */
  isAsked?: boolean;
  /** A node has just refused the latest bytes as too cheap. */
  isDemanded?: boolean;
}

/**
 * Offers other bytes under the same nonce; where they would cost more than they may, the old ones once a block. A cancel
 * that cannot be had now is tried again like what is not sent yet.
 */
async function replace(
  step: Step,
  intent: Intent,
  latest: Attempt,
  { gasLimit, cancels, isAsked, isDemanded }: Replacement,
): Promise<void> {
  // With blobs once, with blobs always: the pool that holds them takes nothing else of their sender.
  const keepsBlobs = carriesBlobs(latest) && (await findSidecar(step.ledger, intent)) !== undefined;
  const market = await marketFees(step.rpc, keepsBlobs);
  // A transfer to oneself costs little, and frees what waits behind it.
  const capWei =
    isAsked || cancels
      ? ceilingOf(market, step.limits)
      : (await budgetOf(step, intent, gasLimit, market)).capWei;
  const fees = replacementFees(feesOf(latest), market, capWei, isDemanded);
  if (!fees) {
    await stayAtCap(step, intent, latest);
    return pauseUnwanted(step, intent, AT_CAP);
  }
  const refusal = await signAndBroadcast(step, intent, { gasLimit, fees, capWei, cancels });
  if (refusal === "insufficientFunds") await pauseUnwanted(step, intent, UNPAYABLE);
}

/** Nothing depends on what the operator cancels: unlike the rest in flight it need not be offered with every step. */
async function pauseUnwanted(step: Step, intent: Intent, code: string): Promise<void> {
  if (intent.unwanted) await tryLater(step, intent, code);
}

async function stayAtCap(step: Step, intent: Intent, latest: Attempt): Promise<void> {
  const { ledger, logger, head, memory } = step;
  memory.offeredAt.set(intent.id, head);
  logger.error(
    { code: AT_CAP, intent: intent.dedupeKey, maxFeeWei: latest.max_fee_wei },
    "it offers all that may be spent on it, and is in no block; sending the same bytes again",
  );
  await ledger.transaction((tx) =>
    tx.updateTable("intents").set({ error: AT_CAP }).where("id", "=", intent.id).execute(),
  );
  await broadcast(step, intent, latest);
}
