// SPDX-License-Identifier: GPL-3.0-or-later

import type { Ledger } from "./ledger.ts";
import type { Reader } from "./schema.ts";

/** Remembers that nothing can be brought for a claim, a batch or a report, so that it is not tried for ever. */
export async function giveUp(ledger: Ledger, id: string, code: string, message: string): Promise<void> {
  await ledger.transaction((tx) =>
    tx
      .insertInto("unprovable")
      .values({ id, code, message })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
}

/** Whether it was given up. */
export async function isGivenUp(db: Reader, id: string): Promise<boolean> {
  return (
    (await db.selectFrom("unprovable").select("id").where("id", "=", id).executeTakeFirst()) !== undefined
  );
}
