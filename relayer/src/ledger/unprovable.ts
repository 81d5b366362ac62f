// SPDX-License-Identifier: GPL-3.0-or-later

import type { Ledger } from "./ledger.ts";

/** Remembers that nothing can be brought for a claim, a batch or a report, so that it is not tried for ever. */
export function giveUp(ledger: Ledger, id: string, code: string, message: string): void {
  ledger.run(
    "INSERT INTO unprovable (id, code, message) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    id,
    code,
    message,
  );
}

/** Whether it was given up. */
export function isGivenUp(ledger: Ledger, id: string): boolean {
  return ledger.get("SELECT 1 FROM unprovable WHERE id = ?", id) !== undefined;
}
