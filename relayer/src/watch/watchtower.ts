// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";
import { type BatchHeader, batchId as batchIdOf } from "@meantime/sdk/batch";
import { claimToJson, parseClaim } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Address, asHexOf, type Hex } from "@meantime/sdk/hex";
import { recoverAddress } from "@meantime/sdk/signature";
import { describeError, RelayerError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import { announcedEndpoint, type ChainBatch, findChainBatch } from "../ledger/chain-facts.ts";
import { readPolicy } from "../registry/policies.ts";
import type { Services } from "../services.ts";
import { challengeIntent, type PlacedClaim, resolveIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";
import { checkClaim } from "./check-claim.ts";
import { type BatchData, fetchBatch } from "./fetch-batch.ts";

const BATCHES_PER_RUN = 8;
/** Claims checked before other work of this process gets a turn. */
const CLAIMS_PER_TURN = 32;
const FIRST_RETRY_MILLISECONDS = 500;
const LAST_RETRY_MILLISECONDS = 30_000;

interface FindingRow {
  claim_id: Hex;
  batch_id: Hex;
  leaf_index: number;
  claim: string;
  proof: string;
}

/** One round: takes note of new batches, checks those that are due, challenges what was found, collects what was won. */
export async function watchOnce(services: Services, signal: AbortSignal): Promise<void> {
  noteNewBatches(services);
  for (const batch of dueBatches(services)) {
    if (signal.aborted) return;
    await checkBatch(services, batch);
  }
  if (services.config.watch.mode !== "auto") return;
  await challengeFindings(services);
  resolveUnanswered(services);
}

function noteNewBatches({ ledger, config, clock }: Services): void {
  ledger.run(
    `INSERT INTO watched (batch_id)
     SELECT batch_id FROM chain_batches
     WHERE operator <> ? AND final_at > ? AND batch_id NOT IN (SELECT batch_id FROM watched)`,
    config.operator.address,
    clock.nowSeconds(),
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
    await checkClaims(services, header, data);
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
  data: BatchData,
) {
  const batchId = batchIdOf(domain, header);
  const counts = { right: 0, wrong: 0, unchecked: 0 };
  const wrong: (FindingRow & { reason: string })[] = [];
  for (const [index, entry] of data.entries.entries()) {
    if (index % CLAIMS_PER_TURN === 0) await setImmediate();
    const finding = checkClaim(entry, header, models);
    counts[finding.result] += 1;
    if (finding.result !== "wrong") continue;
    logger.error(
      {
        code: "MT-WATCH-003",
        claimId: entry.claimId,
        batchId,
        operator: header.operator,
        reason: finding.reason,
      },
      "wrong claim found",
    );
    wrong.push({
      claim_id: entry.claimId,
      batch_id: batchId,
      leaf_index: index,
      claim: JSON.stringify(claimToJson(entry.claim)),
      proof: JSON.stringify(data.tree.proof(index)),
      reason: finding.reason,
    });
  }
  ledger.transaction(() => {
    for (const row of wrong) {
      ledger.run(
        `INSERT INTO findings (claim_id, batch_id, leaf_index, claim, proof, reason, state)
         VALUES (?, ?, ?, ?, ?, ?, 'found') ON CONFLICT DO NOTHING`,
        row.claim_id,
        row.batch_id,
        row.leaf_index,
        row.claim,
        row.proof,
        row.reason,
      );
    }
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
    const known =
      signer && (await contracts.settlement.receiptKeyOf(batch.operator, signer)).validFrom !== 0n;
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

async function challengeFindings({ ledger, contracts, config, challengerAddress, clock, logger }: Services) {
  const waiting = ledger.all<FindingRow>("SELECT * FROM findings WHERE state = 'found' ORDER BY rowid");
  if (waiting.length === 0 || !challengerAddress) return;
  let room = config.watch.maxOpenChallenges - openChallenges({ ledger });
  for (const row of waiting) {
    const batch = findChainBatch(ledger, row.batch_id);
    if (!batch || clock.nowSeconds() >= batch.final_at) continue;
    if (room <= 0) {
      logger.warn(
        { code: "MT-WATCH-004", waiting: waiting.length },
        "wrong claims wait: the challenge budget is used up",
      );
      return;
    }
    const { terms } = await readPolicy(contracts, batch.policy_id);
    const header = headerFromRow(batch.operator, batch);
    const proof = JSON.parse(row.proof) as Hex[];
    ledger.transaction(() => {
      enqueue(
        ledger,
        challengeIntent(contracts.settlementAddress, header, placed(row), proof, terms.challengeBondWei),
      );
      ledger.run("UPDATE findings SET state = 'challenging' WHERE claim_id = ?", row.claim_id);
    });
    room -= 1;
    logger.warn({ claimId: row.claim_id, batchId: row.batch_id }, "challenging a wrong claim");
  }
}

/** Challenges of ours that may still cost their bond: on their way, or neither answered nor rejected. */
function openChallenges({ ledger }: Pick<Services, "ledger">): number {
  const row = ledger.get<{ count: number }>(
    `SELECT COUNT(*) AS count FROM findings f
     WHERE f.state = 'challenging'
       AND NOT EXISTS (
         SELECT 1 FROM chain_claims c
         WHERE c.claim_id = f.claim_id AND c.batch_id = f.batch_id AND c.leaf_index = f.leaf_index
           AND c.challenged_at IS NOT NULL AND c.state <> 'challenged'
       )
       AND NOT EXISTS (
         SELECT 1 FROM intents i
         WHERE i.dedupe_key = 'challenge:' || f.batch_id || ':' || f.leaf_index || ':' || f.claim_id
           AND i.state IN ('satisfied', 'failed')
       )`,
  );
  return row?.count ?? 0;
}

function resolveUnanswered({ ledger, contracts, challengerAddress, clock, logger }: Services): void {
  if (!challengerAddress) return;
  const unanswered = ledger.all<FindingRow>(
    `SELECT f.* FROM findings f
     JOIN chain_claims c ON c.claim_id = f.claim_id AND c.batch_id = f.batch_id AND c.leaf_index = f.leaf_index
     WHERE c.state = 'challenged' AND c.challenger = ? AND c.prove_by <= ?`,
    challengerAddress,
    clock.nowSeconds(),
  );
  for (const row of unanswered) {
    if (enqueue(ledger, resolveIntent(contracts.settlementAddress, placed(row)))) {
      logger.warn(
        { claimId: row.claim_id, batchId: row.batch_id },
        "nobody answered our challenge: resolving",
      );
    }
  }
}

function placed(row: FindingRow): PlacedClaim {
  return {
    batchId: row.batch_id,
    claimId: row.claim_id,
    index: row.leaf_index,
    claim: parseClaim(JSON.parse(row.claim)),
  };
}

function noEndpoint(operator: Address): RelayerError {
  return new RelayerError(
    "MT-WATCH-005",
    `the operator ${operator} has announced no endpoint`,
    "Its batches cannot be checked until it announces where their data is.",
  );
}
