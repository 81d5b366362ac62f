// SPDX-License-Identifier: GPL-3.0-or-later

import type { Context, MiddlewareHandler } from "hono";
import type { Services } from "../../services.ts";
import { HttpError } from "../http-error.ts";
import { abandoned, hasHungUp } from "../hung-up.ts";
import type { Caller, GatewayEnv, GatewayState } from "../state.ts";
import { createBearerCheck } from "./bearer.ts";
import { clientAddressOf, hopsOf } from "./client-address.ts";
import { isLimited, isUnderKeys } from "./limited.ts";
import { createRateLimiter, type RateLimiter, type RateVerdict } from "./rate-limit.ts";
import type { Paywall, TakenPayment } from "./x402.ts";

type Guard = MiddlewareHandler<GatewayEnv>;

/**
 * Who may ask for answers, and how often anybody may ask for anything. Everything that others need in order to check this
 * operator (claims, receipts, batches, models) takes no key: a `POST` under `/v1` does.
 */
export interface Access {
  /** By what the headers say. Before anything of the body is read: who may not ask gets no memory for it. */
  byHeaders: Guard;
  /** By the network address alone, wherever keys do not count. */
  byAddress: Guard;
  /** By payment, which is for a body and has a price that may depend on it: once bodies are bounded. */
  byPayment: Guard;
}

/** @param paywall with `gateway.auth.mode: x402` */
export function createAccess(
  { config }: Services,
  state: GatewayState,
  paywall: Paywall | undefined,
): Access {
  const { auth, rateLimit, trustedProxies } = config.gateway;
  const addressOf = clientAddressOf(trustedProxies);
  const keyOf = createBearerCheck(auth.mode === "bearer" ? auth.keys : []);
  const { perKeyPerMinute, perAddressPerMinute, burst } = rateLimit;
  const byKey = limiter(perKeyPerMinute, burst);
  const addresses = limiter(perAddressPerMinute, burst);
  const limitAddress = (context: Context) => {
    if (addresses) limit(context, addresses.take(addressOf(...hopsOf(context))));
  };
  return {
    async byHeaders(context, next) {
      const key = auth.mode === "bearer" ? keyOf(context.req.header("authorization")) : "none";
      const name = typeof key === "string" ? undefined : key.name;
      if (name !== undefined) limit(context, byKey?.take(`key ${name}`));
      else limitAddress(context);
      const caller: Caller = name === undefined ? {} : { key: name };
      context.set("caller", caller);
      if (context.req.method === "POST") {
        if (auth.mode === "bearer" && name === undefined) throw keyless(key === "unknown");
        if (name !== undefined) state.onKey(name);
      }
      await next();
    },

    async byAddress(context, next) {
      const { path } = context.req;
      if (isLimited(path) && !isUnderKeys(path)) limitAddress(context);
      await next();
    },

    async byPayment(context, next) {
      if (!paywall || context.req.method !== "POST") return next();
      const payment = await paywall.take(await paidRequest(context, state));
      if (!payment) return next();
      try {
        limit(context, byKey?.take(`payer ${payment.payer}`));
        // It may have taken long to check, and an answer that nobody waits for would be paid for.
        if (hasHungUp(context)) throw abandoned();
      } catch (error) {
        await payment.release();
        throw error;
      }
      const withheld = new AbortController();
      const { payer: address, idempotencyKey } = payment;
      context.set("caller", { address, idempotencyKey, withheld: withheld.signal });
      await next();
      await settleAfter(context, payment, withheld);
    },
  };
}

/** Before the answer leaves, so that its headers say what became of the payment. */
async function settleAfter(
  context: Context<GatewayEnv>,
  payment: TakenPayment,
  withheld: AbortController,
): Promise<void> {
  if (context.res.status >= 400) return payment.release();
  try {
    for (const [name, value] of Object.entries(await payment.settle())) context.header(name, value);
  } catch (error) {
    withheld.abort();
    await context.res.body?.cancel();
    // What they say of the answer stays with it.
    const own = [...context.res.headers.keys()].filter((name) => /^(meantime-|content-)/.test(name));
    for (const name of own) context.header(name, undefined);
    throw error;
  }
}

async function paidRequest({ req }: Context<GatewayEnv>, state: GatewayState) {
  const { method, path } = req;
  const named = Object.entries(req.header()).filter(([name]) => /^(idempotency-key$|meantime-)/.test(name));
  return {
    ...{ method, path, url: new URL(path, state.publicUrl()).href, body: await req.text() },
    headers: Object.fromEntries(named),
    payment: req.header("payment-signature"),
  };
}

function limit(context: Context, verdict: RateVerdict | undefined): void {
  if (!verdict) return;
  // Named as OpenAI names them, whose clients read them.
  const headers = {
    "x-ratelimit-limit-requests": String(verdict.limit),
    "x-ratelimit-remaining-requests": String(verdict.remaining),
    "x-ratelimit-reset-requests": `${verdict.resetSeconds}s`,
  };
  for (const [name, value] of Object.entries(headers)) context.header(name, value);
  if (!verdict.allowed) throw tooOften(verdict, headers);
}

/** @returns the refusal of a request that came too early */
export function tooOften(
  { retryAfterSeconds }: RateVerdict,
  headers: Record<string, string> = {},
): HttpError {
  return new HttpError(
    429,
    "MT-ACC-003",
    "too many requests",
    "Wait as long as `retry-after` says; no receipt was given.",
    retryAfterSeconds,
    null,
    headers,
  );
}

function keyless(hasKey: boolean): HttpError {
  return new HttpError(
    401,
    hasKey ? "MT-ACC-002" : "MT-ACC-001",
    hasKey ? "the key is not one of this gateway's" : "this gateway answers holders of a key only",
    "Send `Authorization: Bearer KEY` with a key from the operator.",
    undefined,
    null,
    { "www-authenticate": "Bearer" },
  );
}

function limiter(perMinute: number | undefined, burst: number): RateLimiter | undefined {
  return perMinute === undefined ? undefined : createRateLimiter({ perMinute, burst });
}
