// SPDX-License-Identifier: GPL-3.0-or-later

import { createRoute } from "@hono/zod-openapi";
import type { Services } from "../../services.ts";
import { createRoutes, json, type Routes, TAGS } from "../openapi/route.ts";
import { modelListSchema, statusReportSchema, wellKnownSchema } from "../openapi/schemas.ts";
import type { GatewayState } from "../state.ts";
import { statusView } from "../status.ts";
import { modelsView, wellKnownView } from "../views.ts";

const tags = [TAGS.operator];

/** Who this is, what it serves, and how it stands. @param listRoutes every route of the gateway */
export function operatorRoutes(services: Services, state: GatewayState, listRoutes: () => string[]): Routes {
  const routes = createRoutes();
  const startedAt = Math.floor(Date.now() / 1_000);
  routes.openapi(
    createRoute({
      method: "get",
      path: "/v1/models",
      operationId: "listModels",
      summary: "The models and their terms",
      tags,
      responses: { 200: json(modelListSchema, "OpenAI's list.") },
    }),
    (context) => context.json(modelsView(services, startedAt), 200),
  );
  for (const [path, operationId] of [
    ["/v1/status", "getStatus"],
    ["/status", "getStatusShort"],
  ] as const) {
    routes.openapi(
      createRoute({
        method: "get",
        path,
        operationId,
        summary: "The trust gap now",
        tags,
        responses: { 200: json(statusReportSchema, "As of the last look at the chain.") },
      }),
      async (context) => context.json(await statusView(services, state.tasks()), 200),
    );
  }
  routes.openapi(
    createRoute({
      method: "get",
      path: "/.well-known/meantime.json",
      operationId: "getWellKnown",
      summary: "Who this is",
      tags,
      responses: { 200: json(wellKnownSchema, "Chain, contracts, keys, policies, models and routes.") },
    }),
    (context) => context.json(wellKnownView(services, state.publicUrl(), listRoutes()), 200),
  );
  return routes;
}
