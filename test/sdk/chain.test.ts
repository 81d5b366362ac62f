// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import receiptsAbi from "@meantime/sdk/abi/Receipts" with { type: "json" };
import settlementAbi from "@meantime/sdk/abi/Settlement" with { type: "json" };
import { batchHeaderToJson, batchId, leafHash } from "@meantime/sdk/batch";
import {
  CLAIM_TUPLE,
  claimWords,
  decodeWords,
  encodeCall,
  HEADER_TUPLE,
  headerWords,
} from "@meantime/sdk/chain/abi";
import { connectChain } from "@meantime/sdk/chain/chain";
import { httpProvider } from "@meantime/sdk/chain/provider";
import { claimToJson } from "@meantime/sdk/claim";
import { claimEvents } from "@meantime/sdk/client";
import { MeantimeError } from "@meantime/sdk/errors";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import { signReceipt } from "@meantime/sdk/receipt";
import { writeEvent } from "@meantime/sdk/server-events";
import { settled } from "@meantime/sdk/settlement";
import { STATUS } from "@meantime/sdk/status";
import { Interface } from "ethers";
import { startNode } from "./chain-node.ts";
import { randomAddress, randomClaim, randomHeader, randomWord, testDomain } from "./samples.ts";

let server: Server;
let url: string;
let respond: (body: string, response: ServerResponse, path: string) => void;

before(async () => {
  server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    respond(Buffer.concat(parts).toString(), response, request.url ?? "");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

describe("calls", () => {
  it("are encoded as ethers does by the contracts' ABIs", () => {
    const [settlement, receipts] = [new Interface(settlementAbi), new Interface(receiptsAbi)];
    const [claim, header] = [randomClaim(), randomHeader()];
    for (const length of [0, 1, 16]) {
      const proof = Array.from({ length }, randomWord);
      assert.equal(
        encodeCall(
          `statusOf(${HEADER_TUPLE},${CLAIM_TUPLE},uint256,bytes32[])`,
          ...[headerWords(header), claimWords(claim), 3, { list: proof }],
        ),
        settlement.encodeFunctionData("statusOf", [header, claim, 3, proof]),
      );
    }
    for (const length of [0, 31, 32, 65]) {
      const bytes = bytesToHex(crypto.getRandomValues(new Uint8Array(length)));
      assert.equal(
        encodeCall(`reportOmission(${CLAIM_TUPLE},bytes)`, claimWords(claim), { bytes }),
        receipts.encodeFunctionData("reportOmission", [claim, bytes]),
      );
    }
    const [operator, key] = [randomAddress(), randomAddress()];
    assert.equal(
      encodeCall("receiptKeyOf(address,address)", operator, key),
      receipts.encodeFunctionData("receiptKeyOf", [operator, key]),
    );
    const returned = receipts.encodeFunctionResult("receiptKeyOf", [7n, 9n]) as Hex;
    assert.deepEqual(decodeWords(returned, 2), [7n, 9n]);
    assert.throws(() => decodeWords(returned, 3), code("MT-SDK-703"));
    assert.throws(() => decodeWords("0x", 1), code("MT-SDK-703"));
  });
});

describe("the provider over HTTP", () => {
  it("asks by JSON-RPC and hands on what the node says", async () => {
    respond = (body, response) => {
      const { id, method, params } = JSON.parse(body);
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result: { method, params } }));
    };
    const provider = httpProvider(url);
    const call = { method: "eth_call", params: [{ to: "0x01" }, "latest"] };
    assert.deepEqual(await provider.request(call), call);
    assert.deepEqual(await provider.request({ method: "eth_chainId" }), {
      method: "eth_chainId",
      params: [],
    });
  });

  it("has codes for refusals and for what is no node", async () => {
    const error = { code: 3, message: "execution reverted", data: "0x08c379a0" };
    respond = (body, response) => response.end(JSON.stringify({ id: JSON.parse(body).id, error }));
    await assert.rejects(httpProvider(url).request({ method: "eth_call" }), (thrown) => {
      assert.ok(code("MT-SDK-702")(thrown) && thrown instanceof MeantimeError);
      return thrown.details.rpcCode === 3 && thrown.details.rpcData === error.data;
    });
    for (const text of ["<html>", "[]", "{}", '{"id":99,"result":"0x1"}', '{"id":1}', ""]) {
      respond = (_, response) => response.end(text);
      await assert.rejects(httpProvider(url).request({ method: "eth_call" }), code("MT-SDK-702"), text);
    }
    const nobody = httpProvider("http://127.0.0.1:1", { retries: 1, retryDelayMs: 0 });
    await assert.rejects(nobody.request({ method: "eth_chainId" }), code("MT-SDK-501"));
  });
});

describe("the events of a claim", () => {
  it("are told as the gateway tells them, about the claim that was asked for", async () => {
    const claimId = randomWord();
    const claim = claimToJson(randomClaim());
    const statuses = ["Served", "Committed", "Final"] as const;
    let told: string[] = statuses.map((status) => JSON.stringify({ claimId, status, claim }));
    respond = (_, response, path) => {
      assert.equal(path, `/v1/claims/${claimId}/events`);
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const data of told) response.write(`: still here\n\n${writeEvent(data)}`);
      response.end();
    };
    const heard: string[] = [];
    for await (const report of claimEvents({ baseUrl: url }, claimId)) heard.push(report.status);
    assert.deepEqual(heard, statuses);

    for (const other of [
      { claimId: randomWord(), status: "Final", claim },
      { claimId, status: "Fine", claim },
    ]) {
      told = [JSON.stringify(other)];
      await assert.rejects(claimEvents({ baseUrl: url }, claimId).next(), code("MT-SDK-502"));
    }
    respond = (_, response) => response.writeHead(404).end(JSON.stringify({ error: { code: "MT-GW-012" } }));
    await assert.rejects(claimEvents({ baseUrl: url }, claimId).next(), code("MT-SDK-503"));
  });
});

describe("settlement", () => {
  it("asks the gateway where a claim is, believes the proof, and the contract how it stands", async () => {
    const claim = randomClaim();
    const receipt = signReceipt(randomWord(), claim, testDomain);
    const leaves = [randomWord(), leafHash(1, receipt.claimId), randomWord()];
    const tree = buildMerkleTree(leaves);
    const { operator, policyId } = claim;
    const header = { ...randomHeader(), operator, policyId, root: tree.root, count: leaves.length };
    const asked: unknown[][] = [];
    const node = await startNode(
      {
        RECEIPTS: () => [randomAddress()],
        POLICIES: () => [randomAddress()],
        statusOf: (...place) => {
          asked.push(place);
          return [STATUS.Final];
        },
      },
      () => claim.commitBy + 3_601n,
    );
    try {
      const chain = await connectChain(httpProvider(node.url), testDomain);
      const answer = { claimId: receipt.claimId, status: "Served", claim: claimToJson(claim), index: 1 };
      const batch = { batchId: batchId(testDomain, header), header: batchHeaderToJson(header) };
      const gateway = { baseUrl: url };
      const place = (proof: Hex[], more = {}) => {
        respond = (_, response) => response.end(JSON.stringify({ ...answer, ...batch, proof, ...more }));
      };
      place(tree.proof(1));
      assert.equal((await settled(receipt, { chain, gateway })).status, "Final");
      const [[, , index, path] = []] = asked;
      assert.deepEqual([index, ...(path as Hex[])], [1n, ...tree.proof(1)]);

      const others = { ...header, operator: randomAddress() };
      for (const lie of [
        () => place(tree.proof(0)),
        () => place(tree.proof(1), { index: 0 }),
        () => place(tree.proof(1), { header: batchHeaderToJson(others) }),
        () => place(tree.proof(1), { header: batchHeaderToJson({ ...header, policyId: randomWord() }) }),
        () => place(tree.proof(1), { claimId: randomWord() }),
        () => {
          respond = (_, response) => response.destroy();
        },
      ]) {
        lie();
        await assert.rejects(settled(receipt, { chain, gateway }), code("MT-SDK-522"));
      }
      assert.equal(asked.length, 1);
    } finally {
      node.close();
    }
  });
});

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof MeantimeError && error.code === expected && error.hint.length > 0;
}
