// SPDX-License-Identifier: GPL-3.0-or-later

import { setImmediate } from "node:timers/promises";
import { type BatchHeader, batchId as batchIdOf } from "@meantime/sdk/batch";
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { describeError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import type { ChainBatch } from "../ledger/chain-facts.ts";
import { pauseIsOver } from "../ledger/due.ts";
import { SideBySide } from "../ops/side-by-side.ts";
import type { BatchData } from "./batch-data.ts";
import { checkClaim, notAMember } from "./check-claim.ts";
import { CoverageCount, insertCoverage } from "./coverage.ts";
import { findBatch } from "./find-batch.ts";
import { insertFinding, type NewFinding } from "./findings.ts";
import { noteBatchClaims } from "./known-receipts.ts";
import { askedInVain, LAST_RETRY_MILLISECONDS, retryDelay } from "./retries.ts";
import type { WatchServices } from "./services.ts";
import { bindingSignatures } from "./signatures.ts";
import { openedBy } from "./withheld.ts";

/** Each may hold a batch in memory. */
const OPERATORS_AT_ONCE = 4;
const BATCHES_PER_TURN = 8;
/** What an operator lets us wait for keeps nobody else waiting for longer than this. */
const TURN_MILLISECONDS = 1_000;
const NEW_BATCHES_PER_RUN = 1_000;
/** Claims checked before other work of this process gets a turn. */
const CLAIMS_PER_TURN = 32;

/**
 * Takes note of the batches of others, and has and checks their data. Operators are asked side by side, so that one that does
 * not answer, or answers slowly, delays nobody.
 */
export class BatchCheckDuty {
  readonly #services: WatchServices;
  readonly #turns = new SideBySide();

  constructor(services: WatchServices) {
    this.#services = services;
  }

  /** Starts on operators that have something due and are not being asked, and waits a little. */
  async step(signal: AbortSignal): Promise<void> {
    await noteNewBatches(this.#services);
    for (const operator of await dueOperators(this.#services)) {
      if (this.#turns.size >= OPERATORS_AT_ONCE) break;
      if (!this.#turns.has(operator)) this.#turns.start(operator, () => this.#check(operator, signal));
    }
    await this.#turns.wait(TURN_MILLISECONDS, signal);
  }

  async #check(operator: Address, signal: AbortSignal): Promise<void> {
    for (const batch of await dueBatches(this.#services, operator)) {
      if (signal.aborted) return;
      await checkBatch(this.#services, batch);
    }
  }
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

/** Operators with batches to be looked at now: first those with some that were never looked at, then the nearest end. */
export async function dueOperators(
  { ledger }: Pick<WatchServices, "ledger">,
  nowMilliseconds: number = Date.now(),
): Promise<Address[]> {
  const rows = await watched({ ledger }, nowMilliseconds)
    .select("b.operator")
    .groupBy("b.operator")
    .orderBy((eb) => eb.fn.min("w.tries"))
    .orderBy((eb) => eb.fn.min("b.final_at"))
    .execute();
  return rows.map(({ operator }) => operator);
}

/** An operator's batches to be looked at now: the least tried first, or what it withholds would hide the rest. */
function dueBatches(
  { ledger }: Pick<WatchServices, "ledger">,
  operator: Address,
): Promise<(ChainBatch & { tries: number })[]> {
  return watched({ ledger }, Date.now())
    .selectAll("b")
    .select("w.tries")
    .where("b.operator", "=", operator)
    .orderBy("w.tries")
    .orderBy("b.final_at")
    .limit(BATCHES_PER_TURN)
    .execute();
}

function watched({ ledger }: Pick<WatchServices, "ledger">, nowMilliseconds: number) {
  return ledger
    .selectFrom("watched as w")
    .innerJoin("chain_batches as b", "b.batch_id", "w.batch_id")
    .where("w.state", "=", sql.lit("pending"))
    .where(pauseIsOver("w.next_try_at_milliseconds", nowMilliseconds, LAST_RETRY_MILLISECONDS));
}

async function checkBatch(services: WatchServices, batch: ChainBatch & { tries: number }): Promise<void> {
  const { ledger, clock, logger } = services;
  const header = headerFromRow(batch.operator, batch);
  try {
    const data = await findBatch(services, batch);
    const { entries } = data;
    const signatures = await bindingSignatures(services, batch.batch_id, batch.operator, entries);
    await checkClaims(services, header, batch.committed_at, data, signatures);
    askedInVain(ledger).delete(batch.batch_id);
  } catch (error) {
    askedInVain(ledger).add(batch.batch_id);
    const described = describeError(error);
    const over = clock.nowSeconds() >= batch.final_at;
    logger.warn(
      { ...described, batchId: batch.batch_id, operator: batch.operator },
      "batch could not be checked",
    );
    await ledger.transaction((tx) =>
      tx
        .updateTable("watched")
        .set((eb) => ({
          tries: eb("tries", "+", 1),
          next_try_at_milliseconds: Date.now() + retryDelay(batch.tries),
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
