// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createEventReader } from "@meantime/sdk/server-events";
import { countReceipts } from "../../relayer/src/ledger/receipts.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { TEST_DATABASES } from "./databases.ts";
import { silentLogger } from "./local-relayer.ts";
import { chatConfig, type OpenAiStack, postJson, question, startOpenAiStack } from "./openai-stack.ts";
import { chunks, completion, sendJson, sendStream, startUpstream, type Upstream } from "./openai-upstream.ts";

const postgres = TEST_DATABASES.find(({ name }) => name === "PostgreSQL");

describe("two gateways on one PostgreSQL database", { skip: postgres?.skip ?? true }, () => {
  let stack: OpenAiStack;
  let upstream: Upstream;
  const workers: RunningRelayer[] = [];

  before(async () => {
    stack = await startOpenAiStack();
    upstream = await startUpstream();
    const source = await postgres?.fresh();
    assert.ok(source);
    const config = await chatConfig(stack, upstream.url, (loaded) => {
      loaded.ledger = source;
      loaded.gateway.publicUrl = "http://relayers.example";
      loaded.commit.maxAgeSeconds = 300;
    });
    for (let worker = 0; worker < 2; worker++) {
      workers.push(await startRelayer(config, { logger: silentLogger }));
    }
  });

  after(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    upstream?.close();
    await postgres?.stop();
    await stack?.chain.close();
  });

  /** Asks both at once under one name; the upstream answers each in other words, once both have asked. */
  async function askBoth(name: string, stream: boolean): Promise<string[]> {
    const both = Promise.withResolvers<void>();
    upstream.requests.length = 0;
    upstream.conduct = async (_, response) => {
      const words = `answer ${upstream.requests.length}`;
      if (upstream.requests.length === 2) both.resolve();
      await both.promise;
      if (stream) sendStream(response, chunks(words));
      else sendJson(response, completion(words));
    };
    const headers = { "idempotency-key": name };
    const urls = workers.map(({ url }) => new URL("/v1/chat/completions", url));
    const texts = await Promise.all(
      urls.map(async (url) => (await postJson(url, question("at once", { stream }), { headers })).text()),
    );
    assert.equal(upstream.requests.length, 2);
    const again = await Promise.all(
      urls.map(async (url) => (await postJson(url, question("at once", { stream }), { headers })).text()),
    );
    assert.equal(upstream.requests.length, 2);
    assert.equal(new Set(again).size, 1);
    return [...texts, ...again.slice(0, 1)];
  }

  it("give one answer and one receipt, whichever upstream was faster", async () => {
    const [one, two, again] = await askBoth("whole", false);
    assert.equal(one, two);
    assert.equal(one, again);
    const [{ ledger } = assert.fail()] = workers;
    assert.equal(await countReceipts(ledger), 1);
  });

  it("give one stream a receipt, and tell the other that it has none", async () => {
    const streams = (await askBoth("streamed", true)).map((text) =>
      createEventReader()
        .push(text)
        .filter((data) => data !== "[DONE]")
        .map((data) => JSON.parse(data) as { receipt?: { claimId: string }; error?: { code: string } }),
    );
    const ends = streams.slice(0, 2).map((list) => list.at(-1));
    assert.deepEqual(
      ends.flatMap((end) => end?.error?.code ?? []),
      ["MT-GW-068"],
    );
    const [given] = ends.flatMap((end) => end?.receipt ?? []);
    assert.ok(given);
    assert.deepEqual(streams[2]?.at(-1)?.receipt, given);
    const [{ ledger } = assert.fail()] = workers;
    assert.equal(await countReceipts(ledger), 2);
  });
});
