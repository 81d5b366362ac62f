// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { type Margin, openMargins } from "./margins.ts";
import type { Reader, Writer } from "./schema.ts";

/** Whether failed obligations have stopped new work. Times are unix seconds. */
export interface BreakerState {
  /** Since when; null while new work is taken. */
  openSince: number | null;
  /** Failures up to then were looked at by the operator, and do not count any more. */
  acknowledgedAt: number;
}

/** An obligation that failed: missed, lost, or given up. */
export interface FailedObligation {
  what: "missed" | "rejected" | "omitted" | "unprovable";
  subject: string;
  at: number;
}

const FACT = "breaker";
const CLOSED: BreakerState = { openSince: null, acknowledgedAt: 0 };

/** The stored state. */
export async function readBreaker(db: Reader): Promise<BreakerState> {
  const row = await db.selectFrom("facts").select("value").where("name", "=", FACT).executeTakeFirst();
  return row ? (JSON.parse(row.value) as BreakerState) : CLOSED;
}

/** Stores the state; it outlives restarts. */
export async function writeBreaker(tx: Writer, state: BreakerState): Promise<void> {
  const value = JSON.stringify(state);
  await tx
    .insertInto("facts")
    .values({ name: FACT, value })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
    .execute();
}

/**
 * The obligations that failed after a moment: counted from what the ledger says, so that no crash loses one and none is
 * counted twice.
 */
export async function failedObligations(
  db: Reader,
  { operator, since, nowSeconds }: { operator: Address; since: number; nowSeconds: number },
): Promise<FailedObligation[]> {
  const isMissed = ({ obligation, deadline }: Margin) =>
    obligation !== "challenge" && deadline <= nowSeconds && deadline > since;
  const missed = (await openMargins(db, operator)).filter(isMissed);
  return [
    ...missed.map(({ subject, deadline }) => ({ what: "missed" as const, subject, at: deadline })),
    ...(await rejected(db, since)),
    ...(await omitted(db, operator, since)),
    ...(await unprovable(db, since, nowSeconds)),
  ];
}

async function rejected(db: Reader, since: number): Promise<FailedObligation[]> {
  const rows = await db
    .selectFrom("events as e")
    .innerJoin("batches as own", "own.batch_id", "e.batch_id")
    .select(["own.batch_id", "e.leaf_index", "e.timestamp"])
    .where("e.name", "=", "ClaimRejected")
    .where("e.timestamp", ">", since)
    .execute();
  return rows.map(({ batch_id, leaf_index, timestamp }) => ({
    what: "rejected",
    subject: `${batch_id}:${leaf_index}`,
    at: timestamp,
  }));
}

async function omitted(db: Reader, operator: Address, since: number): Promise<FailedObligation[]> {
  const rows = await db
    .selectFrom("events")
    .select(["claim_id", "timestamp"])
    .where("name", "=", "OmissionUpheld")
    .where("operator", "=", operator)
    .where("timestamp", ">", since)
    .execute();
  return rows.map(({ claim_id, timestamp }) => ({
    what: "omitted",
    subject: claim_id ?? "",
    at: timestamp,
  }));
}

/** Challenged claims for which nothing can be brought: their bonds are as good as lost. */
async function unprovable(db: Reader, since: number, nowSeconds: number): Promise<FailedObligation[]> {
  const rows = await db
    .selectFrom("chain_leaves as c")
    .innerJoin("receipts as r", (join) =>
      join.onRef("r.batch_id", "=", "c.batch_id").onRef("r.leaf_index", "=", "c.leaf_index"),
    )
    .innerJoin("unprovable as u", "u.id", "r.claim_id")
    .select(["r.claim_id", "c.disputed_at", "c.deadline"])
    .where("c.state", "=", sql.lit("challenged"))
    .where("c.disputed_at", ">", since)
    .where("c.deadline", ">", nowSeconds)
    .execute();
  return rows.map(({ claim_id, disputed_at }) => ({
    what: "unprovable",
    subject: claim_id satisfies Hex,
    at: disputed_at ?? 0,
  }));
}
