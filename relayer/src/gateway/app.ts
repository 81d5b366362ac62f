// SPDX-License-Identifier: GPL-3.0-or-later

import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { routePath } from "hono/route";
import { describeError, TemporaryError } from "../errors.ts";
import { createIndexApi, INDEX_PATH } from "../indexer/api/app.ts";
import { traceRequests } from "../ops/tracing/requests.ts";
import type { Services } from "../services.ts";
import { createAccess } from "./access/access.ts";
import type { Paywall } from "./access/x402.ts";
import { answerHeaders, anyOrigin, limitBytes } from "./cheap-middleware.ts";
import { errorBody, HttpError } from "./http-error.ts";
import { openAiRoutes } from "./openai/routes.ts";
import { createRoutes, type Routes } from "./openapi/route.ts";
import { servePage } from "./page.ts";
import { refusalFor } from "./refusal.ts";
import { attestationRoutes } from "./routes/attestation.ts";
import { claimRoutes } from "./routes/claims.ts";
import { documentRoutes } from "./routes/documents.ts";
import { healthRoutes } from "./routes/health.ts";
import { inferRoutes } from "./routes/infer.ts";
import { operatorRoutes } from "./routes/operator.ts";
import type { GatewayState } from "./state.ts";

/** What a page of another origin may read. */
const EXPOSED_HEADERS = [
  ...["retry-after", "payment-required", "payment-response", "meantime-payment", "meantime-claim-id"],
  ...["meantime-receipt", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"],
  "x-ratelimit-reset-requests",
];

/** The HTTP interface: answers, what is known of claims, the data that watchtowers check, and the page. */
export function createGateway(services: Services, state: GatewayState, paywall?: Paywall): Routes {
  const app = createRoutes();
  app.use(async (context, next) => {
    const start = performance.now();
    await next();
    state.onAnswered(routePath(context, -1), context.res.status, (performance.now() - start) / 1_000);
  });
  app.use(traceRequests);
  app.use(answerHeaders({ "x-content-type-options": "nosniff" }));
  app.use("/v1/*", anyOrigin({ allowMethods: ["GET", "POST"], exposeHeaders: EXPOSED_HEADERS }));
  app.use("/.well-known/*", anyOrigin({}));
  app.use(`${INDEX_PATH}/*`, anyOrigin({ allowMethods: ["GET"], exposeHeaders: ["retry-after"] }));
  const access = createAccess(services, state, paywall);
  app.use(access.byAddress);
  app.use("/v1/*", access.byHeaders);
  app.use("/v1/*", limitBody(services.config.gateway.maxBodyBytes));
  app.use("/v1/*", access.byPayment);
  const documents = documentRoutes(app);
  app.route("/", inferRoutes(services, state));
  app.route("/", openAiRoutes(services, state));
  app.route("/", claimRoutes(services, state));
  app.route("/", attestationRoutes(services));
  app.route("/", operatorRoutes(services, state, documents.operations));
  app.route("/", healthRoutes(services, state));
  app.route("/", documents.routes);
  if (services.config.index.enabled) {
    const { startBlock } = services.config.chain;
    const reader = { ...services, startBlock, isStopping: state.draining };
    app.route(INDEX_PATH, createIndexApi(reader, services.config.gateway));
  }
  servePage(app);
  app.notFound((context) =>
    answer(
      context,
      new HttpError(404, "MT-GW-012", "there is nothing here", "See /openapi.json for the paths."),
    ),
  );
  app.onError((error, context) => {
    const refusal = isBrokenOff(error, context) ? brokenOff() : refusalFor(error);
    const isShown = refusal === error || refusal.code === BROKEN_OFF;
    state.onRefused(isShown ? refusal.code : describeError(error).code);
    if (!isShown) {
      const { code, message } = describeError(error);
      const fields = error instanceof TemporaryError ? { code, message } : { code: "MT-GW-013", err: error };
      services.logger.error({ ...fields, path: context.req.path }, "request failed");
    }
    return answer(context, refusal);
  });
  return app;
}

const BROKEN_OFF = "MT-GW-067";

/** Whether the request never came whole, which is no fault of this process. */
function isBrokenOff(error: unknown, { env }: Context): boolean {
  const { incoming } = (env ?? {}) as Partial<HttpBindings>;
  return incoming !== undefined && incoming.errored === error;
}

/** Counted; who is told has hung up. */
function brokenOff(): HttpError {
  return new HttpError(
    400,
    BROKEN_OFF,
    "the request broke off before its body was whole",
    "No receipt was given; repeat the request.",
  );
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

function answer(context: Context, error: HttpError): Response {
  for (const [name, value] of Object.entries(error.headers)) context.header(name, value);
  if (error.retryAfterSeconds !== undefined) context.header("retry-after", String(error.retryAfterSeconds));
  // OpenAI's clients would repeat it, with the same end; unless it says when.
  else if (error.status === 409) context.header("x-should-retry", "false");
  return context.json(errorBody(error), error.status);
}
