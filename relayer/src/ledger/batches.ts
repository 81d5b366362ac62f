// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import type { Address, Hex } from "@meantime/sdk/hex";
import { type CompiledQuery, sql } from "kysely";
import type { HeaderColumns, Reader, Writer } from "./schema.ts";
import { runTogether } from "./together.ts";

/** Claim ids in one statement. Of few sizes, for each is a statement that the connection keeps. */
const CLAIMS_PER_STATEMENT = [256, 64, 16, 4, 1] as const;

/**
 * Stores a sealed batch and puts its claims into it, leaf by leaf.
 *
 * @throws Error when one of the claims is in a batch already, not stored, or of another policy or model: nothing may be
 * committed twice
 */
export async function insertBatch(
  tx: Writer,
  batchId: Hex,
  header: BatchHeader,
  claimIds: readonly Hex[],
): Promise<void> {
  const { policyId, modelId } = header;
  const inserted = tx.insertInto("batches").values({
    batch_id: batchId,
    policy_id: policyId,
    model_id: modelId,
    root: header.root,
    data_root: header.dataRoot,
    count: header.count,
    oldest_served_at: Number(header.oldestServedAt),
    nonce: header.nonce.toString(),
    committed_block: null,
  });
  const nearest = tx
    .updateTable("batches")
    .set({
      nearest_commit_by: sql<number>`(SELECT COALESCE(MIN(commit_by), 0) FROM receipts WHERE batch_id = ${batchId})`,
    })
    .where("batch_id", "=", batchId);
  const waiting = tx
    .updateTable("exposure")
    .set((eb) => ({ waiting: eb("waiting", "-", claimIds.length) }))
    .where("policy_id", "=", policyId)
    .where("model_id", "=", modelId);
  const placements = placementsOf(tx, batchId, header, claimIds);
  const results = await runTogether(tx, [
    inserted.compile(),
    ...placements,
    nearest.compile(),
    waiting.compile(),
  ]);
  const placed = results.slice(1, 1 + placements.length);
  const count = placed.reduce((sum, { numAffectedRows = 0n }) => sum + Number(numAffectedRows), 0);
  if (count === claimIds.length) return;
  throw new Error(`${claimIds.length - count} claims of batch ${batchId} are not waiting for one`);
}

function placementsOf(
  tx: Writer,
  batchId: Hex,
  { policyId, modelId }: BatchHeader,
  claimIds: readonly Hex[],
): CompiledQuery[] {
  const placements: CompiledQuery[] = [];
  for (let from = 0; from < claimIds.length; ) {
    const count = CLAIMS_PER_STATEMENT.find((size) => size <= claimIds.length - from) ?? 1;
    const some = claimIds.slice(from, from + count);
    const places = sql.join(some.map((claimId, at) => sql`(${claimId}, ${sql.lit(at)})`));
    // Not UPDATE ... FROM: SQLite then copies every row aside first, which takes it nine times as long. And not `state = 'served'`,
    // which says the same: by an index of that SQLite would look at all receipts that wait, for each statement.
    const placement = sql`
      WITH places (claim_id, place) AS (VALUES ${places})
      UPDATE receipts SET state = 'batched', batch_id = ${batchId}, leaf_index =
        (SELECT places.place + ${from} FROM places WHERE places.claim_id = receipts.claim_id)
      WHERE receipts.claim_id IN (SELECT claim_id FROM places) AND receipts.batch_id IS NULL
        AND receipts.policy_id = ${policyId} AND receipts.model_id = ${modelId}`;
    placements.push(placement.compile(tx));
    from += count;
  }
  return placements;
}

/** How many batches of each policy wait for their commits to be sent for the first time. */
export async function unsentBatches(db: Reader): Promise<Map<Hex, number>> {
  const rows = await db
    .selectFrom("intents as i")
    .innerJoin("batches as b", "b.batch_id", "i.batch_id")
    .select((eb) => ["b.policy_id", eb.fn.countAll<number>().as("count")])
    .where("i.kind", "=", "commit")
    .where("i.state", "=", sql.lit("queued"))
    .where(sql<boolean>`i.state IN ('queued', 'signed', 'broadcast', 'mined')`)
    .groupBy("b.policy_id")
    .execute();
  return new Map(rows.map(({ policy_id, count }) => [policy_id, count]));
}

/** The header of one of our own batches, committed or not. */
export async function findOwnHeader(
  db: Reader,
  operator: Address,
  batchId: Hex,
): Promise<BatchHeader | undefined> {
  const row = await db.selectFrom("batches").selectAll().where("batch_id", "=", batchId).executeTakeFirst();
  return row && headerFromRow(operator, row);
}

/** A header from its columns. */
export function headerFromRow(operator: Address, row: HeaderColumns): BatchHeader {
  return {
    operator,
    policyId: row.policy_id,
    modelId: row.model_id,
    root: row.root,
    dataRoot: row.data_root,
    count: row.count,
    oldestServedAt: BigInt(row.oldest_served_at),
    nonce: BigInt(row.nonce),
  };
}
