// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { createEventReader, STREAM_END } from "@meantime/sdk/server-events";
import { Wallet } from "ethers";
import { createPaywall } from "../../relayer/src/gateway/access/x402.ts";
import { paymentCounts } from "../../relayer/src/ledger/payments.ts";
import { countReceipts } from "../../relayer/src/ledger/receipts.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import type { Services } from "../../relayer/src/services.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { startFacilitator, type TestFacilitator } from "./facilitator.ts";
import { eventually, localConfig, REQUESTER, sampleInput, silentLogger } from "./local-relayer.ts";
import { question, startOpenAiWorld } from "./openai-stack.ts";
import { ASSET, http, NETWORK, PAYEE, type Pay, PRICE, paying, takePayments, termsOf } from "./payer.ts";

describe("gateway with payments", () => {
  let stack: LocalStack;
  let facilitator: TestFacilitator;
  let relayer: RunningRelayer;
  const payer = new Wallet(`0x${"51".repeat(32)}`);

  before(async () => {
    [stack, facilitator] = await Promise.all([startLocalStack(), startFacilitator(NETWORK)]);
    relayer = await startRelayer(
      await localConfig(stack, ({ gateway }) => takePayments(gateway, facilitator.url)),
      {
        logger: silentLogger,
      },
    );
  });

  afterEach(() => Object.assign(facilitator.conduct, { settle: "pay", verify: "judge" }));

  after(async () => {
    await relayer?.stop();
    facilitator?.close();
    await stack?.chain.close();
  });

  function ask(seed: number, headers: Record<string, string> = {}, url = relayer.url): Promise<Response> {
    return fetch(new URL("/v1/infer/tiny_mlp", url), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ input: sampleInput(seed), requester: REQUESTER }),
    });
  }

  async function payFor(seed: number, pay = paying(payer)) {
    return pay(await termsOf(await ask(seed)));
  }

  interface Answer {
    receipt: { claimId: Hex; claim: { requestId: Hex } };
    error?: { code: string; message: string };
  }

  const codeOf = async (response: Response) => ((await response.json()) as Answer).error?.code;

  it("says what an answer costs in x402's own words, and gives none", async () => {
    const receipts = await countReceipts(relayer.ledger);
    const refused = await ask(1);
    assert.equal(refused.headers.get("cache-control"), "no-store");
    assert.equal(await codeOf(refused.clone()), "MT-ACC-004");
    const { x402Version, accepts, resource, extensions } = await termsOf(refused);
    assert.equal(x402Version, 2);
    assert.equal(resource?.url, new URL("/v1/infer/tiny_mlp", relayer.url).href);
    assert.ok(extensions?.["payment-identifier"]);
    assert.equal(accepts.length, 1);
    const [{ scheme, network, amount, asset, payTo } = assert.fail()] = accepts;
    assert.deepEqual([scheme, network, amount, asset, payTo], ["exact", NETWORK, PRICE, ASSET, PAYEE]);
    assert.equal(await countReceipts(relayer.ledger), receipts);
    const { data } = (await (await fetch(new URL("/v1/models", relayer.url))).json()) as {
      data: { meantime: { price: unknown } }[];
    };
    assert.deepEqual(data[0]?.meantime.price, { amount: PRICE, asset: ASSET, network: NETWORK });
  });

  it("answers who pays, with the receipt of the payment; the same payment buys the same answer, once", async () => {
    const header = await payFor(2);
    const settled = facilitator.asked.settle;
    const receipts = await countReceipts(relayer.ledger);
    const answered = await ask(2, header);
    assert.equal(answered.status, 200);
    assert.equal(answered.headers.get("meantime-payment"), "settled");
    const { success, transaction } = http().getPaymentSettleResponse((name) => answered.headers.get(name));
    assert.deepEqual([success, transaction], [true, `0x${"7a".repeat(32)}`]);
    const first = await answered.json();
    const again = await ask(2, header);
    assert.equal(again.status, 200);
    assert.deepEqual(await again.json(), first);
    assert.equal(facilitator.asked.settle, settled + 1);
    assert.equal(await countReceipts(relayer.ledger), receipts + 1);
    const other = await ask(3, header);
    assert.equal(other.status, 409);
    assert.equal(await codeOf(other), "MT-ACC-007");
    const renamed = await ask(2, { ...header, "idempotency-key": "another-name" });
    assert.equal(await codeOf(renamed), "MT-ACC-007");
    assert.equal(await countReceipts(relayer.ledger), receipts + 1);
  });

  it("gives nothing to who knows a payment's payer and nonce, and not what signs it", async () => {
    const header = await payFor(18);
    assert.equal((await ask(18, header)).status, 200);
    const stranger = await payFor(18, paying(new Wallet(`0x${"53".repeat(32)}`)));
    const read = ({ "PAYMENT-SIGNATURE": text = "" }: Record<string, string>) =>
      JSON.parse(Buffer.from(text, "base64").toString()) as { payload: { signature: string } };
    const paid = read(header);
    paid.payload.signature = read(stranger).payload.signature;
    const forged = Buffer.from(JSON.stringify(paid)).toString("base64");
    assert.equal(await codeOf(await ask(18, { "payment-signature": forged })), "MT-ACC-006");
    assert.equal((await ask(18, header)).status, 200);
  });

  it("has a price for a path that cannot be decoded", async () => {
    const response = await fetch(new URL("/v1/infer/%E0%A4%A", relayer.url), { method: "POST", body: "{}" });
    assert.equal(await codeOf(response), "MT-ACC-004");
  });

  it("takes one payment for one request when many come at once", async () => {
    const header = await payFor(4);
    const settled = facilitator.asked.settle;
    const receipts = await countReceipts(relayer.ledger);
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) => ask(at % 2 === 0 ? 4 : 5, header)),
    );
    const given = new Set<string>();
    for (const answer of answers) {
      if (answer.status === 200) given.add(((await answer.json()) as Answer).receipt.claimId);
      else assert.match((await codeOf(answer)) ?? "", /^MT-ACC-(007|011)$/);
    }
    assert.equal(given.size, 1);
    assert.equal(facilitator.asked.settle, settled + 1);
    assert.equal(await countReceipts(relayer.ledger), receipts + 1);
  });

  it("takes a payment's identifier as the name of its request, whichever authorisation comes with it", async () => {
    const identifier = `order_${"0".repeat(20)}`;
    const first = await ask(6, await payFor(6, paying(payer, identifier)));
    assert.equal(first.status, 200);
    const settled = facilitator.asked.settle;
    const again = await ask(6, await payFor(6, paying(payer, identifier)));
    assert.equal(again.status, 200);
    assert.deepEqual(await again.json(), await first.json());
    assert.equal(facilitator.asked.settle, settled);
    const other = await ask(7, await payFor(7, paying(payer, identifier)));
    assert.equal(await codeOf(other), "MT-ACC-007");
    // Another payer's names are its own.
    const stranger = await ask(6, await payFor(6, paying(new Wallet(`0x${"52".repeat(32)}`), identifier)));
    assert.equal(stranger.status, 200);
    assert.equal(facilitator.asked.settle, settled + 1);
  });

  const wrong: [what: string, code: string, () => Pay][] = [
    [
      "another amount",
      "MT-ACC-005",
      () => paying(payer, undefined, ({ accepted }) => Object.assign(accepted, { amount: "1" })),
    ],
    [
      "another payee",
      "MT-ACC-005",
      () => paying(payer, undefined, ({ accepted }) => Object.assign(accepted, { payTo: ASSET })),
    ],
    [
      "another version",
      "MT-ACC-004",
      () => paying(payer, undefined, (paid) => Object.assign(paid, { x402Version: 1 })),
    ],
    ["nothing that can be read", "MT-ACC-005", () => async () => ({ "payment-signature": "e30" })],
    [
      "a signature of somebody else",
      "MT-ACC-006",
      () => async (required) => {
        const [{ "PAYMENT-SIGNATURE": header = "" }, { "PAYMENT-SIGNATURE": other = "" }] = await Promise.all(
          [paying(payer)(required), paying(new Wallet(`0x${"53".repeat(32)}`))(required)],
        );
        const read = (text: string) =>
          JSON.parse(Buffer.from(text, "base64").toString()) as { payload: { signature: string } };
        const forged = read(header);
        forged.payload.signature = read(other).payload.signature;
        return { "payment-signature": Buffer.from(JSON.stringify(forged)).toString("base64") };
      },
    ],
  ];
  for (const [what, code, pay] of wrong) {
    it(`refuses a payment with ${what}, gives no answer and says the terms again`, async () => {
      const receipts = await countReceipts(relayer.ledger);
      const { settle } = facilitator.asked;
      const refused = await ask(8, await payFor(8, pay()));
      assert.equal(await codeOf(refused.clone()), code);
      assert.equal((await termsOf(refused)).accepts.length, 1);
      assert.deepEqual([await countReceipts(relayer.ledger), facilitator.asked.settle], [receipts, settle]);
    });
  }

  it("does not settle the payment of a request that it refuses, which is free for another one", async () => {
    const { settle } = facilitator.asked;
    const header = await payFor(9, paying(payer, "order_of_a_request_to_correct"));
    const refused = await fetch(new URL("/v1/infer/tiny_mlp", relayer.url), {
      ...{ method: "POST", headers: { "content-type": "application/json", ...header } },
      body: "{}",
    });
    assert.equal(refused.status, 422);
    assert.equal(facilitator.asked.settle, settle);
    assert.equal((await paymentCounts(relayer.ledger)).released, 1);
    assert.equal((await ask(9, header)).headers.get("meantime-payment"), "settled");
    assert.equal(await codeOf(await ask(8, header)), "MT-ACC-007");
    assert.equal((await paymentCounts(relayer.ledger)).released, 0);
  });

  it("takes another payment under an identifier whose first one failed, for the same request", async () => {
    const pay = paying(payer, "order_whose_first_payment_fails");
    facilitator.conduct.settle = "refuse";
    assert.equal(await codeOf(await ask(16, await payFor(16, pay))), "MT-ACC-008");
    facilitator.conduct.settle = "pay";
    // The identifier names the request, paid or not.
    assert.equal(await codeOf(await ask(17, await payFor(17, pay))), "MT-GW-009");
    assert.equal((await ask(16, await payFor(16, pay))).headers.get("meantime-payment"), "settled");
  });

  it("withholds the answer where the payment failed for certain", async () => {
    facilitator.conduct.settle = "refuse";
    const header = await payFor(10);
    const refused = await ask(10, header);
    assert.equal(await codeOf(refused.clone()), "MT-ACC-008");
    assert.equal(refused.headers.get("meantime-payment"), null);
    assert.equal(http().getPaymentSettleResponse((name) => refused.headers.get(name)).success, false);
    const { resource } = await termsOf(refused);
    assert.equal(resource?.url, new URL("/v1/infer/tiny_mlp", relayer.url).href);
    const { failed } = await paymentCounts(relayer.ledger);
    facilitator.conduct.settle = "pay";
    assert.equal((await ask(10, header)).status, 200);
    assert.equal((await paymentCounts(relayer.ledger)).failed, failed - 1);
  });

  for (const conduct of ["pay-and-hang", "pay-and-break", "not-sure", "too-late"] as const) {
    it(`gives answer and receipt where the outcome of settling is unknown (${conduct}), and keeps the payment as pending`, async () => {
      const { pending } = await paymentCounts(relayer.ledger);
      facilitator.conduct.settle = conduct;
      const header = await payFor(11);
      const answered = await ask(11, header);
      assert.equal(answered.status, 200);
      assert.equal(answered.headers.get("meantime-payment"), "pending");
      const first = (await answered.json()) as Answer;
      assert.ok(first.receipt.claimId);
      assert.equal((await paymentCounts(relayer.ledger)).pending, pending + 1);
      const { settle } = facilitator.asked;
      assert.deepEqual(await (await ask(11, header)).json(), first);
      assert.equal(facilitator.asked.settle, settle);
      const { payments } = (await (await fetch(new URL("/v1/status", relayer.url))).json()) as {
        payments: { pending: number };
      };
      assert.equal(payments.pending, pending + 1);
      const metrics = await (await fetch(new URL("/metrics", relayer.url))).text();
      assert.match(metrics, new RegExp(`meantime_gateway_payments_pending ${pending + 1}\n`));
    });
  }

  it("asks again for what became of a payment, and believes success alone", async () => {
    facilitator.conduct.settle = "not-sure";
    assert.equal((await ask(12, await payFor(12))).headers.get("meantime-payment"), "pending");
    const { auth } = (await localConfig(stack, ({ gateway }) => takePayments(gateway, facilitator.url)))
      .gateway;
    assert.ok(auth.mode === "x402");
    const paywall = createPaywall(
      { ledger: relayer.ledger, logger: silentLogger } as unknown as Services,
      auth,
      () => undefined,
    );
    const makeDue = () =>
      relayer.ledger.transaction((tx) =>
        tx
          .updateTable("payments")
          .set({ next_try_at_milliseconds: 0 })
          .where("state", "=", "pending")
          .execute(),
      );
    await makeDue();
    await paywall.reconcile();
    const before = await paymentCounts(relayer.ledger);
    facilitator.conduct.settle = "pay";
    await makeDue();
    await paywall.reconcile();
    const after = await paymentCounts(relayer.ledger);
    // Those that were paid without a word are refused as used, which does not say by whom: they stay as they are.
    assert.ok(after.settled > before.settled && after.pending > 0 && after.failed === before.failed);
    assert.equal(after.settled + after.pending, before.settled + before.pending);
  });

  it("promises no more to a payer than so many answers whose payments fail, one after the other or at once", async () => {
    const poor = paying(new Wallet(`0x${"54".repeat(32)}`));
    const receipts = await countReceipts(relayer.ledger);
    Object.assign(facilitator.conduct, { settle: "refuse" });
    const codes: (string | undefined)[] = [];
    for (let seed = 40; seed < 44; seed++)
      codes.push(await codeOf(await ask(seed, await payFor(seed, poor))));
    const seeds = Array.from({ length: 20 }, (_, at) => 44 + at);
    const headers = await Promise.all(seeds.map((seed) => payFor(seed, poor)));
    const answers = await Promise.all(seeds.map((seed, at) => ask(seed, headers[at])));
    for (const answer of answers) codes.push(await codeOf(answer));
    const counted = (code: string) => codes.filter((each) => each === code).length;
    assert.deepEqual([counted("MT-ACC-008"), counted("MT-ACC-016"), codes.length], [16, 8, 24]);
    assert.equal(await countReceipts(relayer.ledger), receipts + 16);
    Object.assign(facilitator.conduct, { settle: "pay" });
    assert.equal((await ask(70, await payFor(70))).status, 200, "others are not held to account for it");
  });

  it("takes the same payment later that came too early for its payer's limit", async () => {
    const config = await localConfig(stack, ({ gateway }) => {
      takePayments(gateway, facilitator.url);
      gateway.rateLimit = { burst: 1, perKeyPerMinute: 12, attestationsPerMinute: 30 };
    });
    const limited = await startRelayer(config, { logger: silentLogger });
    try {
      const pay = async (seed: number) => paying(payer)(await termsOf(await ask(seed, {}, limited.url)));
      const [first, second] = [await pay(18), await pay(19)];
      assert.equal((await ask(18, first, limited.url)).status, 200);
      const early = await ask(19, second, limited.url);
      assert.deepEqual([early.status, await codeOf(early)], [429, "MT-ACC-003"]);
      assert.ok(Number(early.headers.get("retry-after")) > 0);
      const { held, released } = await paymentCounts(limited.ledger);
      assert.deepEqual([held, released], [0, 1]);
      const later = await eventually("the payer's next turn", async () => {
        const answered = await ask(19, second, limited.url);
        return answered.status === 429 ? undefined : answered;
      });
      assert.equal(later.headers.get("meantime-payment"), "settled", await later.clone().text());
    } finally {
      await limited.stop();
    }
  });

  it("says so when the facilitator is out of reach, and takes nothing", async () => {
    const header = await payFor(13);
    facilitator.conduct.verify = "down";
    const receipts = await countReceipts(relayer.ledger);
    const refused = await ask(13, header);
    assert.equal(refused.status, 503);
    assert.equal(await codeOf(refused), "MT-ACC-012");
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.equal(await countReceipts(relayer.ledger), receipts);
    facilitator.conduct.verify = "judge";
    assert.equal((await ask(13, header)).status, 200);
  });

  it("takes Permit2's authorisations too", async () => {
    const config = await localConfig(stack, ({ gateway }) =>
      takePayments(gateway, facilitator.url, "permit2"),
    );
    const second = await startRelayer(config, { logger: silentLogger });
    try {
      const header = await paying(payer)(await termsOf(await ask(14, {}, second.url)));
      const answered = await ask(14, header, second.url);
      assert.equal(answered.status, 200, await answered.clone().text());
      assert.equal(answered.headers.get("meantime-payment"), "settled");
      assert.equal((await ask(14, header, second.url)).status, 200);
      assert.equal(await codeOf(await ask(15, header, second.url)), "MT-ACC-007");
    } finally {
      await second.stop();
    }
  });

  it("takes payments for streams: settled before the first byte, and the same payment gets the same answer", async () => {
    const world = await startOpenAiWorld(({ gateway }) => takePayments(gateway, facilitator.url));
    try {
      const chat = (headers: Record<string, string> = {}) =>
        world.post("/v1/chat/completions", question("Say one word.", { stream: true }), { headers });
      const terms = await termsOf(await chat());
      assert.equal(terms.accepts[0]?.amount, "7");
      assert.equal(world.upstream.requests.length, 0);
      const header = await paying(payer)(terms);
      const receiptOf = async (answered: Response) => {
        assert.equal(answered.headers.get("meantime-payment"), "settled");
        const events = createEventReader().push(await answered.text());
        assert.equal(events.at(-1), STREAM_END);
        return (JSON.parse(events.at(-2) ?? "") as Answer).receipt;
      };
      const settled = facilitator.asked.settle;
      const receipt = await receiptOf(await chat(header));
      assert.ok(receipt.claimId);
      assert.deepEqual(await receiptOf(await chat(header)), receipt);
      assert.equal(world.upstream.requests.length, 1);
      assert.equal(facilitator.asked.settle, settled + 1);
      facilitator.conduct.settle = "refuse";
      const refused = await chat(await paying(payer)(terms));
      assert.equal(await codeOf(refused), "MT-ACC-008");
    } finally {
      await world.close();
    }
  });

  it("counts what became of payments", async () => {
    const metrics = await eventually("metrics", async () =>
      (await fetch(new URL("/metrics", relayer.url))).text(),
    );
    for (const state of ["held", "pending", "settled", "failed", "released"])
      assert.match(metrics, new RegExp(`meantime_gateway_payments_total\\{state="${state}"\\} [1-9]`));
  });
});
