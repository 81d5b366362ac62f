// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { Ledger } from "../ledger/ledger.ts";
import type { IndexServices } from "./services.ts";

/** Events that change what an operator has in Settlement, or how much of it. */
const ACCOUNT_EVENTS = [
  ...["Staked", "UnbondingStarted", "UnbondingCompleted", "LockableSet", "Resumed"],
  ...["BatchCommitted", "BatchReleased", "ClaimRejected", "OperatorPenalised"],
];

/** After a reorganisation of at most so many blocks, what was seen before it is looked at again. */
const OVERLAP_BLOCKS = 64;

/**
 * Keeps what operators have in Settlement as the contract says it: a penalty takes from what is free and then from what is
 * unbonding, which is the contract's to count.
 */
export class AccountsDuty {
  #lookedUpTo: number | undefined;

  /** Looks at the accounts of operators to which something happened since the last step. */
  async step({ ledger, contracts }: IndexServices, readUpTo: number): Promise<void> {
    if (this.#lookedUpTo === readUpTo) return;
    const changed = await this.#changed(ledger);
    for (const [operator, tokens] of changed) {
      for (const token of tokens) {
        const account = await contracts.settlement.operatorOf(operator, token);
        const row = {
          stake_wei: account.stakeWei.toString(),
          locked_wei: account.lockedWei.toString(),
          unbonding_wei: account.unbondingWei.toString(),
          lockable_bps: Number(account.lockableBps),
          suspended: account.suspended ? 1 : 0,
          as_of_block: readUpTo,
        };
        await ledger.transaction((tx) =>
          tx
            .insertInto("index_accounts")
            .values({ operator, token, ...row })
            .onConflict((conflict) => conflict.columns(["operator", "token"]).doUpdateSet(row))
            .execute(),
        );
      }
    }
    this.#lookedUpTo = readUpTo;
  }

  async #changed(ledger: Ledger): Promise<Map<Address, Set<Address>>> {
    const since = this.#lookedUpTo === undefined ? -1 : this.#lookedUpTo - OVERLAP_BLOCKS;
    const operators = await ledger
      .selectFrom("events")
      .select("operator")
      .distinct()
      .where("name", "in", ACCOUNT_EVENTS)
      .where("block_number", ">", since)
      .where("operator", "is not", null)
      .execute();
    const accounts = new Map<Address, Set<Address>>();
    for (const { operator } of operators) {
      const staked = await ledger
        .selectFrom("events")
        .select("arguments")
        .where("operator", "=", operator)
        .where("name", "=", "Staked")
        .execute();
      const tokens = staked.map(({ arguments: text }) => (JSON.parse(text) as { token: Address }).token);
      accounts.set(operator as Address, new Set(tokens));
    }
    return accounts;
  }
}
