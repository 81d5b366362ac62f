// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import type { Reader } from "./schema.ts";

/** An open challenge against one of our claims. Times are unix seconds. */
export interface OpenChallenge {
  batchId: Hex;
  index: number;
  claimId: Hex;
  challenger: Address;
  challengedAt: number;
  /** Until when (exclusive) it can be answered. */
  proveBy: number;
}

/** The challenges against our claims that can be answered at `nowSeconds`, most urgent first. */
export async function openChallenges(db: Reader, nowSeconds: number): Promise<OpenChallenge[]> {
  const rows = await db
    .selectFrom("chain_leaves as c")
    .innerJoin("receipts as r", (join) =>
      join.onRef("r.batch_id", "=", "c.batch_id").onRef("r.leaf_index", "=", "c.leaf_index"),
    )
    .select(["c.batch_id as batchId", "c.leaf_index as index", "r.claim_id as claimId"])
    .select(["c.opener as challenger", "c.disputed_at as challengedAt", "c.deadline as proveBy"])
    .where("c.state", "=", sql.lit("challenged"))
    .where("c.deadline", ">", nowSeconds)
    .orderBy("c.deadline")
    .execute();
  return rows.flatMap(({ challenger, challengedAt, proveBy, ...place }) =>
    challenger === null || challengedAt === null || proveBy === null
      ? []
      : [{ ...place, challenger, challengedAt, proveBy }],
  );
}
