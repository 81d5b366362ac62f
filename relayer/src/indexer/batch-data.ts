// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import { type Claim, claimToJson } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { describeError } from "../errors.ts";
import { headerFromRow } from "../ledger/batches.ts";
import { announcedEndpoint, type ChainBatch, findChainBatch } from "../ledger/chain-facts.ts";
import { pauseIsOver } from "../ledger/due.ts";
import { signedClaimsOfBatch } from "../ledger/receipts.ts";
import type { DataState, Reader, Row, Writer } from "../ledger/schema.ts";
import { ByteBudget } from "../ops/byte-budget.ts";
import { SideBySide } from "../ops/side-by-side.ts";
import { notAMember } from "../watch/check-claim.ts";
import { fetchBatch, MAX_RESPONSE_BYTES, usualBytesOf } from "../watch/fetch-batch.ts";
import { isTooLarge } from "../watch/guard.ts";
import { pushFeed } from "./feed.ts";
import type { IndexServices } from "./services.ts";

/** A claim as it is stored: what rebuilt the committed root, and what was served beside it. */
export interface StorableClaim {
  claim: Claim;
  claimId: Hex;
  signature: unknown;
  opening: { input: Uint8Array; salt: Hex; output: Uint8Array } | undefined;
}

/** A batch whose data is still to be had. */
export interface DueBatch {
  ordinal: number;
  batch_id: Hex;
  tries: number;
}

const BATCHES_PER_TURN = 64;
const FIRST_RETRY_MILLISECONDS = 500;
const LAST_RETRY_MILLISECONDS = 10 * 60_000;
/** Some milliseconds of SQLite, which runs on the event loop of the process. */
const CLAIMS_PER_STATEMENT = 128;
/** Larger openings are not kept: what an operator publishes for one bond must not fill the disk of everybody's index. */
const MAX_OPENING_BYTES = 1_048_576;
/** What an operator lets us wait for keeps nobody else waiting for longer than this. */
const TURN_MILLISECONDS = 1_000;
/** Of files that are being read or stored: one of the largest, or many of the usual ones. */
const BYTES_IN_FLIGHT = MAX_RESPONSE_BYTES;

/**
 * Brings the data of committed batches into the ledger: what a relayer has given itself, from its receipts; the others' from
 * where their operators announced it, believed only as far as it rebuilds the committed roots. Operators are asked side by
 * side, so that one that does not answer delays nobody.
 */
export class BatchDataDuty {
  readonly #services: IndexServices;
  readonly #memory: ByteBudget;
  readonly #turns = new SideBySide();

  constructor(services: IndexServices, bytesInFlight = BYTES_IN_FLIGHT) {
    this.#services = services;
    this.#memory = new ByteBudget(bytesInFlight);
  }

  /** Starts on every operator that has something due and is not being asked, and waits a little. */
  async step(signal: AbortSignal): Promise<void> {
    for (const operator of await operatorsDue(this.#services.ledger)) {
      if (this.#turns.has(operator)) continue;
      this.#turns.start(operator, () => takeTurn(this.#services, this.#memory, operator, signal));
    }
    await this.#turns.wait(TURN_MILLISECONDS, signal);
  }
}

async function operatorsDue(db: Reader): Promise<Address[]> {
  const rows = await due(db).select("operator").distinct().execute();
  return rows.map(({ operator }) => operator);
}

function due(db: Reader) {
  return (
    db
      .selectFrom("index_data")
      // Not parameters: only then is the partial index seen to fit.
      .where(sql<boolean>`state IN ('pending', 'withheld', 'mismatch')`)
      .where(pauseIsOver("next_try_at_milliseconds", Date.now(), LAST_RETRY_MILLISECONDS))
  );
}

async function takeTurn(
  services: IndexServices,
  memory: ByteBudget,
  operator: Address,
  signal: AbortSignal,
): Promise<void> {
  const batches = await due(services.ledger)
    .innerJoin("index_batches as b", "b.ordinal", "index_data.ordinal")
    .select(["index_data.ordinal", "b.batch_id", "index_data.tries"])
    .where("index_data.operator", "=", operator)
    .orderBy("next_try_at_milliseconds")
    .limit(BATCHES_PER_TURN)
    .execute();
  for (const batch of batches) {
    if (signal.aborted || !(await bringIn(services, memory, operator, batch, signal))) return;
  }
}

/** @returns whether to go on with the operator's next batch */
async function bringIn(
  services: IndexServices,
  memory: ByteBudget,
  operator: Address,
  due: DueBatch,
  signal: AbortSignal,
): Promise<boolean> {
  const { ledger, domain, logger, allowPrivateAddresses } = services;
  const batch = await findChainBatch(ledger, due.batch_id);
  // Rolled back meanwhile.
  if (!batch) return true;
  let endpoint: string | undefined;
  try {
    const own = await ownClaims(ledger, batch);
    if (own) {
      await storeClaims(services, due, batch, own);
      return true;
    }
    endpoint = await announcedEndpoint(ledger, operator);
    if (endpoint === undefined) {
      await fail(services, operator, due, { state: "withheld", error: "MT-WATCH-005" }, null);
      return false;
    }
    const header = headerFromRow(operator, batch);
    const from = endpoint;
    await inRoomFor(memory, header, async (maxBytes) => {
      const { entries } = await fetchBatch(from, header, domain, allowPrivateAddresses, signal, maxBytes);
      await storeClaims(services, due, batch, entries, from);
    });
    return true;
  } catch (error) {
    if (!(error instanceof MeantimeError)) throw error;
    if (signal.aborted) return false;
    const { code } = describeError(error);
    const isUnreachable = code === "MT-WATCH-001" || code === "MT-WATCH-008";
    logger.warn({ code, batchId: due.batch_id, operator }, "the data of a batch could not be had");
    const failure = { state: isUnreachable ? "withheld" : "mismatch", error: code } as const;
    await fail(services, operator, due, failure, endpoint ?? null);
    return !isUnreachable;
  }
}

/** What is usual needs little room, so that many batches are read at once. What turns out to be larger is read once more. */
async function inRoomFor(
  memory: ByteBudget,
  header: BatchHeader,
  work: (maxBytes: number) => Promise<void>,
): Promise<void> {
  const usual = usualBytesOf(header);
  try {
    await memory.hold(usual, () => work(usual));
  } catch (error) {
    if (usual === MAX_RESPONSE_BYTES || !isTooLarge(error)) throw error;
    await memory.hold(MAX_RESPONSE_BYTES, () => work(MAX_RESPONSE_BYTES));
  }
}

/** The claims of a batch of our own: they need not be fetched. */
async function ownClaims(db: Reader, batch: ChainBatch): Promise<StorableClaim[] | undefined> {
  const own = await db
    .selectFrom("batches")
    .select("batch_id")
    .where("batch_id", "=", batch.batch_id)
    .executeTakeFirst();
  if (!own) return undefined;
  const receipts = await signedClaimsOfBatch(db, batch.batch_id);
  // `receipts` has what opens them.
  return receipts.map((receipt) => ({ ...receipt, opening: undefined }));
}

/**
 * Stores the claims of a batch that are known to be the committed ones, a few at a time, so that others get their turn.
 *
 * @param endpoint where they were fetched; undefined: they are our own
 */
export async function storeClaims(
  { ledger, logger }: Pick<IndexServices, "ledger" | "logger">,
  { ordinal, batch_id: batchId }: Pick<DueBatch, "ordinal" | "batch_id">,
  batch: ChainBatch,
  claims: readonly StorableClaim[],
  endpoint?: string,
): Promise<void> {
  const header = headerFromRow(batch.operator, batch);
  const committedAt = BigInt(batch.committed_at);
  for (let from = 0; from < claims.length; from += CLAIMS_PER_STATEMENT) {
    const rows = claims
      .slice(from, from + CLAIMS_PER_STATEMENT)
      .map((claim, at) => claimRow(ordinal, from + at, claim, header, committedAt));
    const isThere = await ledger.transaction(async (tx) => {
      if (!(await isStill(tx, ordinal, batchId))) return false;
      // A process that was killed has left some.
      if (from === 0) await tx.deleteFrom("index_claims").where("ordinal", "=", ordinal).execute();
      await tx.insertInto("index_claims").values(rows).execute();
      return true;
    });
    if (!isThere) return;
  }
  const state: DataState = header.dataRoot === ZERO_HASH ? "private" : "complete";
  await ledger.transaction(async (tx) => {
    if (!(await isStill(tx, ordinal, batchId))) return;
    await tx.deleteFrom("index_served").where("ordinal", "=", ordinal).execute();
    await tx
      .insertInto("index_served")
      .columns(["ordinal", "model_id", "served_at", "claims"])
      .expression((eb) =>
        eb
          .selectFrom("index_claims")
          .select((each) => ["ordinal", "model_id", "served_at", each.fn.countAll<number>().as("claims")])
          .where("ordinal", "=", ordinal)
          .where("stray", "is", null)
          .groupBy(["ordinal", "model_id", "served_at"]),
      )
      .execute();
    await tx
      .updateTable("index_data")
      .set({ state, error: null, endpoint: endpoint ?? null, grouped: 0 })
      .where("ordinal", "=", ordinal)
      .execute();
    await pushFeed(tx, { kind: "batch", batchId });
  });
  logger.debug({ batchId, claims: claims.length, state }, "batch indexed");
}

/** Whether no reorganisation has taken the batch from its place. */
async function isStill(tx: Writer, ordinal: number, batchId: Hex): Promise<boolean> {
  const row = await tx
    .selectFrom("index_batches")
    .select("batch_id")
    .where("ordinal", "=", ordinal)
    .executeTakeFirst();
  return row?.batch_id === batchId;
}

function claimRow(
  ordinal: number,
  index: number,
  { claim, claimId, signature, opening }: StorableClaim,
  header: BatchHeader,
  committedAt: bigint,
): Row<"index_claims"> {
  const isStray = notAMember(claim, header, committedAt) !== undefined;
  const kept = opening && opening.input.length + opening.output.length <= MAX_OPENING_BYTES ? opening : null;
  return {
    ...{ ordinal, leaf_index: index, claim_id: claimId, model_id: claim.modelId },
    ...{ requester: claim.requester, request_id: claim.requestId },
    ...{ input_hash: claim.inputHash, output_hash: claim.outputHash },
    served_at: secondsOf(claim.servedAt),
    commit_by: secondsOf(claim.commitBy),
    signature: isSignature(signature) ? signature : null,
    stray: isStray ? JSON.stringify(claimToJson(claim)) : null,
    input: kept?.input ?? null,
    salt: kept?.salt ?? null,
    output: kept?.output ?? null,
  };
}

/** Times beyond 2^53 are those of strays, which keep their claim as it is. */
function secondsOf(time: bigint): number {
  return Number(time > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : time);
}

function isSignature(value: unknown): value is Hex {
  return typeof value === "string" && /^0x[0-9a-f]{130}$/i.test(value);
}

async function fail(
  { ledger }: IndexServices,
  operator: Address,
  { ordinal, batch_id: batchId, tries }: DueBatch,
  { state, error }: { state: "withheld" | "mismatch"; error: string },
  endpoint: string | null,
): Promise<void> {
  const pauseMilliseconds = Math.min(
    FIRST_RETRY_MILLISECONDS * 2 ** Math.min(tries, 20),
    LAST_RETRY_MILLISECONDS,
  );
  const nextTry = Date.now() + pauseMilliseconds;
  await ledger.transaction(async (tx) => {
    const before = await tx
      .selectFrom("index_data")
      .select("state")
      .where("ordinal", "=", ordinal)
      .executeTakeFirst();
    await tx
      .updateTable("index_data")
      .set((eb) => ({
        state,
        error,
        endpoint,
        tries: eb("tries", "+", 1),
        next_try_at_milliseconds: nextTry,
      }))
      .where("ordinal", "=", ordinal)
      .execute();
    if (before && before.state !== state) await pushFeed(tx, { kind: "batch", batchId });
    if (state === "mismatch") return;
    // Where one cannot be had, the operator's others cannot either.
    await tx
      .updateTable("index_data")
      .set({ next_try_at_milliseconds: nextTry })
      .where(sql<boolean>`state IN ('pending', 'withheld', 'mismatch')`)
      .where("operator", "=", operator)
      .where(pauseIsOver("next_try_at_milliseconds", nextTry, LAST_RETRY_MILLISECONDS))
      .execute();
  });
}
