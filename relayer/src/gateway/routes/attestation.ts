// SPDX-License-Identifier: GPL-3.0-or-later

import { createRoute, z } from "@hono/zod-openapi";
import { enclaveKeyId, enclaveNonceBinding, encodeEnclavePublicKey } from "@meantime/sdk/enclave-keys";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import type { Attestation } from "../../attest/platform.ts";
import { registrationOrder } from "../../attest/upkeep.ts";
import type { Services } from "../../services.ts";
import { tooOften } from "../access/access.ts";
import { createRateLimiter } from "../access/rate-limit.ts";
import { HttpError } from "../http-error.ts";
import { createRoutes, json, type Routes, refusal, TAGS } from "../openapi/route.ts";
import { attestationSchema } from "../openapi/schemas.ts";

/** The platform is asked in earnest: it signs for one at a time. */
const BURST = 5;

const query = z.object({
  nonce: z
    .string()
    .regex(/^0x[0-9a-fA-F]{64}$/, "must be 0x followed by 64 hex digits: 32 random bytes")
    .transform((nonce) => nonce.toLowerCase() as Hex)
    .openapi({ param: { name: "nonce", in: "query" }, example: `0x${"4e".repeat(32)}` }),
});

/** `GET /v1/attestation?nonce=`: what the enclave's platform says of it now. */
export function attestationRoutes(services: Services): Routes {
  const { config, rpc } = services;
  const order = registrationOrder(config, rpc);
  const perMinute = config.gateway.rateLimit.attestationsPerMinute;
  const limiter = createRateLimiter({ perMinute, burst: Math.min(BURST, perMinute), maxCallers: 1 });
  const routes = createRoutes();
  routes.openapi(
    createRoute({
      method: "get",
      path: "/v1/attestation",
      operationId: "getAttestation",
      summary: "The enclave's attestation now",
      description:
        "A fresh document of the platform about the key that signs attestations, bound to the nonce: the document has to contain `enclaveNonceBinding` of the SDK. It tells whoever asks what runs at this moment; what settles claims is the registration of the key on chain.",
      tags: [TAGS.operator],
      request: { query },
      responses: {
        200: json(attestationSchema, "The document. Judge it yourself: nothing else here is proof."),
        400: refusal("No nonce, or another form", "MT-GW-040"),
        404: refusal("No enclave here", "MT-GW-043"),
        429: refusal("Too many asked", "MT-ACC-003"),
        503: refusal("The platform does not answer", "MT-ATT-010"),
      },
    }),
    async (context) => {
      const { nonce } = context.req.valid("query");
      if (!order) throw noEnclave();
      const verdict = limiter.take("all");
      if (!verdict.allowed) throw tooOften(verdict);
      const { chainId, enclaveEvidence, key, measurement, attestor } = order;
      const binding = enclaveNonceBinding({ chainId: BigInt(chainId), enclaveEvidence }, key, nonce);
      const attestation = await attestor.attest(binding, key);
      const report = {
        ...{ nonce, binding, measurement, ...documentOf(attestation) },
        key: { kind: key.kind, id: enclaveKeyId(key), publicKey: bytesToHex(encodeEnclavePublicKey(key)) },
        domain: { chainId, enclaveEvidence },
      };
      return context.json(report, 200, { "cache-control": "no-store" });
    },
  );
  return routes;
}

function documentOf(attestation: Attestation) {
  const { kind } = attestation;
  if (kind === "nitro") return { platform: kind, document: base64url(attestation.document) };
  const known = Object.entries(attestation.collateral).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const collateral: Record<string, string> = Object.fromEntries(known);
  return { platform: kind, document: base64url(attestation.quote), collateral };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function noEnclave(): HttpError {
  return new HttpError(
    404,
    "MT-GW-043",
    "this relayer has no enclave that it can ask",
    "Choose a policy whose evidence it has; /v1/models says which.",
  );
}
