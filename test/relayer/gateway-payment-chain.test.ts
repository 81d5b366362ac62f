// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, afterEach, before, describe, it } from "node:test";
import type { Hex } from "@meantime/sdk/hex";
import { type Signer, Wallet } from "ethers";
import { pino } from "pino";
import type { X402Config } from "../../relayer/src/config/access.ts";
import { loadConfig, type RelayerConfig } from "../../relayer/src/config/load.ts";
import { createPaywall, type Paywall } from "../../relayer/src/gateway/access/x402.ts";
import { type Payment, paymentCounts } from "../../relayer/src/ledger/payments.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import type { Services } from "../../relayer/src/services.ts";
import { type LocalChain, startChain } from "../../scripts/stack/chain.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import type { AuthorizationToken } from "../../types/ethers-contracts/index.ts";
import {
  type Authorization,
  type SignedAuthorization,
  startFacilitator,
  type TestFacilitator,
  TRANSFER_TYPES,
} from "./facilitator.ts";
import {
  localConfig,
  REQUESTER,
  readConfigJson,
  sampleInput,
  silentLogger,
  writeConfig,
} from "./local-relayer.ts";
import { http, PAYEE, PRICE, paying, takePayments, termsOf } from "./payer.ts";

const NETWORK = "eip155:31337";
const NOBODY = "http://127.0.0.1:9";
const ANY_ACCOUNT = 16;

describe("payments on a chain that can be asked", () => {
  let stack: LocalStack;
  let payments: LocalChain;
  let facilitator: TestFacilitator;
  let token: AuthorizationToken;
  let thirdParty: Signer;
  let relayer: RunningRelayer;
  const payer = new Wallet(`0x${"61".repeat(32)}`);
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });

  before(async () => {
    [stack, facilitator] = await Promise.all([startLocalStack(), startFacilitator(NETWORK)]);
    // Of its own: that of the claims is days ahead of the clock by which payments are signed.
    payments = await startChain();
    const { ethers } = payments.connection;
    thirdParty = (await ethers.getSigners())[ANY_ACCOUNT] ?? assert.fail();
    const deployed = await ethers.deployContract(
      "AuthorizationToken",
      ["Test Dollar", "TUSD", "2"],
      thirdParty,
    );
    token = deployed as unknown as AuthorizationToken;
    await (await token.mint(payer.address, 1_000_000n)).wait();
    relayer = await startRelayer(await configOf([payments.url]), { logger });
  });

  afterEach(() => Object.assign(facilitator.conduct, { settle: "pay", verify: "judge" }));

  after(async () => {
    await relayer?.stop();
    facilitator?.close();
    await payments?.close();
    await stack?.chain.close();
  });

  function configOf(rpcUrls: string[], facilitatorTimeoutMilliseconds = 30_000): Promise<RelayerConfig> {
    return localConfig(stack, ({ gateway }) => {
      takePayments(gateway, facilitator.url);
      const { auth } = gateway;
      assert.ok(auth.mode === "x402");
      const address = token.target.toString().toLowerCase() as Hex;
      const asset = { ...auth.asset, address };
      Object.assign(auth, { network: NETWORK, asset, rpcUrls, facilitatorTimeoutMilliseconds });
    });
  }

  function ask(seed: number, headers: Record<string, string> = {}, url = relayer.url): Promise<Response> {
    return fetch(new URL("/v1/infer/tiny_mlp", url), {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ input: sampleInput(seed), requester: REQUESTER }),
    });
  }

  const payFor = async (seed: number, url = relayer.url) =>
    paying(payer)(await termsOf(await ask(seed, {}, url)));

  const domain = async () => ({
    ...{ name: "Test Dollar", version: "2", chainId: 31_337 },
    verifyingContract: await token.getAddress(),
  });

  async function cancel({ from, nonce }: Authorization): Promise<void> {
    const types = {
      CancelAuthorization: [
        { name: "authorizer", type: "address" },
        { name: "nonce", type: "bytes32" },
      ],
    };
    const signature = await payer.signTypedData(await domain(), types, { authorizer: from, nonce });
    await (await token.cancelAuthorization(from, nonce, signature)).wait();
  }

  async function signed(authorization: Authorization): Promise<string> {
    return payer.signTypedData(await domain(), TRANSFER_TYPES, { ...authorization });
  }

  async function send(authorization: Authorization, signature: string): Promise<string> {
    const sent = await token.transferWithAuthorization({ ...authorization }, signature);
    return (await sent.wait())?.hash ?? assert.fail();
  }

  function read({ "PAYMENT-SIGNATURE": text = "" }: Record<string, string>) {
    const { payload } = JSON.parse(Buffer.from(text, "base64").toString()) as {
      payload: SignedAuthorization;
    };
    return payload;
  }

  interface Answer {
    receipt?: { claimId: Hex };
    error?: { code: string; message: string };
  }

  const errorOf = async (response: Response) => ((await response.json()) as Answer).error;

  async function lastPayment({ ledger } = relayer): Promise<Payment> {
    return ledger
      .selectFrom("payments")
      .selectAll()
      .orderBy("created_at_milliseconds", "desc")
      .limit(1)
      .executeTakeFirstOrThrow();
  }

  /** Asks for what is not certain yet, as the relayer does from time to time. */
  async function lookAgain({ ledger } = relayer): Promise<void> {
    const { auth } = (await configOf([payments.url])).gateway;
    await makeDue(ledger);
    await paywallOf({ ledger, logger }, auth as X402Config).reconcile();
  }

  function paywallOf(services: Pick<Services, "ledger" | "logger">, auth: X402Config): Paywall {
    return createPaywall(services as Services, auth, () => undefined);
  }

  async function makeDue(ledger: RunningRelayer["ledger"]): Promise<void> {
    await ledger.transaction((tx) =>
      tx
        .updateTable("payments")
        .set({ next_try_at_milliseconds: 0 })
        .where("state", "in", ["pending", "failed"])
        .where("next_try_at_milliseconds", "<", Number.MAX_SAFE_INTEGER)
        .execute(),
    );
  }

  it("takes what the facilitator sends", async () => {
    facilitator.conduct.settle = async ({ authorization, signature }) => ({
      transaction: await send(authorization, signature),
    });
    const before = await token.balanceOf(PAYEE);
    const answered = await ask(1, await payFor(1));
    assert.equal(answered.headers.get("meantime-payment"), "settled");
    assert.equal((await token.balanceOf(PAYEE)) - before, BigInt(PRICE));
  });

  for (const said of [
    "invalid_exact_evm_nonce_already_used",
    "invalid_exact_evm_transaction_failed",
    "timeout",
  ]) {
    it(`withholds the answer when the payer cancels between check and settlement (${said})`, async () => {
      const { failed, pending } = await paymentCounts(relayer.ledger);
      facilitator.conduct.settle = async ({ authorization, signature }) => {
        await cancel(authorization);
        await assert.rejects(send(authorization, signature), /AuthorizationSpent/);
        return said;
      };
      const refused = await ask(2, await payFor(2));
      assert.equal(refused.status, 402);
      assert.equal(refused.headers.get("meantime-payment"), null);
      assert.equal(refused.headers.get("meantime-claim-id"), null);
      assert.equal(http().getPaymentSettleResponse((name) => refused.headers.get(name)).success, false);
      const error = await errorOf(refused);
      assert.equal(error?.code, "MT-ACC-008");
      assert.match(error?.message ?? "", /its payer cancelled it/);
      const counts = await paymentCounts(relayer.ledger);
      assert.deepEqual([counts.failed, counts.pending], [failed + 1, pending]);
    });

    it(`counts a payment that somebody else sent first as settled (${said})`, async () => {
      const { failed, settled } = await paymentCounts(relayer.ledger);
      const before = await token.balanceOf(PAYEE);
      let transaction = "";
      facilitator.conduct.settle = async ({ authorization, signature }) => {
        transaction = await send(authorization, signature);
        await assert.rejects(send(authorization, signature), /AuthorizationSpent/);
        return said;
      };
      const header = await payFor(3);
      const answered = await ask(3, header);
      assert.equal(answered.status, 200, await answered.clone().text());
      assert.equal(answered.headers.get("meantime-payment"), "settled");
      const told = http().getPaymentSettleResponse((name) => answered.headers.get(name));
      assert.deepEqual([told.success, told.transaction], [true, transaction]);
      assert.equal((await token.balanceOf(PAYEE)) - before, BigInt(PRICE));
      const { state, transaction_hash } = await lastPayment();
      assert.deepEqual([state, transaction_hash], ["settled", transaction]);
      const counts = await paymentCounts(relayer.ledger);
      assert.deepEqual([counts.failed, counts.settled], [failed, settled + 1]);
      assert.deepEqual(await (await ask(3, header)).json(), await answered.json());
    });
  }

  it("withholds the answer from who spends the nonce on himself, beside a transfer to the payee for another nonce", async () => {
    const header = await payFor(4);
    const other = read(await payFor(5));
    facilitator.conduct.settle = async ({ authorization }) => {
      const toHimself = { ...authorization, to: payer.address };
      const pairs = [
        [toHimself, await signed(toHimself)],
        [other.authorization, other.signature],
      ] as const;
      const sent = await token.transferAllWithAuthorization(
        pairs.map(([given]) => ({ ...given })),
        pairs.map(([, signature]) => signature),
      );
      await sent.wait();
      return "invalid_exact_evm_transaction_failed";
    };
    const refused = await ask(4, header);
    assert.equal(refused.status, 402);
    assert.match((await errorOf(refused))?.message ?? "", /spent its nonce on another payment/);
    // The other one of the same transaction is paid.
    facilitator.conduct.settle = "too-late";
    const paid = await ask(5, encoded(await payFor(5), other));
    assert.equal(paid.headers.get("meantime-payment"), "settled");
  });

  function encoded(header: Record<string, string>, payload: object): Record<string, string> {
    const whole = JSON.parse(Buffer.from(header["PAYMENT-SIGNATURE"] ?? "", "base64").toString()) as object;
    const text = Buffer.from(JSON.stringify({ ...whole, payload })).toString("base64");
    return { "PAYMENT-SIGNATURE": text };
  }

  it("keeps a payment that nobody has made yet as pending, and settles it once somebody does", async () => {
    facilitator.conduct.settle = "not-sure";
    const header = await payFor(6);
    const answered = await ask(6, header);
    assert.equal(answered.headers.get("meantime-payment"), "pending");
    await lookAgain();
    assert.equal((await lastPayment()).state, "pending");
    const { authorization, signature } = read(header);
    const transaction = await send(authorization, signature);
    await lookAgain();
    const { state, transaction_hash } = await lastPayment();
    assert.deepEqual([state, transaction_hash], ["settled", transaction]);
    const again = await ask(6, header);
    assert.equal(again.headers.get("meantime-payment"), "settled");
    assert.deepEqual(await again.json(), await answered.json());
  });

  it("finds that a pending payment was cancelled after its answer, and says so in the log", async () => {
    facilitator.conduct.settle = "not-sure";
    const header = await payFor(7);
    assert.equal((await ask(7, header)).headers.get("meantime-payment"), "pending");
    await cancel(read(header).authorization);
    await lookAgain();
    const { state, reason } = await lastPayment();
    assert.deepEqual([state, reason], ["failed", "its payer cancelled it"]);
    assert.ok(lines.some((line) => line.includes("MT-ACC-018")));
  });

  it("watches a payment that the facilitator refused: once it was made after all, it buys its answer", async () => {
    const { settled } = await paymentCounts(relayer.ledger);
    facilitator.conduct.settle = "refuse";
    const header = await payFor(8);
    assert.equal((await errorOf(await ask(8, header)))?.code, "MT-ACC-008");
    assert.equal((await lastPayment()).state, "failed");
    await lookAgain();
    assert.equal((await lastPayment()).state, "failed");
    const { authorization, signature } = read(header);
    await send(authorization, signature);
    // As its check does from now on.
    facilitator.paid.set(authorization.nonce, payer.address);
    const answered = await ask(8, header);
    assert.equal(answered.status, 200, await answered.clone().text());
    assert.equal(answered.headers.get("meantime-payment"), "settled");
    assert.equal((await paymentCounts(relayer.ledger)).settled, settled + 1);
    assert.equal((await errorOf(await ask(9, header)))?.code, "MT-ACC-007");
  });

  it("calls nothing failed while the chain cannot be asked", async () => {
    const blind = await startRelayer(await configOf([NOBODY], 8_000), { logger: silentLogger });
    try {
      for (const [seed, conduct] of [
        [20, "too-late"],
        [21, "refuse"],
      ] as const) {
        facilitator.conduct.settle = conduct;
        const answered = await ask(seed, await payFor(seed, blind.url), blind.url);
        assert.equal(answered.headers.get("meantime-payment"), "pending");
      }
      const { failed, pending } = await paymentCounts(blind.ledger);
      assert.deepEqual([failed, pending], [0, 2]);
      // One that can be asked finds out.
      facilitator.conduct.settle = "not-sure";
      const { payload: stored } = JSON.parse((await lastPayment(blind)).settlement) as {
        payload: { payload: SignedAuthorization };
      };
      const { authorization, signature } = stored.payload;
      await send(authorization, signature);
      await lookAgain(blind);
      assert.equal((await lastPayment(blind)).state, "settled");
    } finally {
      await blind.stop();
    }
  });

  it("does not take a payment of another chain for one of this", async () => {
    facilitator.conduct.settle = "not-sure";
    const header = await payFor(10);
    assert.equal((await ask(10, header)).headers.get("meantime-payment"), "pending");
    const { id, settlement } = await lastPayment();
    await relayer.ledger.transaction((tx) =>
      tx
        .updateTable("payments")
        .set({ settlement: settlement.replaceAll(NETWORK, "eip155:1") })
        .where("id", "=", id)
        .execute(),
    );
    await cancel(read(header).authorization);
    await lookAgain();
    assert.equal((await lastPayment()).state, "pending");
  });

  it("gives a pending payment up once its authorisation has expired unused, and no sooner", async () => {
    const other = await startRelayer(await configOf([payments.url]), { logger: silentLogger });
    try {
      facilitator.conduct.settle = "not-sure";
      const header = await payFor(11, other.url);
      assert.equal((await ask(11, header, other.url)).headers.get("meantime-payment"), "pending");
      const validBefore = Number(read(header).authorization.validBefore);
      await payments.moveTo(validBefore + 1);
      await lookAgain(other);
      assert.equal((await lastPayment(other)).state, "pending");
      await payments.moveTo(validBefore + 301);
      await lookAgain(other);
      const { state, reason, next_try_at_milliseconds: next } = await lastPayment(other);
      assert.deepEqual([state, reason, next], ["failed", "it expired unused", Number.MAX_SAFE_INTEGER]);
    } finally {
      await other.stop();
    }
  });

  it("refuses nodes for payments that it cannot look up there", async () => {
    const file = await writeConfig(stack);
    const json = await readConfigJson(file);
    const { auth } = (await configOf([payments.url])).gateway as { auth: X402Config };
    const { mode, facilitatorUrl, network, payTo, rpcUrls, prices } = auth;
    const asset = { ...auth.asset, transferMethod: "permit2" };
    Object.assign(json.gateway as object, {
      auth: { mode, facilitatorUrl, network, payTo, rpcUrls, prices, asset },
    });
    await writeFile(file, JSON.stringify(json));
    assert.throws(() => loadConfig(file), /gateway\.auth\.rpcUrls/);
  });
});
