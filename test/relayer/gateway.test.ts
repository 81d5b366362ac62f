// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { batchId, leafHash, openingLeaf, parseBatchHeader } from "@meantime/sdk/batch";
import { infer } from "@meantime/sdk/client";
import { commitInput } from "@meantime/sdk/commitment";
import type { Hex } from "@meantime/sdk/hex";
import { buildMerkleTree, verifyMerkleProof } from "@meantime/sdk/merkle";
import { parseModelSpec } from "@meantime/sdk/model";
import { parseReceipt, verifyReceipt } from "@meantime/sdk/receipt";
import type { RelayerConfig } from "../../relayer/src/config/load.ts";
import { infer as inferHere } from "../../relayer/src/gateway/infer.ts";
import { isPagePath } from "../../relayer/src/gateway/page.ts";
import { countReceipts } from "../../relayer/src/ledger/receipts.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import type { NetworkModel, Services } from "../../relayer/src/services.ts";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import { buildExplorerIfStale } from "../../scripts/explorer/build.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { enrolOperator, localOperator, lowerCase } from "../../scripts/stack/operators.ts";
import { CLAIM_BOND_WEI } from "../../scripts/stack/policies.ts";
import {
  eventually,
  localConfig,
  postInfer,
  registerVariant,
  sampleInput,
  silentLogger,
} from "./local-relayer.ts";

const REQUESTER = `0x${"c0".repeat(20)}` as const;
const REQUEST_ID = `0x${"1d".repeat(32)}` as const;
const POOR_OPERATOR_ACCOUNT = 6;
const NEW_OPERATOR_ACCOUNT = 10;

function idWithKinds(kinds: number): Hex {
  return `0x${"ab".repeat(31)}0${kinds}`;
}

interface ErrorBody {
  error: { code: string; message: string; hint: string };
}

describe("gateway", () => {
  let stack: LocalStack;
  let relayer: RunningRelayer;

  before(async () => {
    await buildExplorerIfStale();
    stack = await startLocalStack();
    const config = await localConfig(stack, ({ commit, gateway }) => {
      commit.maxAgeSeconds = 1;
      gateway.maxBodyBytes = 16_384;
    });
    relayer = await startRelayer(config, { logger: silentLogger });
  });

  after(async () => {
    await relayer?.stop();
    await stack?.chain.close();
  });

  const ask = (change: Record<string, unknown> = {}) =>
    postInfer(relayer.url, { input: sampleInput(1), requester: REQUESTER, ...change });

  const bad: [string, number, string, () => Promise<Response>][] = [
    ["bad JSON", 400, "MT-GW-001", () => postInfer(relayer.url, "{ not json")],
    ["no body", 400, "MT-GW-001", () => postInfer(relayer.url, "")],
    [
      "another content type",
      415,
      "MT-GW-002",
      () => post({ body: "{}", headers: { "content-type": "text/plain" } }),
    ],
    ["an oversized body", 413, "MT-GW-003", () => postInfer(relayer.url, " ".repeat(20_000))],
    ["an oversized body of unknown length", 413, "MT-GW-003", () => post(streamOf(20_000))],
    ["a list instead of an object", 422, "MT-GW-004", () => postInfer(relayer.url, "[]")],
    ["no input", 422, "MT-GW-004", () => ask({ input: undefined })],
    ["an input that is no list", 422, "MT-GW-004", () => ask({ input: "0101" })],
    ["no requester", 422, "MT-GW-004", () => ask({ requester: undefined })],
    ["a short requester", 422, "MT-GW-004", () => ask({ requester: "0x12" })],
    ["a short requestId", 422, "MT-GW-004", () => ask({ requestId: "0x12" })],
    ["a salt over 31 bytes", 422, "MT-GW-004", () => ask({ salt: `0x${"ff".repeat(32)}` })],
    ["an unknown field", 422, "MT-GW-004", () => ask({ polcy: "window" })],
    ["an unknown model", 404, "MT-GW-005", () => postInfer(relayer.url, {}, "gpt_17")],
    ["an unknown policy", 404, "MT-GW-006", () => ask({ policy: "free" })],
    ["too few pixels", 422, "MT-GW-007", () => ask({ input: sampleInput(1).slice(1) })],
    ["too many pixels", 422, "MT-GW-007", () => ask({ input: [...sampleInput(1), 0] })],
    ["a pixel over its range", 422, "MT-GW-007", () => ask({ input: sampleInput(1).with(7, 16) })],
    ["a negative pixel", 422, "MT-GW-007", () => ask({ input: sampleInput(1).with(7, -1) })],
    ["a pixel that is no integer", 422, "MT-GW-007", () => ask({ input: sampleInput(1).with(7, 0.5) })],
    ["a pixel that is no number", 422, "MT-GW-007", () => ask({ input: [...sampleInput(1).slice(1), "3"] })],
    ["another path", 404, "MT-GW-012", () => fetch(new URL("/v1/infer", relayer.url))],
    [
      "a claim that does not exist",
      404,
      "MT-GW-012",
      () => fetch(new URL(`/v1/claims/${REQUEST_ID}`, relayer.url)),
    ],
    [
      "a batch that does not exist",
      404,
      "MT-GW-012",
      () => fetch(new URL(`/v1/batches/${REQUEST_ID}`, relayer.url)),
    ],
    ["an id that is none", 400, "MT-GW-014", () => fetch(new URL("/v1/receipts/0x12", relayer.url))],
  ];
  for (const [what, status, code, request] of bad) {
    it(`refuses ${what} with ${status} ${code} and writes nothing`, async () => {
      const receipts = await countReceipts(relayer.ledger);
      const response = await request();
      const body = (await response.json()) as ErrorBody;
      assert.deepEqual([response.status, body.error.code], [status, code]);
      assert.ok(body.error.message.length > 5 && body.error.hint.length > 5);
      assert.deepEqual(Object.keys(body), ["error"]);
      assert.equal(await countReceipts(relayer.ledger), receipts);
    });
  }

  it("R-58 refuses a policy under which nobody could answer a challenge, and work while the chain is out of reach", async () => {
    const spec = parseModelSpec(JSON.parse(readFileSync(digitModelUrl("spec"), "utf8")));
    const model = { name: spec.name, id: idWithKinds(1), spec, run: () => assert.fail("the model ran") };
    const ask = (kinds: number) => () => {
      const services = {
        policies: [{ name: "any", id: idWithKinds(kinds), terms: { publicData: true } }],
        view: () => undefined,
      };
      const body = { input: sampleInput(1), requester: REQUESTER };
      return inferHere(services as unknown as Services, model as unknown as NetworkModel, body);
    };
    await assert.rejects(ask(2), { status: 422, code: "MT-GW-008" });
    await assert.rejects(ask(3), { status: 503, code: "MT-GW-011", retryAfterSeconds: 5 });
  });

  it("R-58 refuses public data that would not fit on chain when somebody demands to see it", async () => {
    const spec = parseModelSpec(JSON.parse(readFileSync(digitModelUrl("spec"), "utf8")));
    const ask = (length: number, publicData: boolean) => () => {
      const model = { name: "wide", id: idWithKinds(1), spec: { ...spec, inputShape: [length] } };
      const policy = { name: "any", id: idWithKinds(1), terms: { publicData } };
      const services = { policies: [policy], view: () => undefined };
      const body = { input: new Array(length).fill(0), requester: REQUESTER };
      return inferHere(services as unknown as Services, model as unknown as NetworkModel, body);
    };
    await assert.rejects(ask(8_192, true), { status: 422, code: "MT-GW-020" });
    // One byte is the output's. What fits is refused for the next reason: no chain.
    await assert.rejects(ask(8_191, true), { code: "MT-GW-011" });
    await assert.rejects(ask(8_192, false), { code: "MT-GW-011" });
  });

  it("answers with a receipt that the client verifies, stored before the answer arrives", async () => {
    const receipts = await countReceipts(relayer.ledger);
    const { receipt } = await infer(
      {
        baseUrl: relayer.url,
        trust: { domain: stack.domain, receiptKeys: [lowerCase(stack.operator.receiptKey.address)] },
      },
      {
        ...{
          model: { name: "tiny_mlp", id: stack.modelId, inputBits: 4, classes: 10 },
          input: sampleInput(2),
        },
        ...{ requester: REQUESTER, policyId: stack.policyIds.window },
        operator: lowerCase(stack.operator.owner.address),
      },
    );
    assert.equal(await countReceipts(relayer.ledger), receipts + 1);
    assert.equal(receipt.claim.commitBy - receipt.claim.servedAt, 600n);
  });

  it("gives the same answer and receipt to the same request, and 409 to another under its id", async () => {
    const first = await (await ask({ requestId: REQUEST_ID })).json();
    const receipts = await countReceipts(relayer.ledger);
    assert.deepEqual(await (await ask({ requestId: REQUEST_ID })).json(), first);
    assert.deepEqual(
      await (await ask({ requestId: REQUEST_ID.toUpperCase().replace("X", "x") })).json(),
      first,
    );
    const others = [{ input: sampleInput(3) }, { policy: "proof" }, { salt: `0x00${"07".repeat(31)}` }];
    for (const other of others) {
      const response = await ask({ requestId: REQUEST_ID, ...other });
      assert.equal(response.status, 409, JSON.stringify(other).slice(0, 40));
      assert.equal(((await response.json()) as ErrorBody).error.code, "MT-GW-009");
    }
    assert.equal(await countReceipts(relayer.ledger), receipts);
    const elsewhere = await ask({
      requestId: REQUEST_ID,
      requester: `0x${"c1".repeat(20)}`,
      input: sampleInput(3),
    });
    assert.equal(elsewhere.status, 200);
  });

  it("gives one answer to the same request sent many times at once", async () => {
    const requestId = `0x${"2d".repeat(32)}`;
    const receipts = await countReceipts(relayer.ledger);
    const answers = await Promise.all(
      Array.from({ length: 12 }, async () => (await ask({ requestId })).text()),
    );
    assert.equal(new Set(answers).size, 1);
    assert.equal(await countReceipts(relayer.ledger), receipts + 1);
  });

  it("shows a claim's way to the chain as the chain itself sees it, and its batch to watchtowers", async () => {
    const answer = (await (await ask({ policy: stack.policyIds.window })).json()) as { receipt: unknown };
    const { claimId, claim } = parseReceipt(answer.receipt);
    const report = await eventually("the claim to be committed", async () => {
      const json = (await get(`/v1/claims/${claimId}`)) as Record<string, unknown>;
      return json.status === "Committed" ? json : undefined;
    });
    const header = parseBatchHeader(report.header);
    const index = report.index as number;
    const proof = report.proof as Hex[];
    const leaf = leafHash(index, claimId);
    assert.ok(verifyMerkleProof({ root: header.root, count: header.count, index, leaf, proof }));
    const onChain = await stack.deployment.settlement.statusOf(header, claim, index, proof);
    assert.equal(onChain, 1n);

    const path = new URL(`/v1/batches/${report.batchId}`, relayer.url);
    const { headers } = await fetch(path);
    assert.equal(headers.get("etag"), `"${report.batchId}"`);
    assert.match(headers.get("cache-control") ?? "", /max-age=31536000, immutable/);
    const known = await fetch(path, { headers: { "if-none-match": `"other", W/"${report.batchId}"` } });
    assert.deepEqual([known.status, await known.text()], [304, ""]);
    const batch = (await get(`/v1/batches/${report.batchId}`)) as {
      header: unknown;
      claims: { claimId: Hex; opening: { input: string; salt: Hex; output: string } }[];
    };
    assert.equal(batchId(stack.domain, parseBatchHeader(batch.header)), report.batchId);
    const openings = batch.claims.map(({ opening }) => ({
      input: Buffer.from(opening.input, "base64url"),
      salt: opening.salt,
      output: Buffer.from(opening.output, "base64url"),
    }));
    const own = openings[index];
    assert.ok(own);
    assert.equal(
      buildMerkleTree(openings.map((opening, at) => openingLeaf(at, opening))).root,
      header.dataRoot,
    );
    assert.equal(commitInput({ bits: 4, elements: own.input, salt: own.salt }), claim.inputHash);
  });

  it("hands a receipt out again, with what opens it", async () => {
    const answer = (await (await ask()).json()) as { receipt: { claimId: Hex }; opening: { salt: Hex } };
    const again = (await get(`/v1/receipts/${answer.receipt.claimId}`)) as {
      receipt: unknown;
      opening: { salt: Hex; input: string };
    };
    const receipt = parseReceipt(again.receipt);
    verifyReceipt(receipt, {
      domain: stack.domain,
      receiptKeys: [lowerCase(stack.operator.receiptKey.address)],
    });
    assert.equal(again.opening.salt, answer.opening.salt);
    assert.deepEqual([...Buffer.from(again.opening.input, "base64url")], sampleInput(1));
  });

  it("serves the page under a policy that allows no foreign or inline code", async () => {
    const page = await fetch(new URL("/", relayer.url));
    const csp = page.headers.get("content-security-policy") ?? "";
    assert.match(csp, /default-src 'none'/);
    assert.doesNotMatch(csp, /'unsafe-(inline|eval)'/);
    assert.equal(page.headers.get("cache-control"), "no-cache");
    const html = await page.text();
    assert.doesNotMatch(html, /<script(?![^>]*src=)|style="|onload=/);
    const assets = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? "");
    assert.ok(assets.length >= 2, html);
    for (const path of assets) {
      const asset = await fetch(new URL(path, relayer.url));
      assert.equal(asset.status, 200);
      assert.match(asset.headers.get("cache-control") ?? "", /immutable/);
    }
    // A link into the page leads to the page; a path that is none of its own does not.
    const deep = await fetch(new URL(`/claims/${REQUEST_ID}`, relayer.url));
    assert.equal(await deep.text(), html);
    assert.equal((await fetch(new URL("/claimsandmore", relayer.url))).status, 404);
    for (const path of ["/", "/claims/*", "/check", ...assets]) assert.ok(isPagePath(path), path);
    for (const path of ["/v1/claims/:id", "/index/v1/gap", "/healthz"]) assert.ok(!isPagePath(path), path);
  });

  it("says who it is, that it lives, and where the trust gap stands", async () => {
    const known = (await get("/.well-known/meantime.json")) as Record<string, unknown>;
    assert.equal(known.operator, lowerCase(stack.operator.owner.address));
    assert.equal(known.receiptKey, lowerCase(stack.operator.receiptKey.address));
    assert.deepEqual(await get("/healthz"), { status: "ok" });
    const status = (await get("/v1/status")) as {
      claims: { total: number };
      exposure: { stakeWei: string; lockableWei: string; suspended: boolean }[];
      latest: unknown[];
    };
    assert.equal(status.claims.total, await countReceipts(relayer.ledger));
    const [{ stakeWei, lockableWei, suspended } = assert.fail()] = status.exposure;
    assert.deepEqual([stakeWei, lockableWei], [(20n * 10n ** 18n).toString(), (18n * 10n ** 18n).toString()]);
    assert.equal(suspended, false);
    const ready = (await get("/readyz")) as { ready: boolean; policies: { name: string; ready: boolean }[] };
    assert.deepEqual(ready, {
      ready: true,
      policies: ["window", "enclave", "proof"].map((name) => ({ name, ready: true })),
    });
    assert.equal(status.latest.length, Math.min(100, status.claims.total));
  });

  it("takes no new work under a policy once it is closed, repeats old answers, and starts again with it", async () => {
    const requestId = `0x${"e1".repeat(32)}`;
    const served = await ask({ policy: "enclave", requestId });
    assert.equal(served.status, 200);
    await (await stack.deployment.settlement.closePolicy(stack.policyIds.enclave)).wait();
    const refused = await eventually("the relayer to see the closing", async () => {
      const response = await ask({ policy: "enclave" });
      return response.status === 200 ? undefined : response;
    });
    assert.equal(refused.status, 422);
    assert.equal(((await refused.json()) as ErrorBody).error.code, "MT-GW-017");
    assert.deepEqual(await (await ask({ policy: "enclave", requestId })).json(), await served.json());
    assert.equal((await ask({ policy: "window" })).status, 200);
    const again = await startRelayer(await localConfig(stack), { logger: silentLogger });
    await again.stop();
  });

  it("gives no receipt under a policy that the operator has not accepted: it would bind nobody", async () => {
    const operator = localOperator(NEW_OPERATOR_ACCOUNT);
    await enrolOperator(stack, operator, 10n ** 18n);
    const id = await registerVariant(stack, { challengerBps: 3_000 });
    const owner = operator.owner.connect(stack.chain.connection.ethers.provider);
    const { settlement, receipts } = stack.deployment;
    await (await settlement.connect(owner).setSender(operator.sender.address, [id], true)).wait();
    const withPolicy = ({ policies }: RelayerConfig) =>
      void policies.push({ name: "unaccepted", id, prove: "never" });
    const fresh = await startRelayer(await localConfig(stack, withPolicy, operator), {
      logger: silentLogger,
    });
    try {
      const request = () =>
        postInfer(fresh.url, { input: sampleInput(1), requester: REQUESTER, policy: "unaccepted" });
      const refused = await request();
      assert.equal(refused.status, 503);
      const { error } = (await refused.json()) as ErrorBody;
      assert.equal(error.code, "MT-GW-015");
      assert.match(error.hint, /acceptPolicies/);
      assert.equal(await countReceipts(fresh.ledger), 0);
      const { policies } = (await (await fetch(new URL("/readyz", fresh.url))).json()) as {
        policies: { name: string; ready: boolean; code?: string }[];
      };
      const ready = policies.map(({ name, code }) => [name, code]);
      assert.deepEqual(ready.at(-1), ["unaccepted", "MT-GW-015"]);
      assert.deepEqual(
        ready.find(([name]) => name === "window"),
        ["window", undefined],
      );
      await (await receipts.connect(owner).acceptPolicies([id])).wait();
      const answer = await eventually("the relayer to see it accepted", async () => {
        const response = await request();
        return response.status === 200 ? ((await response.json()) as { receipt: unknown }) : undefined;
      });
      verifyReceipt(parseReceipt(answer.receipt), {
        domain: stack.domain,
        receiptKeys: [lowerCase(operator.receiptKey.address)],
        acceptedSince: await receipts.acceptedAtOf(operator.owner.address, id),
      });
    } finally {
      await fresh.stop();
    }
  });

  it("R-58 promises no more than the stake can back, and goes on when there is more", async () => {
    const operator = localOperator(POOR_OPERATOR_ACCOUNT);
    // A tenth of the stake stays behind the receipts: 27 tenths of a bond back two claims.
    await enrolOperator(stack, operator, 3n * CLAIM_BOND_WEI);
    const config = await localConfig(
      stack,
      ({ commit }) => Object.assign(commit, { maxAgeSeconds: 300 }),
      operator,
    );
    const poor = await startRelayer(config, { logger: silentLogger });
    try {
      const request = (seed: number) =>
        postInfer(poor.url, { input: sampleInput(seed), requester: REQUESTER });
      assert.deepEqual([(await request(1)).status, (await request(2)).status], [200, 200]);
      const refused = await request(3);
      assert.equal(refused.status, 503);
      assert.ok(Number(refused.headers.get("retry-after")) > 0);
      assert.equal(((await refused.json()) as ErrorBody).error.code, "MT-GW-010");
      assert.equal(await countReceipts(poor.ledger), 2);
      const owner = operator.owner.connect(stack.chain.connection.ethers.provider);
      const settlement = stack.deployment.settlement.connect(owner);
      await (await settlement.stake(operator.owner.address, { value: CLAIM_BOND_WEI })).wait();
      await eventually("the relayer to see the new stake", async () =>
        (await request(3)).status === 200 ? true : undefined,
      );
    } finally {
      await poor.stop();
    }
  });

  async function get(path: string): Promise<unknown> {
    return (await fetch(new URL(path, relayer.url))).json();
  }

  function post(init: RequestInit & { duplex?: "half" }): Promise<Response> {
    return fetch(new URL("/v1/infer/tiny_mlp", relayer.url), { method: "POST", ...init });
  }

  function streamOf(bytes: number): RequestInit & { duplex: "half" } {
    const chunk = new Uint8Array(1_000).fill(0x20);
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += chunk.length;
        if (sent > bytes) controller.close();
        else controller.enqueue(chunk);
      },
    });
    return { body, duplex: "half", headers: { "content-type": "application/json" } };
  }
});
