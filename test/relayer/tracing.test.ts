// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { Hono } from "hono";
import { RelayerError } from "../../relayer/src/errors.ts";
import { startTracing } from "../../relayer/src/ops/tracing/opentelemetry.ts";
import { traceRequests } from "../../relayer/src/ops/tracing/requests.ts";
import { isTracing, traced } from "../../relayer/src/ops/tracing/trace.ts";

interface Attribute {
  key: string;
  value: Record<string, unknown>;
}

interface Span {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  attributes: Attribute[];
  status: { code?: number; message?: string };
}

interface Export {
  resourceSpans: { resource: { attributes: Attribute[] }; scopeSpans: { spans: Span[] }[] }[];
}

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

describe("spans", () => {
  let collector: Server;
  let url: string;
  let exports: Export[] = [];
  let refuses = false;

  before(async () => {
    collector = createServer(async (request, response) => {
      exports.push(JSON.parse(await text(request)) as Export);
      response.writeHead(refuses ? 400 : 200, { "content-type": "application/json" }).end("{}");
    });
    collector.listen(0, "127.0.0.1");
    await once(collector, "listening");
    url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
  });

  after(() => {
    collector.closeAllConnections();
    collector.close();
  });

  /** What a collector has got when the work is done and tracing has stopped. */
  async function spansOf(work: () => Promise<unknown>, to = url): Promise<Span[]> {
    exports = [];
    const stop = startTracing(to, { "meantime.chain_id": 31_337 });
    await work();
    await stop();
    return exports.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
  }

  it("of a request hang together, under the span that its client names", async () => {
    const app = new Hono();
    app.use(traceRequests);
    app.get("/v1/things/:id", async (context) => {
      await traced("upstream", { model: "m" }, async () => undefined);
      await traced("receipt.store", {}, async (note) => note({ claim: "0x1" }));
      return context.text("done", 201);
    });
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01` };
    const spans = await spansOf(async () => {
      await app.request("/v1/things/7", { headers });
      await app.request("/v1/things/8");
    });
    const [upstream, store, request, ...others] = spans;
    assert.deepEqual([upstream?.name, store?.name, request?.name], ["upstream", "receipt.store", "request"]);
    assert.equal(request?.traceId, TRACE);
    assert.equal(request?.parentSpanId, PARENT);
    assert.deepEqual(valuesOf(request?.attributes), {
      "http.request.method": "GET",
      "http.route": "/v1/things/:id",
      "http.response.status_code": 201,
    });
    assert.deepEqual([upstream?.parentSpanId, store?.parentSpanId], [request?.spanId, request?.spanId]);
    assert.deepEqual(valuesOf(store?.attributes), { claim: "0x1" });
    assert.equal(others.length, 3);
    assert.ok(
      others.every(({ traceId }) => traceId !== TRACE),
      "the second request is a trace of its own",
    );
    const [first] = exports[0]?.resourceSpans ?? [];
    const resource = valuesOf(first?.resource.attributes);
    assert.equal(resource["service.name"], "meantime-relayer");
    assert.equal(resource["meantime.chain_id"], 31_337);
  });

  it("of work that fails have its code, and the error goes on", async () => {
    const failure = new RelayerError("MT-TX-004", "no ether", "Send some.");
    const [span] = await spansOf(() =>
      assert.rejects(
        traced("transaction.send", {}, () => Promise.reject(failure)),
        failure,
      ),
    );
    assert.deepEqual(span?.status, { code: 2, message: "MT-TX-004" });
  });

  it("are off unless a collector is named, and off again after the end", async () => {
    assert.equal(isTracing(), false);
    assert.equal(await traced("work", {}, async () => 7), 7);
    await spansOf(async () => assert.equal(isTracing(), true));
    assert.equal(isTracing(), false);
  });

  it("are lost, and nothing else, where the collector refuses them or is not there", async () => {
    refuses = true;
    const work = () => traced("work", {}, async () => undefined);
    await spansOf(work);
    refuses = false;
    assert.deepEqual(await spansOf(work, "http://127.0.0.1:1/v1/traces"), []);
  });

  // prom-client imports the interfaces by itself.
  it("cost a relayer without them no import", () => {
    const relayer = new URL("../../relayer/src/relayer.ts", import.meta.url);
    const script = `
      import { registerHooks } from "node:module";
      const seen = [];
      registerHooks({ resolve(name, context, next) { seen.push(name); return next(name, context); } });
      await import(${JSON.stringify(relayer.href)});
      process.stdout.write(JSON.stringify([seen.length, seen.filter((name) => /opentelemetry.(sdk|exporter|resources|ts)/.test(name))]));
    `;
    const output = execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      encoding: "utf8",
    });
    const [imports, ofTracing] = JSON.parse(output) as [number, string[]];
    assert.ok(imports > 100);
    assert.deepEqual(ofTracing, []);
  });
});

function valuesOf(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
