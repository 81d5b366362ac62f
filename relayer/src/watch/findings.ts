// SPDX-License-Identifier: GPL-3.0-or-later

import { type Claim, claimToJson, parseClaim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { headerFromRow } from "../ledger/batches.ts";
import { type ChainBatch, findChainBatch, findChainLeaf } from "../ledger/chain-facts.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { readPolicy } from "../registry/policies.ts";
import type { Services } from "../services.ts";
import { challengeIntent, type PlacedClaim, resolveIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";
import { bondInEther, roomForDisputes } from "./budget.ts";

/** A claim that was found wrong. */
export interface NewFinding {
  batchId: Hex;
  index: number;
  claimId: Hex;
  claim: Claim;
  /** Of its leaf. */
  proof: readonly Hex[];
  reason: string;
}

interface FindingRow {
  batch_id: Hex;
  leaf_index: number;
  claim_id: Hex;
  claim: string;
  proof: string;
}

/** Keeps a finding until it is challenged. */
export function insertFinding(ledger: Ledger, finding: NewFinding): void {
  ledger.run(
    `INSERT INTO findings (batch_id, leaf_index, claim_id, claim, proof, reason, state)
     VALUES (?, ?, ?, ?, ?, ?, 'found') ON CONFLICT DO NOTHING`,
    finding.batchId,
    finding.index,
    finding.claimId,
    JSON.stringify(claimToJson(finding.claim)),
    JSON.stringify(finding.proof),
    finding.reason,
  );
}

/** Challenges what was found wrong, as far as the budget goes. */
export async function challengeFindings(services: Services): Promise<void> {
  const { ledger, contracts, challengerAddress, clock, logger } = services;
  const waiting = ledger.all<FindingRow>("SELECT * FROM findings WHERE state = 'found' ORDER BY rowid");
  if (waiting.length === 0 || !challengerAddress) return;
  let room = roomForDisputes(services);
  for (const row of waiting) {
    const batch = findChainBatch(ledger, row.batch_id);
    if (!batch || clock.nowSeconds() >= openUntil(ledger, batch, row.leaf_index)) continue;
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
    const valueWei = bondInEther(terms);
    ledger.transaction(() => {
      enqueue(ledger, challengeIntent(contracts.settlementAddress, header, placed(row), proof, valueWei));
      ledger.run(
        "UPDATE findings SET state = 'challenging' WHERE batch_id = ? AND leaf_index = ?",
        row.batch_id,
        row.leaf_index,
      );
    });
    room -= 1;
    logger.warn({ claimId: row.claim_id, batchId: row.batch_id }, "challenging a wrong claim");
  }
}

/** A claim that was revealed late is open for longer than its batch. */
function openUntil(ledger: Ledger, batch: ChainBatch, index: number): number {
  return Math.max(batch.final_at, findChainLeaf(ledger, batch.batch_id, index)?.final_at ?? 0);
}

/** Collects what challenges of ours have won that nobody answered. */
export function resolveUnanswered({ ledger, contracts, challengerAddress, clock, logger }: Services): void {
  if (!challengerAddress) return;
  const unanswered = ledger.all<FindingRow>(
    `SELECT f.* FROM findings f
     JOIN chain_leaves c ON c.batch_id = f.batch_id AND c.leaf_index = f.leaf_index
     WHERE c.state = 'challenged' AND c.opener = ? AND c.deadline <= ?`,
    challengerAddress,
    clock.nowSeconds(),
  );
  for (const row of unanswered) {
    if (enqueue(ledger, resolveIntent(contracts.settlementAddress, placed(row), challengerAddress))) {
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
