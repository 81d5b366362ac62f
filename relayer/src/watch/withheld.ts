// SPDX-License-Identifier: GPL-3.0-or-later

import { randomInt } from "node:crypto";
import type { Opening } from "@meantime/sdk/batch";
import { parseClaim } from "@meantime/sdk/claim";
import { type Hex, hexToBytes } from "@meantime/sdk/hex";
import { headerFromRow } from "../ledger/batches.ts";
import type { ChainBatch } from "../ledger/chain-facts.ts";
import { readPolicy } from "../registry/policies.ts";
import type { Services } from "../services.ts";
import { demandIntent, resolveDemandIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";
import { bondInEther, roomForDisputes } from "./budget.ts";
import { checkClaim } from "./check-claim.ts";
import { insertFinding } from "./findings.ts";

/** What must be left of a challenge window before a demand is made, as its inverse: a quarter. */
const LAST_PART_OF_WINDOW = 4;

interface RevealedRow extends ChainBatch {
  leaf_index: number;
  claim_id: Hex;
  /** As JSON, like the two below. */
  claim: string;
  proof: string;
  opening: string;
}

/**
 * Demands to see one claim, by chance, of every batch whose data could still not be had in the last part of its window.
 * An operator that does not show it loses its bond; one that does earns ours, and the claim is checked.
 */
export async function demandWithheld(services: Services): Promise<void> {
  const { ledger, contracts, clock, logger, challengerAddress } = services;
  if (!challengerAddress) return;
  const withheld = ledger.all<ChainBatch>(
    `SELECT b.* FROM watched w JOIN chain_batches b ON b.batch_id = w.batch_id
     WHERE w.state = 'pending' AND w.tries > 0 AND b.final_at > ?1
       AND (b.final_at - ?1) * ?2 <= b.final_at - b.committed_at
       AND NOT EXISTS (SELECT 1 FROM intents WHERE dedupe_key = 'demand:' || b.batch_id)
     ORDER BY b.final_at`,
    clock.nowSeconds(),
    LAST_PART_OF_WINDOW,
  );
  for (const batch of withheld.slice(0, Math.max(0, roomForDisputes(services)))) {
    const { terms } = await readPolicy(contracts, batch.policy_id);
    const header = headerFromRow(batch.operator, batch);
    const place = { batchId: batch.batch_id, index: randomInt(batch.count) };
    enqueue(ledger, demandIntent(contracts.settlementAddress, header, place, bondInEther(terms)));
    logger.warn({ ...place, operator: batch.operator }, "the data is withheld: demanding to see a claim");
  }
}

/** Checks claims of batches that could not be had, when somebody had them revealed on chain. */
export function checkRevealed(services: Services): void {
  const { ledger, models, logger } = services;
  for (const row of uncheckedRevelations(services)) {
    const { batch_id: batchId, leaf_index: index, claim_id: claimId } = row;
    const claim = parseClaim(JSON.parse(row.claim));
    const opening = openingFrom(row.opening);
    const header = headerFromRow(row.operator, row);
    const finding = checkClaim({ claim, opening }, header, row.committed_at, models);
    ledger.transaction(() => {
      ledger.run("INSERT INTO revealed_checks (batch_id, leaf_index) VALUES (?, ?)", batchId, index);
      ledger.run(
        "UPDATE watched SET claims_checked = claims_checked + ?, claims_wrong = claims_wrong + ? WHERE batch_id = ?",
        finding.result === "unchecked" ? 0 : 1,
        finding.result === "wrong" ? 1 : 0,
        batchId,
      );
      if (finding.result !== "wrong") return;
      const proof = JSON.parse(row.proof) as Hex[];
      insertFinding(ledger, { batchId, index, claimId, claim, proof, reason: finding.reason });
    });
    if (finding.result !== "wrong") continue;
    const { reason } = finding;
    logger.error(
      { code: "MT-WATCH-003", claimId, batchId, operator: row.operator, reason },
      "wrong claim found",
    );
  }
}

/** Collects what demands of ours have won that nobody met. */
export function resolveUnrevealed({ ledger, contracts, challengerAddress, clock, logger }: Services): void {
  if (!challengerAddress) return;
  const unmet = ledger.all<ChainBatch & { leaf_index: number }>(
    `SELECT b.*, c.leaf_index FROM chain_leaves c JOIN chain_batches b ON b.batch_id = c.batch_id
     WHERE c.state = 'demanded' AND c.opener = ? AND c.deadline <= ?`,
    challengerAddress,
    clock.nowSeconds(),
  );
  for (const row of unmet) {
    const header = headerFromRow(row.operator, row);
    const place = { batchId: row.batch_id, index: row.leaf_index };
    const { settlementAddress } = contracts;
    if (enqueue(ledger, resolveDemandIntent(settlementAddress, header, place, challengerAddress))) {
      logger.warn(place, "nobody revealed what we demanded to see: resolving");
    }
  }
}

function uncheckedRevelations({ ledger, clock, config }: Services): RevealedRow[] {
  return ledger.all<RevealedRow>(
    `SELECT b.*, c.leaf_index, c.claim_id, e.arguments ->> 'claim' AS claim,
       e.arguments ->> 'proof' AS proof, e.arguments ->> 'opening' AS opening
     FROM chain_leaves c
     JOIN chain_batches b ON b.batch_id = c.batch_id
     JOIN watched w ON w.batch_id = c.batch_id
     JOIN events e ON e.batch_id = c.batch_id AND e.name = 'ClaimRevealed'
       AND CAST(e.arguments ->> 'index' AS INTEGER) = c.leaf_index
     WHERE c.state = 'revealed' AND w.state <> 'checked' AND b.operator <> ?1
       AND MAX(c.final_at, b.final_at) > ?2
       AND NOT EXISTS (
         SELECT 1 FROM revealed_checks r WHERE r.batch_id = c.batch_id AND r.leaf_index = c.leaf_index
       )`,
    config.operator.address,
    clock.nowSeconds(),
  );
}

function openingFrom(json: string): Opening {
  const { input, salt, output } = JSON.parse(json) as Record<"input" | "salt" | "output", Hex>;
  return { input: hexToBytes(input), salt, output: hexToBytes(output) };
}
