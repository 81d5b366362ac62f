// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { unlockedNow } from "../../commit/exposure.ts";
import type { UnlockedCount } from "../../ledger/receipts.ts";
import type { ServedPolicy, Services } from "../../services.ts";
import { refusalOf } from "../capacity.ts";

/** Says before an upstream is asked whether its answer could be promised. */
export interface Admission {
  /**
   * Reserves a bond until the answer is stored or given up.
   *
   * @returns ends the reservation; `isStored`: the ledger counts the bond from now on
   * @throws HttpError 422 or 503
   */
  enter(policy: ServedPolicy): Promise<(isStored: boolean) => void>;
}

/** The ledger is asked so often; in between this process counts what it adds. */
const FRESH_MILLISECONDS = 100;

/**
 * Counts what is in the ledger and what is on its way there: a thousand requests at once do not all see the same free bond.
 * Storing a receipt asks the ledger itself, so that another worker's promises count too.
 */
export function createAdmission(services: Services): Admission {
  const flying = new Map<Hex, number>();
  let added = new Map<Hex, number>();
  let known: { at: number; counts: Promise<UnlockedCount[]> } | undefined;

  function inLedger(): Promise<UnlockedCount[]> {
    const now = performance.now();
    if (known && now - known.at < FRESH_MILLISECONDS) return known.counts;
    added = new Map();
    const counts = unlockedNow(services);
    known = { at: now, counts };
    counts.catch(() => {
      known = undefined;
    });
    return counts;
  }

  return {
    async enter(policy) {
      const stored = await inLedger();
      const unlocked = [...stored, ...countsOf(added), ...countsOf(flying)];
      const refusal = refusalOf(services, policy, unlocked);
      if (refusal) throw refusal;
      change(flying, policy.id, 1);
      return (isStored) => {
        change(flying, policy.id, -1);
        if (isStored) change(added, policy.id, 1);
      };
    },
  };
}

function change(counts: Map<Hex, number>, policyId: Hex, by: number): void {
  counts.set(policyId, (counts.get(policyId) ?? 0) + by);
}

function countsOf(counts: ReadonlyMap<Hex, number>): UnlockedCount[] {
  return [...counts].map(([policyId, count]) => ({ policyId, count }));
}
