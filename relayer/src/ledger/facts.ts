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
export function claimIdentity(ledger: Ledger, identity: LedgerIdentity): void {
  for (const [name, value] of Object.entries(identity)) {
    ledger.run("INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, String(value));
    const stored = ledger.get<{ value: string }>("SELECT value FROM facts WHERE name = ?", name)?.value;
    if (stored !== String(value)) {
      throw new RelayerError(
        "MT-LED-004",
        `the ledger belongs to ${name} ${stored}, not ${value}`,
        "Use the ledger of this chain and operator, or a new file. A development chain starts anew with each run.",
      );
    }
  }
}
