// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import type { ChainBatch, ChainEvent, ChainLeaf } from "../ledger/chain-facts.ts";
import { standingOfRow, UNTOUCHED } from "../ledger/claim-status.ts";
import type { Writer } from "../ledger/schema.ts";
import { pushFeed } from "./feed.ts";
import { firstOrdinalAfter, ordinalOf } from "./ordinal.ts";
import { ruleOf } from "./terms.ts";

/** Events by which an address becomes an operator that is listed. Others, anybody can bring about for himself. */
export const OPERATORS_EVENTS: readonly string[] = ["Staked", "BatchCommitted"];
const DISPUTE_EVENTS: readonly string[] = ["ClaimChallenged", "RevealDemanded"];

/** What happened to one batch: to its leaves at these places, or to all of them. */
interface Touched {
  leaves: Set<number>;
  whole: boolean;
}

/** Brings the derived tables up to date with events that were just applied, and tells those who listen. */
export async function deriveFromEvents(tx: Writer, events: readonly ChainEvent[]): Promise<void> {
  const touched = new Map<Hex, Touched>();
  for (const { name, blockNumber, arguments: values } of events) {
    const { batchId, index, operator, claimId } = values;
    if (operator !== undefined && OPERATORS_EVENTS.includes(name)) {
      await noteOperator(tx, operator as Address, blockNumber);
    }
    if (batchId === undefined) continue;
    const entry = touched.get(batchId as Hex) ?? { leaves: new Set(), whole: false };
    touched.set(batchId as Hex, entry);
    if (index === undefined) entry.whole ||= claimId === undefined;
    else entry.leaves.add(Number(index));
    if (DISPUTE_EVENTS.includes(name)) {
      await pushFeed(tx, { kind: "challenge", batchId: batchId as Hex, index: Number(index) });
    }
  }
  for (const [batchId, { leaves, whole }] of touched) {
    await deriveBatch(tx, batchId, whole ? undefined : [...leaves]);
    if (whole) await pushFeed(tx, { kind: "batch", batchId });
    for (const index of leaves) await pushFeed(tx, { kind: "claim", batchId, index });
  }
}

/** Forgets what follows from blocks after one: batches that were committed later, with all that is known of them. */
export async function forgetIndexAfter(tx: Writer, block: number): Promise<void> {
  const first = firstOrdinalAfter(block);
  for (const table of BY_ORDINAL) await tx.deleteFrom(table).where("ordinal", ">=", first).execute();
  await tx.deleteFrom("index_operators").where("first_block", ">", block).execute();
  await tx.updateTable("index_sources").set({ read_up_to: block }).where("read_up_to", ">", block).execute();
}

/**
 * Derives a batch and its leaves from `chain_batches` and `chain_leaves`.
 *
 * @param places the leaves to derive; default: all that something happened to
 */
export async function deriveBatch(tx: Writer, batchId: Hex, places?: readonly number[]): Promise<void> {
  const batch = await tx
    .selectFrom("chain_batches")
    .selectAll()
    .where("batch_id", "=", batchId)
    .executeTakeFirst();
  const commit = await tx
    .selectFrom("events")
    .select(["block_number", "log_index"])
    .where("batch_id", "=", batchId)
    .where("name", "=", "BatchCommitted")
    // It is the first of them.
    .orderBy("block_number")
    .orderBy("log_index")
    .limit(1)
    .executeTakeFirst();
  // An event that only names a batch, such as a refuted omission of one from before the first block that is read.
  if (!batch || !commit) return;
  const ordinal = ordinalOf(commit.block_number, commit.log_index);
  const rule = await ruleOf(tx, batch.policy_id);
  let leaves = tx.selectFrom("chain_leaves").selectAll().where("batch_id", "=", batchId);
  if (places) leaves = leaves.where("leaf_index", "in", places.length > 0 ? places : [-1]);
  for (const leaf of await leaves.execute()) await deriveLeaf(tx, ordinal, batch, leaf, rule);
  const { touched } = await tx
    .selectFrom("index_leaves")
    .select((eb) => eb.fn.countAll<number>().as("touched"))
    .where("ordinal", "=", ordinal)
    .executeTakeFirstOrThrow();
  const { standing, finalAt } = standingOfRow({ ...batch, ...UNTOUCHED }, rule);
  const row = {
    ...{ ordinal, batch_id: batchId, operator: batch.operator, policy_id: batch.policy_id },
    ...{ model_id: batch.model_id, count: batch.count, committed_at: batch.committed_at },
    ...{ attested_at: batch.attested_at, released: batch.released_tx === null ? 0 : 1 },
    ...{ standing, final_at: finalAt ?? batch.final_at, touched },
    oldest_served_at: batch.oldest_served_at,
    claims_up_to: (await claimsBefore(tx, ordinal)) + batch.count,
  };
  await tx
    .insertInto("index_batches")
    .values(row)
    .onConflict((conflict) => conflict.column("ordinal").doUpdateSet(row))
    .execute();
  await tx
    .insertInto("index_data")
    .values({ ordinal, operator: batch.operator, endpoint: null, error: null })
    .onConflict((conflict) => conflict.column("ordinal").doUpdateSet({ grouped: 0 }))
    .execute();
}

async function claimsBefore(tx: Writer, ordinal: number): Promise<number> {
  const before = await tx
    .selectFrom("index_batches")
    .select("claims_up_to")
    .where("ordinal", "<", ordinal)
    .orderBy("ordinal", "desc")
    .limit(1)
    .executeTakeFirst();
  return before?.claims_up_to ?? 0;
}

const BY_ORDINAL = [
  ...(["index_batches", "index_leaves", "index_data"] as const),
  ...(["index_claims", "index_served", "index_groups"] as const),
] as const;

async function deriveLeaf(
  tx: Writer,
  ordinal: number,
  batch: ChainBatch,
  leaf: ChainLeaf,
  rule: number,
): Promise<void> {
  const { final_at, attested_at } = batch;
  const { standing, finalAt } = standingOfRow(
    { ...leaf, final_at, attested_at, leaf_final_at: leaf.final_at },
    rule,
  );
  const evidence = [batch.attested_at, leaf.evidence_at].filter((at) => at !== null);
  const row = {
    ...{ ordinal, leaf_index: leaf.leaf_index, operator: batch.operator, standing },
    kinds: leaf.kinds | (batch.attested_at === null ? 0 : EVIDENCE_KINDS.tee),
    evidence_at: evidence.length === 0 ? null : Math.min(...evidence),
    final_at: finalAt,
    ended_at: standing === "Rejected" || standing === "Voided" ? leaf.ended_at : null,
  };
  await tx
    .insertInto("index_leaves")
    .values(row)
    .onConflict((conflict) => conflict.columns(["ordinal", "leaf_index"]).doUpdateSet(row))
    .execute();
}

async function noteOperator(tx: Writer, operator: Address, block: number): Promise<void> {
  await tx
    .insertInto("index_operators")
    .values({ operator, first_block: block })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
