// SPDX-License-Identifier: GPL-3.0-or-later

import { announcedEndpoint, announcementsBy } from "../ledger/chain-facts.ts";
import type { Services } from "../services.ts";
import { announceIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";

/** Announces where this relayer serves its batch data, unless that is what the chain says already. */
export function announceEndpoint(
  { ledger, config, contracts, senderAddress, view }: Services,
  endpoint: string,
): void {
  // Before the first poll, and without the operator's leave, nothing is known or can be done.
  if (!view()?.senderAllowed || announcedEndpoint(ledger, config.operator.address) === endpoint) return;
  enqueue(
    ledger,
    announceIntent(contracts.settlementAddress, endpoint, announcementsBy(ledger, senderAddress)),
  );
}
