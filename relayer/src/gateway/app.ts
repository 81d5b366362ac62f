// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { routePath } from "hono/route";
import { describeError, TemporaryError } from "../errors.ts";
import type { TaskHealth } from "../ops/supervisor.ts";
import type { Services } from "../services.ts";
import { serveBatch } from "./batch.ts";
import { readiness } from "./capacity.ts";
import { HttpError } from "./http-error.ts";
import { infer, requireModel } from "./infer.ts";
import { servePage } from "./page.ts";
import { statusView } from "./status.ts";
import { claimView, modelsView, receiptView, wellKnownView } from "./views.ts";

/** What the gateway is told about the rest of the process. */
export interface GatewayState {
  /** Where clients reach this gateway. */
  publicUrl(): string;
  tasks(): TaskHealth[];
  /** True once a stop was asked for: no new work is taken. */
  draining(): boolean;
  /** Everything measured, as Prometheus reads it. */
  metrics(): Promise<string>;
  /** Told of every request that was answered; `route` is the pattern, not the path. */
  onAnswered(route: string, status: number, seconds: number): void;
  /** Told of every request that was refused. */
  onRefused(code: string): void;
  /** Told of every receipt that was given. */
  onReceipt(policy: string): void;
}

/** The HTTP interface: answers, what is known of claims, the data that watchtowers check, and the page. */
export function createGateway(services: Services, state: GatewayState): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    const start = performance.now();
    await next();
    state.onAnswered(routePath(context, -1), context.res.status, (performance.now() - start) / 1_000);
    context.header("x-content-type-options", "nosniff");
  });
  app.use("/v1/*", cors({ origin: "*", allowMethods: ["GET", "POST"], allowHeaders: ["content-type"] }));
  app.use("/.well-known/*", cors({ origin: "*" }));
  app.post("/v1/infer/:model", limitBody(services.config.gateway.maxBodyBytes), async (context) => {
    if (state.draining()) throw stopping();
    const model = requireModel(services, context.req.param("model"));
    const answer = await infer(services, model, await readJson(context));
    state.onReceipt(answer.policy);
    return context.json(answer);
  });
  app.get("/v1/claims/:id", async (context) => context.json(await claimView(services, requireId(context))));
  app.get("/v1/receipts/:id", async (context) =>
    context.json(await receiptView(services, requireId(context))),
  );
  app.get("/v1/batches/:id", (context) => serveBatch(context, services, requireId(context)));
  app.get("/v1/models", (context) => context.json(modelsView(services)));
  app.get("/v1/status", async (context) => context.json(await statusView(services, state.tasks())));
  app.get("/.well-known/meantime.json", (context) =>
    context.json(wellKnownView(services, state.publicUrl())),
  );
  app.get("/healthz", (context) => context.json({ status: state.draining() ? "stopping" : "ok" }));
  app.get("/readyz", async (context) => {
    const report = await readiness(services, state.draining());
    return context.json(report, report.ready ? 200 : 503);
  });
  app.get("/status", async (context) => context.json(await statusView(services, state.tasks())));
  if (services.config.gateway.metrics) {
    app.get("/metrics", async (context) => context.text(await state.metrics()));
  }
  servePage(app);
  app.notFound((context) =>
    refuse(
      context,
      new HttpError(404, "MT-GW-012", "there is nothing here", "See relayer/README.md for the paths."),
    ),
  );
  app.onError((error, context) => {
    state.onRefused(describeError(error).code);
    if (error instanceof HttpError) return refuse(context, error);
    if (error instanceof TemporaryError) {
      const { code, message } = error;
      services.logger.error({ code, message, path: context.req.path }, "request failed for now");
      return refuse(context, unavailable(code));
    }
    services.logger.error({ code: "MT-GW-013", err: error, path: context.req.path }, "request failed");
    return refuse(
      context,
      new HttpError(
        500,
        "MT-GW-013",
        "the relayer failed on this request",
        "Repeat it with the same requestId.",
      ),
    );
  });
  return app;
}

function limitBody(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError: () => {
      throw new HttpError(
        413,
        "MT-GW-003",
        `the body is larger than ${maxSize} bytes`,
        "Send one input per request.",
      );
    },
  });
}

async function readJson(context: Context): Promise<unknown> {
  const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    throw new HttpError(
      415,
      "MT-GW-002",
      "the body is not declared as JSON",
      "Send content-type: application/json.",
    );
  }
  try {
    return JSON.parse(await context.req.text());
  } catch (error) {
    // A body that is too large shows only while it is read.
    if (!(error instanceof SyntaxError)) throw error;
    throw new HttpError(400, "MT-GW-001", `the body is not JSON: ${error.message}`, "Send one JSON object.");
  }
}

function requireId(context: Context): Hex {
  const id = context.req.param("id")?.toLowerCase() ?? "";
  if (/^0x[0-9a-f]{64}$/.test(id)) return id as Hex;
  throw new HttpError(400, "MT-GW-014", "this is not an id", "An id is 0x followed by 64 hex digits.");
}

function stopping(): HttpError {
  return new HttpError(
    503,
    "MT-GW-016",
    "the relayer is stopping",
    "Try again later; no receipt was given.",
    5,
  );
}

/** A full disk, a signer that is away: what exactly, its log says and its clients need not know. */
function unavailable(code: string): HttpError {
  return new HttpError(
    503,
    code,
    "the relayer cannot answer for now",
    "Repeat it later with the same requestId; no receipt was given.",
    5,
  );
}

function refuse(context: Context, { status, code, message, hint, retryAfterSeconds }: HttpError): Response {
  if (retryAfterSeconds !== undefined) context.header("retry-after", String(retryAfterSeconds));
  return context.json({ error: { code, message, hint } }, status);
}
