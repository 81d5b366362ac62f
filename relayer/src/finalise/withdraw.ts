// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { Contracts } from "../chain/contracts.ts";
import type { Rpc } from "../chain/rpc.ts";
import type { WithdrawConfig } from "../config/withdraw.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "../ops/logger.ts";
import { type Creditor, withdrawIntent } from "../tx/calls.ts";
import { closeQueued, enqueue, openOfKind } from "../tx/intents.ts";
import { LANES, type Lane } from "../tx/kinds.ts";

/** What somebody is owed. */
export interface Credit extends Creditor {
  amountWei: bigint;
}

/** What withdrawing needs. */
export interface WithdrawContext {
  ledger: Ledger;
  rpc: Rpc;
  contracts: Pick<Contracts, "settlement" | "settlementAddress" | "receipts" | "receiptsAddress">;
  logger: Logger;
  /** The accounts whose keys are here, by lane. */
  senders: Partial<Record<Lane, Address>>;
  /** Accounts that are only looked at: their keys are not here. */
  others: readonly Address[];
  withdraw: WithdrawConfig | undefined;
}

/** How often credits are looked at: nothing runs away. */
export const CREDITS_MILLISECONDS = 30_000;

/**
 * Looks at what is credited to our accounts, by Settlement and by Receipts, and withdraws what reaches the configured
 * amount: at once only one withdrawal for each account, contract and token.
 *
 * @returns every credit that is not zero
 */
export async function withdrawCredits(context: WithdrawContext): Promise<Credit[]> {
  const { ledger, rpc, logger, senders, withdraw } = context;
  const credits = await readCredits(context);
  const open = await openOfKind(ledger, "withdraw");
  const orphaned = open.filter(
    ({ state, lane, subject }) => state === "queued" && senders[lane] !== subject.account,
  );
  for (const { id, dedupeKey } of orphaned) {
    logger.warn(
      { code: "MT-TX-018", intent: dedupeKey },
      "the key of this credit is not in its lane any more",
    );
    await ledger.transaction((tx) => closeQueued(tx, id, "MT-TX-018"));
  }
  if (!withdraw) return credits;
  const turn = await rpc.getBlockNumber();
  for (const { amountWei, ...creditor } of credits) {
    const least = withdraw.leastWei.get(creditor.token);
    const lane = leastUrgentLane(senders, creditor.account);
    const isOnItsWay = open.some(({ subject }) => isOf(subject, creditor));
    if (least === undefined || amountWei < least || lane === undefined || isOnItsWay) continue;
    const intent = withdrawIntent(creditor, lane, withdraw.to, turn);
    if (await ledger.transaction((tx) => enqueue(tx, intent))) {
      logger.info({ ...creditor, amountWei: String(amountWei), to: withdraw.to }, "withdrawing what was won");
    }
  }
  return credits;
}

async function readCredits({ contracts, senders, others, withdraw }: WithdrawContext): Promise<Credit[]> {
  const accounts = [...new Set([...Object.values(senders), ...others])];
  const tokens = [...new Set([ZERO_ADDRESS, ...(withdraw?.leastWei.keys() ?? [])])];
  const vaults = [
    [contracts.settlementAddress, contracts.settlement],
    [contracts.receiptsAddress, contracts.receipts],
  ] as const;
  const credits = await Promise.all(
    vaults.flatMap(([contract, vault]) =>
      accounts.flatMap((account) =>
        tokens.map(async (token) => ({
          ...{ contract, token, account },
          amountWei: await vault.creditOf(account, token),
        })),
      ),
    ),
  );
  return credits.filter(({ amountWei }) => amountWei > 0n);
}

function leastUrgentLane(senders: WithdrawContext["senders"], account: Address): Lane | undefined {
  // A release can wait as well as this; what is promised cannot.
  const byPatience: readonly Lane[] = ["finalise", ...LANES.toReversed()];
  return byPatience.find((lane) => senders[lane] === account);
}

function isOf(subject: Record<string, string>, { contract, token, account }: Creditor): boolean {
  return subject.contract === contract && subject.token === token && subject.account === account;
}
