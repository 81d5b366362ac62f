// SPDX-License-Identifier: GPL-3.0-or-later

import { setTimeout as pause } from "node:timers/promises";
import type { Hex } from "@meantime/sdk/hex";
import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import type { X402Config } from "../../config/access.ts";
import {
  duePayments,
  lookAgainAt,
  NEVER,
  notePayment,
  type Payment,
  paymentById,
} from "../../ledger/payments.ts";
import type { PaymentState } from "../../ledger/schema.ts";
import type { Services } from "../../services.ts";
import type { Facilitator, Settlement } from "./facilitator.ts";
import type { Fate, PaymentChain } from "./payment-chain.ts";
import { paymentRequired } from "./payment-required.ts";

/** Settles payments, and finds out what became of them. */
export interface Settler {
  /**
   * @param url of the request, as clients reach it
   * @returns headers for the answer
   * @throws HttpError 402 `MT-ACC-008`: it failed for certain
   */
  settle(
    id: Hex,
    payload: PaymentPayload,
    requirements: PaymentRequirements,
    url: string,
  ): Promise<Record<string, string>>;
  /** Its request was refused. */
  release(id: Hex): Promise<void>;
  /** Looks again at what is not certain yet. */
  reconcile(): Promise<void>;
  /** The same payment; where it had failed, as the chain shows it now. */
  reconsidered(payment: Payment | undefined): Promise<Payment | undefined>;
}

/** Told of every change of a payment's state. */
export type OnPayment = (state: PaymentState) => void;

const RECONCILED_AT_ONCE = 20;
const FIRST_RETRY_MILLISECONDS = 5_000;
const LAST_RETRY_MILLISECONDS = 3_600_000;
/** After as many tries, about three days, somebody has to look at the chain. */
const MAX_TRIES = 80;
/** A payment that failed, but that somebody may still make, is looked at this often. */
const WATCH_MILLISECONDS = 60_000;

/** What facilitators say whose own transaction came too late, or that find the nonce spent. */
const MAY_BE_SPENT = /used|nonce|cancel|transaction/;
/** Our node may be a block or two behind the facilitator's. */
const LOOKS = 3;
const LOOK_AGAIN_MILLISECONDS = 1_000;
/** Whose clock says when a payment came need not be the chain's. */
const CLOCK_SECONDS = 600;

/**
 * What the facilitator says is believed where it says that a payment is settled. Where it says anything else, the payment's
 * chain is asked, if the configuration names nodes of it:
 *
 * | the chain says | the payment is | the answer |
 * |---|---|---|
 * | the payee has it | settled, whoever sent it | given |
 * | cancelled, spent otherwise, or expired | failed | withheld |
 * | nobody has used it yet | failed where the facilitator refuses it, else pending | as the state says |
 * | it cannot be told | pending | given |
 *
 * What failed and may still be paid is watched until it cannot: then it is settled after all. Without nodes the facilitator's
 * refusal decides, if it is one that it has before it sends anything; everything else stays pending.
 */
export function createSettler(
  { ledger, logger }: Pick<Services, "ledger" | "logger">,
  config: X402Config,
  onPayment: OnPayment,
  facilitator: Facilitator,
  chain: PaymentChain | undefined,
): Settler {
  const { facilitatorTimeoutMilliseconds } = config;

  async function note(
    id: Hex,
    state: PaymentState,
    more: { transactionHash?: string; reason?: string; nextTryAtMilliseconds?: number } = {},
  ): Promise<void> {
    await notePayment(ledger, id, { nextTryAtMilliseconds: NEVER, ...more, state }, Date.now());
    onPayment(state);
  }

  async function settle(id: Hex, payload: PaymentPayload, requirements: PaymentRequirements, url: string) {
    // Until then it is ours: the facilitator may take twice its time, the chain as long for each look.
    const patience = (2 + LOOKS) * facilitatorTimeoutMilliseconds + LOOKS * LOOK_AGAIN_MILLISECONDS;
    await note(id, "pending", { nextTryAtMilliseconds: Date.now() + patience + FIRST_RETRY_MILLISECONDS });
    const settlement = await facilitator.settle(payload, requirements);
    if (settlement.outcome === "settled") {
      await note(id, "settled", { transactionHash: settlement.transaction });
      return { "payment-response": settlement.header, "meantime-payment": "settled" };
    }
    const fate = await fateAfter(settlement, id, payload, requirements);
    if (fate?.outcome === "paid") {
      const { transaction } = fate;
      await note(id, "settled", { transactionHash: transaction });
      logger.info({ payment: id, transaction }, "somebody else sent a payment that the facilitator refuses");
      const payer = (await paymentById(ledger, id))?.payer ?? "";
      const header = await facilitator.outcomeHeader({ transaction, payer }, requirements);
      return { "payment-response": header, "meantime-payment": "settled" };
    }
    const failure = failureIn(settlement, fate);
    if (failure) {
      const { reason, isFinal } = failure;
      const nextTryAtMilliseconds = isFinal ? NEVER : Date.now() + WATCH_MILLISECONDS;
      await note(id, "failed", { reason, nextTryAtMilliseconds });
      throw await paymentRequired(facilitator, requirements, {
        ...{ code: "MT-ACC-008", message: `the payment failed: ${reason}`, url },
        hint: "Pay with another authorisation; the answer was not given.",
        headers: { "payment-response": await facilitator.outcomeHeader({ reason }, requirements) },
      });
    }
    const { reason } = settlement;
    await note(id, "pending", { reason, nextTryAtMilliseconds: Date.now() + retryDelay(0) });
    logger.warn({ code: "MT-ACC-009", payment: id, reason }, "what became of a payment is unknown");
    return { "meantime-payment": "pending" };
  }

  /** A chain that has not seen yet what the facilitator says is asked again. */
  async function fateAfter(
    { reason }: Exclude<Settlement, { outcome: "settled" }>,
    id: Hex,
    payload: PaymentPayload,
    requirements: PaymentRequirements,
  ): Promise<Fate | undefined> {
    const since = sinceSeconds(await paymentById(ledger, id));
    for (let look = 1; ; look++) {
      const fate = await chain?.fateOf(payload, requirements, since);
      if (fate?.outcome !== "open" || look === LOOKS || !MAY_BE_SPENT.test(reason)) return fate;
      await pause(LOOK_AGAIN_MILLISECONDS);
    }
  }

  async function fateOf(payment: Payment): Promise<Fate | undefined> {
    const { payload, requirements } = settlementOf(payment);
    return chain?.fateOf(payload, requirements, sinceSeconds(payment));
  }

  async function reconcilePending(payment: Payment): Promise<void> {
    const { id, tries } = payment;
    const fate = await fateOf(payment);
    if (fate?.outcome === "paid") return foundPaid(id, fate.transaction);
    if (fate?.outcome === "void") {
      const { reason, isFinal } = fate;
      const nextTryAtMilliseconds = isFinal ? NEVER : Date.now() + WATCH_MILLISECONDS;
      await note(id, "failed", { reason, nextTryAtMilliseconds });
      logger.warn({ code: "MT-ACC-018", payment: id, reason }, "a payment failed after its answer was given");
      return;
    }
    const { payload, requirements } = settlementOf(payment);
    const settlement = await facilitator.settle(payload, requirements);
    if (settlement.outcome === "settled") return foundPaid(id, settlement.transaction);
    // A refusal now says nothing about the first try: its money may have moved since, which is why it is refused.
    const { reason } = settlement;
    const isLast = tries >= MAX_TRIES;
    await note(id, "pending", {
      ...{ reason, nextTryAtMilliseconds: isLast ? NEVER : Date.now() + retryDelay(tries) },
    });
    if (isLast) {
      logger.error(
        { code: "MT-ACC-010", payment: id, reason },
        "what became of a payment cannot be found out",
      );
    }
  }

  async function reconcileFailed(payment: Payment): Promise<void> {
    const fate = await fateOf(payment);
    if (fate?.outcome === "paid") return foundPaid(payment.id, fate.transaction);
    const isOver = fate?.outcome === "void" && fate.isFinal;
    await lookAgainAt(ledger, payment.id, isOver ? NEVER : Date.now() + WATCH_MILLISECONDS);
  }

  async function foundPaid(id: Hex, transactionHash: string): Promise<void> {
    await note(id, "settled", { transactionHash });
    logger.info({ payment: id }, "a payment turned out to be settled");
  }

  return {
    settle,
    release: (id) => note(id, "released"),

    async reconcile() {
      const now = Date.now();
      const due = (state: "pending" | "failed", longestPauseMilliseconds: number) =>
        duePayments(ledger, state, now, longestPauseMilliseconds, RECONCILED_AT_ONCE);
      for (const payment of await due("pending", LAST_RETRY_MILLISECONDS)) await reconcilePending(payment);
      if (!chain) return;
      for (const payment of await due("failed", WATCH_MILLISECONDS)) await reconcileFailed(payment);
    },

    async reconsidered(payment) {
      if (!chain || payment?.state !== "failed") return payment;
      await reconcileFailed(payment);
      return paymentById(ledger, payment.id);
    },
  };
}

/** Undefined: it has not failed for certain. */
function failureIn(
  settlement: Exclude<Settlement, { outcome: "settled" }>,
  fate: Fate | undefined,
): { reason: string; isFinal: boolean } | undefined {
  if (fate?.outcome === "void") return fate;
  const isRefused = settlement.outcome === "failed" && (!fate || fate.outcome === "open");
  return isRefused ? { reason: settlement.reason, isFinal: !fate } : undefined;
}

function settlementOf({ settlement }: Payment) {
  return JSON.parse(settlement) as { payload: PaymentPayload; requirements: PaymentRequirements };
}

/** Until it was first taken the facilitator found it unused. */
function sinceSeconds(payment: Payment | undefined): number {
  const takenAt = payment?.created_at_milliseconds ?? Date.now();
  return Math.floor(takenAt / 1_000) - CLOCK_SECONDS;
}

function retryDelay(tries: number): number {
  return Math.min(FIRST_RETRY_MILLISECONDS * 2 ** Math.min(tries, 20), LAST_RETRY_MILLISECONDS);
}
