// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { bundleToJson } from "@meantime/sdk/bundle/format";
import { type Hex, hexToBytes, keccak256, keccak256Text } from "@meantime/sdk/hex";
import { hashedRequestText } from "@meantime/sdk/opengradient/request";
import { parseReceipt, signReceipt } from "@meantime/sdk/receipt";
import { addressOf } from "@meantime/sdk/signature";
import { encodeWords } from "@meantime/sdk/words";
import { id } from "ethers";
import { startNode } from "./chain-node.ts";
import { type Conduct, startGateway, type TestGateway } from "./openai-gateway.ts";
import { randomAddress, randomClaim, testDomain } from "./samples.ts";

const privateKey = id("gateway key") as Hex;
const servedAt = 1_800_000_000n;
const terms = {
  modelId: `${id("chat model").slice(0, -2)}02` as Hex,
  policyId: `${id("policy").slice(0, -2)}02` as Hex,
  operator: randomAddress(),
};
const facts = { validFrom: servedAt, nowSeconds: servedAt + 1n };

let directory: string;
let gateway: TestGateway;
let node: Awaited<ReturnType<typeof startNode>>;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "meantime-examples-"));
  const message = { role: "assistant", content: "Hello there." };
  const answer = { model: "tiny-1", choices: [{ index: 0, message, finish_reason: "stop" }] };
  // It knows of no claim: the one that is asked for was left out.
  const respond: Conduct["respond"] = ({ method }, response) =>
    method === "GET" && response.writeHead(404).end("{}") !== undefined;
  gateway = await startGateway({ answer, privateKey, terms, servedAt, respond });
  const [receipts, policies] = [randomAddress(), randomAddress()];
  node = await startNode(
    {
      RECEIPTS: () => [receipts],
      POLICIES: () => [policies],
      receiptKeyOf: (operator, key) =>
        String(operator).toLowerCase() === terms.operator &&
        String(key).toLowerCase() === addressOf(privateKey)
          ? [facts.validFrom, 2n ** 40n - 1n]
          : [0n, 0n],
      acceptedAtOf: () => [1n],
      closedAtOf: () => [0n],
    },
    () => facts.nowSeconds,
  );
});
after(async () => {
  gateway.close();
  node.close();
  await rm(directory, { recursive: true });
});

describe("the examples", () => {
  it("chat.ts prints an answer whose receipt holds by the chain, and keeps the receipt", async () => {
    const { code, output } = await example("chat.ts", "Say hello.");
    assert.equal(code, 0, output);
    assert.match(output, /^Hello there\.\nThe receipt 0x[0-9a-f]{64} is in /);
    const kept = parseReceipt(JSON.parse(await readFile(join(directory, "receipt.json"), "utf8")).receipt);
    assert.equal(kept.claim.policyId, terms.policyId);

    facts.validFrom = servedAt + 1n;
    const refused = await example("chat.ts", "Say hello.");
    facts.validFrom = servedAt;
    assert.equal(refused.code, 1);
    assert.match(refused.output, /MT-SDK-117/);
    assert.doesNotMatch(refused.output, /Hello/);
  });

  it("settle.ts goes by the chain, and prepares a report when the claim was left out", async () => {
    const receipt = signReceipt(
      privateKey,
      { ...randomClaim(), ...terms, servedAt, commitBy: servedAt + 600n },
      testDomain,
    );
    const { claim, claimId, signature } = receipt;
    const texts = { ...claim, servedAt: `${servedAt}`, commitBy: `${servedAt + 600n}` };
    await writeFile(
      join(directory, "late.json"),
      JSON.stringify({ receipt: { claim: texts, claimId, signature } }),
    );
    facts.nowSeconds = servedAt + 600n + 3_601n;
    const { output } = await example("settle.ts", "late.json");
    facts.nowSeconds = servedAt + 1n;
    // The node of this test knows no policies: the report stops there, after the receipt was found to bind.
    assert.match(output, /^Served\n[\s\S]*MT-SDK-703/);
  });

  it("verify-bundle.ts judges, and says by its exit code how", async () => {
    const claim = { ...randomClaim(), servedAt, commitBy: servedAt + 1n };
    const bundle = { domain: testDomain, receipt: signReceipt(privateKey, claim, testDomain), evidence: [] };
    await writeFile(join(directory, "open.json"), JSON.stringify(bundleToJson(bundle)));
    const open = await example("verify-bundle.ts", "open.json");
    assert.deepEqual([open.code, open.output.split("\n").at(-2)], [2, "cannot tell"]);
    assert.match(open.output, /receipt signature: valid/);
    const other = { ...bundle, domain: { ...testDomain, chainId: 1n } };
    await writeFile(join(directory, "bad.json"), JSON.stringify(bundleToJson(other)));
    assert.equal((await example("verify-bundle.ts", "bad.json")).code, 1);
  });

  it("opengradient.ts verifies an answer and says what is not bound", async () => {
    const algorithm = { name: "RSA-PSS", hash: "SHA-256" };
    const parameters = { ...algorithm, modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) };
    const keys = await crypto.subtle.generateKey(parameters, true, ["sign", "verify"]);
    const der = Buffer.from(await crypto.subtle.exportKey("spki", keys.publicKey));
    const request = { model: "m", messages: [{ role: "user", content: "Hi" }], top_p: 0.5 };
    const hashes = [keccak256Text(hashedRequestText(request)), keccak256Text("Hello")] as const;
    const digest = Uint8Array.from(hexToBytes(keccak256(encodeWords(...hashes, 1_800_000_000n))));
    const signature = await crypto.subtle.sign({ name: "RSA-PSS", saltLength: 32 }, keys.privateKey, digest);
    const answer = {
      choices: [{ message: { content: "Hello" }, finish_reason: "stop" }],
      tee_id: keccak256(der),
      tee_request_hash: hashes[0].slice(2),
      tee_output_hash: hashes[1].slice(2),
      tee_timestamp: 1_800_000_000,
      tee_signature: Buffer.from(signature).toString("base64"),
    };
    const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString("base64")}\n-----END PUBLIC KEY-----\n`;
    await writeFile(join(directory, "request.json"), JSON.stringify(request));
    await writeFile(join(directory, "answer.json"), JSON.stringify(answer));
    await writeFile(join(directory, "key.pem"), pem);
    const { code, output } = await example("opengradient.ts", "request.json", "answer.json", "key.pem");
    assert.equal(code, 0, output);
    assert.match(output, /signature: valid[\s\S]*not bound: top_p of the request[\s\S]*\nvalid\n$/);
  });
});

function example(name: string, ...args: string[]): Promise<{ code: unknown; output: string }> {
  const file = fileURLToPath(new URL(`../../sdk/examples/${name}`, import.meta.url));
  const env = {
    ...process.env,
    GATEWAY_URL: gateway.baseUrl,
    RPC_URL: node.url,
    CHAIN_ID: testDomain.chainId.toString(),
    SETTLEMENT: testDomain.settlement,
    MODEL: "tiny",
    MODEL_ID: terms.modelId,
    POLICY_ID: terms.policyId,
    OPERATOR: terms.operator,
    REQUESTER: randomAddress(),
    RECEIPT_FILE: join(directory, "receipt.json"),
  };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [file, ...args],
      { cwd: directory, env, timeout: 120_000 },
      (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, output: stdout + stderr });
      },
    );
  });
}
