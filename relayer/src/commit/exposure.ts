// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { unlockedCounts } from "../ledger/receipts.ts";
import type { Services } from "../services.ts";

/**
 * The stake in a token that new claims can still lock: the share that senders may lock, less what is locked on chain,
 * less the bonds of receipts that were given and are not committed. What is beyond that share stays behind the receipts.
 * Never more than the truth: a commit that the accounts already show and the events do not is counted twice for one poll.
 *
 * @returns wei of the token, perhaps less than zero; undefined before the chain was seen
 */
export function freeStakeWei(
  { ledger, policies, view }: Pick<Services, "ledger" | "policies" | "view">,
  token: Address,
): bigint | undefined {
  const account = view()?.accounts.get(token);
  if (!account) return undefined;
  return account.lockableWei - account.lockedWei - promisedWei({ ledger, policies }, token);
}

/** The bonds in a token of receipts that were given and are not committed yet, in wei of it. */
export function promisedWei(
  { ledger, policies }: Pick<Services, "ledger" | "policies">,
  token: Address,
): bigint {
  return unlockedCounts(ledger).reduce((sum, { policyId, count }) => {
    const terms = policies.find((policy) => policy.id === policyId)?.terms;
    return terms?.bondToken === token ? sum + terms.claimBondWei * BigInt(count) : sum;
  }, 0n);
}
