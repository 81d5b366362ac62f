// SPDX-License-Identifier: GPL-3.0-or-later

import { type Claim, claimToJson, parseClaim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { headerFromRow } from "../ledger/batches.ts";
import { type ChainBatch, findChainBatch, findChainLeaf } from "../ledger/chain-facts.ts";
import type { Reader, Row, Writer } from "../ledger/schema.ts";
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

/** Keeps a finding until it is challenged. */
export async function insertFinding(tx: Writer, finding: NewFinding): Promise<void> {
  await tx
    .insertInto("findings")
    .values({
      batch_id: finding.batchId,
      leaf_index: finding.index,
      claim_id: finding.claimId,
      claim: JSON.stringify(claimToJson(finding.claim)),
      proof: JSON.stringify(finding.proof),
      reason: finding.reason,
      state: "found",
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Challenges what was found wrong, or one leaf of it, as far as the budget goes. */
export async function challengeFindings(
  services: Services,
  only?: { batchId: Hex; index: number },
): Promise<void> {
  const { ledger, contracts, challengerAddress, clock, logger } = services;
  const waiting = await ledger
    .selectFrom("findings")
    .selectAll()
    .where("state", "=", "found")
    .$if(only !== undefined, (query) =>
      query.where("batch_id", "=", only?.batchId ?? "0x").where("leaf_index", "=", only?.index ?? -1),
    )
    .orderBy("sequence")
    .execute();
  if (waiting.length === 0 || !challengerAddress) return;
  let room = await roomForDisputes(services);
  for (const row of waiting) {
    const batch = await findChainBatch(ledger, row.batch_id);
    if (!batch || clock.nowSeconds() >= (await openUntil(ledger, batch, row.leaf_index))) continue;
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
    const intent = challengeIntent(contracts.settlementAddress, header, placed(row), proof, valueWei);
    await ledger.transaction(async (tx) => {
      await enqueue(tx, intent);
      await tx
        .updateTable("findings")
        .set({ state: "challenging" })
        .where("batch_id", "=", row.batch_id)
        .where("leaf_index", "=", row.leaf_index)
        .execute();
    });
    room -= 1;
    logger.warn({ claimId: row.claim_id, batchId: row.batch_id }, "challenging a wrong claim");
  }
}

/** A claim that was revealed late is open for longer than its batch. */
async function openUntil(db: Reader, batch: ChainBatch, index: number): Promise<number> {
  const leaf = await findChainLeaf(db, batch.batch_id, index);
  return Math.max(batch.final_at, leaf?.final_at ?? 0);
}

/** Collects what challenges of ours have won that nobody answered. */
export async function resolveUnanswered({
  ledger,
  contracts,
  challengerAddress,
  clock,
  logger,
}: Services): Promise<void> {
  if (!challengerAddress) return;
  const unanswered = await ledger
    .selectFrom("findings as f")
    .innerJoin("chain_leaves as c", (join) =>
      join.onRef("c.batch_id", "=", "f.batch_id").onRef("c.leaf_index", "=", "f.leaf_index"),
    )
    .selectAll("f")
    .where("c.state", "=", sql.lit("challenged"))
    .where("c.opener", "=", challengerAddress)
    .where("c.deadline", "<=", clock.nowSeconds())
    .execute();
  for (const row of unanswered) {
    const intent = resolveIntent(contracts.settlementAddress, placed(row), challengerAddress);
    if (await ledger.transaction((tx) => enqueue(tx, intent))) {
      logger.warn(
        { claimId: row.claim_id, batchId: row.batch_id },
        "nobody answered our challenge: resolving",
      );
    }
  }
}

function placed(row: Row<"findings">): PlacedClaim {
  return {
    batchId: row.batch_id,
    claimId: row.claim_id,
    index: row.leaf_index,
    claim: parseClaim(JSON.parse(row.claim)),
  };
}
