// SPDX-License-Identifier: GPL-3.0-or-later

import { routePath } from "hono/route";
import { describeError, TemporaryError } from "../errors.ts";
import { traceRequests } from "../ops/tracing/requests.ts";
import type { Services } from "../services.ts";
import { answerHeaders, anyOrigin, limitBytes } from "./cheap-middleware.ts";
import { errorBody, HttpError } from "./http-error.ts";
import { openAiRoutes } from "./openai/routes.ts";
import { createRoutes, type Routes } from "./openapi/route.ts";
import { servePage } from "./page.ts";
import { refusalFor } from "./refusal.ts";
import { claimRoutes } from "./routes/claims.ts";
import { documentRoutes } from "./routes/documents.ts";
import { healthRoutes } from "./routes/health.ts";
import { inferRoutes } from "./routes/infer.ts";
import { operatorRoutes } from "./routes/operator.ts";
import type { GatewayState } from "./state.ts";

/** The HTTP interface: answers, what is known of claims, the data that watchtowers check, and the page. */
export function createGateway(services: Services, state: GatewayState): Routes {
  const app = createRoutes();
  app.use(async (context, next) => {
    const start = performance.now();
    await next();
    state.onAnswered(routePath(context, -1), context.res.status, (performance.now() - start) / 1_000);
  });
  app.use(traceRequests);
  app.use(answerHeaders({ "x-content-type-options": "nosniff" }));
  app.use("/v1/*", anyOrigin({ allowMethods: ["GET", "POST"], allowHeaders: ["content-type"] }));
  app.use("/.well-known/*", anyOrigin({}));
  app.use("/v1/*", limitBody(services.config.gateway.maxBodyBytes));
  const documents = documentRoutes(app);
  app.route("/", inferRoutes(services, state));
  app.route("/", openAiRoutes(services, state));
  app.route("/", claimRoutes(services));
  app.route("/", operatorRoutes(services, state, documents.operations));
  app.route("/", healthRoutes(services, state));
  app.route("/", documents.routes);
  servePage(app);
  app.notFound(() =>
    answer(new HttpError(404, "MT-GW-012", "there is nothing here", "See /openapi.json for the paths.")),
  );
  app.onError((error, context) => {
    const refusal = refusalFor(error);
    state.onRefused(error instanceof HttpError ? error.code : describeError(error).code);
    if (refusal !== error) {
      const { code, message } = describeError(error);
      const fields = error instanceof TemporaryError ? { code, message } : { code: "MT-GW-013", err: error };
      services.logger.error({ ...fields, path: context.req.path }, "request failed");
    }
    return answer(refusal);
  });
  return app;
}

function limitBody(maxBytes: number) {
  return limitBytes(maxBytes, () => {
    throw new HttpError(
      413,
      "MT-GW-003",
      `the body is larger than ${maxBytes} bytes`,
      "Send one input per request.",
    );
  });
}

function answer(error: HttpError): Response {
  const headers = new Headers();
  if (error.retryAfterSeconds !== undefined) headers.set("retry-after", String(error.retryAfterSeconds));
  // OpenAI's clients would repeat it, with the same end.
  if (error.status === 409) headers.set("x-should-retry", "false");
  return Response.json(errorBody(error), { status: error.status, headers });
}
