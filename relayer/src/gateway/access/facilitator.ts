// SPDX-License-Identifier: GPL-3.0-or-later

import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import type { X402Config } from "../../config/access.ts";

/** What the facilitator says about a payment before its request is served. */
export type Verification =
  | { outcome: "valid" }
  | { outcome: "invalid"; reason: string }
  | { outcome: "unknown"; reason: string };

/** What came of settling. `unknown`: it may have been paid, or may be yet. */
export type Settlement =
  | { outcome: "settled"; transaction: string; header: string }
  | { outcome: "failed"; reason: string }
  | { outcome: "unknown"; reason: string };

/** Everything that this gateway asks x402's packages for; they are loaded when it is first needed. */
export interface Facilitator {
  /** What a request costs, as clients are told. Throws when the facilitator was never heard. */
  requirements(amount: string): Promise<PaymentRequirements>;
  /** The header of a 402. */
  requiredHeader(requirements: PaymentRequirements, url: string, reason: string): Promise<string>;
  /** The payment in a header, of this version and for these requirements; undefined: it is another. */
  read(header: string, requirements: PaymentRequirements): Promise<PaymentPayload | undefined>;
  verify(payload: PaymentPayload, requirements: PaymentRequirements): Promise<Verification>;
  settle(payload: PaymentPayload, requirements: PaymentRequirements): Promise<Settlement>;
  /** The header in which x402's clients read what became of a payment. */
  outcomeHeader(outcome: PaymentOutcome, requirements: PaymentRequirements): Promise<string>;
}

/** What became of a payment, where the facilitator did not say it. */
export type PaymentOutcome = { transaction: string; payer: string } | { reason: string };

/**
 * Reasons that a facilitator has before it sends anything: nobody but the payer has had what the chain would take. Every
 * other refusal leaves open whether the money moved. A transaction that failed does: whoever saw it may have been faster
 * with the same authorisation, which is why it failed.
 */
const DEFINITE =
  /signature|insufficient|recipient|scheme|network_mismatch|token_(name|version)|not_supported|valid_(before|after)|value|allowance|spender|deadline|expired/;

const PAYMENT_IDENTIFIER = {
  "payment-identifier": {
    info: { required: false },
    schema: {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      properties: {
        required: { type: "boolean" },
        id: { type: "string", minLength: 16, maxLength: 128, pattern: "^[a-zA-Z0-9_-]+$" },
      },
      required: ["required"],
    },
  },
};

/** A facilitator over HTTP, for scheme `exact` on EVM chains. */
export function createFacilitator(config: X402Config): Facilitator {
  const { network, payTo, asset, maxTimeoutSeconds } = config;
  let opened: ReturnType<typeof open> | undefined;
  const server = async () => {
    opened ??= open(config);
    try {
      return await opened;
    } catch (error) {
      // The next request asks again.
      opened = undefined;
      throw error;
    }
  };
  return {
    async requirements(amount) {
      const [requirements] = await (await server()).resources.buildPaymentRequirements({
        scheme: "exact",
        network: network as `${string}:${string}`,
        payTo,
        maxTimeoutSeconds,
        price: {
          amount,
          asset: asset.address,
          extra: {
            ...{ name: asset.name, version: asset.version },
            ...(asset.transferMethod === "permit2" ? { assetTransferMethod: "permit2" } : {}),
          },
        },
      });
      if (!requirements) throw new TypeError("no payment requirements were built");
      return requirements;
    },
    async requiredHeader(requirements, url, reason) {
      const { resources, http } = await server();
      const required = await resources.createPaymentRequiredResponse(
        [requirements],
        { url, description: "An answer with a receipt", mimeType: "application/json" },
        reason,
        PAYMENT_IDENTIFIER,
      );
      return http.encodePaymentRequiredHeader(required);
    },
    async read(header, requirements) {
      const { resources, http, schemas } = await server();
      let json: unknown;
      try {
        json = http.decodePaymentSignatureHeader(header);
      } catch {
        return undefined;
      }
      const parsed = schemas.parsePaymentPayload(json);
      if (!parsed.success || parsed.data.x402Version !== 2) return undefined;
      const payload = parsed.data as PaymentPayload;
      return resources.findMatchingRequirements([requirements], payload) ? payload : undefined;
    },
    async verify(payload, requirements) {
      const { resources, errors } = await server();
      try {
        const { isValid, invalidReason = "no reason" } = await resources.verifyPayment(payload, requirements);
        return isValid ? { outcome: "valid" } : { outcome: "invalid", reason: invalidReason };
      } catch (error) {
        if (error instanceof errors.VerifyError && error.statusCode < 500)
          return { outcome: "invalid", reason: error.invalidReason ?? "no reason" };
        return { outcome: "unknown", reason: messageOf(error) };
      }
    },
    async settle(payload, requirements) {
      try {
        const { resources, http, errors } = await server();
        const judge = (reason: string): Settlement => ({
          outcome: DEFINITE.test(reason) ? "failed" : "unknown",
          reason,
        });
        try {
          const result = await resources.settlePayment(payload, requirements);
          if (!result.success) return judge(result.errorReason ?? "no reason");
          const header = http.encodePaymentResponseHeader(result);
          return { outcome: "settled", transaction: result.transaction, header };
        } catch (error) {
          if (error instanceof errors.SettleError) return judge(error.errorReason ?? "no reason");
          return { outcome: "unknown", reason: messageOf(error) };
        }
      } catch (error) {
        return { outcome: "unknown", reason: messageOf(error) };
      }
    },
    async outcomeHeader(outcome, { network }) {
      const { http } = await server();
      return http.encodePaymentResponseHeader(
        "reason" in outcome
          ? { success: false, errorReason: outcome.reason, transaction: "", network }
          : { success: true, ...outcome, network },
      );
    },
  };
}

async function open({ facilitatorUrl, facilitatorTimeoutMilliseconds, network }: X402Config) {
  const [{ x402ResourceServer }, { HTTPFacilitatorClient }, { ExactEvmScheme }, http, schemas, errors] =
    await Promise.all([
      import("@x402/hono"),
      import("@x402/core/server"),
      import("@x402/evm/exact/server"),
      import("@x402/core/http"),
      import("@x402/core/schemas"),
      import("@x402/core/types"),
    ]);
  const client = new HTTPFacilitatorClient({
    url: facilitatorUrl,
    timeoutMs: facilitatorTimeoutMilliseconds,
  });
  const resources = new x402ResourceServer(client);
  resources.register(network as `${string}:${string}`, new ExactEvmScheme());
  await resources.initialize();
  return { resources, http, schemas, errors };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
