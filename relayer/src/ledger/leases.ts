// SPDX-License-Identifier: GPL-3.0-or-later

import { type RawBuilder, sql } from "kysely";
import { TemporaryError } from "../errors.ts";
import type { Ledger } from "./ledger.ts";
import type { Writer } from "./schema.ts";

/** The right to do a share of the work, a role's duties or a sender's, until somebody else holds it. */
export interface Lease {
  name: string;
  holder: string;
  /** Rises with every change of holder: tells a write of an earlier holder. */
  token: number;
}

/** No lease is given for longer: one that ends later than that was given by a clock that was set back since. */
export const LONGEST_LEASE_MILLISECONDS = 3_600_000;

/**
 * Takes or renews a lease, if it is free, expired or held by `holder`. Times are the database's, so that the workers'
 * clocks do not matter. A SQLite ledger has one process, so what an earlier one held is free.
 *
 * @param holder unique to the process
 * @param milliseconds at most {@link LONGEST_LEASE_MILLISECONDS}
 */
export async function acquireLease(
  ledger: Ledger,
  name: string,
  holder: string,
  milliseconds: number,
): Promise<Lease | undefined> {
  const now = databaseNow(ledger.kind);
  const row = await ledger.transaction((tx) =>
    tx
      .insertInto("leases")
      .values({ name, holder, token: 1, expires_at_milliseconds: sql`${now} + ${sql.lit(milliseconds)}` })
      .onConflict((conflict) => {
        const taking = conflict.column("name").doUpdateSet((eb) => ({
          token: sql<number>`leases.token + CASE WHEN leases.holder = excluded.holder THEN 0 ELSE 1 END`,
          holder: eb.ref("excluded.holder"),
          expires_at_milliseconds: eb.ref("excluded.expires_at_milliseconds"),
        }));
        if (ledger.kind === "sqlite") return taking;
        return taking.where((eb) =>
          eb.or([
            eb("leases.holder", "=", eb.ref("excluded.holder")),
            eb("leases.expires_at_milliseconds", "<=", now),
            eb(
              "leases.expires_at_milliseconds",
              ">",
              sql<number>`${now} + ${sql.lit(LONGEST_LEASE_MILLISECONDS)}`,
            ),
          ]),
        );
      })
      .returning("token")
      .executeTakeFirst(),
  );
  return row && { name, holder, token: row.token };
}

/** Lets others take a lease at once. Does nothing when it is another's by now. */
export async function releaseLease(ledger: Ledger, { name, token }: Lease): Promise<void> {
  await ledger.transaction((tx) =>
    tx
      .updateTable("leases")
      .set({ holder: "", expires_at_milliseconds: 0 })
      .where("name", "=", name)
      .where("token", "=", token)
      .execute(),
  );
}

/**
 * The ledger as the holder of a lease writes it: every transaction first checks that the lease is still its own, and keeps
 * others from taking it until the transaction has ended. Whoever was stopped for a while and has lost it cannot write.
 *
 * @param current the lease as it is held now
 * @throws TemporaryError `MT-LED-009` from `transaction`
 */
export function fencedLedger(ledger: Ledger, name: string, current: () => Lease | undefined): Ledger {
  return {
    kind: ledger.kind,
    migrated: ledger.migrated,
    selectFrom: ledger.selectFrom,
    // Its one message would not ask for the lease.
    runAll: undefined,
    close: () => ledger.close(),
    transaction: (work) => {
      const lease = current();
      if (!lease) return Promise.reject(lost(name));
      return ledger.transaction(async (tx) => {
        await requireLease(tx, ledger.kind, lease);
        return work(tx);
      });
    },
  };
}

async function requireLease(tx: Writer, kind: Ledger["kind"], { name, token }: Lease): Promise<void> {
  const held = tx.selectFrom("leases").select("token").where("name", "=", name).where("token", "=", token);
  const row = await (kind === "postgres" ? held.forShare() : held).executeTakeFirst();
  if (!row) throw lost(name);
}

/** Unix milliseconds by the clock of the database; within a transaction it goes on. */
function databaseNow(kind: Ledger["kind"]): RawBuilder<number> {
  return kind === "sqlite"
    ? sql<number>`CAST(unixepoch('subsec') * 1000 AS BIGINT)`
    : sql<number>`CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)`;
}

function lost(name: string): TemporaryError {
  return new TemporaryError(
    "MT-LED-009",
    `another worker has the lease ${name} now`,
    "Nothing to do: this worker takes over again when that one ends.",
  );
}
