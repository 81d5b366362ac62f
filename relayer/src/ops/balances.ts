// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { Rpc } from "../chain/rpc.ts";
import type { Logger } from "./logger.ts";

/** What a commit of a full batch costs, with room to spare: balances are told in such transactions. */
export const TYPICAL_GAS = 250_000n;

/** How often balances are looked at: so long a sender that was topped up waits at most. */
export const BALANCES_MILLISECONDS = 3_000;

/** The ether of one sender. */
export interface Balance {
  balanceWei: bigint;
  /** Typical transactions that it can pay for at the present fee. */
  transactions: number;
  /** Whether these are fewer than its floor. */
  isPoor: boolean;
}

/** The senders' ether, as of the last look. */
export interface Balances {
  look(): Promise<void>;
  /** Undefined before the first look. */
  of(sender: Address): Balance | undefined;
}

/**
 * Watches the senders' ether. Says once when one falls below its floor, and once when it is above again: nothing else has
 * to be done for work to go on.
 */
export function createBalances(
  rpc: Rpc,
  senders: readonly Address[],
  floorTransactions: number,
  logger: Logger,
): Balances {
  const seen = new Map<Address, Balance>();
  const judge = async (sender: Address, costWei: bigint) => {
    const balanceWei = await rpc.getBalance(sender);
    const transactions = costWei === 0n ? Number.MAX_SAFE_INTEGER : Number(balanceWei / costWei);
    const isPoor = transactions < floorTransactions;
    const wasPoor = seen.get(sender)?.isPoor ?? false;
    seen.set(sender, { balanceWei, transactions, isPoor });
    if (isPoor && !wasPoor) {
      logger.error(
        { code: "MT-TX-017", sender, balanceWei: String(balanceWei), transactions, floorTransactions },
        "a sender has too little ether; top it up, no restart is needed",
      );
    }
    if (!isPoor && wasPoor) logger.info({ sender, transactions }, "a sender has enough ether again");
  };
  return {
    async look() {
      const { maxFeePerGas, gasPrice } = await rpc.getFeeData();
      const costWei = (maxFeePerGas ?? gasPrice ?? 0n) * TYPICAL_GAS;
      await Promise.all([...new Set(senders)].map((sender) => judge(sender, costWei)));
    },
    of: (sender) => seen.get(sender),
  };
}
