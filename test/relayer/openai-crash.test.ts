// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { startRelayerProcess } from "../../scripts/stack/relayer.ts";
import { eventually, writeConfig } from "./local-relayer.ts";
import { CHAT_ENTRY, type OpenAiStack, postJson, question, startOpenAiStack } from "./openai-stack.ts";
import { completion, sendJson, startUpstream, type Upstream } from "./openai-upstream.ts";

/** More than sockets keep for a reader that does not read. */
const LARGE = 8 * 1024 * 1024;
const PATIENCE_SECONDS = 120;
const KEY = { "idempotency-key": "killed" };

describe("a daemon that is killed between a durable receipt and its last byte", () => {
  let stack: OpenAiStack;
  let upstream: Upstream;

  before(async () => {
    stack = await startOpenAiStack();
    upstream = await startUpstream();
  });

  after(async () => {
    upstream?.close();
    await stack?.chain.close();
  });

  it("has the answer and the receipt again for the same key, and asks nobody twice", async () => {
    const configFile = await writeChatConfig();
    let asked = 0;
    upstream.conduct = (_, response) => {
      asked += 1;
      sendJson(response, completion(`${asked}`.repeat(LARGE)));
    };
    const body = JSON.stringify(question("a long story"));
    const first = await startRelayerProcess(configFile);
    const answer = await startReading(`${first.url}/v1/chat/completions`, body);
    await eventually(
      "the receipt to be in the ledger",
      async () => {
        const status = (await (await fetch(`${first.url}/v1/status`)).json()) as {
          claims: { total: number };
        };
        return status.claims.total === 1 || undefined;
      },
      PATIENCE_SECONDS,
    );
    await first.kill();
    await assert.rejects(text(answer), "the answer arrived whole, so that nothing was shown");
    const claimId = answer.headers["meantime-claim-id"];
    assert.match(String(claimId), /^0x[0-9a-f]{64}$/);

    const second = await startRelayerProcess(configFile);
    try {
      const url = new URL(`${second.url}/v1/chat/completions`);
      const again = await postJson(url, body, { headers: KEY });
      const { choices, receipt } = (await again.json()) as {
        choices: { message: { content: string } }[];
        receipt: { claimId: string };
      };
      assert.equal(choices[0]?.message.content, "1".repeat(LARGE));
      assert.equal(receipt.claimId, claimId);
      assert.equal(asked, 1);
      assert.equal((await postJson(url, question("another"), { headers: KEY })).status, 409);
    } finally {
      await second.stop();
    }
  });

  /** The head of an answer whose body nobody reads yet. */
  async function startReading(url: string, body: string): Promise<IncomingMessage> {
    const headers = { "content-type": "application/json", ...KEY };
    const request = requestHttp(url, { method: "POST", headers, agent: false }).end(body);
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    if (answer.statusCode !== 200) assert.fail(await text(answer));
    answer.pause();
    return answer;
  }

  async function writeChatConfig(): Promise<string> {
    const file = await writeConfig(stack);
    const json = JSON.parse(await readFile(file, "utf8"));
    const { name, version, weights, measurement } = CHAT_ENTRY;
    json.models.push({ name, version, weights, measurement, upstream: { url: upstream.url } });
    json.policies.push({ name: "chat", id: stack.chatPolicies.private, prove: "never" });
    json.commit.maxAgeSeconds = 300;
    await writeFile(file, JSON.stringify(json));
    return file;
  }
});
