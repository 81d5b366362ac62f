// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { openOmissions } from "./omissions.ts";
import { waitingGroups } from "./receipts.ts";
import type { Reader } from "./schema.ts";

/** What a relayer owes, each with a deadline: to the holders of its receipts, to whoever disputes, to itself. */
export const OBLIGATIONS = ["commit", "answer", "reveal", "refute", "challenge"] as const;

/** `commit` a receipt, `answer` a challenge, `reveal` a claim, `refute` an omission, `challenge` what was found wrong. */
export type Obligation = (typeof OBLIGATIONS)[number];

/** One open obligation. Times are unix seconds. */
export interface Margin {
  obligation: Obligation;
  /** The claim or batch that it is about; of receipts that wait for a batch, their policy. */
  subject: Hex;
  openedAt: number;
  /** Exclusive. */
  deadline: number;
}

/** How many of each kind are looked at, most urgent first. */
const LIMIT = 1_000;

/** Every open obligation, the most urgent of each kind first. */
export async function openMargins(db: Reader, operator: Address): Promise<Margin[]> {
  return [
    ...(await receiptsToCommit(db)),
    ...(await disputes(db, "challenged", "answer")),
    ...(await disputes(db, "demanded", "reveal")),
    ...(await reports(db, operator)),
    ...(await findings(db)),
  ];
}

async function receiptsToCommit(db: Reader): Promise<Margin[]> {
  const waiting = await waitingGroups(db);
  const sealed = await db
    .selectFrom("batches")
    .select(["batch_id as subject", "oldest_served_at as openedAt", "nearest_commit_by as deadline"])
    .where("committed_block", "is", null)
    .orderBy("nearest_commit_by")
    .limit(LIMIT)
    .execute();
  return [
    ...waiting.map(({ policyId, oldestServedAt, nearestCommitBy }) => ({
      subject: policyId,
      openedAt: oldestServedAt,
      deadline: nearestCommitBy,
    })),
    ...sealed,
  ].map((margin) => ({ obligation: "commit", ...margin }));
}

async function disputes(
  db: Reader,
  state: "challenged" | "demanded",
  obligation: Obligation,
): Promise<Margin[]> {
  const rows = await db
    .selectFrom("chain_leaves as c")
    .innerJoin("batches as own", "own.batch_id", "c.batch_id")
    .select(["c.batch_id as subject", "c.disputed_at as openedAt", "c.deadline"])
    .where("c.state", "=", sql.lit(state))
    .orderBy("c.deadline")
    .limit(LIMIT)
    .execute();
  return rows.flatMap(({ subject, openedAt, deadline }) =>
    openedAt === null || deadline === null ? [] : [{ obligation, subject, openedAt, deadline }],
  );
}

async function reports(db: Reader, operator: Address): Promise<Margin[]> {
  const omissions = await openOmissions(db, operator);
  return omissions.map(({ claimId, includeBy, answerBy }) => ({
    obligation: "refute",
    subject: claimId,
    openedAt: includeBy,
    deadline: answerBy,
  }));
}

/** What was found wrong and is not challenged yet: in mode `manual`, for want of budget, or for the next run. */
async function findings(db: Reader): Promise<Margin[]> {
  const rows = await db
    .selectFrom("findings as f")
    .innerJoin("chain_batches as b", "b.batch_id", "f.batch_id")
    .select(["f.claim_id as subject", "b.committed_at as openedAt", "b.final_at as deadline"])
    .where("f.state", "=", sql.lit("found"))
    .orderBy("b.final_at")
    .limit(LIMIT)
    .execute();
  return rows.map((row) => ({ obligation: "challenge", ...row }));
}
