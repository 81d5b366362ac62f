// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { deriveStatus } from "../../ledger/claim-status.ts";
import type { Reader } from "../../ledger/schema.ts";

/** How long a claim waited for a phase, and how many claims waited just that long. */
export interface GapSample {
  phase: "committed" | "evidence" | "final";
  policyId: Hex;
  seconds: number;
  claims: number;
}

/**
 * What is new since the last look: in blocks, which are read some time after they were made, and in seconds of the
 * chain's time, by which claims become final without a block. The beginnings are exclusive.
 */
export interface Span {
  after: { block: number; seconds: number };
  until: { block: number; seconds: number };
}

/**
 * The gaps of our claims that reached a phase within a span, each once. Claims of a batch that nothing happened to are
 * taken together; the others have a history of their own. Cheap however many claims there are: only what is new is read.
 *
 * A claim that was revealed, and is open for longer than its batch because of it, is left out of `final`.
 *
 * @param ruleOf a policy's rule, by number
 */
export async function gapsWithin(
  db: Reader,
  span: Span,
  ruleOf: (policyId: Hex) => number,
): Promise<GapSample[]> {
  const committed = await batchesOf(db, "BatchCommitted", span);
  const attested = await batchesOf(db, "BatchAttested", span);
  const becameFinal = [
    ...(await finalByTime(db, span)),
    // The evidence was final at once, before this look at the chain had it.
    ...attested.filter(({ finalAt }) => finalAt <= span.after.seconds),
  ];
  const samples: GapSample[] = [];
  for (const { id, at } of committed) samples.push(...(await claimsOf(db, id, "committed", at, false)));
  for (const { id, at } of attested) samples.push(...(await claimsOf(db, id, "evidence", at, false)));
  for (const { id, finalAt } of becameFinal)
    samples.push(...(await claimsOf(db, id, "final", finalAt, true)));
  return [...samples, ...(await leafGaps(db, span, becameFinal, ruleOf))];
}

interface BatchMoment {
  id: Hex;
  /** When it happened. */
  at: number;
  finalAt: number;
}

async function batchesOf(
  db: Reader,
  event: "BatchCommitted" | "BatchAttested",
  { after, until }: Span,
): Promise<BatchMoment[]> {
  return db
    .selectFrom("events as e")
    .innerJoin("batches as own", "own.batch_id", "e.batch_id")
    .innerJoin("chain_batches as b", "b.batch_id", "own.batch_id")
    .select(["own.batch_id as id", "e.timestamp as at", "b.final_at as finalAt"])
    .where("e.name", "=", event)
    .where("e.block_number", ">", after.block)
    .where("e.block_number", "<=", until.block)
    .execute();
}

async function finalByTime(db: Reader, { after, until }: Span): Promise<BatchMoment[]> {
  return db
    .selectFrom("chain_batches as b")
    .innerJoin("batches as own", "own.batch_id", "b.batch_id")
    .select(["own.batch_id as id", "b.final_at as at", "b.final_at as finalAt"])
    .where("b.final_at", ">", after.seconds)
    .where("b.final_at", "<=", until.seconds)
    .execute();
}

/** The claims of a batch by the second they were served in. */
async function claimsOf(
  db: Reader,
  batchId: Hex,
  phase: GapSample["phase"],
  at: number,
  untouched: boolean,
): Promise<GapSample[]> {
  const rows = await db
    .selectFrom("receipts as r")
    .select((eb) => ["r.policy_id", "r.served_at", eb.fn.countAll<number>().as("claims")])
    .where("r.batch_id", "=", batchId)
    .$if(untouched, (query) =>
      query.where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom("chain_leaves as c")
              .select("c.batch_id")
              .whereRef("c.batch_id", "=", "r.batch_id")
              .whereRef("c.leaf_index", "=", "r.leaf_index"),
          ),
        ),
      ),
    )
    .groupBy(["r.policy_id", "r.served_at"])
    .execute();
  return rows.map(({ policy_id, served_at, claims }) => ({
    ...{ phase, policyId: policy_id, claims },
    seconds: Math.max(0, at - served_at),
  }));
}

async function leafGaps(
  db: Reader,
  { after, until }: Span,
  becameFinal: readonly BatchMoment[],
  ruleOf: (policyId: Hex) => number,
): Promise<GapSample[]> {
  const proven = await leaves(db)
    .innerJoin("events as e", (join) =>
      join.onRef("e.batch_id", "=", "c.batch_id").onRef("e.leaf_index", "=", "c.leaf_index"),
    )
    .where("e.name", "=", "EvidenceAccepted")
    .where("e.block_number", ">", after.block)
    .where("e.block_number", "<=", until.block)
    .distinct()
    .execute();
  const ids = becameFinal.map(({ id }) => id);
  const timedOut = ids.length === 0 ? [] : await leaves(db).where("c.batch_id", "in", ids).execute();
  const seen = new Set(proven.map(({ claim_id }) => claim_id));
  const finalAtOf = (row: (typeof proven)[number]) =>
    deriveStatus(row, ruleOf(row.policy_id), until.seconds).finalAt ?? Number.POSITIVE_INFINITY;
  return [
    ...proven.map((row) => leafSample("evidence", row, row.evidence_at ?? 0)),
    ...proven
      .filter((row) => finalAtOf(row) <= until.seconds)
      .map((row) => leafSample("final", row, finalAtOf(row))),
    ...timedOut
      .filter((row) => !seen.has(row.claim_id))
      .filter((row) => finalAtOf(row) > after.seconds && finalAtOf(row) <= until.seconds)
      .map((row) => leafSample("final", row, finalAtOf(row))),
  ];
}

function leaves(db: Reader) {
  return db
    .selectFrom("chain_leaves as c")
    .innerJoin("chain_batches as b", "b.batch_id", "c.batch_id")
    .innerJoin("receipts as r", (join) =>
      join.onRef("r.batch_id", "=", "c.batch_id").onRef("r.leaf_index", "=", "c.leaf_index"),
    )
    .select(["r.claim_id", "r.served_at", "b.policy_id", "b.committed_at", "b.final_at", "b.attested_at"])
    .select(["c.state", "c.kinds", "c.evidence_at", "c.final_at as leaf_final_at", "c.changed_at"]);
}

function leafSample(
  phase: GapSample["phase"],
  { policy_id, served_at }: { policy_id: Hex; served_at: number },
  at: number,
): GapSample {
  return { phase, policyId: policy_id, seconds: Math.max(0, at - served_at), claims: 1 };
}
