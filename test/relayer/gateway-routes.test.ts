// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { leafHash, parseBatchHeader } from "@meantime/sdk/batch";
import { type ClaimReport, claimEvents, getClaim, getReceipt } from "@meantime/sdk/client";
import { enclaveKeyId, enclaveNonceBinding, parseEnclavePublicKey } from "@meantime/sdk/enclave-keys";
import { type Hex, hexToBytes, keccak256Text } from "@meantime/sdk/hex";
import { verifyMerkleProof } from "@meantime/sdk/merkle";
import { readNitroDocument } from "@meantime/sdk/nitro/document";
import { TypedDataEncoder } from "ethers";
import { lookMilliseconds } from "../../relayer/src/gateway/claim-events.ts";
import { type RunningRelayer, startRelayer } from "../../relayer/src/relayer.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { lowerCase } from "../../scripts/stack/operators.ts";
import { askFor, eventually, localConfig, silentLogger } from "./local-relayer.ts";

const CLAIM_TYPES = {
  Claim: [
    ...["modelId", "policyId"].map((name) => ({ name, type: "bytes32" })),
    ...["operator", "requester"].map((name) => ({ name, type: "address" })),
    ...["requestId", "inputHash", "outputHash"].map((name) => ({ name, type: "bytes32" })),
    ...["servedAt", "commitBy"].map((name) => ({ name, type: "uint64" })),
  ],
};

describe("gateway routes", () => {
  let stack: LocalStack;
  let relayer: RunningRelayer;
  let gateway: { baseUrl: string };

  before(async () => {
    stack = await startLocalStack();
    const config = await localConfig(stack, ({ commit, gateway }) => {
      commit.maxAgeSeconds = 2;
      gateway.rateLimit.attestationsPerMinute = 2;
    });
    relayer = await startRelayer(config, { logger: silentLogger });
    gateway = { baseUrl: relayer.url };
  });

  after(async () => {
    await relayer?.stop();
    await stack?.chain.close();
  });

  const get = (path: string) => fetch(new URL(path, relayer.url));
  const json = async (path: string) => (await (await get(path)).json()) as Record<string, unknown>;

  it("lists models as OpenAI does, each with what settles its answers", async () => {
    const { object, data } = (await json("/v1/models")) as {
      object: string;
      data: {
        id: string;
        object: string;
        created: number;
        owned_by: string;
        meantime: Record<string, unknown>;
      }[];
    };
    assert.equal(object, "list");
    const [model = assert.fail()] = data;
    assert.deepEqual([model.id, model.object], ["tiny_mlp", "model"]);
    assert.equal(model.owned_by, lowerCase(stack.operator.owner.address));
    assert.equal(model.meantime.modelId, stack.modelId);
    assert.deepEqual(model.meantime.evidence, ["zk", "tee"]);
    const policies = model.meantime.policies as {
      name: string;
      id: Hex;
      rule: string;
      bonds: { claimWei: string };
    }[];
    assert.deepEqual(
      policies.map(({ name, id }) => [name, id]),
      (["window", "enclave", "proof"] as const).map((name) => [name, stack.policyIds[name]]),
    );
    const { claimBondWei } = await stack.deployment.policies
      .policyOf(stack.policyIds.window)
      .then(({ policy }) => policy);
    assert.equal(policies[0]?.bonds.claimWei, claimBondWei.toString());
  });

  it("says who it is: contracts as the chain links them, the domain that receipts are signed in, every route", async () => {
    const known = (await json("/.well-known/meantime.json")) as {
      contracts: Record<string, string>;
      domain: { name: string; version: string; chainId: number; verifyingContract: string };
      keys: { receipt: { address: string }; enclave: { address: string } };
      access: { auth: string };
      routes: string[];
    };
    const { settlement } = stack.deployment;
    assert.deepEqual(known.contracts, {
      settlement: lowerCase(await settlement.getAddress()),
      receipts: lowerCase(await settlement.RECEIPTS()),
      policies: lowerCase(await settlement.POLICIES()),
      enclaveEvidence: lowerCase(await stack.deployment.enclaveEvidence.getAddress()),
    });
    // What wallets compute in this domain is what the operator signs.
    const { claim, claimId } = await getReceipt(gateway, await askFor(relayer.url, 3, "window"));
    assert.equal(TypedDataEncoder.hash(known.domain, CLAIM_TYPES, claim), claimId);
    assert.equal(known.access.auth, "none");
    for (const route of [
      "POST /v1/infer/{model}",
      "GET /v1/claims/{id}/events",
      "GET /.well-known/meantime.json",
    ])
      assert.ok(known.routes.includes(route), route);
  });

  it("gives a claim's place in its batch, and says when to ask again before there is one", async () => {
    const claimId = await askFor(relayer.url, 1, "window");
    const early = await get(`/v1/receipts/${claimId}/proof`);
    assert.equal(early.status, 425);
    assert.ok(Number(early.headers.get("retry-after")) >= 1);
    assert.equal(((await early.json()) as { error: { code: string } }).error.code, "MT-GW-041");
    const place = await eventually("the place", async () => {
      const response = await get(`/v1/receipts/${claimId}/proof`);
      return response.status === 200 ? ((await response.json()) as Record<string, unknown>) : undefined;
    });
    const header = parseBatchHeader(place.header);
    const { index, proof } = place as { index: number; proof: Hex[] };
    const { root, count } = header;
    assert.ok(verifyMerkleProof({ root, count, index, leaf: leafHash(index, claimId), proof }));
    const unknown = await get(`/v1/receipts/0x${"1d".repeat(32)}/proof`);
    assert.equal(unknown.status, 404);
  });

  it("tells of a claim from its answer to its end, each change once, and then ends the stream", async () => {
    const claimId = await askFor(relayer.url, 2, "window");
    const seen: ClaimReport[] = [];
    for await (const report of claimEvents(gateway, claimId)) {
      seen.push(report);
      if (report.status !== "Committed" || !report.batch) continue;
      // Its window is over as soon as it is committed.
      await stack.chain.moveTo(await finalAtOf(claimId));
    }
    const statuses = seen.map(({ status }) => status);
    assert.deepEqual([statuses[0], statuses.at(-1)], ["Served", "Final"]);
    assert.ok(statuses.includes("Committed"), statuses.join());
    const texts = seen.map((report) =>
      JSON.stringify(report, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    );
    for (const [at, text] of texts.entries()) assert.notEqual(text, texts[at - 1], "no change is told twice");
    const { claim } = await getReceipt(gateway, claimId);
    assert.deepEqual(seen.at(-1)?.claim, claim);
    // Who comes late hears how it stands, and no more.
    const late = [];
    for await (const { status } of claimEvents(gateway, claimId)) late.push(status);
    assert.deepEqual(late, ["Final"]);
  });

  it("looks into the ledger as often for a thousand streams as for fifty", () => {
    const looksPerSecond = (open: number) => (open * 1_000) / lookMilliseconds(open);
    assert.deepEqual([1, 10, 50, 51, 1_024].map(looksPerSecond), [4, 40, 200, 200, 200]);
  });

  it("refuses streams of claims that it does not know", async () => {
    const response = await get(`/v1/claims/0x${"1d".repeat(32)}/events`);
    assert.equal(response.status, 404);
    assert.match(response.headers.get("content-type") ?? "", /json/);
    await assert.rejects(getClaim(gateway, `0x${"1d".repeat(32)}`), { code: "MT-SDK-503" });
  });

  it("has the enclave's platform attest its key for a nonce, never as the registry wants it, and not at will", async () => {
    const nonce = keccak256Text("a nonce of whoever asks");
    const response = await get(`/v1/attestation?nonce=${nonce.toUpperCase().replace("X", "x")}`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("cache-control"), "no-store");
    const report = (await response.json()) as {
      nonce: Hex;
      binding: Hex;
      platform: string;
      document: string;
      key: { kind: "secp256k1"; id: Hex; publicKey: Hex };
    };
    assert.equal(report.nonce, nonce);
    const key = parseEnclavePublicKey(report.key.kind, hexToBytes(report.key.publicKey));
    assert.equal(report.key.id, enclaveKeyId(key));
    const enclaveEvidence = lowerCase(await stack.deployment.enclaveEvidence.getAddress());
    const binding = enclaveNonceBinding({ chainId: stack.domain.chainId, enclaveEvidence }, key, nonce);
    assert.equal(report.binding, binding);
    assert.equal(report.platform, "nitro");
    const { userData } = readNitroDocument(Buffer.from(report.document, "base64url"));
    assert.ok(userData);
    assert.ok(
      Buffer.from(userData).includes(Buffer.from(hexToBytes(binding))),
      "the document says the binding",
    );
    const other = enclaveNonceBinding({ chainId: 1n, enclaveEvidence }, key, nonce);
    assert.ok(!Buffer.from(userData).includes(Buffer.from(hexToBytes(other))));
    const statuses = [];
    for (let time = 0; time < 2; time += 1)
      statuses.push((await get(`/v1/attestation?nonce=${keccak256Text(String(time))}`)).status);
    assert.deepEqual(statuses, [200, 429]);
    for (const bad of ["/v1/attestation", "/v1/attestation?nonce=0x12"]) {
      const refused = await get(bad);
      assert.equal(refused.status, 400);
      const { error } = (await refused.json()) as { error: { code: string; param: string } };
      assert.deepEqual([error.code, error.param], ["MT-GW-040", "nonce"]);
    }
  });

  it("has no attestation to give without an enclave", async () => {
    const config = await localConfig(stack, (one) => {
      one.enclave = undefined;
    });
    const without = await startRelayer(config, { logger: silentLogger });
    try {
      const response = await fetch(new URL(`/v1/attestation?nonce=${keccak256Text("n")}`, without.url));
      assert.equal(response.status, 404);
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, "MT-GW-043");
    } finally {
      await without.stop();
    }
  });

  async function finalAtOf(claimId: Hex): Promise<number> {
    const { timeline } = (await json(`/v1/claims/${claimId}`)) as { timeline: { finalAt: number } };
    return timeline.finalAt + 1;
  }
});
