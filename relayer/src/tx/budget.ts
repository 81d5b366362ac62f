// SPDX-License-Identifier: GPL-3.0-or-later

import { Transaction } from "ethers";
import { TemporaryError } from "../errors.ts";
import { attemptsOf } from "./attempts.ts";
import type { Step } from "./context.ts";
import { elapsedPart, feeCap } from "./fee-caps.ts";
import type { Market } from "./fees.ts";
import { type Intent, inFlight } from "./intents.ts";

/** The code of transactions that wait for a cheaper market. */
export const OVER_CAP = "MT-TX-014";
/** The code of transactions in flight that offer all that they may. */
export const AT_CAP = "MT-TX-015";

/** What may be spent on a transaction now, and how much of its time is over. */
export interface Budget {
  /** For a unit of gas. */
  capWei: bigint;
  /** From 0 to 1; see {@link elapsedPart}. */
  part: number;
}

/**
 * The budget of a transaction. One that has a nonce has that of the most urgent behind it as well: they can only land
 * after it, so that a commit that is stuck under a shared key is bumped as if it were the answer that waits for it.
 */
export async function budgetOf(
  step: Step,
  intent: Intent,
  gasLimit: bigint,
  market: Market,
): Promise<Budget> {
  const { ledger, sender } = step;
  const own = await budgetAlone(step, intent, gasLimit, market);
  if (intent.nonce === undefined) return own;
  const { nonce } = intent;
  const behind = (await inFlight(ledger, sender)).filter((other) => (other.nonce ?? 0) > nonce);
  const budgets = await Promise.all(
    behind.map(async (other) => {
      const [latest] = await attemptsOf(ledger, other);
      if (!latest || latest.cancels === 1) return own;
      return budgetAlone(step, other, Transaction.from(latest.raw).gasLimit, market);
    }),
  );
  return [own, ...budgets].reduce((most, { capWei, part }) => ({
    capWei: capWei > most.capWei ? capWei : most.capWei,
    part: Math.max(most.part, part),
  }));
}

async function budgetAlone(
  { stakeOf, limits }: Step,
  intent: Intent,
  gasLimit: bigint,
  market: Market,
): Promise<Budget> {
  const atStake = await stakeOf(intent);
  return {
    capWei: feeCap(intent.kind, atStake, gasLimit, market, limits),
    part: atStake ? elapsedPart(atStake, market) : 0,
  };
}

/** Why an intent waits for a cheaper market. */
export function overCap({ id, kind }: Intent, capWei: bigint, { baseFeeWei }: Market): TemporaryError {
  return new TemporaryError(
    OVER_CAP,
    `transaction ${id} (${kind}) may cost ${capWei} wei for a unit of gas now; the latest block took ${baseFeeWei}`,
    "Nothing to do: what may be spent rises towards the deadline. `fees` of the configuration bounds it.",
    { id, kind, capWei: String(capWei), baseFeeWei: String(baseFeeWei) },
  );
}
