// SPDX-License-Identifier: GPL-3.0-or-later

import { describeRevert } from "../chain/contracts.ts";
import type { RelayerError } from "../errors.ts";
import { signAndBroadcast } from "./assign.ts";
import { firstMarket } from "./blobs.ts";
import { budgetOf, overCap } from "./budget.ts";
import { callOf, type Step, verdictOf } from "./context.ts";
import { isPatient } from "./fee-caps.ts";
import { cappedFees } from "./fees.ts";
import type { Intent } from "./intents.ts";
import { classifyNodeError } from "./node-errors.ts";
import { endIntent, pause, tryLater, WOULD_REVERT } from "./outcomes.ts";

/** A transaction may use at most this much gas (EIP-7825). */
const MAX_TRANSACTION_GAS = 16_777_216n;
/** The pause before the chain is asked again about what it does not need yet. */
const LATER_MILLISECONDS = 500;
/** The pause before the market is asked again: a quarter of a block. */
const MARKET_MILLISECONDS = 3_000;

/** Signs and sends a queued intent, if the chain needs it and a node would run it. */
export async function sendFirst(step: Step, intent: Intent): Promise<void> {
  if (!(await isDue(step, intent))) return;
  if (isPatient(intent.kind) && step.isPoor?.(step.sender)) {
    return pause(step, intent, "MT-TX-017", MARKET_MILLISECONDS);
  }
  const gas = await estimate(step, intent);
  if (gas === undefined) return;
  if (gas > MAX_TRANSACTION_GAS) {
    step.logger.error(
      { code: "MT-TX-005", intent: intent.dedupeKey, gas: String(gas) },
      "needs more gas than allowed",
    );
    await endIntent(step.ledger, intent, "failed", "MT-TX-005");
    return;
  }
  const padded = (gas * 12n) / 10n;
  const gasLimit = padded > MAX_TRANSACTION_GAS ? MAX_TRANSACTION_GAS : padded;
  const market = await firstMarket(step, intent);
  if (!market) return pause(step, intent, intent.error ?? null, LATER_MILLISECONDS);
  const { capWei } = await budgetOf(step, intent, gasLimit, market);
  const fees = cappedFees(market, capWei);
  // What can wait takes no nonce that it may be stuck with.
  if (!fees || (isPatient(intent.kind) && fees.maxFeeWei < market.maxFeeWei)) {
    return waitForMarket(step, intent, overCap(intent, capWei, market));
  }
  await signAndBroadcast(step, intent, { gasLimit, fees, capWei, cancels: false });
}

/** The market is dearer than what is at stake allows now. No nonce was taken. */
async function waitForMarket(step: Step, intent: Intent, { code, message }: RelayerError): Promise<void> {
  if (intent.error !== code) step.logger.warn({ code, intent: intent.dedupeKey }, message);
  await pause(step, intent, code, MARKET_MILLISECONDS);
}

/** Asks the chain, and ends what it has or can never take. @returns whether to send it now */
async function isDue(step: Step, intent: Intent): Promise<boolean> {
  const { ledger, logger } = step;
  const verdict = await verdictOf(step, intent);
  switch (verdict) {
    case "needed":
      return true;
    case "later":
      await pause(step, intent, intent.error ?? null, LATER_MILLISECONDS);
      return false;
    case "done":
      logger.info({ intent: intent.dedupeKey }, "the chain already has it");
      await endIntent(ledger, intent, "satisfied", null);
      return false;
    case "moot":
      logger.warn({ intent: intent.dedupeKey, code: "MT-TX-008" }, "it cannot succeed any more; given up");
      await endIntent(ledger, intent, "failed", "MT-TX-008");
      return false;
  }
}

/** @returns the gas it needs; undefined where the node would not run it now */
async function estimate(step: Step, intent: Intent): Promise<bigint | undefined> {
  try {
    return await step.rpc.estimateGas({ ...callOf(intent), from: step.sender });
  } catch (error) {
    await postpone(step, intent, error);
    return undefined;
  }
}

/** The node would not run it now: say why, try again later. No nonce was taken. */
async function postpone(step: Step, intent: Intent, error: unknown): Promise<void> {
  const revert = describeRevert(error);
  const poor = revert === undefined && classifyNodeError(error).kind === "insufficientFunds";
  if (revert === undefined && !poor) throw error;
  const code = poor ? "MT-TX-004" : WOULD_REVERT;
  step.logger.warn(
    { code, intent: intent.dedupeKey, reason: revert ?? "insufficient funds", sender: step.sender },
    poor
      ? "the sender cannot pay; top it up, no restart is needed"
      : "the call would revert now; trying again later",
  );
  await tryLater(step, intent, `${code} ${revert ?? ""}`.trim());
}
