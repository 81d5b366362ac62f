// SPDX-License-Identifier: GPL-3.0-or-later

import { EVIDENCE_KINDS, sharedKinds } from "@meantime/sdk/policy";
import { attestClaim } from "../attest/attestor.ts";
import { describeRevert } from "../chain/contracts.ts";
import { openChallenges as openOnChain } from "../ledger/disputes.ts";
import { findReceipt, type StoredReceipt } from "../ledger/receipts.ts";
import type { Services } from "../services.ts";
import { answerIntent, answerKey, type ChallengedClaim, voidIntent, voidKey } from "../tx/calls.ts";
import { enqueue, findIntent, isKnown, type NewIntent } from "../tx/intents.ts";

/**
 * Ends challenges that cannot be answered any more because the means were taken away: a breaker tripped, an enclave's key
 * revoked. Whether they were is for the contract to say. An enclave of ours whose own key still counts answers instead:
 * that wins the bond.
 */
export async function voidUnanswerable(services: Services): Promise<void> {
  const { ledger, contracts, logger } = services;
  for (const { challenged, stored } of await openChallenges(services)) {
    if (await isKnown(ledger, voidKey(challenged))) continue;
    const intent = voidIntent(contracts.settlementAddress, challenged);
    if (!(await wouldSucceed(services, intent)) || (await canAnswer(services, challenged, stored))) continue;
    await ledger.transaction((tx) => enqueue(tx, intent));
    const { batchId, index, claimId, challenger } = challenged;
    logger.warn(
      { code: "MT-DEF-002", batchId, index, claimId, challenger },
      "the means to answer a challenge were taken away since the claim was served: voiding it",
    );
  }
}

async function openChallenges({
  ledger,
  clock,
}: Services): Promise<{ challenged: ChallengedClaim; stored: StoredReceipt }[]> {
  const open: { challenged: ChallengedClaim; stored: StoredReceipt }[] = [];
  for (const { proveBy: _, ...place } of await openOnChain(ledger, clock.nowSeconds())) {
    const stored = await findReceipt(ledger, place.claimId);
    if (!stored) throw new TypeError(`claim ${place.claimId} is not in the ledger`);
    open.push({ challenged: { ...place, claim: stored.receipt.claim }, stored });
  }
  return open;
}

/** By the answer that waits to be sent, if there is one, else by our enclave: the means of proofs are gone. */
async function canAnswer(
  services: Services,
  challenged: ChallengedClaim,
  stored: StoredReceipt,
): Promise<boolean> {
  const waiting = await findIntent(services.ledger, answerKey(challenged));
  if (waiting) return wouldSucceed(services, waiting);
  const { modelId, policyId } = challenged.claim;
  const model = services.models.find(({ id }) => id === modelId);
  if (!model || (sharedKinds(modelId, policyId) & EVIDENCE_KINDS.tee) === 0) return false;
  const evidence = attestClaim(services, model, stored);
  if (!evidence) return false;
  return wouldSucceed(services, answerIntent(services.contracts.settlementAddress, challenged, evidence));
}

async function wouldSucceed({ rpc, senderAddresses }: Services, { to, data }: NewIntent): Promise<boolean> {
  try {
    await rpc.call({ to, data, from: senderAddresses.answer });
    return true;
  } catch (error) {
    if (describeRevert(error) === undefined) throw error;
    return false;
  }
}
