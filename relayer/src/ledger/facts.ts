// SPDX-License-Identifier: GPL-3.0-or-later

import { RelayerError } from "../errors.ts";
import type { Ledger } from "./ledger.ts";

/** What a ledger belongs to, for ever. */
export interface LedgerIdentity {
  chainId: number;
  /** A local chain that was started anew has the same id but another genesis block. */
  genesisHash: string;
  settlement: string;
  operator: string;
}

/**
 * Ties a new ledger to its chain and operator, and refuses one that belongs to another: its nonces, cursors and
 * promises would be applied to the wrong chain.
 *
 * @throws RelayerError `MT-LED-004`
 */
export async function claimIdentity(ledger: Ledger, identity: LedgerIdentity): Promise<void> {
  await ledger.transaction(async (tx) => {
    for (const [name, value] of Object.entries(identity)) {
      await tx
        .insertInto("facts")
        .values({ name, value: String(value) })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const { value: stored } = await tx
        .selectFrom("facts")
        .select("value")
        .where("name", "=", name)
        .executeTakeFirstOrThrow();
      if (stored !== String(value)) throw belongsTo(name, stored, value);
    }
  });
}

function belongsTo(name: string, stored: string, value: string | number): RelayerError {
  return new RelayerError(
    "MT-LED-004",
    `the ledger belongs to ${name} ${stored}, not ${value}`,
    "Use the ledger of this chain and operator, or a new file. A development chain starts anew with each run.",
  );
}
