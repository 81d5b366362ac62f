// SPDX-License-Identifier: GPL-3.0-or-later

import { announcementsOf } from "../ledger/chain-facts.ts";
import type { Services } from "../services.ts";
import { announceIntent } from "../tx/calls.ts";
import { enqueue, forgetQueued, isKnown, queuedKeys } from "../tx/intents.ts";

/**
 * Announces where this relayer serves its batch data, unless that is what the chain says already. What it wanted to announce
 * earlier, and did not send, is not to be announced after that.
 */
export async function announceEndpoint(
  { ledger, config, contracts, view }: Services,
  endpoint: string,
): Promise<void> {
  // Before the first poll, and without the operator's leave, nothing is known or can be done.
  const { address } = config.operator;
  const [policyId] = view()?.senderPolicies ?? [];
  if (policyId === undefined) return;
  // A new turn for the same endpoint only after another one was announced.
  const { count: turn, latest } = await announcementsOf(ledger, address);
  const wanted =
    latest === endpoint
      ? undefined
      : announceIntent(contracts.receiptsAddress, address, policyId, endpoint, turn);
  const waiting = await queuedKeys(ledger, "announce");
  const stale = waiting.filter((key) => key !== wanted?.dedupeKey);
  if (stale.length === 0 && (!wanted || (await isKnown(ledger, wanted.dedupeKey)))) return;
  await ledger.transaction(async (tx) => {
    await forgetQueued(tx, stale);
    if (wanted) await enqueue(tx, wanted);
  });
}
