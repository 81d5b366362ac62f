// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { connectChain } from "@meantime/sdk/chain/chain";
import { httpProvider } from "@meantime/sdk/chain/provider";
import type { Claim } from "@meantime/sdk/claim";
import { getClaim, getReceipt, infer } from "@meantime/sdk/client";
import { commitInput, commitLabel } from "@meantime/sdk/commitment";
import { MeantimeError } from "@meantime/sdk/errors";
import type { Hex } from "@meantime/sdk/hex";
import { receiptToJson, signReceipt } from "@meantime/sdk/receipt";
import { addressOf } from "@meantime/sdk/signature";
import { id } from "ethers";
import { startNode } from "./chain-node.ts";
import { randomAddress, randomClaim, testDomain } from "./samples.ts";

const privateKey = id("gateway key") as Hex;
const model = { name: "tiny", id: `${id("model").slice(0, -2)}01` as Hex, inputBits: 4, classes: 10 };
const policyId = `${id("policy").slice(0, -2)}01` as Hex;
const operator = randomAddress();
const requester = randomAddress();
const input = [1, 2, 3];

/** What a gateway under test answers to a request body; it is wrapped in a real HTTP server. */
type Answer = { status: number; body: string };
let respond: (body: { requestId: Hex; salt: Hex }) => Answer;
let server: Server;
let baseUrl: string;

before(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { status, body } = respond(JSON.parse(Buffer.concat(chunks).toString() || "{}"));
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => server.close());

describe("infer", () => {
  it("returns an answer whose receipt fits what was sent and received", async () => {
    respond = (body) => answerWith(honestClaim(body));
    const { label, logits, receipt } = await ask();
    assert.equal(label, 7);
    assert.deepEqual(logits, [0, 1]);
    assert.equal(receipt.claim.requester, requester);
  });

  it("throws away an answer whose receipt differs in any field from what was asked or answered", async () => {
    const fields: (keyof Claim)[] = [
      "modelId",
      "policyId",
      "operator",
      "requester",
      "requestId",
      "inputHash",
      "outputHash",
    ];
    for (const field of fields) {
      respond = (body) => answerWith({ ...honestClaim(body), [field]: randomClaim()[field] });
      await assert.rejects(
        ask(),
        (error) => isError(error, "MT-SDK-111") && error.details.field === field,
        field,
      );
    }
  });

  it("throws away an answer that the receipt does not commit to, and a receipt of a foreign key", async () => {
    respond = (body) => answerWith(honestClaim(body), { label: 8 });
    await assert.rejects(
      ask(),
      (error) => isError(error, "MT-SDK-111") && error.details.field === "outputHash",
    );
    respond = (body) => answerWith(honestClaim(body), { key: id("thief") as Hex });
    await assert.rejects(ask(), (error) => isError(error, "MT-SDK-115"));
    respond = (body) => answerWith({ ...honestClaim(body), commitBy: 2_000_000_000n });
    await assert.rejects(ask(), (error) => isError(error, "MT-SDK-113"));
  });

  it("throws away a receipt dated so that its promise never comes due, where the holder gives its clock", async () => {
    const nowSeconds = 1_800_000_100n;
    respond = (body) => answerWith(honestClaim(body));
    assert.equal((await ask({ nowSeconds })).label, 7);
    for (const servedAt of [nowSeconds + 1_000_000n, nowSeconds - 1_000_000n]) {
      respond = (body) => answerWith({ ...honestClaim(body), servedAt, commitBy: servedAt + 600n });
      await assert.rejects(ask({ nowSeconds }), (error) => isError(error, "MT-SDK-114"));
    }
  });

  it("goes by the chain, where it is given: the key's time, the policy accepted and open, the clock", async () => {
    const servedAt = 1_800_000_000n;
    const facts = { validUntil: servedAt + 1n, acceptedAt: servedAt, closedAt: 0n, now: servedAt };
    const asked: unknown[] = [];
    const noted = (of: unknown[], answer: unknown[]) => {
      asked.push(...of);
      return answer;
    };
    const node = await startNode(
      {
        RECEIPTS: () => [randomAddress()],
        POLICIES: () => [randomAddress()],
        receiptKeyOf: (...of) => noted(of, [1n, facts.validUntil]),
        acceptedAtOf: (...of) => noted(of, [facts.acceptedAt]),
        closedAtOf: (...of) => noted(of, [facts.closedAt]),
      },
      () => facts.now,
    );
    try {
      const chain = await connectChain(httpProvider(node.url), testDomain);
      const gateway = { baseUrl, trust: { chain } };
      const request = { model, input, requester, policyId, operator };
      respond = (body) => answerWith(honestClaim(body));
      assert.equal((await infer(gateway, request)).label, 7);
      assert.deepEqual(
        asked.map((one) => String(one).toLowerCase()).sort(),
        [operator, addressOf(privateKey), operator, policyId, policyId].sort(),
      );
      for (const [change, code] of [
        [{ validUntil: servedAt }, "MT-SDK-117"],
        [{ acceptedAt: servedAt + 1n }, "MT-SDK-116"],
        [{ acceptedAt: 0n }, "MT-SDK-116"],
        [{ closedAt: servedAt }, "MT-SDK-118"],
        [{ now: servedAt + 601n }, "MT-SDK-114"],
      ] as const) {
        const before = { ...facts };
        Object.assign(facts, change);
        await assert.rejects(infer(gateway, request), (error) => isError(error, code), code);
        Object.assign(facts, before);
      }
    } finally {
      node.close();
    }
  });

  it("asks again under the same request id and salt, when it is told to", async () => {
    const bodies: string[] = [];
    respond = (body) => {
      bodies.push(JSON.stringify(body));
      return bodies.length < 3 ? { status: 503, body: "{}" } : answerWith(honestClaim(body));
    };
    const patience = { retries: 2, retryDelayMs: 0 };
    const request = { model, input, requester, policyId, operator };
    assert.equal((await infer({ baseUrl, trust: trust(), patience }, request)).label, 7);
    assert.deepEqual([bodies.length, new Set(bodies).size], [3, 1]);
    const stopped = { ...patience, signal: AbortSignal.abort() };
    await assert.rejects(infer({ baseUrl, trust: trust(), patience: stopped }, request), (error) =>
      isError(error, "MT-SDK-504"),
    );
  });

  it("hands on the server's code and hint", async () => {
    const error = {
      code: "MT-GW-005",
      message: "there is no such model here",
      hint: "This relayer serves: tiny.",
    };
    respond = () => ({ status: 404, body: JSON.stringify({ error }) });
    await assert.rejects(
      ask(),
      (thrown) =>
        isError(thrown, "MT-SDK-503") &&
        thrown.hint === error.hint &&
        thrown.details.serverCode === error.code &&
        thrown.details.status === 404,
    );
  });

  it("reports a refusal in a form that is not the protocol's as a refusal", async () => {
    for (const error of ["boom", null, ["boom"], 7, undefined]) {
      respond = () => ({ status: 500, body: JSON.stringify({ error }) });
      await assert.rejects(
        ask(),
        (thrown) => isError(thrown, "MT-SDK-503") && thrown.details.status === 500 && thrown.hint.length > 0,
        String(error),
      );
    }
  });

  it("has a code for an answer that breaks off", async () => {
    const broken = createServer((_, response) => {
      response.writeHead(200, { "content-length": 1000 });
      response.write('{"output":', () => response.destroy());
    });
    await once(broken.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
    try {
      await assert.rejects(
        infer({ baseUrl: url, trust: trust() }, { model, input, requester, policyId, operator }),
        (error) => isError(error, "MT-SDK-501") && error.cause !== undefined,
      );
    } finally {
      broken.close();
    }
  });

  it("recognises what is no gateway, and none at all", async () => {
    for (const body of ["<html>", "[]", "", '{"output":{}}', '{"output":{"label":"7","logits":[]}}']) {
      respond = () => ({ status: 200, body });
      await assert.rejects(
        ask(),
        (error) => error instanceof MeantimeError && /^MT-SDK-(502|004)$/.test(error.code),
        body,
      );
    }
    const gateway = { baseUrl: "http://127.0.0.1:1", trust: trust() };
    await assert.rejects(
      infer(gateway, { model, input, requester, policyId, operator }),
      (error) => isError(error, "MT-SDK-501") && error.cause !== undefined,
    );
  });
});

describe("getClaim and getReceipt", () => {
  it("read a claim before and after it is in a batch", async () => {
    const receipt = signReceipt(privateKey, randomClaim(), testDomain);
    const json = receiptToJson(receipt);
    const served = { claimId: receipt.claimId, status: "Served", claim: json.claim };
    respond = () => ({ status: 200, body: JSON.stringify(served) });
    assert.deepEqual(await getClaim({ baseUrl }, receipt.claimId), { ...served, claim: receipt.claim });
    for (const status of ["Settled", "toString", "__proto__"]) {
      respond = () => ({ status: 200, body: JSON.stringify({ ...served, status }) });
      await assert.rejects(getClaim({ baseUrl }, receipt.claimId), (error) => isError(error, "MT-SDK-502"));
    }
    respond = () => ({ status: 200, body: JSON.stringify({ receipt: json }) });
    assert.deepEqual(await getReceipt({ baseUrl }, receipt.claimId), receipt);
  });

  it("are about the claim that was asked for", async () => {
    const receipt = signReceipt(privateKey, randomClaim(), testDomain);
    const json = receiptToJson(receipt);
    const asked = signReceipt(privateKey, randomClaim(), testDomain).claimId;
    const other = { claimId: receipt.claimId, status: "Served", claim: json.claim, receipt: json };
    respond = () => ({ status: 200, body: JSON.stringify(other) });
    await assert.rejects(getClaim({ baseUrl }, asked), (error) => isError(error, "MT-SDK-502"));
    await assert.rejects(getReceipt({ baseUrl }, asked), (error) => isError(error, "MT-SDK-502"));
  });
});

function ask(clock: { nowSeconds?: bigint } = {}) {
  return infer({ baseUrl, trust: { ...trust(), ...clock } }, { model, input, requester, policyId, operator });
}

function trust() {
  return { domain: testDomain, receiptKeys: [addressOf(privateKey)] };
}

function honestClaim({ requestId, salt }: { requestId: Hex; salt: Hex }): Claim {
  return {
    ...{ modelId: model.id, policyId, operator, requester, requestId },
    inputHash: commitInput({ bits: model.inputBits, elements: input, salt }),
    outputHash: commitLabel(7, model.classes),
    servedAt: 1_800_000_000n,
    commitBy: 1_800_000_600n,
  };
}

function answerWith(
  claim: Claim,
  { label = 7, key = privateKey }: { label?: number; key?: Hex } = {},
): Answer {
  const receipt = receiptToJson(signReceipt(key, claim, testDomain));
  return { status: 200, body: JSON.stringify({ output: { label, logits: [0, 1] }, receipt }) };
}

function isError(error: unknown, code: string): error is MeantimeError {
  return error instanceof MeantimeError && error.code === code;
}
