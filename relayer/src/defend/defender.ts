// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId } from "@meantime/sdk/batch";
import { type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { findOwnHeader } from "../ledger/batches.ts";
import { findChainBatch } from "../ledger/chain-facts.ts";
import { openOmissions } from "../ledger/omissions.ts";
import { findReceipt, type StoredReceipt } from "../ledger/receipts.ts";
import { claimTree, openingTree } from "../ledger/trees.ts";
import { giveUp, isGivenUp } from "../ledger/unprovable.ts";
import type { Services } from "../services.ts";
import {
  answerOmissionIntent,
  answerOmissionKey,
  type PlacedClaim,
  type ProvenOpening,
  revealIntent,
  revealKey,
} from "../tx/calls.ts";
import { enqueue, isKnown } from "../tx/intents.ts";
import { voidUnanswerable } from "./void.ts";

/**
 * Answers what needs no proof: demands to see one of our claims, reports that one was omitted, and challenges that nothing
 * can answer any more. Each costs a bond if it is left alone. Not part of the prover's task, so that no proof holds it up.
 */
export async function defendClaims(services: Services): Promise<void> {
  revealDemanded(services);
  refuteOmissions(services);
  await voidUnanswerable(services);
}

function revealDemanded(services: Services): void {
  const { ledger, contracts, config, clock, logger } = services;
  const demanded = ledger.all<{ batchId: Hex; index: number; claimId: Hex }>(
    `SELECT c.batch_id AS batchId, c.leaf_index AS "index", r.claim_id AS claimId
     FROM chain_leaves c JOIN receipts r ON r.batch_id = c.batch_id AND r.leaf_index = c.leaf_index
     WHERE c.state = 'demanded' AND c.deadline > ? ORDER BY c.deadline`,
    clock.nowSeconds(),
  );
  for (const { claimId, ...place } of demanded) {
    if (isKnown(ledger, revealKey(place))) continue;
    const { placed, stored } = placedClaim(services, claimId);
    const header = findOwnHeader(ledger, config.operator.address, place.batchId);
    if (!header) throw new TypeError(`batch ${place.batchId} is not in the ledger`);
    const proof = claimTree(ledger, place.batchId).proof(place.index);
    const opening = openingFor(services, header, stored, placed.index);
    enqueue(ledger, revealIntent(contracts.settlementAddress, header, placed, proof, opening));
    logger.warn({ ...place, claimId }, "somebody demands to see one of our claims: revealing it");
  }
}

/** Of a batch that keeps its data private nothing but the claim is shown. */
function openingFor(
  { ledger, domain }: Services,
  header: BatchHeader,
  stored: StoredReceipt,
  index: number,
): ProvenOpening {
  if (header.dataRoot === ZERO_HASH) {
    return { input: new Uint8Array(), salt: ZERO_HASH, output: new Uint8Array(), proof: [] };
  }
  return { ...stored.opening, proof: openingTree(ledger, batchId(domain, header)).proof(index) };
}

function refuteOmissions(services: Services): void {
  const { ledger, contracts, config, clock, logger } = services;
  for (const { claimId, includeBy, answerBy } of openOmissions(ledger, config.operator.address)) {
    if (clock.nowSeconds() >= answerBy || isKnown(ledger, answerOmissionKey(claimId))) continue;
    const place = findReceipt(ledger, claimId)?.batchId;
    const batch = place && findChainBatch(ledger, place);
    const header = place && findOwnHeader(ledger, config.operator.address, place);
    if (!batch || !header || batch.committed_at > includeBy) {
      reportLost(services, claimId, answerBy);
      continue;
    }
    const { placed } = placedClaim(services, claimId);
    const proof = claimTree(ledger, place).proof(placed.index);
    enqueue(ledger, answerOmissionIntent(contracts.receiptsAddress, header, placed, proof));
    logger.warn(
      { claimId, batchId: place },
      "one of our claims was reported as omitted: showing where it is",
    );
  }
}

/** Says once that a report is right, or about a receipt that this ledger does not know. */
function reportLost({ ledger, logger }: Services, claimId: Hex, answerBy: number): void {
  const id = answerOmissionKey(claimId);
  if (isGivenUp(ledger, id)) return;
  const message =
    "a claim was reported as omitted, and this ledger cannot show that it was committed in time";
  giveUp(ledger, id, "MT-DEF-001", message);
  logger.error({ code: "MT-DEF-001", claimId, answerBy }, message);
}

function placedClaim({ ledger }: Services, claimId: Hex): { placed: PlacedClaim; stored: StoredReceipt } {
  const stored = findReceipt(ledger, claimId);
  if (stored?.batchId === undefined || stored.index === undefined) {
    throw new TypeError(`claim ${claimId} is in no batch of the ledger`);
  }
  const { batchId, index } = stored;
  return { placed: { batchId, index, claimId, claim: stored.receipt.claim }, stored };
}
