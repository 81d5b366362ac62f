// SPDX-License-Identifier: GPL-3.0-or-later

import { randomUUID } from "node:crypto";
import type { Address } from "@meantime/sdk/hex";
import { acquireLease, fencedLedger, type Lease, releaseLease } from "../ledger/leases.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Logger } from "./logger.ts";

/**
 * This worker's hold on a share of the work: the duties of a role, or one sender. Of the workers that share a database,
 * one does each.
 */
export interface LaneLease {
  /** The ledger for everything that is done in its name; it refuses writes once another worker has taken over. */
  ledger: Ledger;
  /** Whether this worker has it. */
  holds(): boolean;
  /** The lease's token: another number after another worker has acted. */
  term(): number | undefined;
  /** Takes or renews the lease; call it every {@link renewMilliseconds}. */
  keep(): Promise<void>;
  /** Gives the lease back, so that another worker need not wait until it ends. */
  leave(): Promise<void>;
}

/** A lease is renewed thrice in its time, so that one slow answer of the database does not cost it. */
export function renewMilliseconds(leaseMilliseconds: number): number {
  return leaseMilliseconds / 3;
}

/** The lease of one sender: whoever holds it gives out its nonces. */
export function senderLease(sender: Address): string {
  return `sender:${sender}`;
}

/**
 * A hold, not yet taken.
 *
 * @param name `operator` or `watch` for the duties of a role, {@link senderLease} for a sender: lanes that share a key share
 * one lease
 * @param milliseconds how long it lasts without being renewed: so long a worker that was killed keeps others from its work
 */
export function createLaneLease(
  ledger: Ledger,
  name: string,
  logger: Logger,
  milliseconds: number,
): LaneLease {
  const holder = randomUUID();
  let lease: Lease | undefined;
  let endsAt = 0;
  return {
    ledger: fencedLedger(ledger, name, () => lease),
    // By a clock that stands still for nobody: a process that was stopped finds its time over.
    holds: () => lease !== undefined && performance.now() < endsAt,
    term: () => lease?.token,
    async keep() {
      const askedAt = performance.now();
      const before = lease?.token;
      lease = await acquireLease(ledger, name, holder, milliseconds);
      endsAt = askedAt + milliseconds;
      if (lease && lease.token !== before) logger.info({ lease: name, token: lease.token }, "acting for it");
      if (!lease && before !== undefined)
        logger.warn({ code: "MT-LED-009", lease: name }, "another worker took over");
    },
    async leave() {
      if (lease) await releaseLease(ledger, lease);
      lease = undefined;
    },
  };
}
