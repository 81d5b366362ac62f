// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Ledger } from "./ledger.ts";

/** An open report that a claim of ours was not committed in time. Times are unix seconds. */
export interface OpenOmission {
  claimId: Hex;
  /** The claim had to be in a block by then. */
  includeBy: number;
  /** Until when (exclusive) that can be shown. */
  answerBy: number;
}

/** The open reports against an operator, most urgent first. */
export function openOmissions(ledger: Ledger, operator: Address): OpenOmission[] {
  return ledger.all<OpenOmission>(
    `SELECT e.arguments ->> 'claimId' AS claimId, CAST(e.arguments ->> 'includeBy' AS INTEGER) AS includeBy,
       CAST(e.arguments ->> 'answerBy' AS INTEGER) AS answerBy
     FROM events e
     WHERE e.name = 'OmissionReported' AND e.arguments ->> 'operator' = ?
       AND NOT EXISTS (
         SELECT 1 FROM events o
         WHERE o.name IN ('OmissionRefuted', 'OmissionUpheld', 'OmissionVoided')
           AND o.arguments ->> 'claimId' = e.arguments ->> 'claimId'
       )
     ORDER BY answerBy`,
    operator,
  );
}
