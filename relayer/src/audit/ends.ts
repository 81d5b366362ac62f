// SPDX-License-Identifier: GPL-3.0-or-later

import type { Findings } from "./findings.ts";
import type { PinnedChain } from "./pinned-chain.ts";
import type { BatchRecord, ChainRecord, LeafRecord } from "./record.ts";

/** Claims that ended badly, disputes that nobody ended, and what operators and signers were penalised for. */
export function auditEnds(
  chain: PinnedChain,
  record: ChainRecord,
  batches: readonly BatchRecord[],
  findings: Findings,
): void {
  for (const { what, place } of record.contradictory) findings.add("state-mismatch", what, place);
  for (const batch of batches) {
    for (const [index, leaf] of batch.leaves) endOf(chain, batch, index, leaf, findings);
  }
  for (const [claimId, { operator, state, place }] of record.omissions) {
    if (state !== "Upheld") continue;
    findings.add("omission-upheld", `claim ${claimId} was not committed in time`, place, {
      claimId,
      operator,
    });
  }
  for (const { operator, claimIds, place } of record.equivocations) {
    const what = `${operator} signed the claims ${claimIds.join(" and ")}`;
    findings.add("equivocation-reported", what, place, { operator });
  }
  for (const { signer, place } of record.contradictions) {
    findings.add("contradiction-reported", `${signer} was slashed`, place, { signer });
  }
}

function endOf(
  chain: PinnedChain,
  { batchId, header, committed }: BatchRecord,
  index: number,
  { state, claimId, deadline, disproven, ended }: LeafRecord,
  findings: Findings,
): void {
  const about = { batchId, index: String(index), claimId, operator: header.operator };
  const name = claimId ?? `${index} of batch ${batchId}`;
  if (state === "Rejected") {
    const how = disproven ? "was disproven" : "was not answered in time";
    findings.add("claim-rejected", `claim ${name} ${how}`, ended, about);
  }
  if (state === "Voided")
    findings.add("claim-voided", `the challenge of claim ${name} was voided`, ended, about);
  const isOpen = state === "Challenged" || state === "Demanded";
  if (isOpen && chain.pinned.timestamp >= deadline) {
    const what = `the dispute of claim ${name} ran out ${chain.pinned.timestamp - deadline} s ago`;
    findings.add("dispute-overdue", what, committed, about);
  }
}
