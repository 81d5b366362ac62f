// SPDX-License-Identifier: GPL-3.0-or-later

import { parseClaim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { COMMIT_GRACE_SECONDS, excused } from "../chain/pause.ts";
import { findChainBatch } from "../ledger/chain-facts.ts";
import { openReports } from "../ledger/omissions.ts";
import type { Reader, Row } from "../ledger/schema.ts";
import { readPolicy } from "../registry/policies.ts";
import { enqueue } from "../tx/intents.ts";
import { reportOmissionIntent, resolveOmissionIntent } from "../tx/watch-calls.ts";
import { propose } from "./actions.ts";
import { bondInEther } from "./budget.ts";
import { REPORT_WINDOW_SECONDS, receiptOf } from "./known-receipts.ts";
import type { WatchServices } from "./services.ts";

/**
 * Reports receipts that we hold whose claim was committed in no batch in time. Where every batch that it could be in was
 * read, that is certain; where one of them is withheld it may be in there, its operator may show it and win our bond, and
 * a human decides.
 */
export async function reportOmissions(services: WatchServices): Promise<void> {
  const { ledger, contracts, clock, logger, challengerAddress } = services;
  if (!challengerAddress) return;
  const now = clock.nowSeconds();
  const held = await ledger
    .selectFrom("watch_receipts")
    .selectAll()
    .where("held", "=", 1)
    .where("commit_by", "<", now - COMMIT_GRACE_SECONDS)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("watch_actions as a")
            .select("a.id")
            .whereRef("a.claim_id", "=", "watch_receipts.claim_id")
            .where("a.kind", "=", "reportOmission"),
        ),
      ),
    )
    .execute();
  if (held.length === 0) return;
  const { from, until } = await contracts.settlement.pauseOf();
  const pause = { from: Number(from), until: Number(until) };
  for (const row of held) {
    const includeBy = excused(row.commit_by + COMMIT_GRACE_SECONDS, pause);
    const dueBy = includeBy + REPORT_WINDOW_SECONDS;
    if (now <= includeBy || now >= dueBy) continue;
    const unread = await unreadBatches(services, row, includeBy);
    // Asked after what is unread: a batch that was read meanwhile may have it.
    if (unread === "wait" || (await isIncluded(ledger, row.claim_id, includeBy))) continue;
    const receipt = receiptOf(row);
    const { operator, policyId } = receipt.claim;
    const { terms } = await readPolicy(contracts, policyId);
    const intent = reportOmissionIntent(contracts.receiptsAddress, receipt, dueBy, bondInEther(terms));
    const certain = unread === "none";
    const reason = certain
      ? "its receipt promised inclusion, and no batch has it"
      : "its receipt promised inclusion, and no batch that can be had has it";
    const decidedBy = certain ? "mode" : "human";
    await ledger.transaction((tx) =>
      propose(tx, services, {
        ...{ intent, reason, operator, dueBy, decidedBy },
        bondWei: terms.challengeBondWei,
      }),
    );
    logger.error({ code: "MT-WATCH-013", operator, claimId: row.claim_id, certain }, reason);
  }
}

/** Collects what reports of ours have won that nobody answered. */
export async function resolveOmissions(services: WatchServices): Promise<void> {
  const { ledger, contracts, clock, logger, challengerAddress } = services;
  if (!challengerAddress) return;
  const reports = await openReports(ledger)
    .innerJoin("watch_receipts as r", "r.claim_id", "e.claim_id")
    .select(["e.arguments", "r.claim", "r.claim_id"])
    .execute();
  for (const row of reports) {
    const { reporter, answerBy } = JSON.parse(row.arguments) as { reporter: string; answerBy: string };
    if (reporter !== challengerAddress || clock.nowSeconds() < Number(answerBy)) continue;
    const claim = parseClaim(JSON.parse(row.claim));
    const intent = resolveOmissionIntent(contracts.receiptsAddress, row.claim_id, claim, challengerAddress);
    if (await ledger.transaction((tx) => enqueue(tx, intent)))
      logger.warn({ claimId: row.claim_id }, "nobody answered our report of an omission: resolving");
  }
}

async function isIncluded(db: Reader, claimId: Hex, includeBy: number): Promise<boolean> {
  const row = await db
    .selectFrom("watch_receipts")
    .select("batch_id")
    .where("claim_id", "=", claimId)
    .executeTakeFirst();
  if (!row?.batch_id) return false;
  // A reorganisation may have taken the batch back.
  const batch = await findChainBatch(db, row.batch_id);
  return batch !== undefined && batch.committed_at <= includeBy;
}

/** Whether batches that the claim could be in were not read: `wait` while they still may be. */
async function unreadBatches(
  { ledger, clock }: WatchServices,
  { operator, claim }: Row<"watch_receipts">,
  includeBy: number,
): Promise<"none" | "some" | "wait"> {
  const { policyId, servedAt } = parseClaim(JSON.parse(claim)) as { policyId: Hex; servedAt: bigint };
  const unread = await ledger
    .selectFrom("chain_batches as b")
    .leftJoin("watched as w", "w.batch_id", "b.batch_id")
    .select(["w.state", "w.tries", "b.final_at"])
    .where("b.operator", "=", operator)
    .where("b.policy_id", "=", policyId)
    .where("b.committed_at", ">=", Number(servedAt))
    .where("b.committed_at", "<=", includeBy)
    .where("b.oldest_served_at", "<=", Number(servedAt))
    .where((eb) => eb.or([eb("w.state", "is", null), eb("w.state", "<>", "checked")]))
    .execute();
  if (unread.length === 0) return "none";
  const now = clock.nowSeconds();
  const isNew = unread.some(({ state, tries, final_at }) =>
    state === null ? final_at > now : state === "pending" && tries === 0,
  );
  return isNew ? "wait" : "some";
}
