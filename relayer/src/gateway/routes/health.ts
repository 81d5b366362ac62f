// SPDX-License-Identifier: GPL-3.0-or-later

import { createRoute, z } from "@hono/zod-openapi";
import type { Services } from "../../services.ts";
import { readiness } from "../capacity.ts";
import { createRoutes, json, type Routes, TAGS } from "../openapi/route.ts";
import { readinessSchema } from "../openapi/schemas.ts";
import type { GatewayState } from "../state.ts";

const tags = [TAGS.health];
const livenessSchema = z.strictObject({ status: z.enum(["ok", "stopping"]) }).openapi("Liveness");

/** For load balancers and Prometheus. */
export function healthRoutes(services: Services, state: GatewayState): Routes {
  const routes = createRoutes();
  routes.openapi(
    createRoute({
      method: "get",
      path: "/healthz",
      operationId: "getHealth",
      summary: "Whether the process lives",
      tags,
      responses: { 200: json(livenessSchema, "It does.") },
    }),
    (context) => context.json({ status: state.draining() ? ("stopping" as const) : ("ok" as const) }, 200),
  );
  routes.openapi(
    createRoute({
      method: "get",
      path: "/readyz",
      operationId: "getReadiness",
      summary: "Whether new work is taken",
      tags,
      responses: {
        200: json(readinessSchema, "Under at least one policy."),
        503: json(readinessSchema, "Under none."),
      },
    }),
    async (context) => {
      const report = await readiness(services, state.draining());
      return context.json(report, report.ready ? 200 : 503);
    },
  );
  if (services.config.gateway.metrics) {
    routes.openapi(
      createRoute({
        method: "get",
        path: "/metrics",
        operationId: "getMetrics",
        summary: "For Prometheus",
        tags,
        responses: {
          200: { description: "Text.", content: { "text/plain": { schema: z.string() } } },
        },
      }),
      async (context) => context.text(await state.metrics(), 200),
    );
  }
  return routes;
}
