// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";
import { type BatchHeader, batchId as batchIdOf } from "@meantime/sdk/batch";
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { describeError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import type { ChainBatch } from "../ledger/chain-facts.ts";
import { pauseIsOver } from "../ledger/due.ts";
import type { Prover } from "../prove/prover.ts";
import { executeApproved } from "./actions.ts";
import type { BatchData } from "./batch-data.ts";
import { checkClaim, notAMember } from "./check-claim.ts";
import { CoverageCount, insertCoverage } from "./coverage.ts";
import { awaitsDisproof, disproveNext, renewUndisproven } from "./disprove.ts";
import { reportEquivocations } from "./equivocations.ts";
import { findBatch } from "./find-batch.ts";
import {
  challengeFindings,
  insertFinding,
  type NewFinding,
  renewReopened,
  resolveUnanswered,
} from "./findings.ts";
import { forgetOld, noteBatchClaims, readHeldReceipts } from "./known-receipts.ts";
import { reportOmissions, resolveOmissions } from "./omissions.ts";
import { reopenCompromised } from "./reopen.ts";
import type { WatchServices } from "./services.ts";
import { bindingSignatures } from "./signatures.ts";
import { checkRevealed, demandWithheld, openedBy, resolveUnrevealed } from "./withheld.ts";

const BATCHES_PER_RUN = 8;
const NEW_BATCHES_PER_RUN = 1_000;
/** Claims checked before other work of this process gets a turn. */
const CLAIMS_PER_TURN = 32;
const FIRST_RETRY_MILLISECONDS = 500;
const LAST_RETRY_MILLISECONDS = 30_000;

/**
 * One round: takes note of new batches, checks those that are due, acts on what was found or proposes to, demands to see
 * what is withheld, holds operators to receipts, takes back evidence of compromised enclaves, collects what was won.
 *
 * @param prover proves the true output of lies, where it is configured to; without one they are challenged
 */
export async function watchOnce(
  services: WatchServices,
  signal: AbortSignal,
  prover?: Prover,
): Promise<void> {
  await noteNewBatches(services);
  await readHeldReceipts(services);
  for (const batch of await dueBatches(services)) {
    if (signal.aborted) return;
    await checkBatch(services, batch);
  }
  await checkRevealed(services);
  const { mode, disprove } = services.config.watch;
  if (mode !== "auto" && mode !== "oversight") return;
  const disprover = disprove ? prover : undefined;
  await renewReopened(services);
  await renewUndisproven(services);
  await challengeFindings(services, undefined, async (lie) =>
    disprover ? awaitsDisproof(services, lie) : false,
  );
  await demandWithheld(services);
  await reportEquivocations(services);
  await reportOmissions(services);
  await reopenCompromised(services);
  await executeApproved(services);
  await resolveUnanswered(services);
  await resolveUnrevealed(services);
  await resolveOmissions(services);
  await forgetOld(services);
  if (!disprover) return;
  // Last, since a proof takes its time.
  await disproveNext(services, disprover, signal);
  await executeApproved(services);
}

async function noteNewBatches({ ledger, config, clock }: WatchServices): Promise<void> {
  const fresh = await ledger
    .selectFrom("chain_batches as b")
    .select("b.batch_id")
    .where("b.operator", "<>", config.operator?.address ?? ZERO_ADDRESS)
    .where("b.final_at", ">", clock.nowSeconds())
    .where((eb) =>
      eb.not(
        eb.exists(eb.selectFrom("watched as w").select("w.state").whereRef("w.batch_id", "=", "b.batch_id")),
      ),
    )
    .limit(NEW_BATCHES_PER_RUN)
    .execute();
  if (fresh.length === 0) return;
  await ledger.transaction((tx) =>
    tx
      .insertInto("watched")
      .values(fresh)
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
}

/** Batches to be looked at now, the nearest end first. */
export function dueBatches(
  { ledger }: Pick<WatchServices, "ledger">,
  nowMilliseconds: number = Date.now(),
): Promise<(ChainBatch & { tries: number })[]> {
  return ledger
    .selectFrom("watched as w")
    .innerJoin("chain_batches as b", "b.batch_id", "w.batch_id")
    .selectAll("b")
    .select("w.tries")
    .where("w.state", "=", sql.lit("pending"))
    .where(pauseIsOver("w.next_try_at_milliseconds", nowMilliseconds, LAST_RETRY_MILLISECONDS))
    .orderBy("b.final_at")
    .limit(BATCHES_PER_RUN)
    .execute();
}

async function checkBatch(services: WatchServices, batch: ChainBatch & { tries: number }): Promise<void> {
  const { ledger, clock, logger } = services;
  const header = headerFromRow(batch.operator, batch);
  try {
    const data = await findBatch(services, batch);
    const { entries } = data;
    const signatures = await bindingSignatures(services, batch.batch_id, batch.operator, entries);
    await checkClaims(services, header, batch.committed_at, data, signatures);
  } catch (error) {
    const described = describeError(error);
    const over = clock.nowSeconds() >= batch.final_at;
    logger.warn(
      { ...described, batchId: batch.batch_id, operator: batch.operator },
      "batch could not be checked",
    );
    const pause = Math.min(
      FIRST_RETRY_MILLISECONDS * 2 ** Math.min(batch.tries, 10),
      LAST_RETRY_MILLISECONDS,
    );
    await ledger.transaction((tx) =>
      tx
        .updateTable("watched")
        .set((eb) => ({
          tries: eb("tries", "+", 1),
          next_try_at_milliseconds: Date.now() + pause,
          error: described.code,
          state: over ? "withheld" : "pending",
          claims_unchecked: over ? batch.count : 0,
        }))
        .where("batch_id", "=", batch.batch_id)
        .execute(),
    );
  }
}

async function checkClaims(
  { ledger, domain, models, clock, logger }: WatchServices,
  header: BatchHeader,
  committedAt: number,
  data: BatchData,
  signatures: readonly (Hex | undefined)[],
) {
  const batchId = batchIdOf(domain, header);
  const counts = { right: 0, wrong: 0, junk: 0, unchecked: 0 };
  const coverage = new CoverageCount();
  const findings: NewFinding[] = [];
  for (const [index, entry] of data.entries.entries()) {
    if (index % CLAIMS_PER_TURN === 0) await setImmediate();
    const finding = checkClaim(entry, header, committedAt, models);
    counts[finding.result] += 1;
    const isMember = notAMember(entry.claim, header, BigInt(committedAt)) === undefined;
    coverage.add(finding, isMember, signatures[index] !== undefined);
    if (finding.result === "right" || finding.result === "unchecked") continue;
    const { claim, claimId, opening } = entry;
    const { reason } = finding;
    const about = { claimId, batchId, operator: header.operator, reason };
    if (finding.result === "junk")
      logger.error({ code: "MT-WATCH-014", ...about }, "the opening of a claim opens nothing");
    else logger.error({ code: "MT-WATCH-003", ...about }, "wrong claim found");
    const lie = finding.result === "wrong" && opening ? { ...openedBy(opening), ...finding } : undefined;
    const proof = data.tree.proof(index);
    findings.push({ batchId, index, claimId, claim, proof, reason, ...(lie ? { lie } : {}) });
  }
  const members = data.entries.flatMap((entry, at) =>
    notAMember(entry.claim, header, BigInt(committedAt)) === undefined
      ? [{ entry, signature: signatures[at] }]
      : [],
  );
  await ledger.transaction(async (tx) => {
    for (const finding of findings) await insertFinding(tx, finding);
    await noteBatchClaims(
      tx,
      { batchId, committedAt, nowSeconds: clock.nowSeconds() },
      members.map(({ entry }) => entry),
      members.map(({ signature }) => signature),
    );
    await insertCoverage(tx, batchId, coverage);
    await tx
      .updateTable("watched")
      .set({
        state: "checked",
        error: null,
        claims_checked: counts.right + counts.wrong,
        claims_wrong: counts.wrong,
        claims_unchecked: counts.junk + counts.unchecked,
      })
      .where("batch_id", "=", batchId)
      .execute();
  });
  logger.info({ batchId, operator: header.operator, ...counts }, "batch checked");
}
