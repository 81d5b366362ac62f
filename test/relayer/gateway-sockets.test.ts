// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { writeEvent } from "@meantime/sdk/server-events";
import { Hono } from "hono";
import { hasHungUp, whenHungUp } from "../../relayer/src/gateway/hung-up.ts";
import type { Routes } from "../../relayer/src/gateway/openapi/route.ts";
import { type GatewayServer, listen } from "../../relayer/src/gateway/server.ts";

/** Times of a test: long enough for who sends at once, short enough to wait for. */
const PATIENCE = {
  ...{ headersMilliseconds: 500, requestMilliseconds: 1_000, idleMilliseconds: 500 },
  ...{ stalledMilliseconds: 1_500, checkMilliseconds: 50 },
};

describe("a gateway's sockets", () => {
  let server: GatewayServer;
  const refused: string[] = [];
  const slow = Promise.withResolvers<string>();
  const events = Promise.withResolvers<ReadableStreamDefaultController<Uint8Array>>();
  const flooded = Promise.withResolvers<void>();
  const [reached, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const hungUp = Promise.withResolvers<boolean>();
  let written = 0;

  before(async () => {
    const app = new Hono();
    app.post("/echo", async (context) => context.text(await context.req.text()));
    app.get("/slow", async (context) => context.text(await slow.promise));
    app.get("/events", (context) => {
      const body = new ReadableStream<Uint8Array>({ start: events.resolve });
      return context.body(body, 200, { "content-type": "text/event-stream" });
    });
    app.get("/late", async (context) => {
      reached.resolve();
      await goOn.promise;
      let wasToldAtOnce = false;
      whenHungUp(context, () => {
        wasToldAtOnce = true;
      });
      hungUp.resolve(wasToldAtOnce && hasHungUp(context));
      return context.text("");
    });
    app.get("/flood", (context) => {
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          written += 1;
          controller.enqueue(new Uint8Array(65_536));
        },
        cancel: () => flooded.resolve(),
      });
      return context.body(body);
    });
    server = await listen(
      app as unknown as Routes,
      "127.0.0.1",
      0,
      (code) => void refused.push(code),
      PATIENCE,
    );
  });

  after(() => server?.close(0));

  function open(): Socket {
    return connect(Number(new URL(server.url).port), "127.0.0.1");
  }

  /** What the server says until it hangs up. */
  async function lastWords(socket: Socket): Promise<string> {
    let said = "";
    socket.setEncoding("utf8").on("data", (text) => {
      said += text;
    });
    socket.on("error", () => undefined);
    await once(socket, "close");
    return said;
  }

  const POST = "POST /echo HTTP/1.1\r\nhost: h\r\n";
  const halves: [what: string, sent: string][] = [
    ["says nothing", ""],
    ["sends half a line", "GET /ev"],
    ["sends half its headers", "GET /events HTTP/1.1\r\nhost: h\r\nx-half: "],
    ["sends half a body", `${POST}content-length: 50\r\n\r\nhalf`],
    ["sends half a chunk", `${POST}transfer-encoding: chunked\r\n\r\n5\r\nha`],
  ];
  for (const [what, sent] of halves) {
    it(`cuts a client off that ${what}`, async () => {
      refused.length = 0;
      const socket = open();
      if (sent) socket.write(sent);
      const said = await lastWords(socket);
      assert.match(said, /^HTTP\/1\.1 408 [\s\S]*"MT-ACC-014"/);
      assert.deepEqual(refused, ["MT-ACC-014"]);
    });
  }

  it("cuts a client off that sends its headers byte by byte", async () => {
    const socket = open();
    socket.write("GET /events HTTP/1.1\r\n");
    const trickle = setInterval(() => socket.writable && socket.write("x"), 20);
    try {
      assert.match(await lastWords(socket), /^HTTP\/1\.1 408 /);
    } finally {
      clearInterval(trickle);
    }
  });

  it("closes a connection on which no further request comes", async () => {
    const socket = open();
    socket.write(`${POST}content-length: 2\r\n\r\nhi`);
    assert.match(await lastWords(socket), /^HTTP\/1\.1 200 [\s\S]*hi$/);
  });

  it("is told of a client that hung up before anybody asked", async () => {
    const socket = open();
    socket.write("GET /late HTTP/1.1\r\nhost: h\r\n\r\n");
    await reached.promise;
    socket.destroy();
    await once(socket, "close");
    // What comes later is answered later.
    await (await fetch(new URL("/echo", server.url), { method: "POST", body: "x" })).text();
    goOn.resolve();
    assert.equal(await hungUp.promise, true);
  });

  it("cuts a client off that does not read its answer", async () => {
    const socket = open();
    socket.on("error", () => undefined);
    socket.pause();
    socket.write("GET /flood HTTP/1.1\r\nhost: h\r\n\r\n");
    await flooded.promise;
    assert.ok(written > 0);
    socket.destroy();
  });

  it("waits for its own slow answer and keeps a stream that has nothing to tell", async () => {
    const answered = fetch(new URL("/slow", server.url));
    const stream = await fetch(new URL("/events", server.url));
    const reader = stream.body?.getReader() ?? assert.fail();
    const controller = await events.promise;
    const next = async () => new TextDecoder().decode((await reader.read()).value);
    const encoder = new TextEncoder();
    for (const event of ["one", "two"]) {
      // Each is cut off after the time for a whole request: together that is longer than any patience.
      for (let cut = 0; cut < 2; cut += 1) {
        const half = open();
        half.write(`${POST}content-length: 9\r\n\r\n`);
        await lastWords(half);
      }
      controller.enqueue(encoder.encode(writeEvent(event)));
      assert.equal(await next(), writeEvent(event));
    }
    controller.close();
    slow.resolve("at last");
    assert.equal(await (await answered).text(), "at last");
  });
});
