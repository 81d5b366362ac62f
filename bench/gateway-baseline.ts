// SPDX-License-Identifier: GPL-3.0-or-later
// A process of its own (see gateway.ts): the gateway as it would be if it gave no receipts. It is put together from the
// gateway's own parts - server, middleware, metrics, queue and time limit before the upstream, the upstream's client - and
// hands an answer on as it came: nothing is canonicalised, hashed, signed or stored. Its argument is a configuration file; it
// sends its parent its address.
import { Hono } from "hono";
import { routePath } from "hono/route";
import { loadConfig, type UpstreamConfig } from "../relayer/src/config/load.ts";
import { answerHeaders, anyOrigin, limitBytes } from "../relayer/src/gateway/cheap-middleware.ts";
import { createTurns } from "../relayer/src/gateway/openai/turns.ts";
import { createUpstreams, readWhole } from "../relayer/src/gateway/openai/upstream.ts";
import { listen } from "../relayer/src/gateway/server.ts";
import { createMetrics } from "../relayer/src/ops/metrics/metrics.ts";

const PATH = "/v1/chat/completions";

const { gateway, models } = loadConfig(process.argv[2] ?? "");
const metrics = createMetrics();
const upstreams = createUpstreams();
const turns = createTurns(gateway.queue);
const served = new Map<unknown, UpstreamConfig>(
  models.flatMap((model) => ("upstream" in model && model.upstream ? [[model.name, model.upstream]] : [])),
);

const app = new Hono();
app.use(async (context, next) => {
  const start = performance.now();
  await next();
  const route = routePath(context, -1);
  metrics.requests.inc({ route, status: context.res.status });
  metrics.requestSeconds.observe({ route }, (performance.now() - start) / 1_000);
});
app.use(answerHeaders({ "x-content-type-options": "nosniff" }));
app.use("/v1/*", anyOrigin({ allowMethods: ["GET", "POST"], allowHeaders: ["content-type"] }));
app.use("/v1/*", limitBytes(gateway.maxBodyBytes, tooLarge));
app.post(PATH, async (context) => {
  const text = await context.req.text();
  const { model } = JSON.parse(text) as { model?: unknown };
  const upstream = served.get(model);
  if (!upstream) return context.json({ error: { message: "there is no such model here" } }, 404);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), gateway.requestTimeoutSeconds * 1_000);
  try {
    const endTurn = await turns.take(controller.signal);
    const answer = await ask(upstream, text, controller.signal).finally(endTurn);
    return context.body(answer, 200, { "content-type": "application/json" });
  } finally {
    clearTimeout(timer);
  }
});
const { url } = await listen(app, "127.0.0.1", 0);
process.once("disconnect", () => process.exit(0));
process.send?.(url);

async function ask(upstream: UpstreamConfig, text: string, signal: AbortSignal): Promise<string> {
  const message = await upstreams.ask(upstream, PATH, text, "application/json", signal);
  return readWhole(message, gateway.maxAnswerBytes);
}

function tooLarge(): never {
  throw new Error("the body is too large");
}
