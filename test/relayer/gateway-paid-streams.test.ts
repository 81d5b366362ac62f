// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { createEventReader, STREAM_END } from "@meantime/sdk/server-events";
import { Wallet } from "ethers";
import { createUnwatched } from "../../relayer/src/gateway/unwatched.ts";
import { paymentCounts } from "../../relayer/src/ledger/payments.ts";
import { countReceipts } from "../../relayer/src/ledger/receipts.ts";
import { startFacilitator, type TestFacilitator } from "./facilitator.ts";
import { eventually, REQUESTER, sampleInput } from "./local-relayer.ts";
import { type OpenAiWorld, question, startOpenAiWorld } from "./openai-stack.ts";
import { type Conduct, chunks, eventOf } from "./openai-upstream.ts";
import { NETWORK, paying, takePayments, termsOf } from "./payer.ts";

const CHAT = "/v1/chat/completions";
/** With the rest of an answer more than sockets keep for a reader that does not read. */
const PARTS = 12;
const PART = eventOf({ choices: [{ index: 0, delta: { content: "x".repeat(2 ** 20) } }] });

describe("a gateway with payments", () => {
  let facilitator: TestFacilitator;
  let world: OpenAiWorld;
  const payer = new Wallet(`0x${"57".repeat(32)}`);

  before(async () => {
    facilitator = await startFacilitator(NETWORK);
    world = await startOpenAiWorld(({ gateway }) => takePayments(gateway, facilitator.url));
  });

  beforeEach(() => {
    world.upstream.requests.length = 0;
  });

  afterEach(() => Object.assign(facilitator.conduct, { settle: "pay", verify: "judge" }));

  after(async () => {
    await world?.close();
    facilitator?.close();
  });

  async function payFor(path: string, body: unknown): Promise<Record<string, string>> {
    return paying(payer)(await termsOf(await world.post(path, body)));
  }

  /** A request whose client can leave, or read nothing. */
  function send(path: string, body: unknown, headers: Record<string, string>) {
    const options = {
      ...{ method: "POST", agent: false },
      headers: { "content-type": "application/json", ...headers },
    };
    const request = requestHttp(new URL(path, world.relayer.url), options);
    request.on("error", () => undefined);
    return request.end(JSON.stringify(body));
  }

  /** The gateway has seen that a client left once it has answered what came after that. */
  async function seen(): Promise<void> {
    await (await fetch(new URL("/healthz", world.relayer.url))).text();
  }

  function contentOf(events: string[]): string {
    return events
      .filter((data) => data !== STREAM_END)
      .map((data) => JSON.parse(data) as { choices: { delta?: { content?: string } }[] })
      .map(({ choices }) => choices[0]?.delta?.content ?? "")
      .join("");
  }

  it("finishes a stream whose client has left: the same payment gets the answer, and nobody is asked twice", async () => {
    const go = Promise.withResolvers<void>();
    const [last, ...others] = chunks("one two three").toReversed();
    world.upstream.next.push(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const chunk of others.toReversed()) response.write(eventOf(chunk));
      await go.promise;
      response.end(`${eventOf(last)}data: [DONE]\n\n`);
    });
    const body = question("count", { stream: true });
    const payment = await payFor(CHAT, body);
    const { settle } = facilitator.asked;
    const leaving = send(CHAT, body, payment);
    const [shown] = (await once(leaving, "response")) as [IncomingMessage];
    assert.equal(shown.headers["meantime-payment"], "settled");
    let text = "";
    for await (const part of shown) {
      text += part;
      if (text.includes("three")) break;
    }
    leaving.destroy();
    await seen();
    const again = world.post(CHAT, body, { headers: payment });
    await seen();
    go.resolve();
    const events = createEventReader().push(await (await again).text());
    assert.equal(contentOf(events), "one two three");
    assert.equal(events.at(-1), STREAM_END);
    assert.equal(world.upstream.requests.length, 1);
    assert.equal(await world.upstream.requests[0]?.over, true);
    assert.equal(facilitator.asked.settle, settle + 1);
  });

  it("finishes a stream whose client reads nothing", async () => {
    const receipts = await countReceipts(world.relayer.ledger);
    world.upstream.next.push((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let part = 0; part < PARTS; part += 1) response.write(PART);
      response.end(
        `${eventOf({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}data: [DONE]\n\n`,
      );
    });
    const body = question("a long story", { stream: true });
    const payment = await payFor(CHAT, body);
    const reading = send(CHAT, body, payment);
    const [unread] = (await once(reading, "response")) as [IncomingMessage];
    unread.pause();
    await eventually("the receipt", async () =>
      (await countReceipts(world.relayer.ledger)) > receipts ? true : undefined,
    );
    reading.destroy();
    const events = createEventReader().push(
      await (await world.post(CHAT, body, { headers: payment })).text(),
    );
    assert.equal(contentOf(events).length, PARTS * 2 ** 20);
    assert.equal(world.upstream.requests.length, 1);
  });

  it("gives a stream up whose payment fails, and begins it anew when that is made", async () => {
    let wasWhole: boolean | undefined;
    world.upstream.next.push(async ({ over }, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(eventOf(chunks("one")[0]));
      wasWhole = await over;
    });
    const body = question("unpaid", { stream: true });
    const payment = await payFor(CHAT, body);
    facilitator.conduct.settle = "refuse";
    await termsOf(await world.post(CHAT, body, { headers: payment }));
    assert.equal(await eventually("the upstream to be left", () => wasWhole), false);
    facilitator.conduct.settle = "pay";
    const paid = await world.post(CHAT, body, { headers: payment });
    assert.equal(
      createEventReader()
        .push(await paid.text())
        .at(-1),
      STREAM_END,
    );
    assert.equal(world.upstream.requests.length, 2);
  });

  it("begins no stream more than five times for one payment that shows an answer and fails", async () => {
    const failing: Conduct = (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const chunk of chunks("all but its end")) response.write(eventOf(chunk));
      response.end();
    };
    const body = question("shown and failed", { stream: true });
    const payment = await payFor(CHAT, body);
    for (let time = 0; time < 5; time += 1) {
      world.upstream.next.push(failing);
      const text = await (await world.post(CHAT, body, { headers: payment })).text();
      assert.match(text, /all [\s\S]*"MT-GW-066"/);
    }
    const refused = await world.post(CHAT, body, { headers: payment });
    const { error } = (await refused.json()) as { error: { code: string } };
    assert.deepEqual([refused.status, error.code], [409, "MT-ACC-020"]);
    assert.equal(world.upstream.requests.length, 5);
    // Another payment is another one's.
    const paid = await world.post(CHAT, body, { headers: await payFor(CHAT, body) });
    assert.equal(
      createEventReader()
        .push(await paid.text())
        .at(-1),
      STREAM_END,
    );
  });

  it("gives what is stored to a payment whose stream failed before", async () => {
    const body = question("failed once", { stream: true });
    const payment = await payFor(CHAT, body);
    world.upstream.next.push((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(eventOf(chunks("half")[0]));
    });
    const shown: string[] = [];
    for (let time = 0; time < 7; time += 1)
      shown.push(await (await world.post(CHAT, body, { headers: payment })).text());
    assert.match(shown[0] ?? "", /MT-GW-066/);
    for (const text of shown.slice(1)) assert.equal(createEventReader().push(text).at(-1), STREAM_END);
    assert.equal(world.upstream.requests.length, 2);
  });

  const asked: [what: string, path: string, body: unknown][] = [
    ["a stream", CHAT, question("gone", { stream: true })],
    ["an answer", CHAT, question("gone")],
    ["a provable model", "/v1/infer/tiny_mlp", { input: sampleInput(1), requester: REQUESTER }],
  ];
  for (const [what, path, body] of asked) {
    it(`takes no payment for ${what} from who hangs up while it is checked`, async () => {
      const { ledger } = world.relayer;
      const payment = await payFor(path, body);
      const { settle } = facilitator.asked;
      const [receipts, { released }] = [await countReceipts(ledger), await paymentCounts(ledger)];
      const [checking, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      facilitator.conduct.verify = async () => {
        checking.resolve();
        await go.promise;
      };
      const leaving = send(path, body, payment);
      await checking.promise;
      const closed = new Promise((resolve) => leaving.once("close", resolve));
      leaving.destroy();
      await closed;
      await seen();
      go.resolve();
      await eventually("the payment to be free", async () =>
        (await paymentCounts(ledger)).released > released ? true : undefined,
      );
      assert.deepEqual([facilitator.asked.settle, await countReceipts(ledger)], [settle, receipts]);
      assert.equal(world.upstream.requests.length, 0);
    });
  }
});

describe("work that goes on without its client", () => {
  const LONG_MILLISECONDS = 600_000;

  it("is waited for by a stop, which takes no more after it", async () => {
    const unwatched = createUnwatched();
    const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const gaveUp: string[] = [];
    unwatched.add(one.promise, () => gaveUp.push("one"));
    unwatched.add(other.promise, () => gaveUp.push("other"));
    const ended = unwatched.end(LONG_MILLISECONDS);
    one.resolve();
    other.reject(new Error("failed"));
    await ended;
    assert.equal(gaveUp.length, 0);
    unwatched.add(new Promise(() => undefined), () => gaveUp.push("late"));
    assert.deepEqual(gaveUp, ["late"]);
  });

  it("is given up when its time is over", async () => {
    const unwatched = createUnwatched();
    const gaveUp: string[] = [];
    unwatched.add(new Promise(() => undefined), () => gaveUp.push("one"));
    await unwatched.end(1);
    assert.deepEqual(gaveUp, ["one"]);
  });
});
