// SPDX-License-Identifier: GPL-3.0-or-later

import { announcedEndpoint, countAnnouncements } from "../ledger/chain-facts.ts";
import type { Services } from "../services.ts";
import { announceIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";

/** Announces where this relayer serves its batch data, unless that is what the chain says already. */
export function announceEndpoint({ ledger, config, contracts, view }: Services, endpoint: string): void {
  // Before the first poll, and without the operator's leave, nothing is known or can be done.
  const { address } = config.operator;
  const [policyId] = view()?.senderPolicies ?? [];
  if (policyId === undefined || announcedEndpoint(ledger, address) === endpoint) return;
  const turn = countAnnouncements(ledger, address);
  enqueue(ledger, announceIntent(contracts.receiptsAddress, address, policyId, endpoint, turn));
}
