// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { PaymentPayload } from "@x402/core/types";
import type { X402Config } from "../../config/access.ts";
import { holdPayment, type Payment, paymentById } from "../../ledger/payments.ts";
import type { Services } from "../../services.ts";
import { HttpError } from "../http-error.ts";
import { createFacilitator, type Facilitator } from "./facilitator.ts";
import { connectPaymentChain, type PaymentChain } from "./payment-chain.ts";
import { paymentIdentity } from "./payment-id.ts";
import { paymentRequired } from "./payment-required.ts";
import { createSettler, type OnPayment } from "./settler.ts";

/** A request that may have to be paid for. */
export interface PaidRequest {
  method: string;
  path: string;
  /** As clients reach it. */
  url: string;
  body: string;
  /** Headers that tell this request from another, by lower-case name. */
  headers: Readonly<Record<string, string>>;
  /** Of `PAYMENT-SIGNATURE`. */
  payment: string | undefined;
}

/** A payment whose request is about to be answered. */
export interface TakenPayment {
  payer: Address;
  /** Names the request: the same payment for it gets the same answer. */
  idempotencyKey: string;
  /** The request was answered. @returns headers for the answer @throws HttpError 402: the payment failed for certain */
  settle(): Promise<Record<string, string>>;
  /** The request was refused: nothing is owed. */
  release(): Promise<void>;
}

/** Takes payments. */
export interface Paywall {
  /** @returns undefined: the request is free @throws HttpError 402, 409 or 503 */
  take(request: PaidRequest): Promise<TakenPayment | undefined>;
  /** Asks again for what became of payments whose settlement is unknown. */
  reconcile(): Promise<void>;
}

/**
 * Payments by x402, version 2, scheme `exact`: verified before the request is served, settled when it was answered and before
 * the answer leaves. What a payment does is written down before it is done:
 *
 * - one payment (payer and nonce) is taken for one request; for another it is refused, for the same one it is not taken twice;
 * - before the facilitator is asked to settle, the payment is `pending`, and stays so until the outcome is certain. Unknown is
 *   not failed: the answer is given, and facilitator and chain are asked again later ({@link createSettler}).
 */
export function createPaywall(
  services: Services,
  config: X402Config,
  onPayment: OnPayment,
  facilitator: Facilitator = createFacilitator(config),
  chain: PaymentChain | undefined = connectPaymentChain(config, services.logger),
): Paywall {
  const { ledger } = services;
  const settler = createSettler(services, config, onPayment, facilitator, chain);

  return {
    async take(request) {
      const amount = priceOf(config, request.path, modelOf(request));
      if (BigInt(amount) === 0n) return undefined;
      const requirements = await reachable(facilitator.requirements(amount));
      const refuse = (code: string, message: string, hint: string) =>
        paymentRequired(facilitator, requirements, { code, message, hint, url: request.url });
      if (request.payment === undefined) {
        throw await refuse(
          "MT-ACC-004",
          "this answer has to be paid for",
          "Pay as the header PAYMENT-REQUIRED says (x402, version 2) and repeat the request with PAYMENT-SIGNATURE.",
        );
      }
      const payload = await facilitator.read(request.payment, requirements);
      const identity = payload && paymentIdentity(payload.payload, payload.extensions, requirements);
      if (!payload || !identity) {
        throw await refuse(
          "MT-ACC-005",
          "the payment is not one for this request",
          "Pay exactly as the header PAYMENT-REQUIRED says: x402 version 2, its scheme, network, asset, amount and payee.",
        );
      }
      const requestDigest = digestOf(request);
      const taken = (
        payment: Pick<Payment, "id" | "identifier" | "payer">,
        settled: string,
      ): TakenPayment => ({
        payer: payment.payer,
        idempotencyKey: `x402-${payment.identifier === null ? payment.id : `${payment.payer}-${payment.identifier}`}`,
        settle: async () => ({ "meantime-payment": settled }),
        release: async () => undefined,
      });
      // Nothing of it is secret but what signs it: others learn payer and nonce from the chain.
      const isAskedFor = (known: Payment | undefined): known is Payment =>
        known !== undefined && isAsked(known) && isSamePayload(known, payload);
      const takenBefore = (payment: Payment): TakenPayment => {
        if (payment.request_digest !== requestDigest) throw forAnother();
        if (!isPaid(payment)) throw underWay();
        return taken(payment, payment.state);
      };
      const earlier = await paymentById(ledger, identity.id);
      if (isAskedFor(earlier)) return takenBefore(earlier);
      const verification = await facilitator.verify(payload, requirements);
      if (verification.outcome === "unknown") throw unreachable(verification.reason);
      if (verification.outcome === "invalid") {
        // The same payment may have been settled for the same request since.
        const meanwhile = await settler.reconsidered(await paymentById(ledger, identity.id));
        if (isAskedFor(meanwhile)) return takenBefore(meanwhile);
        throw await refuse(
          "MT-ACC-006",
          `the payment is not valid: ${verification.reason}`,
          "Sign another one; nothing was taken.",
        );
      }
      const { id, payer, identifier } = identity;
      const held = await holdPayment(
        ledger,
        {
          ...{ id, payer, identifier, amount, requestDigest },
          ...{ network: config.network, asset: config.asset.address },
          settlement: JSON.stringify({ payload, requirements }),
        },
        Date.now(),
        config.maxUnsettledPerPayer,
      );
      if (!held.held) {
        if (!held.payment) throw tooManyUnsettled();
        return takenBefore(held.payment);
      }
      onPayment("held");
      return {
        ...taken(identity, "settled"),
        settle: () => settler.settle(id, payload, requirements, request.url),
        release: () => settler.release(id),
      };
    },

    reconcile: settler.reconcile,
  };
}

/** What a request costs, in the smallest unit of the asset. */
export function priceOf({ prices }: X402Config, path: string, model: string | undefined): string {
  const fits = ({ path: wanted, model: named }: X402Config["prices"][number]) =>
    (wanted === undefined || path === wanted || path.startsWith(`${wanted}/`)) &&
    (named === undefined || named === model);
  const found = prices.find(fits);
  if (!found) throw new TypeError("no price fits; the configuration was not checked");
  return found.amount;
}

function modelOf({ path, body }: PaidRequest): string | undefined {
  const named = /^\/v1\/infer\/([^/]+)$/.exec(path)?.[1];
  try {
    if (named !== undefined) return decodeURIComponent(named);
    const { model } = JSON.parse(body) as { model?: unknown };
    return typeof model === "string" ? model : undefined;
  } catch {
    return undefined;
  }
}

function digestOf({ method, path, headers, body }: PaidRequest): Hex {
  const head = JSON.stringify([method, path, Object.entries(headers).sort()]);
  return `0x${createHash("sha256").update(`${head}\n`).update(body).digest("hex")}`;
}

/** Or it may be: the facilitator was asked and has not said no. */
function isPaid({ state, reason }: Payment): boolean {
  return state === "settled" || (state === "pending" && reason !== null);
}

/** The facilitator was asked to settle it, or is being asked: what it says decides about every request with it. */
function isAsked({ state }: Payment): boolean {
  return state === "settled" || state === "pending";
}

/** Signature included. Another form of one has to be verified like any payment. */
function isSamePayload({ settlement }: Payment, offered: PaymentPayload): boolean {
  const { payload } = JSON.parse(settlement) as { payload: PaymentPayload };
  return isDeepStrictEqual(payload.payload, offered.payload);
}

function forAnother(): HttpError {
  return new HttpError(
    409,
    "MT-ACC-007",
    "this payment, or another of this identifier, is for another request",
    "Repeat that request exactly to get its answer again, or pay for this one with a new authorisation.",
  );
}

function tooManyUnsettled(): HttpError {
  return new HttpError(
    429,
    "MT-ACC-016",
    "too many payments of this payer wait to be settled, or have failed within the hour",
    "Repeat it with the same payment when the others are settled; nothing was taken.",
    30,
  );
}

function underWay(): HttpError {
  return new HttpError(
    409,
    "MT-ACC-011",
    "the request that this payment is for is being answered",
    "Wait and repeat it exactly: the answer will be the same, and paid for once.",
    1,
  );
}

async function reachable<Value>(asked: Promise<Value>): Promise<Value> {
  try {
    return await asked;
  } catch (error) {
    throw unreachable(error instanceof Error ? error.message : String(error));
  }
}

function unreachable(reason: string): HttpError {
  return new HttpError(
    503,
    "MT-ACC-012",
    `payments cannot be checked now: ${reason.slice(0, 200)}`,
    "Try again later with the same payment; nothing was taken.",
    5,
  );
}
