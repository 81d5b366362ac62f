// SPDX-License-Identifier: GPL-3.0-or-later

import { type Claim, claimToJson, parseClaim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { headerFromRow } from "../ledger/batches.ts";
import { type ChainBatch, findChainBatch, findChainLeaf } from "../ledger/chain-facts.ts";
import type { Reader, Row, Writer } from "../ledger/schema.ts";
import { readPolicy } from "../registry/policies.ts";
import { challengeIntent, type PlacedClaim, resolveIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";
import { executeApproved, propose } from "./actions.ts";
import { afterBond, bondInEther, budgetLeft } from "./budget.ts";
import type { WatchServices } from "./services.ts";

/** A claim that was found wrong, or whose opening opens nothing. */
export interface NewFinding {
  batchId: Hex;
  index: number;
  claimId: Hex;
  claim: Claim;
  /** Of its leaf. */
  proof: readonly Hex[];
  reason: string;
  /** Of a lie, which can be proven; undefined where the opening is junk. */
  lie?: { trueOutputHash: Hex; input: Hex; salt: Hex };
}

/** Keeps a finding until it is acted on. */
export async function insertFinding(tx: Writer, finding: NewFinding): Promise<void> {
  const { lie } = finding;
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
      kind: lie ? "lie" : "junk",
      true_output: lie?.trueOutputHash ?? null,
      opening: lie ? JSON.stringify({ input: lie.input, salt: lie.salt }) : null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** A finding that can be acted on until `dueBy` (unix seconds, exclusive). */
export interface OpenFinding {
  finding: Row<"findings">;
  batch: ChainBatch;
  dueBy: number;
}

/** Findings that nothing was done about and that are still open, in the order in which their time ends. */
export async function openFindings(
  { ledger, clock }: Pick<WatchServices, "ledger" | "clock">,
  only?: { batchId: Hex; index: number },
): Promise<OpenFinding[]> {
  const waiting = await ledger
    .selectFrom("findings")
    .selectAll()
    .where("state", "=", "found")
    .$if(only !== undefined, (query) =>
      query.where("batch_id", "=", only?.batchId ?? "0x").where("leaf_index", "=", only?.index ?? -1),
    )
    .orderBy("sequence")
    .execute();
  const open = [];
  for (const finding of waiting) {
    const batch = await findChainBatch(ledger, finding.batch_id);
    if (!batch) continue;
    const dueBy = await openUntil(ledger, batch, finding.leaf_index);
    if (clock.nowSeconds() < dueBy) open.push({ finding, batch, dueBy });
  }
  return open.sort((a, b) => a.dueBy - b.dueBy);
}

/**
 * Proposes to challenge what was found wrong, or one leaf of it because somebody asked for it. A claim whose opening is
 * junk is left to a human in every mode: whoever made it may hold an answer, and then our bond is its own.
 *
 * @param isSpared what is better done about a finding than to challenge it
 */
export async function challengeFindings(
  services: WatchServices,
  only?: { batchId: Hex; index: number },
  isSpared: (open: OpenFinding) => Promise<boolean> = async () => false,
): Promise<void> {
  const { ledger, challengerAddress } = services;
  if (!challengerAddress) return;
  for (const open of await openFindings(services, only)) {
    if (await isSpared(open)) continue;
    const { finding, batch, dueBy } = open;
    const decidedBy = only ? "asked" : finding.kind === "junk" ? "human" : "mode";
    const challenge = await challengeAction(services, finding, batch);
    // Whoever asked is told now; later, nobody might look at it again.
    if (only && !afterBond(await budgetLeft(services), challenge.bondWei)) continue;
    await ledger.transaction(async (tx) => {
      await propose(tx, services, { ...challenge, dueBy, decidedBy });
      await markActedOn(tx, finding);
    });
  }
  if (only) await executeApproved(services);
}

/**
 * Makes a finding due again when the answer to its challenge was taken back: the evidence was worthless, the claim can be
 * challenged anew, and it is as false as before. An answer that stands is final, and so is what it cost.
 */
export async function renewReopened({ ledger }: Pick<WatchServices, "ledger">): Promise<void> {
  const reopened = await ledger
    .selectFrom("findings as f")
    .innerJoin("chain_leaves as c", (join) =>
      join.onRef("c.batch_id", "=", "f.batch_id").onRef("c.leaf_index", "=", "f.leaf_index"),
    )
    .innerJoin("events as e", (join) =>
      join
        .onRef("e.batch_id", "=", "f.batch_id")
        .onRef("e.leaf_index", "=", "f.leaf_index")
        .on("e.name", "=", "ClaimReopened"),
    )
    .select(["f.batch_id", "f.leaf_index", "f.reopenings"])
    .select((eb) => eb.fn.countAll<number>().as("times"))
    .where("f.state", "=", "challenging")
    .where("f.kind", "=", "lie")
    .where("c.state", "=", sql.lit("revealed"))
    .groupBy(["f.batch_id", "f.leaf_index", "f.reopenings"])
    .execute();
  for (const { batch_id, leaf_index, reopenings, times } of reopened) {
    if (times <= reopenings) continue;
    await ledger.transaction((tx) =>
      tx
        .updateTable("findings")
        .set({ state: "found", reopenings: times })
        .where("batch_id", "=", batch_id)
        .where("leaf_index", "=", leaf_index)
        .execute(),
    );
  }
}

/** Something was proposed about it. */
export async function markActedOn(tx: Writer, { batch_id, leaf_index }: Row<"findings">): Promise<void> {
  await tx
    .updateTable("findings")
    .set({ state: "challenging" })
    .where("batch_id", "=", batch_id)
    .where("leaf_index", "=", leaf_index)
    .execute();
}

/** A claim that was revealed late is open for longer than its batch. */
async function openUntil(db: Reader, batch: ChainBatch, index: number): Promise<number> {
  const leaf = await findChainLeaf(db, batch.batch_id, index);
  return Math.max(batch.final_at, leaf?.final_at ?? 0);
}

async function challengeAction({ contracts }: WatchServices, finding: Row<"findings">, batch: ChainBatch) {
  const { terms } = await readPolicy(contracts, batch.policy_id);
  const header = headerFromRow(batch.operator, batch);
  const proof = JSON.parse(finding.proof) as Hex[];
  const { reason, reopenings } = finding;
  const { settlementAddress } = contracts;
  const valueWei = bondInEther(terms);
  return {
    intent: challengeIntent(settlementAddress, header, placed(finding), proof, valueWei, reopenings),
    ...{ reason, operator: batch.operator, bondWei: terms.challengeBondWei },
  };
}

/** Collects what challenges of ours have won that nobody answered. */
export async function resolveUnanswered({
  ledger,
  contracts,
  challengerAddress,
  clock,
  logger,
}: WatchServices): Promise<void> {
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

/** The claim of a finding, at its place. */
export function placed(row: Row<"findings">): PlacedClaim {
  return {
    batchId: row.batch_id,
    claimId: row.claim_id,
    index: row.leaf_index,
    claim: parseClaim(JSON.parse(row.claim)),
  };
}
