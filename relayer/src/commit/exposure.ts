// SPDX-License-Identifier: GPL-3.0-or-later

import { unlockedCounts } from "../ledger/receipts.ts";
import type { Services } from "../services.ts";

/**
 * The stake that backs no claim yet: what is not locked on chain, less the bonds of receipts that were given and are not
 * committed. Never more than the truth: a commit that the accounts already show and the events do not is counted twice
 * for one poll.
 *
 * @returns wei, or undefined before the chain was seen
 */
export function freeStakeWei({ ledger, policies, view }: Pick<Services, "ledger" | "policies" | "view">) {
  const accounts = view()?.operator;
  if (!accounts) return undefined;
  return accounts.stakeWei - accounts.lockedWei - promisedWei({ ledger, policies });
}

/** The bonds of receipts that were given and are not committed yet, in wei. */
export function promisedWei({ ledger, policies }: Pick<Services, "ledger" | "policies">): bigint {
  return unlockedCounts(ledger).reduce((sum, { policyId, count }) => {
    const bondWei = policies.find((policy) => policy.id === policyId)?.terms.claimBondWei ?? 0n;
    return sum + bondWei * BigInt(count);
  }, 0n);
}
