// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import { sql } from "kysely";
import { pauseIsOver } from "./due.ts";
import type { Ledger } from "./ledger.ts";
import type { PaymentState, Reader, Row } from "./schema.ts";

/** A payment for one request. */
export type Payment = Row<"payments">;

/** What is known of a payment before it is settled. */
export interface OfferedPayment {
  id: Hex;
  identifier: string | null;
  payer: Address;
  network: string;
  asset: Address;
  /** Decimal, in the asset's smallest unit. */
  amount: string;
  requestDigest: Hex;
  /** What the facilitator settles, as JSON: payload and requirements. */
  settlement: string;
}

/**
 * Why a payment cannot be held: another request has it, or the same one and it is under way or paid; or, without `payment`, too
 * many of its payer are not settled.
 */
export type Held = { held: true } | { held: false; payment?: Payment };

const FREE: PaymentState[] = ["released", "failed"];
/** A hold without a settlement that is older than this belongs to nobody any more. */
const HOLD_MILLISECONDS = 900_000;
/** A payment that was held or has failed counts against its payer for this long. */
const COUNTED_MILLISECONDS = { held: HOLD_MILLISECONDS, failed: 3_600_000 };
/** As the indexes `payments_unsettled` and `payments_ended` say it. */
const UNSETTLED = sql<boolean>`state IN ('held', 'pending', 'failed')`;
const ENDED = sql<boolean>`state IN ('settled', 'released')`;
/** When nobody asks for what became of a payment any more. */
export const NEVER = Number.MAX_SAFE_INTEGER;

/**
 * Takes a payment for one request. It serves one only, whatever happens: another gets the row of the first. A payment whose
 * request was refused, or that failed, is free again, and so is the identifier that it had.
 *
 * Every held payment makes a receipt, and binds a bond, before it is settled: one balance could seem to pay for any number of
 * them. So at most `maxUnsettled` of a payer wait or have failed lately.
 */
export async function holdPayment(
  ledger: Ledger,
  offered: OfferedPayment,
  nowMilliseconds: number,
  maxUnsettled: number,
): Promise<Held> {
  const { id, identifier, payer, requestDigest, settlement, ...terms } = offered;
  const request = {
    identifier,
    request_digest: requestDigest,
    settlement,
    updated_at_milliseconds: nowMilliseconds,
  };
  return ledger.transaction(async (tx) => {
    if (identifier !== null) {
      await tx
        .updateTable("payments")
        .set({ identifier: null })
        .where("payer", "=", payer)
        .where("identifier", "=", identifier)
        .where("id", "<>", id)
        .where("state", "in", FREE)
        .execute();
    }
    if ((await unsettledOf(tx, offered, nowMilliseconds)) >= maxUnsettled) return { held: false };
    const inserted = await tx
      .insertInto("payments")
      .values({
        ...{ id, payer, ...terms, ...request, state: "held", tries: 0 },
        ...{ transaction_hash: null, reason: null, next_try_at_milliseconds: 0 },
        created_at_milliseconds: nowMilliseconds,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst();
    if (Number(inserted.numInsertedOrUpdatedRows ?? 0n) === 1) return { held: true };
    const payment = await knownPayment(tx, offered);
    const isFree =
      FREE.includes(payment.state) ||
      (payment.state === "held" && !isRecent(payment.updated_at_milliseconds, nowMilliseconds));
    if (payment.id !== id || !isFree) return { held: false, payment };
    const taken = await tx
      .updateTable("payments")
      .set({ ...request, state: "held", reason: null })
      .where("id", "=", id)
      .where("state", "=", payment.state)
      .where("updated_at_milliseconds", "=", payment.updated_at_milliseconds)
      .executeTakeFirst();
    return Number(taken.numUpdatedRows) === 1 ? { held: true } : { held: false, payment };
  });
}

/** Not so much later either: by a clock that was set back since, a hold would belong to nobody for as long. */
function isRecent(updatedAt: number, nowMilliseconds: number): boolean {
  return Math.abs(nowMilliseconds - updatedAt) <= HOLD_MILLISECONDS;
}

/** How many other payments of the payer are held, of unknown outcome, or failed lately. */
async function unsettledOf(
  db: Reader,
  { id, payer }: OfferedPayment,
  nowMilliseconds: number,
): Promise<number> {
  const others = (state: "held" | "pending" | "failed") =>
    unsettled(db, state).where("payer", "=", payer).where("id", "<>", id);
  const lately = (state: "held" | "failed") =>
    others(state)
      .where("updated_at_milliseconds", ">", nowMilliseconds - COUNTED_MILLISECONDS[state])
      .where("updated_at_milliseconds", "<", nowMilliseconds + COUNTED_MILLISECONDS[state]);
  const counts = await others("pending").unionAll(lately("held")).unionAll(lately("failed")).execute();
  return counts.reduce((sum, { count }) => sum + Number(count), 0);
}

/** That of the same identifier first: it is what the insertion ran into where both are known. */
async function knownPayment(db: Reader, { id, payer, identifier }: OfferedPayment): Promise<Payment> {
  const named = identifier === null ? undefined : await paymentByIdentifier(db, payer, identifier);
  const payment = named ?? (await paymentById(db, id));
  if (!payment) throw new TypeError(`payment ${id} was neither stored nor known`);
  return payment;
}

/** What became of a payment. A settled one stays settled. */
export async function notePayment(
  ledger: Ledger,
  id: Hex,
  change: { state: PaymentState; transactionHash?: string; reason?: string; nextTryAtMilliseconds?: number },
  nowMilliseconds: number,
): Promise<void> {
  const { state, transactionHash, reason, nextTryAtMilliseconds = 0 } = change;
  await ledger.transaction((tx) =>
    tx
      .updateTable("payments")
      .set((eb) => ({
        state,
        reason: reason ?? null,
        updated_at_milliseconds: nowMilliseconds,
        next_try_at_milliseconds: nextTryAtMilliseconds,
        ...(state === "pending" ? { tries: eb("tries", "+", 1) } : {}),
        ...(transactionHash === undefined ? {} : { transaction_hash: transactionHash }),
      }))
      .where("id", "=", id)
      .where("state", "<>", "settled")
      .execute(),
  );
}

/** A payment by the authorisation that it is. */
export function paymentById(db: Reader, id: Hex): Promise<Payment | undefined> {
  return db.selectFrom("payments").selectAll().where("id", "=", id).executeTakeFirst();
}

/** A payment by the name that its payer gave it. */
export function paymentByIdentifier(
  db: Reader,
  payer: Address,
  identifier: string,
): Promise<Payment | undefined> {
  return db
    .selectFrom("payments")
    .selectAll()
    .where("payer", "=", payer)
    .where("identifier", "=", identifier)
    .executeTakeFirst();
}

/**
 * Payments whose outcome is to be asked for again: it is not known, or they failed and somebody may still pay them.
 *
 * @param longestPauseMilliseconds none of them waits for longer, but for {@link NEVER}
 */
export function duePayments(
  db: Reader,
  state: "pending" | "failed",
  nowMilliseconds: number,
  longestPauseMilliseconds: number,
  limit: number,
): Promise<Payment[]> {
  return (
    db
      .selectFrom("payments")
      .selectAll()
      // Not a parameter: only then is the partial index seen to fit.
      .where("state", "=", sql.lit(state))
      .where("next_try_at_milliseconds", "<", NEVER)
      .where(pauseIsOver("next_try_at_milliseconds", nowMilliseconds, longestPauseMilliseconds))
      .orderBy("next_try_at_milliseconds")
      .limit(limit)
      .execute()
  );
}

/** Says when a failed payment is looked at again. That it failed, and when, stays as it is. */
export async function lookAgainAt(ledger: Ledger, id: Hex, nextTryAtMilliseconds: number): Promise<void> {
  await ledger.transaction((tx) =>
    tx
      .updateTable("payments")
      .set({ next_try_at_milliseconds: nextTryAtMilliseconds })
      .where("id", "=", id)
      .where("state", "=", "failed")
      .execute(),
  );
}

/** How many payments there are whose outcome is not known. */
export async function countPending(db: Reader): Promise<number> {
  const { count } = await unsettled(db, "pending").executeTakeFirstOrThrow();
  return Number(count);
}

/** Payments by state: counts them all. */
export async function paymentCounts(db: Reader): Promise<Record<PaymentState, number>> {
  const byState = (states: typeof UNSETTLED) =>
    db
      .selectFrom("payments")
      .select((eb) => ["state", eb.fn.countAll<number>().as("count")])
      .where(states)
      .groupBy("state");
  const rows = await byState(UNSETTLED).unionAll(byState(ENDED)).execute();
  const counts = { held: 0, pending: 0, settled: 0, failed: 0, released: 0 };
  for (const { state, count } of rows) counts[state] = Number(count);
  return counts;
}

// The states are no parameters: only then are the partial indexes seen to fit.
function unsettled(db: Reader, state: "held" | "pending" | "failed") {
  return db
    .selectFrom("payments")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where(UNSETTLED)
    .where("state", "=", sql.lit(state));
}
