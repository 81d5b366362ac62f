// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import { RelayerError } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Reader, Row, Writer } from "../ledger/schema.ts";
import { enqueue, type NewIntent } from "../tx/intents.ts";
import { afterBond, budgetLeft } from "./budget.ts";
import type { WatchServices } from "./services.ts";

/** Something that the watchtower wants done on chain. */
export interface NewAction {
  intent: NewIntent;
  reason: string;
  /** Whose claim, batch or receipt it is about. */
  operator: Address;
  /** What is lost if we are wrong; zero: nothing but gas. */
  bondWei: bigint;
  /** Unix seconds (exclusive): until when it can be done. */
  dueBy: number;
  /** Who decides: the configured mode, a human in every mode, or nobody because a human has asked for it. */
  decidedBy?: "mode" | "human" | "asked";
}

/** An action as a human is shown it. */
export interface Proposal {
  id: number;
  kind: Row<"watch_actions">["kind"];
  state: Row<"watch_actions">["state"];
  reason: string;
  operator: Address;
  batchId?: string;
  index?: number;
  claimId?: string;
  bondWei: string;
  dueBy: number;
}

const LIST_LIMIT = 500;

/** Notes an action, once for its dedupe key: done soon, or left to a human. @returns whether it was new */
export async function propose(
  tx: Writer,
  { config, logger }: Pick<WatchServices, "config" | "logger">,
  action: NewAction,
): Promise<boolean> {
  const { intent, reason, operator, bondWei, dueBy, decidedBy = "mode" } = action;
  const approved = decidedBy === "asked" || (decidedBy === "mode" && config.watch.mode === "auto");
  const { batchId, index, claimId } = intent.subject;
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto("watch_actions")
    .values({
      dedupe_key: intent.dedupeKey,
      kind: intent.kind,
      state: approved ? "approved" : "queued",
      reason,
      operator,
      batch_id: batchId ?? null,
      leaf_index: index === undefined ? null : Number(index),
      claim_id: claimId ?? null,
      bond_wei: bondWei.toString(),
      due_by: dueBy,
      intent: JSON.stringify({ ...intent, valueWei: intent.valueWei.toString() }),
    })
    .onConflict((conflict) => conflict.column("dedupe_key").doNothing())
    .executeTakeFirstOrThrow();
  const isNew = numInsertedOrUpdatedRows === 1n;
  if (isNew) {
    const { kind } = intent;
    const found = { kind, operator, batchId, index, claimId, reason, bondWei: bondWei.toString() };
    if (approved) logger.warn(found, "the watchtower acts");
    else
      logger.warn({ code: "MT-WATCH-009", ...found }, "the watchtower proposes an action: it waits for you");
  }
  return isNew;
}

/** Sends what was approved, the most urgent first, as far as the budget goes. */
export async function executeApproved(services: WatchServices): Promise<void> {
  const { ledger, clock, logger, challengerAddress } = services;
  if (!challengerAddress) return;
  const approved = await ledger
    .selectFrom("watch_actions")
    .selectAll()
    .where("state", "=", "approved")
    .where("due_by", ">", clock.nowSeconds())
    .orderBy("due_by")
    .orderBy("id")
    .execute();
  if (approved.length === 0) return;
  let budget = await budgetLeft(services);
  let waiting = 0;
  for (const row of approved) {
    const rest = afterBond(budget, BigInt(row.bond_wei));
    if (!rest) {
      waiting += 1;
      continue;
    }
    budget = rest;
    await ledger.transaction(async (tx) => {
      await enqueue(tx, intentOf(row));
      await tx.updateTable("watch_actions").set({ state: "executed" }).where("id", "=", row.id).execute();
    });
  }
  if (waiting > 0) {
    logger.warn({ code: "MT-WATCH-004", waiting }, "actions wait: the budget for bonds is used up");
  }
}

/** Actions, the latest first: those that wait for a human, or all. */
export async function listProposals(db: Reader, all: boolean): Promise<Proposal[]> {
  const rows = await db
    .selectFrom("watch_actions")
    .selectAll()
    .$if(!all, (query) => query.where("state", "=", "queued"))
    .orderBy("id", "desc")
    .limit(LIST_LIMIT)
    .execute();
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind,
    state: row.state,
    reason: row.reason,
    operator: row.operator,
    ...(row.batch_id === null ? {} : { batchId: row.batch_id }),
    ...(row.leaf_index === null ? {} : { index: row.leaf_index }),
    ...(row.claim_id === null ? {} : { claimId: row.claim_id }),
    bondWei: row.bond_wei,
    dueBy: row.due_by,
  }));
}

/**
 * Decides a proposal.
 *
 * @throws RelayerError `MT-WATCH-010` no such proposal waits for a decision
 */
export async function decideProposal(
  ledger: Pick<Ledger, "transaction">,
  id: number,
  decision: "approved" | "rejected",
): Promise<void> {
  const { numUpdatedRows } = await ledger.transaction((tx) =>
    tx
      .updateTable("watch_actions")
      .set({ state: decision })
      .where("id", "=", id)
      .where("state", "=", "queued")
      .executeTakeFirstOrThrow(),
  );
  if (numUpdatedRows === 1n) return;
  throw new RelayerError(
    "MT-WATCH-010",
    `no proposal ${id} waits for a decision`,
    "`meantime watch proposals` lists those that do.",
    { id },
  );
}

function intentOf({ intent }: Row<"watch_actions">): NewIntent {
  // Its kind alone says the lane: what was noted by an earlier version names another.
  const { lane: _, ...stored } = JSON.parse(intent) as Omit<NewIntent, "valueWei"> & { valueWei: string };
  return { ...stored, valueWei: BigInt(stored.valueWei) };
}
