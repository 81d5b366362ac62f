// SPDX-License-Identifier: GPL-3.0-or-later
// A process of its own (see gateway.ts): the gateway without the step that makes receipts, put together from the gateway's own
// parts. A request is read and checked, waits for its turn, is asked of the upstream, and its answer is read and checked, as
// always; then it goes to the client as it came. Nothing is admitted, hashed, signed or stored. Beside it the path /proxy
// hands on bytes that nobody looks at. Its argument is a configuration file; it sends its parent its address.
import { Hono } from "hono";
import { routePath } from "hono/route";
import { pino } from "pino";
import { bindContracts } from "../relayer/src/chain/contracts.ts";
import { connectRpc } from "../relayer/src/chain/rpc.ts";
import { loadConfig, type UpstreamConfig } from "../relayer/src/config/load.ts";
import { answerHeaders, anyOrigin, limitBytes } from "../relayer/src/gateway/cheap-middleware.ts";
import { readAnswer } from "../relayer/src/gateway/openai/answers.ts";
import { readCall } from "../relayer/src/gateway/openai/request.ts";
import { createTurns } from "../relayer/src/gateway/openai/turns.ts";
import { createUpstreams, readWhole } from "../relayer/src/gateway/openai/upstream.ts";
import { listen } from "../relayer/src/gateway/server.ts";
import { createMetrics } from "../relayer/src/ops/metrics/metrics.ts";
import { loadModels } from "../relayer/src/registry/models.ts";
import { loadPolicies } from "../relayer/src/registry/policies.ts";

const PATH = "/v1/chat/completions";

const config = loadConfig(process.argv[2] ?? "");
const { gateway } = config;
const rpc = connectRpc(config.chain.rpcUrls, config.chain.chainId);
const contracts = await bindContracts(rpc, config.chain.settlement);
const policies = await loadPolicies(config.policies, contracts, pino({ level: "silent" }));
const models = await loadModels(config.models, [], new Map());
rpc.destroy();

const metrics = createMetrics();
const upstreams = createUpstreams();
const turns = createTurns(gateway.queue);
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
  const { model, upstreamText } = readCall(
    { models, policies, config },
    {
      ...{ path: PATH, text: await context.req.text(), caller: undefined },
      header: (name) => context.req.header(name),
    },
  );
  const { text } = await inTime(async (signal) => {
    const message = await ask(model.upstream, upstreamText, signal);
    return readAnswer(message, PATH, gateway.maxAnswerBytes);
  });
  return context.body(text, 200, { "content-type": "application/json" });
});
app.post("/proxy", async (context) => {
  const text = await context.req.text();
  const [first] = models.flatMap((model) => (model.kind === "upstream" && model.upstream ? [model] : []));
  const { upstream } = first ?? {};
  if (!upstream) throw new Error("the configuration names no upstream");
  const answer = await inTime(async (signal) =>
    readWhole(await ask(upstream, text, signal), gateway.maxAnswerBytes),
  );
  return context.body(answer, 200, { "content-type": "application/json" });
});
const { url } = await listen(app, "127.0.0.1", 0);
process.once("disconnect", () => process.exit(0));
process.send?.(url);

function ask(upstream: UpstreamConfig, text: string, signal: AbortSignal) {
  return upstreams.ask(upstream, PATH, text, "application/json", signal);
}

async function inTime<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), gateway.requestTimeoutSeconds * 1_000);
  try {
    const endTurn = await turns.take("load", controller.signal);
    return await work(controller.signal).finally(endTurn);
  } finally {
    clearTimeout(timer);
  }
}

function tooLarge(): never {
  throw new Error("the body is too large");
}
