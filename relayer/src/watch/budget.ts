// SPDX-License-Identifier: GPL-3.0-or-later

import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { Policy } from "@meantime/sdk/policy";
import type { Services } from "../services.ts";

/** How many disputes may be opened now: the budget, less those of ours that may still cost their bond. */
export function roomForDisputes({ ledger, config }: Pick<Services, "ledger" | "config">): number {
  // On their way, or neither answered nor ended.
  const open = ledger.get<{ count: number }>(
    `SELECT (
       SELECT COUNT(*) FROM findings f
       WHERE f.state = 'challenging'
         AND NOT EXISTS (
           SELECT 1 FROM chain_leaves c
           WHERE c.batch_id = f.batch_id AND c.leaf_index = f.leaf_index
             AND c.state IN ('answered', 'rejected', 'voided')
         )
         AND NOT EXISTS (
           SELECT 1 FROM intents i
           WHERE i.dedupe_key = 'challenge:' || f.batch_id || ':' || f.leaf_index || ':' || f.claim_id
             AND i.state IN ('satisfied', 'failed')
         )
     ) + (
       SELECT COUNT(*) FROM intents i
       WHERE i.kind = 'demand' AND i.state NOT IN ('satisfied', 'failed')
         AND NOT EXISTS (
           SELECT 1 FROM chain_leaves c
           WHERE c.batch_id = i.subject ->> 'batchId' AND c.leaf_index = CAST(i.subject ->> 'index' AS INTEGER)
             AND c.disputed_at IS NOT NULL AND c.state <> 'demanded'
         )
     ) AS count`,
  );
  return config.watch.maxOpenChallenges - (open?.count ?? 0);
}

/**
 * What of a challenge bond is sent along. A bond in a token is taken from the challenger, whose key has to have approved
 * Settlement for it.
 */
export function bondInEther(terms: Policy): bigint {
  return terms.bondToken === ZERO_ADDRESS ? terms.challengeBondWei : 0n;
}
