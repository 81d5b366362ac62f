// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import type { Reader, Row, Writer } from "../ledger/schema.ts";
import type { Finding } from "./check-claim.ts";

/** How a claim was checked, the best first. */
export type Check = Row<"watch_coverage">["how"];

/** How much of what others committed was truly checked, and how. Counts of claims. */
export interface Coverage {
  claims: number;
  /** Computed anew from its opening. */
  reExecuted: number;
  /** In its batch, and signed by a key that bound the operator. */
  signatureOnly: number;
  /** In its batch, no more. */
  inclusionOnly: number;
  unchecked: number;
  /** Share of all claims that were computed anew, 0 to 1; null without claims. */
  reExecutedShare: number | null;
  /** Why the others were not computed anew, with the number of claims of each reason. */
  reasons: Record<string, number>;
}

/** The tally of one batch. */
export class CoverageCount {
  readonly #claims = new Map<string, { how: Check; reason: string; claims: number }>();

  /** Counts a claim. */
  add(finding: Finding, isMember: boolean, isSigned: boolean): void {
    const isComputed = finding.result === "right" || finding.result === "wrong";
    const how = isComputed ? "re-executed" : !isMember ? "unchecked" : isSigned ? "signature" : "inclusion";
    const reason = isComputed ? "" : finding.reason;
    const key = `${how}:${reason}`;
    const counted = this.#claims.get(key) ?? { how, reason, claims: 0 };
    this.#claims.set(key, { ...counted, claims: counted.claims + 1 });
  }

  /** What was counted. */
  rows(): { how: Check; reason: string; claims: number }[] {
    return [...this.#claims.values()];
  }
}

/** Keeps the tally of a batch, in place of what was counted of it before. */
export async function insertCoverage(tx: Writer, batchId: Hex, count: CoverageCount): Promise<void> {
  await tx.deleteFrom("watch_coverage").where("batch_id", "=", batchId).execute();
  const rows = count.rows().map((row) => ({ batch_id: batchId, ...row }));
  if (rows.length > 0) await tx.insertInto("watch_coverage").values(rows).execute();
}

/** Adds claims of a batch that was not read whole. */
export async function countCoverage(
  tx: Writer,
  batchId: Hex,
  how: Check,
  reason: string,
  claims: number,
): Promise<void> {
  await tx
    .insertInto("watch_coverage")
    .values({ batch_id: batchId, how, reason, claims })
    .onConflict((conflict) =>
      conflict
        .columns(["batch_id", "how", "reason"])
        .doUpdateSet((eb) => ({ claims: eb("watch_coverage.claims", "+", claims) })),
    )
    .execute();
}

/** The coverage of everything that was watched. What was not read yet, or cannot be had, counts as unchecked. */
export async function readCoverage(db: Reader): Promise<Coverage> {
  const counted = await db
    .selectFrom("watch_coverage")
    .select(["how", "reason", sql<number>`CAST(SUM(claims) AS BIGINT)`.as("claims")])
    .groupBy(["how", "reason"])
    .execute();
  const unread = await db
    .selectFrom("watched as w")
    .innerJoin("chain_batches as b", "b.batch_id", "w.batch_id")
    .select(["w.state", sql<number>`CAST(SUM(b.count) AS BIGINT)`.as("claims")])
    .where("w.state", "<>", "checked")
    .groupBy("w.state")
    .execute();
  const shown = counted.find(({ how, reason }) => how === "re-executed" && reason !== "")?.claims ?? 0;
  const claimsOf = (how: Check) =>
    counted.filter((row) => row.how === how).reduce((sum, { claims }) => sum + claims, 0);
  const unreadClaims = unread.reduce((sum, { claims }) => sum + claims, 0) - shown;
  const reExecuted = claimsOf("re-executed");
  const parts = {
    reExecuted,
    signatureOnly: claimsOf("signature"),
    inclusionOnly: claimsOf("inclusion"),
    unchecked: claimsOf("unchecked") + Math.max(0, unreadClaims),
  };
  const claims = Object.values(parts).reduce((sum, part) => sum + part, 0);
  const reasons: Record<string, number> = {};
  for (const { how, reason, claims: many } of counted)
    if (how !== "re-executed") reasons[reason] = (reasons[reason] ?? 0) + many;
  for (const { state, claims: many } of unread)
    reasons[state === "withheld" ? "its data was withheld" : "its data was not read yet"] = many;
  return { claims, ...parts, reExecutedShare: claims === 0 ? null : reExecuted / claims, reasons };
}
