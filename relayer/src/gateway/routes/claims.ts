// SPDX-License-Identifier: GPL-3.0-or-later

import { createRoute, z } from "@hono/zod-openapi";
import type { Services } from "../../services.ts";
import { createBatchRoute } from "../batch.ts";
import { createClaimEvents, EVENT_HEADERS } from "../claim-events.ts";
import { createRoutes, idParams, json, type Routes, refusal, TAGS } from "../openapi/route.ts";
import { batchSchema, claimProofSchema, claimReportSchema, receiptReportSchema } from "../openapi/schemas.ts";
import type { GatewayState } from "../state.ts";
import { claimView, proofView, receiptView } from "../views.ts";

const tags = [TAGS.claims];
const request = { params: idParams };
const notAnId = refusal("Not an id", "MT-GW-014");
const unknown = refusal("Not of this operator", "MT-GW-012");

/** What is known of claims, receipts and batches. Anybody may ask. */
export function claimRoutes(services: Services, state: GatewayState): Routes {
  const routes = createRoutes();
  const claimEvents = createClaimEvents(services, state);
  const serveBatch = createBatchRoute(services);
  routes.openapi(
    createRoute({
      method: "get",
      path: "/v1/claims/{id}",
      operationId: "getClaim",
      summary: "Where a claim stands",
      ...{ tags, request },
      responses: { 200: json(claimReportSchema, "As this relayer sees it."), 400: notAnId, 404: unknown },
    }),
    async (context) => context.json(await claimView(services, context.req.valid("param").id), 200),
  );
  routes.openapi(
    createRoute({
      method: "get",
      path: "/v1/claims/{id}/events",
      operationId: "watchClaim",
      summary: "A claim's way, as it happens",
      description:
        "Server-sent events: the claim's report now, and again with every change, until it is Final, Rejected or Voided; then the stream ends. A comment keeps it alive. Connect again after a break: the first event is how the claim stands by then.",
      ...{ tags, request },
      responses: {
        200: {
          description: "The `data` of each event is a ClaimReport.",
          content: { "text/event-stream": { schema: z.string() } },
        },
        400: notAnId,
        404: unknown,
        429: refusal("Too many streams of one network address are open", "MT-ACC-017"),
        503: refusal("Too many streams are open", "MT-GW-042"),
      },
    }),
    async (context) => {
      const { id } = context.req.valid("param");
      if (context.req.method !== "HEAD")
        return context.body(await claimEvents(context, id), 200, EVENT_HEADERS);
      // Nobody would read the stream, nor end it.
      await claimView(services, id);
      return context.body(null, 200, EVENT_HEADERS);
    },
  );
  routes.openapi(
    createRoute({
      method: "get",
      path: "/v1/receipts/{id}",
      operationId: "getReceipt",
      summary: "A receipt again",
      ...{ tags, request },
      responses: {
        200: json(receiptReportSchema, "The receipt, and its opening under a policy of public data."),
        400: notAnId,
        404: unknown,
      },
    }),
    async (context) => context.json(await receiptView(services, context.req.valid("param").id), 200),
  );
  routes.openapi(
    createRoute({
      method: "get",
      path: "/v1/receipts/{id}/proof",
      operationId: "getProof",
      summary: "A claim's place in its batch",
      description: "What Settlement's functions take: header, index and Merkle path.",
      ...{ tags, request },
      responses: {
        200: json(claimProofSchema, "The place."),
        400: notAnId,
        404: unknown,
        425: refusal("Not in a batch yet; `retry-after` says when to ask again", "MT-GW-041"),
      },
    }),
    async (context) => context.json(await proofView(services, context.req.valid("param").id), 200),
  );
  routes.openapi(
    createRoute({
      method: "get",
      path: "/v1/batches/{id}",
      operationId: "getBatch",
      summary: "A batch with all its claims",
      description: "It never changes: `etag` is its id, and it may be kept for ever.",
      ...{ tags, request },
      responses: {
        200: json(batchSchema, "What watchtowers check."),
        304: { description: "As `if-none-match` has it" },
        400: notAnId,
        404: unknown,
        429: refusal("One network address is reading too many", "MT-ACC-017"),
        503: refusal("Too many are being read", "MT-GW-044"),
      },
    }),
    (context) => serveBatch(context, context.req.valid("param").id),
  );
  return routes;
}
