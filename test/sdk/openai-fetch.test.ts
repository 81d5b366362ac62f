// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import type { JsonObject } from "@meantime/sdk/canonical-json";
import type { Claim } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import type { Hex } from "@meantime/sdk/hex";
import { opens } from "@meantime/sdk/openai/commitment";
import {
  CLAIM_ID_HEADER,
  createMeantimeFetch,
  type MeantimeFetchOptions,
  meantimeErrorOf,
  REQUEST_HEADERS,
  type VerifiedExchange,
} from "@meantime/sdk/openai/fetch";
import { receiptToJson } from "@meantime/sdk/receipt";
import { createEventReader } from "@meantime/sdk/server-events";
import { addressOf } from "@meantime/sdk/signature";
import { id } from "ethers";
import OpenAI from "openai";
import { type Conduct, startGateway, type TestGateway } from "./openai-gateway.ts";
import { randomAddress, randomClaim, randomWord, testDomain } from "./samples.ts";

const privateKey = id("gateway key") as Hex;
const terms = {
  modelId: `${id("chat model").slice(0, -2)}02` as Hex,
  policyId: `${id("policy").slice(0, -2)}02` as Hex,
  operator: randomAddress(),
};
const requester = randomAddress();
const servedAt = 1_800_000_000n;
const whole: JsonObject = {
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "tiny-1",
  choices: [{ index: 0, message: { role: "assistant", content: "Hello 😊" }, finish_reason: "stop" }],
  usage: { total_tokens: 3 },
};
const chunks: JsonObject[] = [
  {
    model: "tiny-1",
    choices: [{ index: 0, delta: { role: "assistant", content: "" }, finish_reason: null }],
  },
  { model: "tiny-1", choices: [{ index: 0, delta: { content: "Hello " }, finish_reason: null }] },
  { model: "tiny-1", choices: [{ index: 0, delta: { content: "😊" }, finish_reason: null }] },
  { model: "tiny-1", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
];
const honest: Conduct = { answer: whole, privateKey, terms };

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway(honest);
});
beforeEach(() => {
  gateway.conduct = honest;
  gateway.requests.length = 0;
});
after(() => gateway.close());

describe("the fetch for OpenAI-shaped clients", () => {
  it("hands over a whole answer untouched, tells the receipt, and sends what the gateway needs", async () => {
    const told: VerifiedExchange[] = [];
    const response = await ask({ onReceipt: (exchange) => told.push(exchange) });
    const { receipt: sent, ...answer } = (await response.json()) as JsonObject;
    assert.deepEqual(answer, whole);
    const [exchange] = told;
    assert.ok(exchange && told.length === 1);
    const { receipt, opening } = exchange;
    assert.deepEqual(sent, receiptToJson(receipt));
    assert.equal(response.headers.get(CLAIM_ID_HEADER), receipt.claimId);
    assert.equal(response.headers.get("meantime-receipt"), null);
    assert.equal(response.headers.get("x-request-id"), "kept");
    assert.ok(opens(opening, receipt.claim));

    const [{ headers, body } = fail()] = gateway.requests;
    assert.equal(body, JSON.stringify(question({})));
    assert.equal(headers[REQUEST_HEADERS.requester], requester);
    assert.equal(headers[REQUEST_HEADERS.policy], terms.policyId);
    assert.equal(headers[REQUEST_HEADERS.requestId], receipt.claim.requestId);
    assert.equal(headers[REQUEST_HEADERS.salt], opening.salt);
    assert.equal(headers.authorization, "Bearer key");
  });

  it("hands over a stream with its receipt in the last chunk, the same answer under the same output hash", async () => {
    const outputs: Hex[] = [];
    for (const streaming of ["hold", "through"] as const) {
      const salt = id("one salt");
      const onReceipt = ({ receipt }: VerifiedExchange) => outputs.push(receipt.claim.outputHash);
      gateway.conduct = { ...honest, answer: chunks };
      const headers = { [REQUEST_HEADERS.salt]: salt };
      const response = await ask({ streaming, onReceipt }, { stream: true }, headers);
      assert.deepEqual(await texts(response), ["", "Hello ", "😊"]);
      gateway.conduct = honest;
      await (await ask({ onReceipt }, {}, headers)).text();
    }
    assert.equal(new Set(outputs).size, 1);
    assert.equal(outputs.length, 4);
  });

  it("hands over what it has judged and nothing else: the official client reads the answer that was hashed", async () => {
    // Other clients go by more than the data of an event.
    const wires: ((event: string) => string)[] = [
      (event) => `event: thread.note\n${event}`,
      (event) => `event: error\nid: 7\nretry: 1\n: aside\n${event}`,
      (event) => event.replaceAll("\n", "\r"),
    ];
    for (const streaming of ["hold", "through"] as const) {
      for (const [at, change] of wires.entries()) {
        const wire = (event: string, place: number) => (place === 1 ? change(event) : event);
        gateway.conduct = { ...honest, answer: chunks, wire };
        const send = createMeantimeFetch({ ...options(), streaming });
        const client = new OpenAI({ baseURL: `${gateway.baseUrl}/v1`, apiKey: "key", fetch: send });
        const messages = [{ role: "user" as const, content: "Say hello." }];
        let text = "";
        for await (const chunk of await client.chat.completions.create({
          ...{ model: "tiny", messages, stream: true as const },
        }))
          text += chunk.choices?.[0]?.delta.content ?? "";
        assert.equal(text, "Hello 😊", `${streaming} ${at}`);
      }
    }
  });

  it("hands separators of lines over that JSON allows in texts", async () => {
    const content = "one\u2028two\u2029three";
    const separated = [
      ...chunks.slice(0, 1),
      { model: "tiny-1", choices: [{ index: 0, delta: { content } }] },
    ];
    for (const streaming of ["hold", "through"] as const) {
      gateway.conduct = { ...honest, answer: [...separated, ...chunks.slice(-1)] };
      const response = await ask({ streaming }, { stream: true });
      const [, second = fail()] = createEventReader().push(await response.text());
      assert.equal(textOf(second), content);
    }
  });

  it("refuses an answer whose claim differs in any field from what was asked and answered", async () => {
    const fields = ["modelId", "policyId", "operator", "requester", "requestId", "inputHash", "outputHash"];
    for (const field of fields as (keyof Claim)[]) {
      for (const answer of [whole, chunks]) {
        const claim = (made: Claim) => ({ ...made, [field]: randomClaim()[field] });
        gateway.conduct = { ...honest, answer, claim };
        await refuses(ask({}, { stream: answer === chunks }), "MT-SDK-111");
      }
    }
  });

  it("refuses an answer that was changed after it was hashed, and a request that was answered as another", async () => {
    const tamper = (answer: JsonObject) =>
      JSON.parse(JSON.stringify(answer).replace("😊", "😢")) as JsonObject;
    for (const answer of [whole, chunks]) {
      gateway.conduct = { ...honest, answer, tamper };
      await refuses(ask({}, { stream: answer === chunks }), "MT-SDK-111");
    }
    gateway.conduct = honest;
    const sent = createMeantimeFetch({
      ...options(),
      // A proxy in between takes a tool away.
      fetch: (url, init) => fetch(url, { ...init, body: JSON.stringify(question({})) }),
    });
    await refuses(post(sent, question({ tools: [] })), "MT-SDK-111");
  });

  it("refuses an answer without a receipt, by a foreign key, by a key or policy outside its time", async () => {
    for (const answer of [whole, chunks]) {
      const stream = answer === chunks;
      gateway.conduct = { ...honest, answer, receipt: () => undefined };
      await refuses(ask({}, { stream }), "MT-SDK-507");
      gateway.conduct = { ...honest, answer, receipt: () => ({ claim: {} }) };
      await refuses(ask({}, { stream }), "MT-SDK-002");
      gateway.conduct = { ...honest, answer, privateKey: id("thief") as Hex };
      await refuses(ask({}, { stream }), "MT-SDK-115");
    }
    gateway.conduct = honest;
    const key = addressOf(privateKey);
    const trusts: [Partial<MeantimeFetchOptions["trust"]>, string | undefined][] = [
      [{ receiptKeys: [{ key, validFrom: servedAt, validUntil: servedAt + 1n }] }, undefined],
      [{ receiptKeys: [{ key, validFrom: servedAt + 1n, validUntil: servedAt + 9n }] }, "MT-SDK-117"],
      [{ receiptKeys: [{ key, validFrom: 1n, validUntil: servedAt }] }, "MT-SDK-117"],
      [{ receiptKeys: [{ key, validFrom: 0n, validUntil: 0n }] }, "MT-SDK-115"],
      [{ acceptedSince: 0n }, "MT-SDK-116"],
      [{ acceptedSince: servedAt + 1n }, "MT-SDK-116"],
      [{ closedAt: servedAt }, "MT-SDK-118"],
      [{ closedAt: servedAt + 1n }, undefined],
      [{ maxHorizonSeconds: 599n }, "MT-SDK-113"],
      [{ nowSeconds: servedAt - 61n }, "MT-SDK-114"],
    ];
    for (const [change, code] of trusts) {
      const asked = ask({ trust: { ...options().trust, ...change } as MeantimeFetchOptions["trust"] });
      if (code === undefined) assert.equal((await asked).status, 200);
      else await refuses(asked, code);
    }
  });

  it("holds a stream back until its receipt was checked, or its end alone", async () => {
    const last = Promise.withResolvers<void>();
    gateway.conduct = { ...honest, answer: chunks, beforeLast: () => last.promise };
    const response = await ask({ streaming: "through" }, { stream: true });
    const reader = response.body?.getReader() ?? fail();
    const events = createEventReader();
    const seen: string[] = [];
    while (seen.length < 3) seen.push(...events.push(new TextDecoder().decode((await reader.read()).value)));
    assert.deepEqual(seen.map(textOf), ["", "Hello ", "😊"]);
    last.resolve();
    const rest: string[] = [];
    for (let part = await reader.read(); !part.done; part = await reader.read())
      rest.push(...events.push(new TextDecoder().decode(part.value)));
    assert.match(rest[0] ?? "", /"finish_reason":"stop"/);
    assert.match(rest[1] ?? "", /"receipt"/);
    assert.equal(rest[2], "[DONE]");

    gateway.conduct = { ...honest, answer: chunks, privateKey: id("thief") as Hex };
    const bad = await ask({ streaming: "through" }, { stream: true });
    const shown: string[] = [];
    const reading = async () => {
      for await (const part of bad.body ?? fail()) shown.push(new TextDecoder().decode(part));
    };
    await refuses(reading(), "MT-SDK-115");
    assert.doesNotMatch(shown.join(""), /"finish_reason":"stop"|DONE|receipt/);
  });

  it("refuses a stream that breaks off, goes on after its end, errs or contradicts itself", async () => {
    for (const streaming of ["hold", "through"] as const) {
      const cases: [Partial<Conduct>, string][] = [
        [{ answer: chunks, breakOff: true }, "MT-SDK-512"],
        [{ respond: raw(contradicting()) }, "MT-SDK-511"],
        [
          { answer: chunks, respond: raw('data: {"choices":[]}\n\ndata: [DONE]\n\ndata: {}\n\n') },
          "MT-SDK-512",
        ],
        [{ answer: chunks, respond: raw('data: {"error":{"message":"overloaded"}}\n\n') }, "MT-SDK-503"],
        [{ answer: chunks, respond: raw("data: {\n\n") }, "MT-SDK-008"],
        [{ answer: chunks, respond: raw('data: {"choices":[],"choices":[]}\n\n') }, "MT-SDK-008"],
      ];
      for (const [conduct, code] of cases) {
        gateway.conduct = { ...honest, ...conduct };
        const reading = async () => (await ask({ streaming }, { stream: true })).text();
        await refuses(reading(), code);
      }
    }
  });

  it("bounds the length of an answer", async () => {
    for (const streaming of ["hold", "through"] as const) {
      for (const answer of [whole, chunks]) {
        gateway.conduct = { ...honest, answer };
        const reading = async () =>
          (await ask({ streaming, maxAnswerBytes: 100 }, { stream: answer === chunks })).text();
        await refuses(reading(), "MT-SDK-506");
      }
    }
  });

  it("passes refusals of the gateway and reads on, and refuses what has no receipts", async () => {
    const error = { code: "MT-GW-016", message: "stopping", type: "server_error", param: null };
    gateway.conduct = { ...honest, respond: raw(JSON.stringify({ error }), 503) };
    const refused = await ask({});
    assert.equal(refused.status, 503);
    assert.deepEqual(await refused.json(), { error });
    const models = await createMeantimeFetch(options())(`${gateway.baseUrl}/v1/models`);
    assert.equal(models.status, 503);

    gateway.conduct = honest;
    const send = createMeantimeFetch(options());
    await refuses(send(`${gateway.baseUrl}/v1/responses`, { method: "POST", body: "{}" }), "MT-SDK-508");
    const form = new FormData();
    await refuses(send(`${gateway.baseUrl}/v1/embeddings`, { method: "POST", body: form }), "MT-SDK-508");
    await refuses(ask({}, { model: "other" }), "MT-SDK-509");
    await refuses(ask({}, { model: "__proto__" }), "MT-SDK-509");
    await refuses(
      send(`${gateway.baseUrl}/v1/embeddings`, { method: "POST", body: '{"model":"tiny","model":"tiny"}' }),
      "MT-SDK-008",
    );
    assert.equal(gateway.requests.length, 2);
  });

  it("does not ask the gateway again when it is the chain that cannot be reached", async () => {
    const provider = {
      request: async () => {
        throw new MeantimeError("MT-SDK-501", "the node cannot be reached", { hint: "Check it." });
      },
    };
    const policies = randomAddress();
    const chain = { domain: testDomain, provider, receipts: policies, policies, blockTag: "latest" as const };
    await refuses(ask({ trust: { chain }, retries: 3, retryDelayMs: 0 }), "MT-SDK-501");
    assert.equal(gateway.requests.length, 1);
  });

  it("takes a Request, tries again under the same request id, and stops when it is told to", async () => {
    const request = new Request(`${gateway.baseUrl}/v1/chat/completions`, {
      method: "POST",
      body: JSON.stringify(question({})),
    });
    assert.equal((await createMeantimeFetch(options())(request)).status, 200);

    gateway.requests.length = 0;
    gateway.conduct = {
      ...honest,
      respond: (_, response, attempt) => {
        if (attempt === 1) response.writeHead(503, { "retry-after": "0" }).end();
        else if (attempt === 2) response.destroy();
        else return false;
        return true;
      },
    };
    const patience = { retries: 2, retryDelayMs: 0 };
    assert.equal((await ask(patience)).status, 200);
    const sent = gateway.requests.map(({ headers }) => headers);
    assert.equal(new Set(sent.map((headers) => headers[REQUEST_HEADERS.requestId])).size, 1);
    assert.equal(new Set(sent.map((headers) => headers[REQUEST_HEADERS.salt])).size, 1);
    assert.equal(sent.length, 3);

    gateway.conduct = { ...honest, respond: (_, response) => response.destroy() !== undefined };
    await refuses(ask({ retries: 1, retryDelayMs: 0 }), "MT-SDK-501");
    gateway.conduct = { ...honest, respond: () => true };
    await refuses(ask({ timeoutMs: 20 }), "MT-SDK-505");
    const stop = new AbortController();
    gateway.conduct = { ...honest, respond: () => stop.abort() === undefined };
    const asked = createMeantimeFetch(options())(`${gateway.baseUrl}/v1/chat/completions`, {
      ...{ method: "POST", body: JSON.stringify(question({})), signal: stop.signal },
    });
    await refuses(asked, "MT-SDK-504");
  });
});

function options(): MeantimeFetchOptions {
  return {
    trust: { domain: testDomain, receiptKeys: [addressOf(privateKey)] },
    requester,
    models: { tiny: { id: terms.modelId, operator: terms.operator, policyId: terms.policyId } },
  };
}

function question(changes: JsonObject): JsonObject {
  return { model: "tiny", messages: [{ role: "user", content: "Say hello." }], ...changes };
}

function ask(
  changes: Partial<MeantimeFetchOptions>,
  body: JsonObject = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  return post(createMeantimeFetch({ ...options(), ...changes }), question(body), headers);
}

function post(
  send: ReturnType<typeof createMeantimeFetch>,
  body: JsonObject,
  headers: Record<string, string> = {},
): Promise<Response> {
  return send(`${gateway.baseUrl}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: "Bearer key", "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function refuses(asked: Promise<unknown>, code: string): Promise<void> {
  await assert.rejects(asked, (error) => {
    assert.ok(error instanceof MeantimeError, String(error));
    assert.equal(error.code, code, error.message);
    const wrapped = new Error("Connection error.", { cause: error });
    return meantimeErrorOf(wrapped) === error && meantimeErrorOf(new Error("another")) === undefined;
  });
}

async function texts(response: Response): Promise<string[]> {
  const events = createEventReader().push(await response.text());
  assert.equal(events.at(-1), "[DONE]");
  assert.match(events.at(-2) ?? "", /^\{"choices":\[\],"receipt":\{"claim"/);
  return events.slice(0, chunks.length - 1).map(textOf);
}

function textOf(data: string): string {
  return JSON.parse(data).choices[0].delta.content as string;
}

function raw(body: string, status = 200): NonNullable<Conduct["respond"]> {
  const type = body.startsWith("data") ? "text/event-stream" : "application/json";
  return (_, response) => response.writeHead(status, { "content-type": type }).end(body) !== undefined;
}

function contradicting(): string {
  return [...chunks, { model: "tiny-2", choices: [] }]
    .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
    .join("");
}

function fail(): never {
  throw new Error(`nothing there (${randomWord()})`);
}
