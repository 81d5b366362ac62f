// SPDX-License-Identifier: GPL-3.0-or-later

import type { TransactionReceipt } from "ethers";
import { describeRevert } from "../chain/contracts.ts";
import { traced } from "../ops/tracing/trace.ts";
import { type Attempt, attemptsOf } from "./attempts.ts";
import { callOf, type Step } from "./context.ts";
import { isConfirmed } from "./finality.ts";
import { type Intent, reopen } from "./intents.ts";
import { giveUpNonce, REVERTED, retryDelay } from "./outcomes.ts";
import { offerAgain } from "./replace.ts";

/** Moves an intent that holds a nonce one step on. */
export async function settleInFlight(step: Step, intent: Intent): Promise<void> {
  const { rpc, ledger, chainCount } = step;
  if (intent.nonce === undefined) return;
  const attempts = await attemptsOf(ledger, intent);
  for (const attempt of attempts) {
    const receipt = await rpc.getTransactionReceipt(attempt.tx_hash);
    if (receipt) return recordMined(step, intent, attempt, receipt);
  }
  if (chainCount > intent.nonce) return settleTaken(step, intent, intent.nonce);
  if (intent.state === "mined") await sendAgain(step, intent);
  const latest = attempts[0];
  if (!latest) return giveUpNonce(step, intent, "no stored bytes");
  await offerAgain(step, intent, attempts, latest);
}

async function recordMined(
  step: Step,
  intent: Intent,
  attempt: Attempt,
  receipt: TransactionReceipt,
): Promise<void> {
  const { ledger, confirmations, logger, head, memory } = step;
  const hash = attempt.tx_hash;
  const isDeep = head - receipt.blockNumber + 1 >= confirmations && (await isConfirmed(step, receipt));
  if (intent.state !== "mined") {
    logger.info({ intent: intent.dedupeKey, hash, block: receipt.blockNumber }, "transaction mined");
  }
  // Until it is confirmed, a reorganisation may give the same bytes another outcome: they keep the nonce.
  if (isDeep && receipt.status === 0) return handleReverted(step, intent, receipt);
  // The nonce is spent. Whether the intent is done, moot or needed after all, the chain is asked once more.
  if (isDeep && attempt.cancels === 1) return giveUpNonce(step, intent, "cancelled");
  const state = isDeep ? "confirmed" : "mined";
  const block_number = receipt.blockNumber;
  const record = () =>
    ledger.transaction((tx) =>
      tx
        .updateTable("intents")
        .set({ state, tx_hash: hash, block_number, error: null })
        .where("id", "=", intent.id)
        .execute(),
    );
  const attributes = { intent: intent.dedupeKey, hash, block: block_number };
  await (intent.state === state ? record() : traced(`transaction.${state}`, attributes, record));
  memory.unchecked.delete(intent.id);
  memory.offeredAt.delete(intent.id);
}

async function handleReverted(step: Step, intent: Intent, receipt: TransactionReceipt): Promise<void> {
  const reason = await revertReason(step, intent, receipt.blockNumber);
  step.logger.error(
    { code: REVERTED, intent: intent.dedupeKey, hash: receipt.hash, reason },
    "the transaction was mined and reverted",
  );
  await giveUpNonce(step, intent, `${REVERTED} ${reason}`, retryDelay(intent.tries));
}

async function revertReason({ rpc, sender }: Step, intent: Intent, blockTag: number): Promise<string> {
  try {
    await rpc.call({ ...callOf(intent), from: intent.sender ?? sender, blockTag });
    return "unknown: the same call succeeds after its block";
  } catch (error) {
    return describeRevert(error) ?? String(error);
  }
}

/** Another transaction has the nonce. Until that is confirmed ours may still land, so it gets no second nonce. */
async function settleTaken(step: Step, intent: Intent, nonce: number): Promise<void> {
  const { rpc, sender, confirmations, logger, head } = step;
  const confirmed = Math.max(0, head - (confirmations - 1));
  if (confirmations > 1 && (await rpc.getBlock(head)) === null) return;
  if ((await rpc.getTransactionCount(sender, confirmed)) <= nonce) return;
  logger.warn({ code: "MT-TX-006", intent: intent.dedupeKey, nonce }, "another transaction took this nonce");
  await giveUpNonce(step, intent, "MT-TX-006");
}

/** Its block is gone. */
async function sendAgain({ ledger, logger }: Step, intent: Intent): Promise<void> {
  logger.warn(
    { code: "MT-TX-007", intent: intent.dedupeKey },
    "the block was reorganised away; sending again",
  );
  await ledger.transaction((tx) => reopen(tx, intent.id));
  intent.state = "signed";
}
