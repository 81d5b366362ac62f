// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Reader } from "./schema.ts";

/** An open report that a claim of ours was not committed in time. Times are unix seconds. */
export interface OpenOmission {
  claimId: Hex;
  /** The claim had to be in a block by then. */
  includeBy: number;
  /** Until when (exclusive) that can be shown. */
  answerBy: number;
}

/** Events that end a report. */
export const OMISSION_OUTCOMES = ["OmissionRefuted", "OmissionUpheld", "OmissionVoided"];

/** The open reports against an operator, most urgent first. */
export async function openOmissions(db: Reader, operator: Address): Promise<OpenOmission[]> {
  const reports = await openReports(db).select("e.arguments").where("e.operator", "=", operator).execute();
  return reports
    .map(({ arguments: json }) => JSON.parse(json) as { claimId: Hex; includeBy: string; answerBy: string })
    .map(({ claimId, includeBy, answerBy }) => ({
      claimId,
      includeBy: Number(includeBy),
      answerBy: Number(answerBy),
    }))
    .sort((a, b) => a.answerBy - b.answerBy);
}

/** The events `e` of reports, against anybody, that nothing has ended. */
export function openReports(db: Reader) {
  return db
    .selectFrom("events as e")
    .where("e.name", "=", "OmissionReported")
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("events as o")
            .select("o.name")
            .whereRef("o.claim_id", "=", "e.claim_id")
            .where("o.name", "in", OMISSION_OUTCOMES),
        ),
      ),
    );
}
