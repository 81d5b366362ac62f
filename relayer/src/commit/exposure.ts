// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { type UnlockedCount, unlockedCounts } from "../ledger/receipts.ts";
import type { Services } from "../services.ts";

/**
 * The stake in a token that new claims can still lock: the share that senders may lock, less what is locked on chain,
 * less the bonds of receipts that were given and are not committed. What is beyond that share stays behind the receipts.
 * Never more than the truth: what was committed after the events were last read counts as promised, although the accounts
 * may show it already.
 *
 * @param unlocked as of the view's `readUpTo`
 * @returns wei of the token, perhaps less than zero; undefined before the chain was seen
 */
export function freeStakeWei(
  { policies, view }: Pick<Services, "policies" | "view">,
  token: Address,
  unlocked: readonly UnlockedCount[],
): bigint | undefined {
  const account = view()?.accounts.get(token);
  if (!account) return undefined;
  return account.lockableWei - account.lockedWei - promisedWei({ policies }, token, unlocked);
}

/** The bonds in a token of receipts that are not locked yet, in wei of it. */
export function promisedWei(
  { policies }: Pick<Services, "policies">,
  token: Address,
  unlocked: readonly UnlockedCount[],
): bigint {
  return unlocked.reduce((sum, { policyId, count }) => {
    const terms = policies.find((policy) => policy.id === policyId)?.terms;
    return terms?.bondToken === token ? sum + terms.claimBondWei * BigInt(count) : sum;
  }, 0n);
}

/** The receipts that the view's accounts do not show as locked; none before there is a view, when nothing is promised. */
export async function unlockedNow({
  ledger,
  view,
}: Pick<Services, "ledger" | "view">): Promise<UnlockedCount[]> {
  const seen = view();
  return seen ? unlockedCounts(ledger, seen.readUpTo) : [];
}
