// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";
import { type BatchHeader, batchId as batchIdOf } from "@meantime/sdk/batch";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Address, asHexOf, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { recoverAddress } from "@meantime/sdk/signature";
import { sql } from "kysely";
import { describeError, RelayerError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import { announcedEndpoint, type ChainBatch } from "../ledger/chain-facts.ts";
import type { Services } from "../services.ts";
import { checkClaim } from "./check-claim.ts";
import { type BatchData, fetchBatch } from "./fetch-batch.ts";
import { challengeFindings, insertFinding, type NewFinding, resolveUnanswered } from "./findings.ts";
import { checkRevealed, demandWithheld, resolveUnrevealed } from "./withheld.ts";

const BATCHES_PER_RUN = 8;
const NEW_BATCHES_PER_RUN = 1_000;
/** Claims checked before other work of this process gets a turn. */
const CLAIMS_PER_TURN = 32;
const FIRST_RETRY_MILLISECONDS = 500;
const LAST_RETRY_MILLISECONDS = 30_000;

/**
 * One round: takes note of new batches, checks those that are due, challenges what was found, demands to see what is
 * withheld, collects what was won.
 */
export async function watchOnce(services: Services, signal: AbortSignal): Promise<void> {
  await noteNewBatches(services);
  for (const batch of await dueBatches(services)) {
    if (signal.aborted) return;
    await checkBatch(services, batch);
  }
  if (services.config.watch.mode !== "auto") return;
  await checkRevealed(services);
  await challengeFindings(services);
  await demandWithheld(services);
  await resolveUnanswered(services);
  await resolveUnrevealed(services);
}

/** A batch without a data root keeps its data private: nothing in it can be checked. */
async function noteNewBatches({ ledger, config, clock }: Services): Promise<void> {
  const fresh = await ledger
    .selectFrom("chain_batches as b")
    .select("b.batch_id")
    .where("b.operator", "<>", config.operator.address)
    .where("b.final_at", ">", clock.nowSeconds())
    .where("b.data_root", "<>", ZERO_HASH)
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

function dueBatches({ ledger }: Services): Promise<(ChainBatch & { tries: number })[]> {
  return ledger
    .selectFrom("watched as w")
    .innerJoin("chain_batches as b", "b.batch_id", "w.batch_id")
    .selectAll("b")
    .select("w.tries")
    .where("w.state", "=", sql.lit("pending"))
    .where("w.next_try_at_milliseconds", "<=", Date.now())
    .orderBy("b.final_at")
    .limit(BATCHES_PER_RUN)
    .execute();
}

async function checkBatch(services: Services, batch: ChainBatch & { tries: number }): Promise<void> {
  const { ledger, domain, clock, logger } = services;
  const header = headerFromRow(batch.operator, batch);
  try {
    const endpoint = await announcedEndpoint(ledger, batch.operator);
    if (!endpoint) throw noEndpoint(batch.operator);
    const data = await fetchBatch(endpoint, header, domain);
    await checkClaims(services, header, batch.committed_at, data);
    await reportForeignSignatures(services, batch, data);
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
  { ledger, domain, models, logger }: Services,
  header: BatchHeader,
  committedAt: number,
  data: BatchData,
) {
  const batchId = batchIdOf(domain, header);
  const counts = { right: 0, wrong: 0, unchecked: 0 };
  const wrong: NewFinding[] = [];
  for (const [index, entry] of data.entries.entries()) {
    if (index % CLAIMS_PER_TURN === 0) await setImmediate();
    const finding = checkClaim(entry, header, committedAt, models);
    counts[finding.result] += 1;
    if (finding.result !== "wrong") continue;
    const { claim, claimId } = entry;
    const { reason } = finding;
    logger.error(
      { code: "MT-WATCH-003", claimId, batchId, operator: header.operator, reason },
      "wrong claim found",
    );
    wrong.push({ batchId, index, claimId, claim, proof: data.tree.proof(index), reason });
  }
  await ledger.transaction(async (tx) => {
    for (const finding of wrong) await insertFinding(tx, finding);
    await tx
      .updateTable("watched")
      .set({
        state: "checked",
        error: null,
        claims_checked: counts.right + counts.wrong,
        claims_wrong: counts.wrong,
        claims_unchecked: counts.unchecked,
      })
      .where("batch_id", "=", batchId)
      .execute();
  });
  logger.info({ batchId, operator: header.operator, ...counts }, "batch checked");
}

/**
 * A signature that does not bind the operator harms the receipt's holder, not the chain: it is reported, no more. In
 * particular a signature that is none must not keep a lie beside it from being found.
 */
async function reportForeignSignatures(
  { contracts, logger }: Services,
  batch: ChainBatch,
  { entries }: BatchData,
): Promise<void> {
  const claimsBySigner = new Map<Address | undefined, number>();
  for (const [index, { claimId, signature }] of entries.entries()) {
    if (index % CLAIMS_PER_TURN === 0) await setImmediate();
    const signer = signerOf(claimId, signature);
    claimsBySigner.set(signer, (claimsBySigner.get(signer) ?? 0) + 1);
  }
  for (const [signer, claims] of claimsBySigner) {
    const known = signer && (await contracts.receipts.receiptKeyOf(batch.operator, signer)).validFrom !== 0n;
    if (known) continue;
    logger.warn(
      { code: "MT-WATCH-006", batchId: batch.batch_id, operator: batch.operator, signer, claims },
      "receipts are not signed by a key of the operator",
    );
  }
}

/** Undefined where the signature is none. */
function signerOf(claimId: Hex, signature: unknown): Address | undefined {
  try {
    return recoverAddress(claimId, asHexOf(signature, 65, "signature"));
  } catch (error) {
    if (error instanceof MeantimeError) return undefined;
    throw error;
  }
}

function noEndpoint(operator: Address): RelayerError {
  return new RelayerError(
    "MT-WATCH-005",
    `the operator ${operator} has announced no endpoint`,
    "Its batches cannot be checked until it announces where their data is.",
  );
}
