// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";
import { type BatchHeader, batchId as batchIdOf } from "@meantime/sdk/batch";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Address, asHexOf, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { recoverAddress } from "@meantime/sdk/signature";
import { describeError, RelayerError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import { announcedEndpoint, type ChainBatch } from "../ledger/chain-facts.ts";
import type { Services } from "../services.ts";
import { checkClaim } from "./check-claim.ts";
import { type BatchData, fetchBatch } from "./fetch-batch.ts";
import { challengeFindings, insertFinding, type NewFinding, resolveUnanswered } from "./findings.ts";
import { checkRevealed, demandWithheld, resolveUnrevealed } from "./withheld.ts";

const BATCHES_PER_RUN = 8;
/** Claims checked before other work of this process gets a turn. */
const CLAIMS_PER_TURN = 32;
const FIRST_RETRY_MILLISECONDS = 500;
const LAST_RETRY_MILLISECONDS = 30_000;

/**
 * One round: takes note of new batches, checks those that are due, challenges what was found, demands to see what is
 * withheld, collects what was won.
 */
export async function watchOnce(services: Services, signal: AbortSignal): Promise<void> {
  noteNewBatches(services);
  for (const batch of dueBatches(services)) {
    if (signal.aborted) return;
    await checkBatch(services, batch);
  }
  if (services.config.watch.mode !== "auto") return;
  checkRevealed(services);
  await challengeFindings(services);
  await demandWithheld(services);
  resolveUnanswered(services);
  resolveUnrevealed(services);
}

/** A batch without a data root keeps its data private: nothing in it can be checked. */
function noteNewBatches({ ledger, config, clock }: Services): void {
  ledger.run(
    `INSERT INTO watched (batch_id)
     SELECT batch_id FROM chain_batches
     WHERE operator <> ? AND final_at > ? AND data_root <> ? AND batch_id NOT IN (SELECT batch_id FROM watched)`,
    config.operator.address,
    clock.nowSeconds(),
    ZERO_HASH,
  );
}

function dueBatches({ ledger }: Services): (ChainBatch & { tries: number })[] {
  return ledger.all(
    `SELECT b.*, w.tries FROM watched w JOIN chain_batches b ON b.batch_id = w.batch_id
     WHERE w.state = 'pending' AND w.next_try_at_milliseconds <= ? ORDER BY b.final_at LIMIT ?`,
    Date.now(),
    BATCHES_PER_RUN,
  );
}

async function checkBatch(services: Services, batch: ChainBatch & { tries: number }): Promise<void> {
  const { ledger, domain, clock, logger } = services;
  const header = headerFromRow(batch.operator, batch);
  try {
    const endpoint = announcedEndpoint(ledger, batch.operator);
    if (!endpoint) throw noEndpoint(batch.operator);
    const data = await fetchBatch(endpoint, header, domain);
    await checkClaims(services, header, batch.committed_at, data);
    await reportForeignSignatures(services, batch, data);
  } catch (error) {
    const described = describeError(error);
    const over = clock.nowSeconds() >= batch.final_at;
    logger.warn(
      { ...described, batchId: batch.batch_id, operator: batch.operator },
      "batch could not be checked",
    );
    ledger.run(
      `UPDATE watched SET tries = tries + 1, next_try_at_milliseconds = ?, error = ?, state = ?, claims_unchecked = ?
       WHERE batch_id = ?`,
      Date.now() +
        Math.min(FIRST_RETRY_MILLISECONDS * 2 ** Math.min(batch.tries, 10), LAST_RETRY_MILLISECONDS),
      described.code,
      over ? "withheld" : "pending",
      over ? batch.count : 0,
      batch.batch_id,
    );
  }
}

async function checkClaims(
  { ledger, domain, models, logger }: Services,
  header: BatchHeader,
  committedAt: number,
  data: BatchData,
) {
  const batchId = batchIdOf(domain, header);
  const counts = { right: 0, wrong: 0, unchecked: 0 };
  const wrong: NewFinding[] = [];
  for (const [index, entry] of data.entries.entries()) {
    if (index % CLAIMS_PER_TURN === 0) await setImmediate();
    const finding = checkClaim(entry, header, committedAt, models);
    counts[finding.result] += 1;
    if (finding.result !== "wrong") continue;
    const { claim, claimId } = entry;
    const { reason } = finding;
    logger.error(
      { code: "MT-WATCH-003", claimId, batchId, operator: header.operator, reason },
      "wrong claim found",
    );
    wrong.push({ batchId, index, claimId, claim, proof: data.tree.proof(index), reason });
  }
  ledger.transaction(() => {
    for (const finding of wrong) insertFinding(ledger, finding);
    ledger.run(
      `UPDATE watched SET state = 'checked', error = NULL, claims_checked = ?, claims_wrong = ?, claims_unchecked = ?
       WHERE batch_id = ?`,
      counts.right + counts.wrong,
      counts.wrong,
      counts.unchecked,
      batchId,
    );
  });
  logger.info({ batchId, operator: header.operator, ...counts }, "batch checked");
}

/**
 * A signature that does not bind the operator harms the receipt's holder, not the chain: it is reported, no more. In
 * particular a signature that is none must not keep a lie beside it from being found.
 */
async function reportForeignSignatures(
  { contracts, logger }: Services,
  batch: ChainBatch,
  { entries }: BatchData,
): Promise<void> {
  const claimsBySigner = new Map<Address | undefined, number>();
  for (const [index, { claimId, signature }] of entries.entries()) {
    if (index % CLAIMS_PER_TURN === 0) await setImmediate();
    const signer = signerOf(claimId, signature);
    claimsBySigner.set(signer, (claimsBySigner.get(signer) ?? 0) + 1);
  }
  for (const [signer, claims] of claimsBySigner) {
    const known = signer && (await contracts.receipts.receiptKeyOf(batch.operator, signer)).validFrom !== 0n;
    if (known) continue;
    logger.warn(
      { code: "MT-WATCH-006", batchId: batch.batch_id, operator: batch.operator, signer, claims },
      "receipts are not signed by a key of the operator",
    );
  }
}

/** Undefined where the signature is none. */
function signerOf(claimId: Hex, signature: unknown): Address | undefined {
  try {
    return recoverAddress(claimId, asHexOf(signature, 65, "signature"));
  } catch (error) {
    if (error instanceof MeantimeError) return undefined;
    throw error;
  }
}

function noEndpoint(operator: Address): RelayerError {
  return new RelayerError(
    "MT-WATCH-005",
    `the operator ${operator} has announced no endpoint`,
    "Its batches cannot be checked until it announces where their data is.",
  );
}
