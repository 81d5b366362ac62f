// SPDX-License-Identifier: GPL-3.0-or-later

import { randomInt } from "node:crypto";
import type { Opening } from "@meantime/sdk/batch";
import { parseClaim } from "@meantime/sdk/claim";
import { bytesToHex, type Hex, hexToBytes, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { headerFromRow } from "../ledger/batches.ts";
import type { ChainBatch } from "../ledger/chain-facts.ts";
import { readPolicy } from "../registry/policies.ts";
import { demandIntent, resolveDemandIntent } from "../tx/calls.ts";
import { enqueue } from "../tx/intents.ts";
import { propose } from "./actions.ts";
import { bondInEther } from "./budget.ts";
import { checkClaim } from "./check-claim.ts";
import { countCoverage } from "./coverage.ts";
import { insertFinding } from "./findings.ts";
import { askedInVain } from "./retries.ts";
import type { WatchServices } from "./services.ts";

/** What must be left of a challenge window before a demand is made, as its inverse: a quarter. */
const LAST_PART_OF_WINDOW = 4;
/** With less left a demand is made even if this process has not asked for the data. */
const LAST_CHANCE_OF_WINDOW = 8;

interface RevealedRow extends ChainBatch {
  leaf_index: number;
  claim_id: Hex;
  /** Of the event that shows it, as JSON: `claim`, `proof` and `opening`, each as JSON again. */
  arguments: string;
}

/**
 * Demands to see one claim, by chance, of every batch whose data could still not be had in the last part of its window. Not
 * for what was found before a restart alone: an operator that is back earns our bond.
 * An operator that does not show it loses its bond; one that does earns ours, and the claim is checked.
 */
export async function demandWithheld(services: WatchServices): Promise<void> {
  const { ledger, contracts, clock, challengerAddress } = services;
  if (!challengerAddress) return;
  const now = clock.nowSeconds();
  const withheld = await ledger
    .selectFrom("watched as w")
    .innerJoin("chain_batches as b", "b.batch_id", "w.batch_id")
    .selectAll("b")
    .where("w.state", "=", sql.lit("pending"))
    .where("w.tries", ">", 0)
    // What is shown of private data is the claim, which says nothing about its truth.
    .where("b.data_root", "<>", ZERO_HASH)
    .where("b.final_at", ">", now)
    .where((eb) =>
      eb(
        sql<number>`(b.final_at - CAST(${now} AS BIGINT)) * ${sql.lit(LAST_PART_OF_WINDOW)}`,
        "<=",
        sql<number>`b.final_at - b.committed_at`,
      ),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("watch_actions as a")
            .select("a.id")
            .where("a.dedupe_key", "=", eb(eb.val("demand:"), "||", eb.ref("b.batch_id"))),
        ),
      ),
    )
    .orderBy("b.final_at")
    .execute();
  const asked = askedInVain(ledger);
  for (const batch of withheld) {
    const isLastChance =
      (batch.final_at - now) * LAST_CHANCE_OF_WINDOW <= batch.final_at - batch.committed_at;
    if (!asked.has(batch.batch_id) && !isLastChance) continue;
    const { terms } = await readPolicy(contracts, batch.policy_id);
    const header = headerFromRow(batch.operator, batch);
    const place = { batchId: batch.batch_id, index: randomInt(batch.count) };
    const intent = demandIntent(contracts.settlementAddress, header, place, bondInEther(terms));
    await ledger.transaction((tx) =>
      propose(tx, services, {
        ...{ intent, operator: batch.operator, dueBy: batch.final_at },
        reason: "the data of its batch is withheld",
        bondWei: terms.challengeBondWei,
      }),
    );
  }
}

/** Checks claims of batches that could not be had, when somebody had them revealed on chain. */
export async function checkRevealed(services: WatchServices): Promise<void> {
  const { ledger, models, logger } = services;
  for (const row of await uncheckedRevelations(services)) {
    const { batch_id: batchId, leaf_index: index, claim_id: claimId } = row;
    const shown = JSON.parse(row.arguments) as Record<"claim" | "proof" | "opening", string>;
    const claim = parseClaim(JSON.parse(shown.claim));
    const opening = openingFrom(shown.opening);
    const header = headerFromRow(row.operator, row);
    const finding = checkClaim({ claim, opening }, header, row.committed_at, models);
    await ledger.transaction(async (tx) => {
      await tx.insertInto("revealed_checks").values({ batch_id: batchId, leaf_index: index }).execute();
      await tx
        .updateTable("watched")
        .set((eb) => ({
          claims_checked: eb(
            "claims_checked",
            "+",
            finding.result === "right" || finding.result === "wrong" ? 1 : 0,
          ),
          claims_wrong: eb("claims_wrong", "+", finding.result === "wrong" ? 1 : 0),
        }))
        .where("batch_id", "=", batchId)
        .execute();
      if (finding.result === "right" || finding.result === "wrong")
        await countCoverage(tx, batchId, "re-executed", "shown on demand", 1);
      // What anybody may show of private data is believed only where it proves a lie.
      const isJunk = finding.result === "junk" && header.dataRoot !== ZERO_HASH;
      if (finding.result !== "wrong" && !isJunk) return;
      const { reason } = finding;
      const proof = JSON.parse(shown.proof) as Hex[];
      const lie = finding.result === "wrong" ? { ...openedBy(opening), ...finding } : undefined;
      await insertFinding(tx, { batchId, index, claimId, claim, proof, reason, ...(lie ? { lie } : {}) });
    });
    if (finding.result !== "wrong") continue;
    const { reason } = finding;
    logger.error(
      { code: "MT-WATCH-003", claimId, batchId, operator: row.operator, reason },
      "wrong claim found",
    );
  }
}

/** Collects what demands of ours have won that nobody met. */
export async function resolveUnrevealed({
  ledger,
  contracts,
  challengerAddress,
  clock,
  logger,
}: WatchServices): Promise<void> {
  if (!challengerAddress) return;
  const unmet = await ledger
    .selectFrom("chain_leaves as c")
    .innerJoin("chain_batches as b", "b.batch_id", "c.batch_id")
    .selectAll("b")
    .select("c.leaf_index")
    .where("c.state", "=", sql.lit("demanded"))
    .where("c.opener", "=", challengerAddress)
    .where("c.deadline", "<=", clock.nowSeconds())
    .execute();
  for (const row of unmet) {
    const header = headerFromRow(row.operator, row);
    const place = { batchId: row.batch_id, index: row.leaf_index };
    const { settlementAddress } = contracts;
    const intent = resolveDemandIntent(settlementAddress, header, place, challengerAddress);
    if (await ledger.transaction((tx) => enqueue(tx, intent))) {
      logger.warn(place, "nobody revealed what we demanded to see: resolving");
    }
  }
}

async function uncheckedRevelations({ ledger, clock, config }: WatchServices): Promise<RevealedRow[]> {
  const now = clock.nowSeconds();
  const rows = await ledger
    .selectFrom("chain_leaves as c")
    .innerJoin("chain_batches as b", "b.batch_id", "c.batch_id")
    .innerJoin("watched as w", "w.batch_id", "c.batch_id")
    .innerJoin("events as e", (join) =>
      join
        .onRef("e.batch_id", "=", "c.batch_id")
        .onRef("e.leaf_index", "=", "c.leaf_index")
        .on("e.name", "=", "ClaimRevealed"),
    )
    .selectAll("b")
    .select(["c.leaf_index", "c.claim_id", "e.arguments"])
    .where("c.state", "=", sql.lit("revealed"))
    .where((eb) => eb.or([eb("w.state", "<>", "checked"), eb("b.data_root", "=", ZERO_HASH)]))
    .where("b.operator", "<>", config.operator?.address ?? ZERO_ADDRESS)
    .where((eb) => eb.or([eb("c.final_at", ">", now), eb("b.final_at", ">", now)]))
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("revealed_checks as r")
            .select("r.leaf_index")
            .whereRef("r.batch_id", "=", "c.batch_id")
            .whereRef("r.leaf_index", "=", "c.leaf_index"),
        ),
      ),
    )
    .execute();
  return rows.flatMap(({ claim_id, ...row }) => (claim_id === null ? [] : [{ ...row, claim_id }]));
}

/** What proves the truth about a claim later. */
export function openedBy({ input, salt }: Opening) {
  return { input: bytesToHex(input), salt };
}

function openingFrom(json: string): Opening {
  const { input, salt, output } = JSON.parse(json) as Record<"input" | "salt" | "output", Hex>;
  return { input: hexToBytes(input), salt, output: hexToBytes(output) };
}
