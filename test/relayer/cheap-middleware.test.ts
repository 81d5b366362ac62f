// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Hono } from "hono";
import { answerHeaders, anyOrigin, limitBytes } from "../../relayer/src/gateway/cheap-middleware.ts";
import { type GatewayServer, listen } from "../../relayer/src/gateway/server.ts";

const MAX_BYTES = 1_000;

describe("the gateway's middleware", () => {
  let server: GatewayServer;

  before(async () => {
    const app = new Hono();
    app.use(answerHeaders({ "x-content-type-options": "nosniff" }));
    app.use("/open/*", anyOrigin({ allowMethods: ["GET", "POST"], exposeHeaders: ["x-claim", "x-receipt"] }));
    app.use(limitBytes(MAX_BYTES, tooLarge));
    app.post("/open/echo", async (context) => context.text(await context.req.text()));
    app.get("/open/raw", () => new Response("made without the context"));
    app.get("/closed", (context) => context.json({}));
    app.onError((error) => new Response(error.message, { status: 413 }));
    server = await listen(app, "127.0.0.1", 0);
  });

  after(() => server.close(100));

  const ask = (path: string, init?: RequestInit) => fetch(new URL(path, server.url), init);
  const post = (body: RequestInit["body"]) =>
    ask("/open/echo", { method: "POST", body: body ?? null, duplex: "half" } as RequestInit);

  it("sets headers on every answer, whoever made it", async () => {
    for (const path of ["/closed", "/open/raw", "/nothing/here"]) {
      const { headers } = await ask(path);
      assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    }
    assert.equal((await post("x".repeat(MAX_BYTES + 1))).headers.get("x-content-type-options"), "nosniff");
  });

  it("lets pages of every origin ask, where they may", async () => {
    const headers = { origin: "https://page.example" };
    for (const path of ["/open/raw", "/open/nothing"]) {
      const answer = await ask(path, { headers });
      assert.equal(answer.headers.get("access-control-allow-origin"), "*");
      assert.equal(answer.headers.get("access-control-expose-headers"), "x-claim,x-receipt");
    }
    assert.equal((await ask("/closed", { headers })).headers.get("access-control-allow-origin"), null);
    const preflight = await ask("/open/echo", {
      method: "OPTIONS",
      headers: {
        ...headers,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-a",
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get("access-control-allow-methods"), "GET,POST");
    assert.equal(preflight.headers.get("access-control-allow-headers"), "x-a");
  });

  it("refuses a body that is too long, declared or not", async () => {
    const fits = "é".repeat(MAX_BYTES / 2);
    assert.equal(await (await post(fits)).text(), fits);
    assert.equal(await (await post(streamOf(fits))).text(), fits);
    for (const body of ["x".repeat(MAX_BYTES + 1), streamOf("x".repeat(MAX_BYTES), "x")]) {
      const answer = await post(body);
      assert.equal(answer.status, 413);
      assert.equal(await answer.text(), "too large");
    }
  });
});

function streamOf(...parts: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
}

function tooLarge(): never {
  throw new Error("too large");
}
