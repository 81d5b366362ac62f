// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import { type Claim, claimToJson } from "@meantime/sdk/claim";
import { type Address, type Hex, keccak256Text, ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { Receipt } from "@meantime/sdk/receipt";
import { call, callReceipts, type Evidence, type PlacedClaim, placeOf, subjectOf } from "./calls.ts";
import type { NewIntent } from "./intents.ts";

/** `Settlement.disprove`; `challenger` is whoever has challenged the claim, if anybody has. */
export function disproveIntent(
  settlement: Address,
  header: BatchHeader,
  placed: PlacedClaim,
  proof: readonly Hex[],
  challenger: Address | undefined,
  trueOutputHash: Hex,
  { beneficiary, bytes }: Evidence,
): NewIntent {
  const opener = challenger ?? ZERO_ADDRESS;
  const values = [header, placed.claim, placed.index, proof, opener, trueOutputHash, beneficiary, bytes];
  return {
    dedupeKey: `disprove:${placeOf(placed)}:${challenger ?? ""}`,
    kind: "disprove",
    subject: { ...subjectOf(placed), challenger: challenger ?? "" },
    ...call(settlement, "disprove", values),
  };
}

/** `Receipts.reportOmission`; until `reportBy` (unix seconds, exclusive) it can be reported. */
export function reportOmissionIntent(
  receipts: Address,
  { claim, claimId, signature }: Receipt,
  reportBy: number,
  bondWei: bigint,
): NewIntent {
  return {
    dedupeKey: `report-omission:${claimId}`,
    kind: "reportOmission",
    subject: { claimId, reportBy: String(reportBy), policyId: claim.policyId },
    ...callReceipts(receipts, "reportOmission", [claim, signature]),
    valueWei: bondWei,
  };
}

/** `Receipts.resolveOmission` */
export function resolveOmissionIntent(
  receipts: Address,
  claimId: Hex,
  claim: Claim,
  reporter: Address,
): NewIntent {
  return {
    dedupeKey: `resolve-omission:${claimId}`,
    kind: "resolveOmission",
    subject: { claimId, reporter },
    ...callReceipts(receipts, "resolveOmission", [claim]),
  };
}

/** `Receipts.reportEquivocation`; the first claim's policy says what it costs. `reportBy` as above. */
export function reportEquivocationIntent(
  receipts: Address,
  first: Receipt,
  second: Receipt,
  reportBy: number,
): NewIntent {
  const values = [first.claim, first.signature, second.claim, second.signature];
  const { operator, requester, requestId, modelId, inputHash, policyId } = claimToJson(first.claim);
  const offence = [operator, requester, requestId, modelId, inputHash, policyId].join(":");
  return judged({
    dedupeKey: `report-equivocation:${keccak256Text(offence)}`,
    kind: "reportEquivocation",
    subject: {
      ...{ claimId: first.claimId, secondClaimId: second.claimId },
      ...{ reportBy: String(reportBy), policyId },
    },
    ...callReceipts(receipts, "reportEquivocation", values),
  });
}

/** `Settlement.reopenBatch`, once for each attestation. */
export function reopenBatchIntent(
  settlement: Address,
  batchId: Hex,
  header: BatchHeader,
  attestedTx: Hex,
): NewIntent {
  return judged({
    dedupeKey: `reopen-batch:${batchId}:${attestedTx}`,
    kind: "reopenBatch",
    subject: { batchId },
    ...call(settlement, "reopenBatch", [header]),
  });
}

/** `Settlement.reopenClaim`, once for each piece of evidence. */
export function reopenClaimIntent(
  settlement: Address,
  header: BatchHeader,
  placed: PlacedClaim,
  proof: readonly Hex[],
  kind: number,
  evidenceTx: Hex,
): NewIntent {
  return judged({
    dedupeKey: `reopen-claim:${placeOf(placed)}:${kind}:${evidenceTx}`,
    kind: "reopenClaim",
    subject: subjectOf(placed),
    ...call(settlement, "reopenClaim", [header, placed.claim, placed.index, proof, kind]),
  });
}

/** Whether it is still wanted is for the contract to say: the question is the call itself. */
function judged(intent: NewIntent): NewIntent {
  return { ...intent, subject: { ...intent.subject, to: intent.to, data: intent.data } };
}
