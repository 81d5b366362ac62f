// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { parseReceipt, verifyReceipt } from "@meantime/sdk/receipt";
import OpenAI from "openai";
import { countReceipts } from "../../relayer/src/ledger/receipts.ts";
import { lowerCase } from "../../scripts/stack/operators.ts";
import { type OpenAiWorld, question, startOpenAiWorld } from "./openai-stack.ts";
import { CHAT_MODEL, eventOf, honestly, refusing } from "./openai-upstream.ts";

const UPSTREAM_KEY = "sk-upstream-0123456789";
const KEYS = { acme: "sk-acme-0123456789abcdef", other: "sk-other-0123456789abcdef" };

type ErrorClass = abstract new (...parameters: never[]) => Error;

const TOOLS: OpenAI.ChatCompletionTool[] = [
  {
    type: "function",
    function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
  },
];

describe("the official openai client", () => {
  let world: OpenAiWorld;
  let client: OpenAI;

  before(async () => {
    world = await startOpenAiWorld(({ models, gateway }) => {
      const keys = Object.entries(KEYS).map(([name, key]) => ({ name, sha256: sha256(key) }));
      gateway.auth = { mode: "bearer", keys };
      for (const model of models) {
        if ("upstream" in model && model.upstream) model.upstream.apiKey = UPSTREAM_KEY;
      }
    });
    client = clientOf(KEYS.acme);
  });

  beforeEach(() => {
    world.upstream.requests.length = 0;
    world.upstream.next.length = 0;
    world.upstream.conduct = honestly;
  });

  after(() => world?.close());

  const clientOf = (apiKey: string, maxRetries = 0) =>
    new OpenAI({ baseURL: `${world.relayer.url}/v1`, apiKey, maxRetries });
  const chat = (content: string, from = client) =>
    from.chat.completions.create({ model: CHAT_MODEL, messages: [{ role: "user", content }] });

  it("chats, and its upstream is asked with our key for the canonical request", async () => {
    const answer = await chat("hello there");
    assert.equal(answer.choices[0]?.message.content, "echo: hello there");
    assert.equal(answer.usage?.total_tokens, 7);
    checkReceipt(answer);
    const [{ path, headers, body } = assert.fail()] = world.upstream.requests;
    assert.equal(path, "/v1/chat/completions");
    assert.equal(headers.authorization, `Bearer ${UPSTREAM_KEY}`);
    assert.equal(body, `{"messages":[{"content":"hello there","role":"user"}],"model":"${CHAT_MODEL}"}`);
  });

  it("shows the receipt in headers to clients that see no more", async () => {
    const { data, response } = await client.chat.completions
      .create({ model: CHAT_MODEL, messages: [{ role: "user", content: "headers" }] })
      .withResponse();
    const inBody = (data as unknown as { receipt: { claimId: string } }).receipt;
    assert.equal(response.headers.get("meantime-claim-id"), inBody.claimId);
    const header = Buffer.from(response.headers.get("meantime-receipt") ?? "", "base64url").toString();
    assert.deepEqual(JSON.parse(header), inBody);
  });

  it("streams, and gets each chunk before the next is there", async () => {
    const second = Promise.withResolvers<void>();
    world.upstream.next.push(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(eventOf({ choices: [{ index: 0, delta: { role: "assistant", content: "one " } }] }));
      await second.promise;
      response.write(eventOf({ choices: [{ index: 0, delta: { content: "two" }, finish_reason: "stop" }] }));
      response.end("data: [DONE]\n\n");
    });
    const stream = await client.chat.completions.create({
      model: CHAT_MODEL,
      messages: [{ role: "user", content: "count" }],
      stream: true,
    });
    let text = "";
    let last: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (text === "one ") second.resolve();
      last = chunk;
    }
    assert.equal(text, "one two");
    checkReceipt(last);
  });

  it("streams through the client's own helper, which puts the answer together", async () => {
    const stream = client.chat.completions.stream({
      model: CHAT_MODEL,
      messages: [{ role: "user", content: "put me together" }],
    });
    const whole = await stream.finalChatCompletion();
    assert.equal(whole.choices[0]?.message.content, "echo: put me together");
    assert.equal(whole.choices[0]?.finish_reason, "stop");
  });

  it("calls tools, whole and streamed", async () => {
    const request = {
      model: CHAT_MODEL,
      messages: [{ role: "user" as const, content: "weather?" }],
      tools: TOOLS,
    };
    const whole = await client.chat.completions.create(request);
    const streamed = await client.chat.completions.stream(request).finalChatCompletion();
    for (const { choices } of [whole, streamed]) {
      const [call = assert.fail()] = choices[0]?.message.tool_calls ?? [];
      assert.ok(call.type === "function");
      assert.deepEqual([call.id, call.function.name], ["call_1", "weather"]);
      assert.deepEqual(JSON.parse(call.function.arguments), { city: "Paris" });
    }
    checkReceipt(whole);
  });

  it("completes text, whole and streamed", async () => {
    const whole = await client.completions.create({ model: CHAT_MODEL, prompt: "once upon" });
    assert.equal(whole.choices[0]?.text, "echo: once upon");
    checkReceipt(whole);
    let text = "";
    const stream = await client.completions.create({ model: CHAT_MODEL, prompt: "a time", stream: true });
    for await (const { choices } of stream) text += choices[0]?.text ?? "";
    assert.equal(text, "echo: a time");
  });

  it("embeds, in numbers and in base64", async () => {
    const [asFloats, asDefault] = [
      await client.embeddings.create({ model: CHAT_MODEL, input: "x", encoding_format: "float" }),
      await client.embeddings.create({ model: CHAT_MODEL, input: "x" }),
    ];
    for (const answer of [asFloats, asDefault]) {
      assert.deepEqual([...(answer.data[0]?.embedding ?? [])], [0.25, -0.5, 0.125]);
    }
    checkReceipt(asFloats);
  });

  it("throws its own errors, with our code and no receipt", async () => {
    const cases: [ReturnType<typeof refusing> | undefined, string, ErrorClass, number, string][] = [
      [refusing(400, "max_tokens is too large"), CHAT_MODEL, OpenAI.BadRequestError, 400, "MT-GW-064"],
      [refusing(404, "no such model"), CHAT_MODEL, OpenAI.NotFoundError, 404, "MT-GW-064"],
      [refusing(422, "odd"), CHAT_MODEL, OpenAI.UnprocessableEntityError, 422, "MT-GW-064"],
      [
        refusing(429, "slow down", { "retry-after": "7" }),
        CHAT_MODEL,
        OpenAI.RateLimitError,
        429,
        "MT-GW-063",
      ],
      [refusing(500, "oops"), CHAT_MODEL, OpenAI.InternalServerError, 502, "MT-GW-061"],
      [refusing(503, "overloaded"), CHAT_MODEL, OpenAI.InternalServerError, 503, "MT-GW-061"],
      [undefined, "gpt-17", OpenAI.NotFoundError, 404, "MT-GW-005"],
    ];
    const receipts = await countReceipts(world.relayer.ledger);
    for (const [conduct, model, kind, status, code] of cases) {
      for (const stream of [false, true]) {
        if (conduct) world.upstream.next.push(conduct);
        const asked = client.chat.completions.create({ model, stream, messages: [] });
        const error = await refused(asked);
        assert.ok(error instanceof kind, `${error}`);
        assert.deepEqual([error.status, error.code], [status, code]);
        if (status === 429) assert.equal(error.headers?.get("retry-after"), "7");
      }
    }
    assert.equal(await countReceipts(world.relayer.ledger), receipts);
  });

  it("is refused with 401 without a key that is known here, and nobody is asked", async () => {
    const receipts = await countReceipts(world.relayer.ledger);
    for (const stream of [false, true]) {
      const stranger = clientOf("sk-stranger-0123456789abcdef");
      const error = await refused(
        stranger.chat.completions.create({ model: CHAT_MODEL, stream, messages: [] }),
      );
      assert.ok(error instanceof OpenAI.AuthenticationError);
      assert.match(String(error.code), /^MT-/);
    }
    assert.equal(world.upstream.requests.length, 0);
    assert.equal(await countReceipts(world.relayer.ledger), receipts);
  });

  it("is not told of the upstream's trouble with our key, nor the key", async () => {
    for (const status of [401, 402, 403]) {
      world.upstream.next.push(refusing(status, `Incorrect API key provided: ${UPSTREAM_KEY}`));
      const error = await refused(chat("secret"));
      assert.deepEqual([error.status, error.code], [502, "MT-GW-065"]);
      assert.doesNotMatch(JSON.stringify(error), /sk-upstream|API key/);
    }
    world.upstream.next.push(refusing(400, `bad header Bearer ${UPSTREAM_KEY}`));
    assert.doesNotMatch((await refused(chat("secret"))).message, /sk-upstream/);

    world.upstream.next.push((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(eventOf({ choices: [{ index: 0, delta: { content: "half" } }] }));
      response.end(eventOf({ error: { message: `Incorrect API key provided: ${UPSTREAM_KEY}` } }));
    });
    const stream = await client.chat.completions.create({ model: CHAT_MODEL, messages: [], stream: true });
    const reading = async () => {
      for await (const _ of stream);
    };
    const error = await refused(reading());
    assert.equal(error.code, "MT-GW-066");
    assert.doesNotMatch(`${error.message} ${JSON.stringify(error)}`, /sk-upstream|API key/);
  });

  it("tries again by itself after 429 and 503, as long as it is told to wait", async () => {
    world.upstream.next.push(
      refusing(503, "busy", { "retry-after": "0" }),
      refusing(429, "slow", { "retry-after": "0" }),
    );
    const answer = await chat("third time", clientOf(KEYS.acme, 2));
    assert.equal(answer.choices[0]?.message.content, "echo: third time");
    assert.equal(world.upstream.requests.length, 3);
  });

  it("aborts, whole and in mid-stream, and so does its upstream", async () => {
    const receipts = await countReceipts(world.relayer.ledger);
    const silent = Promise.withResolvers<void>();
    world.upstream.next.push(() => silent.resolve());
    const controller = new AbortController();
    const asked = client.chat.completions.create(
      { model: CHAT_MODEL, messages: [] },
      { signal: controller.signal },
    );
    await silent.promise;
    controller.abort();
    await assert.rejects(asked, OpenAI.APIUserAbortError);
    assert.equal(await world.upstream.requests[0]?.over, false);

    world.upstream.next.push((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(eventOf({ choices: [{ index: 0, delta: { content: "for ever" } }] }));
    });
    const stream = await client.chat.completions.create({ model: CHAT_MODEL, messages: [], stream: true });
    for await (const _ of stream) stream.controller.abort();
    assert.equal(await world.upstream.requests[1]?.over, false);
    assert.equal(await countReceipts(world.relayer.ledger), receipts);
  });

  it("throws when a stream ends without a receipt", async () => {
    world.upstream.next.push((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(eventOf({ choices: [{ index: 0, delta: { content: "half" } }] }));
      response.end();
    });
    const stream = await client.chat.completions.create({ model: CHAT_MODEL, messages: [], stream: true });
    const reading = async () => {
      for await (const _ of stream);
    };
    await assert.rejects(
      reading(),
      (error) => error instanceof OpenAI.APIError && error.code === "MT-GW-066",
    );
  });

  it("names what it asks for once, and gets it once", async () => {
    const receipts = await countReceipts(world.relayer.ledger);
    const ask = (from = client) =>
      from.chat.completions.create(
        question("once") as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming,
        {
          headers: { "Idempotency-Key": "one" },
        },
      );
    assert.deepEqual(await ask(), await ask());
    assert.equal(world.upstream.requests.length, 1);
    assert.equal(await countReceipts(world.relayer.ledger), receipts + 1);
    await ask(clientOf(KEYS.other));
    assert.equal(world.upstream.requests.length, 2, "a key is its caller's alone");
    assert.equal(await countReceipts(world.relayer.ledger), receipts + 2);
  });

  function checkReceipt(answer: unknown): void {
    const { stack } = world;
    verifyReceipt(parseReceipt((answer as { receipt: unknown }).receipt), {
      domain: stack.domain,
      receiptKeys: [lowerCase(stack.operator.receiptKey.address)],
      expected: { modelId: stack.chatId, policyId: stack.chatPolicies.private },
    });
  }

  async function refused(asked: PromiseLike<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
    try {
      await asked;
    } catch (error) {
      if (error instanceof OpenAI.APIError) return error;
      throw error;
    }
    return assert.fail("it was answered");
  }
});

function sha256(text: string): Hex {
  return `0x${createHash("sha256").update(text).digest("hex")}`;
}
