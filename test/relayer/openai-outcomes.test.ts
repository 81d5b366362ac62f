// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as requestHttp } from "node:http";
import { after, before, beforeEach, describe, it } from "node:test";
import { MAX_OPENING_BYTES } from "@meantime/sdk/batch";
import { inputBytes, outputBytes } from "@meantime/sdk/openai/commitment";
import { createEventReader } from "@meantime/sdk/server-events";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { countReceipts } from "../../relayer/src/ledger/receipts.ts";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { enrolOperator, localOperator } from "../../scripts/stack/operators.ts";
import { CLAIM_BOND_WEI } from "../../scripts/stack/policies.ts";
import { eventually, silentLogger } from "./local-relayer.ts";
import {
  bindUnder,
  chatConfig,
  type OpenAiWorld,
  postJson,
  question,
  startOpenAiWorld,
} from "./openai-stack.ts";
import {
  type Conduct,
  chunks,
  completion,
  eventOf,
  honestly,
  sendJson,
  sendStream,
} from "./openai-upstream.ts";

const CHAT = "/v1/chat/completions";
const MAX_ANSWER_BYTES = 65_536;
const hangUp: Conduct = (_, response) => void response.destroy();

const halfAnAnswer: Conduct = (_, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": 1_000 });
  response.write('{"choices":', () => response.destroy());
};

const otherProtocol: Conduct = (_, response) =>
  void response.socket?.write(
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
  );

const notUtf8: Conduct = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(Buffer.concat([Buffer.from('{"choices":[{"text":"'), Buffer.of(0xff), Buffer.from('"}]}')]));
};

/** One client may have all of it, and be refused as nobody has room. */
const QUEUE = { maxConcurrent: 12, maxWaiting: 2, perCaller: 14 };
const POOR_OPERATOR_ACCOUNT = 6;
const OTHER_OPERATOR_ACCOUNT = 10;

interface Chunk {
  choices?: { delta?: { content?: string } }[];
  receipt?: { claimId: string; claim: { outputHash: string } };
  error?: { code: string };
}

describe("the outcomes of requests to an upstream", () => {
  const other = localOperator(OTHER_OPERATOR_ACCOUNT);
  let world: OpenAiWorld;

  before(async () => {
    world = await startOpenAiWorld(({ gateway }) => {
      Object.assign(gateway, {
        ...{ maxAnswerBytes: MAX_ANSWER_BYTES, maxBodyBytes: 16_384, queue: QUEUE },
      });
    });
    await enrolOperator(world.stack, other, 10n ** 18n);
    await bindUnder(world.stack, other);
  });

  beforeEach(() => {
    world.upstream.requests.length = 0;
    world.upstream.next.length = 0;
    world.upstream.conduct = honestly;
  });

  after(() => world?.close());

  /** A relayer of another operator at the same upstream. */
  async function startOther(change: (config: RelayerConfig) => void, url = world.upstream.url) {
    const withChange = (config: RelayerConfig) => {
      config.commit.maxAgeSeconds = 300;
      change(config);
    };
    const config = await chatConfig(world.stack, url, withChange, other);
    return startRelayer(config, { logger: silentLogger });
  }

  const ask = (body: unknown, headers: Record<string, string> = {}) => world.post(CHAT, body, { headers });
  const receipts = () => countReceipts(world.relayer.ledger);

  describe("that are refused", () => {
    const deep = `${"[".repeat(127)}${"]".repeat(127)}`;
    const bad: [string, number, string, unknown, Record<string, string>?][] = [
      ["bad JSON", 400, "MT-GW-001", "{ not json"],
      ["a list", 400, "MT-GW-001", "[]"],
      ["a name that occurs twice", 400, "MT-GW-001", '{"model":"tiny-chat","model":"tiny-chat"}'],
      ["a number that no double holds", 400, "MT-GW-001", '{"model":"tiny-chat","seed":9007199254740993}'],
      ["more levels than a hash allows", 400, "MT-GW-001", `{"model":"tiny-chat","x":${deep}}`],
      ["another content type", 415, "MT-GW-002", "{}", { "content-type": "text/plain" }],
      ["an oversized body", 413, "MT-GW-003", question(" ".repeat(20_000))],
      ["a short requester", 422, "MT-GW-004", question("x"), { "meantime-requester": "0x12" }],
      ["a short request id", 422, "MT-GW-004", question("x"), { "meantime-request-id": "0x12" }],
      ["a short salt", 422, "MT-GW-004", question("x"), { "meantime-salt": "0x12" }],
      ["a long key", 422, "MT-GW-004", question("x"), { "idempotency-key": "k".repeat(256) }],
      ["an unknown model", 404, "MT-GW-005", question("x", { model: "gpt-17" })],
      ["a model that is no text", 404, "MT-GW-005", question("x", { model: 7 })],
      ["a model that is run here", 404, "MT-GW-005", question("x", { model: "tiny_mlp" })],
      ["an unknown policy", 404, "MT-GW-006", question("x"), { "meantime-policy": "free" }],
      ["a policy that no evidence fits", 422, "MT-GW-008", question("x"), { "meantime-policy": "window" }],
      [
        "public data that do not fit on chain",
        422,
        "MT-GW-020",
        question("x".repeat(MAX_OPENING_BYTES)),
        { "meantime-policy": "chat-public" },
      ],
    ];
    for (const [what, status, code, body, headers] of bad) {
      it(`refuses ${what} with ${status} ${code}; no upstream is asked`, async () => {
        const response = await ask(body, headers);
        const { error } = (await response.json()) as { error: Record<string, unknown> };
        assert.deepEqual([response.status, error.code], [status, code]);
        assert.deepEqual(Object.keys(error), ["message", "type", "param", "code", "hint"]);
        assert.equal(response.headers.get("retry-after"), null);
        assert.equal(world.upstream.requests.length, 0);
      });
    }
  });

  describe("that fail upstream", () => {
    const event =
      (text: string): Conduct =>
      (_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.end(text);
      };
    const hello = eventOf({ choices: [{ index: 0, delta: { content: "hello" } }] });
    const whole: [string, Conduct, number, string][] = [
      ["no JSON", (_, response) => sendJson(response, "{ not json"), 502, "MT-GW-066"],
      [
        "a name that occurs twice",
        (_, response) => sendJson(response, '{"choices":[],"choices":[]}'),
        502,
        "MT-GW-066",
      ],
      ["no choices", (_, response) => sendJson(response, { choices: [] }), 502, "MT-GW-066"],
      [
        "an error with status 200",
        (_, response) => sendJson(response, { error: { message: "no" } }),
        502,
        "MT-GW-066",
      ],
      ["a list", (_, response) => sendJson(response, "[]"), 502, "MT-GW-066"],
      [
        "too much",
        (_, response) => sendJson(response, completion("x".repeat(MAX_ANSWER_BYTES))),
        502,
        "MT-GW-066",
      ],
      ["a stream", (_, response) => sendStream(response, chunks("hi")), 502, "MT-GW-066"],
      ["half an answer", halfAnAnswer, 502, "MT-GW-066"],
      ["no answer", hangUp, 502, "MT-GW-061"],
      ["another protocol", otherProtocol, 502, "MT-GW-066"],
      [
        "another address",
        (_, response) => response.writeHead(307, { location: "/v1/x" }).end(),
        502,
        "MT-GW-061",
      ],
      ["a body that is not UTF-8", notUtf8, 502, "MT-GW-066"],
    ];
    for (const [what, conduct, status, code] of whole) {
      it(`answers ${status} ${code} where it gives ${what}`, async () => {
        const before = await receipts();
        // A connection that was idle before may be tried twice.
        world.upstream.conduct = conduct;
        const response = await ask(question("x"));
        assert.deepEqual([response.status, await codeOf(response)], [status, code]);
        assert.equal(await receipts(), before);
        world.upstream.conduct = honestly;
        assert.equal((await ask(question("x"))).status, 200, "the next is answered");
      });
    }

    const streams: [string, Conduct][] = [
      ["breaks off", event(hello)],
      [
        "breaks its connection",
        (_, response) => {
          response.writeHead(200, { "content-type": "text/event-stream" });
          response.write(hello, () => response.destroy());
        },
      ],
      ["goes on after its end", event(`${hello}data: [DONE]\n\n${hello}`)],
      ["sends an error", event(`${hello}${eventOf({ error: { message: "out of memory" } })}`)],
      ["sends no JSON", event(`${hello}data: {\n\n`)],
      [
        "contradicts itself",
        event(
          hello +
            eventOf({ choices: [{ index: 0, delta: { role: "a" } }] }) +
            eventOf({ choices: [{ index: 0, delta: { role: "b" } }] }),
        ),
      ],
      [
        "sends too much",
        event(hello + eventOf({ choices: [{ index: 0, delta: { content: "x".repeat(MAX_ANSWER_BYTES) } }] })),
      ],
      ["says nothing", event("data: [DONE]\n\n")],
    ];
    for (const [what, conduct] of streams) {
      it(`ends a stream in an error, without receipt and end, where it ${what}`, async () => {
        const before = await receipts();
        world.upstream.next.push(conduct);
        const { text, list } = await streamOf(await ask(question("x", { stream: true })));
        assert.equal(list.at(-1)?.error?.code, "MT-GW-066");
        assert.doesNotMatch(text, /\[DONE\]|"receipt"/);
        assert.equal(await receipts(), before);
      });
    }

    it("gives up when its time is up, before and after the first byte, and stops its upstream", async () => {
      const impatient = await startOther(({ gateway }) =>
        Object.assign(gateway, { requestTimeoutSeconds: 1 }),
      );
      try {
        const url = new URL(CHAT, impatient.url);
        world.upstream.next.push(
          () => undefined,
          (_, response) => {
            response.writeHead(200, { "content-type": "text/event-stream" });
            response.write(hello);
          },
        );
        const silent = await postJson(url, question("x"));
        assert.deepEqual([silent.status, await codeOf(silent)], [504, "MT-GW-062"]);
        const { list } = await streamOf(await postJson(url, question("x", { stream: true })));
        assert.deepEqual([list.length, list.at(-1)?.error?.code], [2, "MT-GW-062"]);
        for (const { over } of world.upstream.requests) assert.equal(await over, false);
        assert.equal(await countReceipts(impatient.ledger), 0);
      } finally {
        await impatient.stop();
      }
    });

    it("does not leave its upstream to a client that reads nothing", async () => {
      const impatient = await startOther(({ gateway }) =>
        Object.assign(gateway, {
          ...{
            requestTimeoutSeconds: 1,
            maxAnswerBytes: 2 ** 26,
            queue: { maxConcurrent: 1, maxWaiting: 0 },
          },
        }),
      );
      try {
        const url = new URL(CHAT, impatient.url);
        const part = eventOf({ choices: [{ index: 0, delta: { content: "x".repeat(2 ** 20) } }] });
        world.upstream.next.push((_, response) => {
          response.writeHead(200, { "content-type": "text/event-stream" });
          for (let sent = 0; sent < 32; sent++) response.write(part);
        });
        const body = JSON.stringify(question("x", { stream: true }));
        const headers = { "content-type": "application/json" };
        const request = requestHttp(url, { method: "POST", headers, agent: false }).end(body);
        const [unread] = (await once(request, "response")) as [IncomingMessage];
        unread.pause();
        const busy = await postJson(url, question("x"));
        assert.deepEqual([busy.status, await codeOf(busy)], [503, "MT-GW-060"]);
        assert.equal(await world.upstream.requests[0]?.over, false);
        await eventually("the turn to be free", async () =>
          (await postJson(url, question("x"))).status === 200 ? true : undefined,
        );
        unread.destroy();
      } finally {
        await impatient.stop();
      }
    });

    it("refuses a stream with a status as long as nothing was sent", async () => {
      world.upstream.next.push((_, response) => sendJson(response, completion("whole")));
      const response = await ask(question("x", { stream: true }));
      assert.deepEqual([response.status, await codeOf(response)], [502, "MT-GW-066"]);
    });

    it("takes a foreign receipt out of what it passes on", async () => {
      const foreign = { receipt: { claimId: "0x" } };
      world.upstream.next.push(
        (_, response) => sendJson(response, { ...completion("hi"), ...foreign }),
        (_, response) => sendStream(response, [...chunks("hi"), { choices: [], ...foreign }]),
      );
      const text = await (await ask(question("x"))).text();
      const stream = await streamOf(await ask(question("x", { stream: true })));
      for (const shown of [text, stream.text]) assert.equal(shown.match(/"receipt"/g)?.length, 1);
    });
  });

  describe("that are repeated", () => {
    it("gives the same answer and receipt, whole and streamed, without asking again", async () => {
      for (const [name, stream] of [
        ["meantime-request-id", false],
        ["idempotency-key", false],
        ["meantime-request-id", true],
        ["idempotency-key", true],
      ] as const) {
        world.upstream.requests.length = 0;
        const headers = {
          [name]: name === "idempotency-key" ? `key ${stream}` : `0x${(stream ? "5e" : "6e").repeat(32)}`,
        };
        const body = question("the same", { stream });
        const before = await receipts();
        const first = await ask(body, headers);
        const again = await ask(body, headers);
        const [one, two] = [await first.text(), await again.text()];
        if (stream) {
          const [a, b] = [parseStream(one), parseStream(two)];
          assert.equal(textOf(a), textOf(b));
          assert.deepEqual(a.at(-1)?.receipt, b.at(-1)?.receipt);
          assert.match(two, /\[DONE\]\n\n$/);
        } else assert.equal(one, two);
        assert.equal(again.headers.get("content-type"), first.headers.get("content-type"));
        assert.equal(world.upstream.requests.length, 1);
        assert.equal(await receipts(), before + 1);
      }
    });

    it("refuses another body, policy or salt under one name, and knows requesters apart", async () => {
      const headers = { "meantime-request-id": `0x${"7e".repeat(32)}` };
      assert.equal((await ask(question("a"), headers)).status, 200);
      const others: [unknown, Record<string, string>][] = [
        [question("b"), {}],
        [question("a", { stream: true }), {}],
        [question("a"), { "meantime-policy": "chat-public" }],
        [question("a"), { "meantime-salt": `0x${"08".repeat(32)}` }],
      ];
      for (const [body, more] of others) {
        const response = await ask(body, { ...headers, ...more });
        assert.deepEqual([response.status, await codeOf(response)], [409, "MT-GW-009"]);
        assert.equal(response.headers.get("x-should-retry"), "false");
      }
      const elsewhere = { ...headers, "meantime-requester": `0x${"c1".repeat(20)}` };
      assert.equal((await ask(question("b"), elsewhere)).status, 200);
    });

    it("asks once for a request that comes many times at once, and refuses another one under its name", async () => {
      for (const stream of [false, true]) {
        const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        world.upstream.conduct = async (request, response) => {
          asked.resolve();
          await go.promise;
          await honestly(request, response);
        };
        world.upstream.requests.length = 0;
        const headers = { "idempotency-key": `at once ${stream}` };
        const before = await receipts();
        const answers = Array.from({ length: 8 }, async () =>
          streamOf(await ask(question("at once", { stream }), headers)),
        );
        await asked.promise;
        const other = await ask(question("another"), headers);
        assert.deepEqual([other.status, await codeOf(other)], [409, "MT-GW-009"]);
        go.resolve();
        const got = await Promise.all(answers);
        assert.equal(new Set(got.map(({ list }) => JSON.stringify(list.at(-1)?.receipt))).size, 1);
        if (stream)
          assert.deepEqual(new Set(got.map(({ list }) => textOf(list))), new Set(["echo: at once"]));
        else assert.equal(new Set(got.map(({ text }) => text)).size, 1);
        assert.equal(world.upstream.requests.length, 1);
        assert.equal(await receipts(), before + 1);
      }
    });

    it("takes no salt from a repetition where the first brought none, while that is under way as afterwards", async () => {
      const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      world.upstream.next.push(async (request, response) => {
        asked.resolve();
        await go.promise;
        await honestly(request, response);
      });
      const headers = { "idempotency-key": "salt later" };
      const salted = { ...headers, "meantime-salt": `0x${"08".repeat(32)}` };
      const first = ask(question("salt later"), headers);
      await asked.promise;
      const during = ask(question("salt later"), salted);
      // It was taken up once one that came after it is answered.
      await ask(question("another"));
      go.resolve();
      assert.equal((await first).status, 200);
      for (const repeated of [await during, await ask(question("salt later"), salted)])
        assert.deepEqual([repeated.status, await codeOf(repeated)], [409, "MT-GW-009"]);
      assert.equal((await ask(question("salt later"), headers)).status, 200);
    });

    it("goes on for those who wait when the first client leaves, and stops when all have left", async () => {
      const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      world.upstream.next.push(async (request, response) => {
        asked.resolve();
        await go.promise;
        await honestly(request, response);
      });
      const headers = { "idempotency-key": "left" };
      const first = new AbortController();
      const left = world.post(CHAT, question("left", { stream: true }), { headers, signal: first.signal });
      await asked.promise;
      const stayed = ask(question("left", { stream: true }), headers);
      // The second has joined once the gateway has taken up a request that came after it.
      await ask(question("later"));
      first.abort();
      await assert.rejects(left, { name: "AbortError" });
      await ask(question("later still"));
      go.resolve();
      assert.equal(textOf((await streamOf(await stayed)).list), "echo: left");
      assert.equal(await world.upstream.requests[0]?.over, true);
    });

    it("asks anew when an earlier try ended without a receipt", async () => {
      const headers = { "idempotency-key": "second try" };
      world.upstream.next.push((_, response) => sendJson(response, "{ not json"));
      assert.equal((await ask(question("x"), headers)).status, 502);
      assert.equal((await ask(question("x"), headers)).status, 200);
      assert.equal(world.upstream.requests.length, 2);
    });
  });

  it("shows public data whole or not at all: what is too long has no receipt", async () => {
    const headers = { "meantime-policy": "chat-public" };
    const body = question("x");
    const input = inputBytes({ path: CHAT, body: body as never }).length;
    const around =
      outputBytes({ path: CHAT, response: completion("") as never }).length + ',"content":""'.length;
    const room = MAX_OPENING_BYTES - input - around;
    for (const [length, status] of [
      [room, 200],
      [room + 1, 422],
    ] as const) {
      world.upstream.next.push((_, response) => sendJson(response, completion("y".repeat(length))));
      assert.equal((await ask(body, headers)).status, status, `${length}`);
    }
    const before = await receipts();
    world.upstream.next.push((_, response) => sendStream(response, chunks("z".repeat(MAX_OPENING_BYTES))));
    const { list } = await streamOf(await ask(question("x", { stream: true }), headers));
    assert.equal(list.at(-1)?.error?.code, "MT-GW-020");
    assert.equal(await receipts(), before);
  });

  it("lets so many ask at once and so many wait, and refuses the next with a time to come back", async () => {
    const go = Promise.withResolvers<void>();
    world.upstream.conduct = async (request, response) => {
      await go.promise;
      await honestly(request, response);
    };
    const places = QUEUE.maxConcurrent + QUEUE.maxWaiting;
    const asked = Array.from({ length: places + 3 }, (_, at) => ask(question(`place ${at}`)));
    const refused: Response[] = [];
    const isRefused = Promise.withResolvers<void>();
    for (const one of asked) {
      void one.then((response) => {
        if (response.status === 503) refused.push(response);
        if (refused.length === 3) isRefused.resolve();
      });
    }
    await isRefused.promise;
    for (const response of refused) {
      assert.equal(await codeOf(response), "MT-GW-060");
      assert.ok(Number(response.headers.get("retry-after")) > 0);
    }
    const { requests } = world.upstream;
    await eventually("those whose turn it is", () => requests.length === QUEUE.maxConcurrent || undefined);
    go.resolve();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, places);
  });

  it("keeps places for others where one client has its share, of those that run and those that wait", async () => {
    const shared = await startOther(({ gateway }) =>
      Object.assign(gateway, {
        ...{ queue: { maxConcurrent: 2, maxWaiting: 2, perCaller: 3 }, trustedProxies: ["127.0.0.0/8"] },
      }),
    );
    try {
      const go = Promise.withResolvers<void>();
      world.upstream.conduct = async (request, response) => {
        await go.promise;
        await honestly(request, response);
      };
      const from = (address: string, content: string) =>
        postJson(new URL(CHAT, shared.url), question(content), { headers: { "x-forwarded-for": address } });
      const asked = Array.from({ length: 4 }, (_, at) => from("198.51.100.1", `share ${at}`));
      const refused = await Promise.any(
        asked.map(async (one) => ((await one).status === 200 ? Promise.reject(new Error("answered")) : one)),
      );
      assert.deepEqual([refused.status, await codeOf(refused)], [429, "MT-ACC-019"]);
      assert.ok(Number(refused.headers.get("retry-after")) > 0);
      const other = from("198.51.100.2", "another client");
      go.resolve();
      assert.equal((await other).status, 200);
      const statuses = (await Promise.all(asked)).map(({ status }) => status).sort();
      assert.deepEqual(statuses, [200, 200, 200, 429]);
    } finally {
      await shared.stop();
    }
  });

  it("asks nobody for an answer that it could not promise, however many come at once", async () => {
    const { stack, upstream } = world;
    const operator = localOperator(POOR_OPERATOR_ACCOUNT);
    // A tenth of the stake stays behind the receipts: 27 tenths of a bond back two claims.
    await enrolOperator(stack, operator, 3n * CLAIM_BOND_WEI);
    await bindUnder(stack, operator);
    const config = await chatConfig(
      stack,
      upstream.url,
      ({ commit }) => Object.assign(commit, { maxAgeSeconds: 300 }),
      operator,
    );
    const poor = await startRelayer(config, { logger: silentLogger });
    try {
      const [asked, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      upstream.conduct = async (request, response) => {
        if (upstream.requests.length === 2) asked.resolve();
        await go.promise;
        await honestly(request, response);
      };
      const many = Array.from({ length: 6 }, (_, at) => postJson(new URL(CHAT, poor.url), question(`${at}`)));
      await asked.promise;
      const refused = await Promise.any(
        many.map(async (one) =>
          (await one).status === 503 ? await one : Promise.reject(new Error("answered")),
        ),
      );
      assert.equal(await codeOf(refused), "MT-GW-010");
      assert.ok(Number(refused.headers.get("retry-after")) > 0);
      go.resolve();
      const statuses = (await Promise.all(many)).map(({ status }) => status).sort();
      assert.deepEqual(statuses, [200, 200, 503, 503, 503, 503]);
      assert.equal(upstream.requests.length, 2);
      assert.equal(await countReceipts(poor.ledger), 2);
    } finally {
      await poor.stop();
    }
  });

  it("asks the configured server alone, under the name that it has there", async () => {
    const named = await startOther(({ models }) => {
      for (const model of models) {
        if ("upstream" in model && model.upstream) model.upstream.model = "tiny:7b";
      }
    });
    try {
      const elsewhere = { base_url: "http://192.0.2.1/", upstream: { url: "http://192.0.2.1/" } };
      const response = await postJson(new URL(CHAT, named.url), question("x", elsewhere));
      assert.equal(response.status, 200);
      assert.deepEqual(world.upstream.requests[0]?.json, { ...question("x", elsewhere), model: "tiny:7b" });
    } finally {
      await named.stop();
    }
  });

  it("says 502 where no server listens", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await eventually("a port", () => free.address() ?? undefined);
    const { port } = free.address() as { port: number };
    await new Promise((resolve) => free.close(resolve));
    const alone = await startOther(() => undefined, `http://127.0.0.1:${port}/v1`);
    try {
      const response = await postJson(new URL(CHAT, alone.url), question("x"));
      assert.deepEqual([response.status, await codeOf(response)], [502, "MT-GW-061"]);
      assert.ok(Number(response.headers.get("retry-after")) > 0);
    } finally {
      await alone.stop();
    }
  });
});

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

async function streamOf(response: Response): Promise<{ text: string; list: Chunk[] }> {
  const text = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  return { text, list: isStream ? parseStream(text) : [JSON.parse(text) as Chunk] };
}

function parseStream(text: string): Chunk[] {
  return createEventReader()
    .push(text)
    .filter((data) => data !== "[DONE]")
    .map((data) => JSON.parse(data) as Chunk);
}

function textOf(list: readonly Chunk[]): string {
  return list.map(({ choices }) => choices?.[0]?.delta?.content ?? "").join("");
}
