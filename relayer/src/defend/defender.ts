// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId } from "@meantime/sdk/batch";
import { type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { sql } from "kysely";
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
  await revealDemanded(services);
  await refuteOmissions(services);
  await voidUnanswerable(services);
}

async function revealDemanded(services: Services): Promise<void> {
  const { ledger, contracts, config, clock, logger } = services;
  const demanded = await ledger
    .selectFrom("chain_leaves as c")
    .innerJoin("receipts as r", (join) =>
      join.onRef("r.batch_id", "=", "c.batch_id").onRef("r.leaf_index", "=", "c.leaf_index"),
    )
    .select(["c.batch_id as batchId", "c.leaf_index as index", "r.claim_id as claimId"])
    .where("c.state", "=", sql.lit("demanded"))
    .where("c.deadline", ">", clock.nowSeconds())
    .orderBy("c.deadline")
    .execute();
  for (const { claimId, ...place } of demanded) {
    if (await isKnown(ledger, revealKey(place))) continue;
    const { placed, stored } = await placedClaim(services, claimId);
    const header = await findOwnHeader(ledger, config.operator.address, place.batchId);
    if (!header) throw new TypeError(`batch ${place.batchId} is not in the ledger`);
    const proof = (await claimTree(ledger, place.batchId)).proof(place.index);
    const opening = await openingFor(services, header, stored, placed.index);
    const intent = revealIntent(contracts.settlementAddress, header, placed, proof, opening);
    await ledger.transaction((tx) => enqueue(tx, intent));
    logger.warn({ ...place, claimId }, "somebody demands to see one of our claims: revealing it");
  }
}

/** Of a batch that keeps its data private nothing but the claim is shown. */
async function openingFor(
  { ledger, domain }: Services,
  header: BatchHeader,
  stored: StoredReceipt,
  index: number,
): Promise<ProvenOpening> {
  if (header.dataRoot === ZERO_HASH) {
    return { input: new Uint8Array(), salt: ZERO_HASH, output: new Uint8Array(), proof: [] };
  }
  return { ...stored.opening, proof: (await openingTree(ledger, batchId(domain, header))).proof(index) };
}

async function refuteOmissions(services: Services): Promise<void> {
  const { ledger, contracts, config, clock, logger } = services;
  for (const { claimId, includeBy, answerBy } of await openOmissions(ledger, config.operator.address)) {
    if (clock.nowSeconds() >= answerBy || (await isKnown(ledger, answerOmissionKey(claimId)))) continue;
    const place = (await findReceipt(ledger, claimId))?.batchId;
    const batch = place && (await findChainBatch(ledger, place));
    const header = place && (await findOwnHeader(ledger, config.operator.address, place));
    if (!batch || !header || batch.committed_at > includeBy) {
      await reportLost(services, claimId, answerBy);
      continue;
    }
    const { placed } = await placedClaim(services, claimId);
    const proof = (await claimTree(ledger, place)).proof(placed.index);
    const intent = answerOmissionIntent(contracts.receiptsAddress, header, placed, proof);
    await ledger.transaction((tx) => enqueue(tx, intent));
    logger.warn(
      { claimId, batchId: place },
      "one of our claims was reported as omitted: showing where it is",
    );
  }
}

/** Says once that a report is right, or about a receipt that this ledger does not know. */
async function reportLost({ ledger, logger }: Services, claimId: Hex, answerBy: number): Promise<void> {
  const id = answerOmissionKey(claimId);
  if (await isGivenUp(ledger, id)) return;
  const message =
    "a claim was reported as omitted, and this ledger cannot show that it was committed in time";
  await giveUp(ledger, id, "MT-DEF-001", message);
  logger.error({ code: "MT-DEF-001", claimId, answerBy }, message);
}

async function placedClaim(
  { ledger }: Services,
  claimId: Hex,
): Promise<{ placed: PlacedClaim; stored: StoredReceipt }> {
  const stored = await findReceipt(ledger, claimId);
  if (stored?.batchId === undefined || stored.index === undefined) {
    throw new TypeError(`claim ${claimId} is in no batch of the ledger`);
  }
  const { batchId, index } = stored;
  return { placed: { batchId, index, claimId, claim: stored.receipt.claim }, stored };
}
