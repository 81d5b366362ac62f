// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import OpenAI from "openai";
import { countReceipts } from "../../relayer/src/ledger/receipts.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { silentLogger } from "./local-relayer.ts";
import { chatConfig, type OpenAiStack, startOpenAiStack } from "./openai-stack.ts";
import { CHAT_MODEL, honestly, startUpstream, type Upstream } from "./openai-upstream.ts";

describe("the official openai client at the gateway", () => {
  let stack: OpenAiStack;
  let upstream: Upstream;
  let relayer: RunningRelayer;
  let client: OpenAI;

  before(async () => {
    stack = await startOpenAiStack();
    upstream = await startUpstream();
    relayer = await startRelayer(await chatConfig(stack, upstream.url), { logger: silentLogger });
    client = new OpenAI({ baseURL: `${relayer.url}/v1`, apiKey: "client-key", maxRetries: 0 });
  });

  beforeEach(() => {
    upstream.requests.length = 0;
    upstream.next.length = 0;
    upstream.conduct = honestly;
  });

  after(async () => {
    await relayer?.stop();
    upstream?.close();
    await stack?.chain.close();
  });

  it("chats", async () => {
    const receipts = await countReceipts(relayer.ledger);
    const answer = await client.chat.completions.create({
      model: CHAT_MODEL,
      messages: [{ role: "user", content: "hello there" }],
    });
    assert.equal(answer.choices[0]?.message.content, "echo: hello there");
    assert.ok("receipt" in answer);
    assert.equal(await countReceipts(relayer.ledger), receipts + 1);
  });

  it("streams", async () => {
    const stream = await client.chat.completions.create({
      model: CHAT_MODEL,
      messages: [{ role: "user", content: "hello there" }],
      stream: true,
    });
    const seen = [];
    for await (const chunk of stream) seen.push(chunk);
    assert.equal(seen.map(({ choices }) => choices[0]?.delta.content ?? "").join(""), "echo: hello there");
    assert.ok("receipt" in (seen.at(-1) ?? {}));
  });
});
