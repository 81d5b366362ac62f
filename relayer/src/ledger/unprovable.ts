// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Ledger } from "./ledger.ts";

/** Remembers that nothing can be brought for a claim or batch, so that it is not tried for ever. */
export function giveUp(ledger: Ledger, id: Hex, code: string, message: string): void {
  ledger.run(
    "INSERT INTO unprovable (id, code, message) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    id,
    code,
    message,
  );
}

/** Whether it was given up. */
export function isGivenUp(ledger: Ledger, id: Hex): boolean {
  return ledger.get("SELECT 1 FROM unprovable WHERE id = ?", id) !== undefined;
}
