// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import type { webcrypto } from "node:crypto";
import { before, describe, it } from "node:test";
import type { JsonObject, JsonValue } from "@meantime/sdk/canonical-json";
import { MeantimeError } from "@meantime/sdk/errors";
import { bytesToHex, concatBytes, type Hex, hexToBytes, keccak256, keccak256Text } from "@meantime/sdk/hex";
import { pythonFloat, pythonJson } from "@meantime/sdk/opengradient/python-json";
import {
  type OpenGradientVerdict,
  parseLegacyReceipt,
  parseOpenGradientReceipt,
  verifyLegacyReceipt,
  verifyOpenGradientReceipt,
} from "@meantime/sdk/opengradient/receipt";
import { hashedRequestText } from "@meantime/sdk/opengradient/request";
import { encodeWords } from "@meantime/sdk/words";
import genuine from "./opengradient-2025.json" with { type: "json" };

const request: JsonObject = {
  model: "gpt-4.1",
  temperature: 1,
  max_tokens: 64,
  n: 2,
  tool_choice: "auto",
  messages: [
    { role: "developer", content: "Be brief." },
    {
      role: "user",
      content: [
        { type: "text", text: "Wo ist das? é" },
        { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
        { type: "file", file: { filename: "map.pdf", file_data: "AAAA" } },
      ],
    },
    { role: "assistant", content: null, tool_calls: [{ id: "c", function: { name: "f", arguments: "{}" } }] },
    { role: "tool", content: "Rome", tool_call_id: "c" },
  ],
};
// As json.dumps(..., sort_keys=True) of CPython 3.12 writes what their SDK makes of the request.
const REQUEST_TEXT =
  '{"max_tokens": 64, "messages": [{"content": "Be brief.", "role": "system"}, {"content": [{"text": "Wo ist das? \\u00e9", "type": "text"}, {"type": "image_url"}, {"filename": "map.pdf", "type": "file"}], "role": "user"}, {"content": "", "role": "assistant", "tool_calls": [{"function": {"arguments": "{}", "name": "f"}, "id": "c", "type": "function"}]}, {"content": "Rome", "role": "tool", "tool_call_id": "c"}], "model": "gpt-4.1", "temperature": 1.0}';
const answer: JsonObject = {
  choices: [{ index: 0, message: { role: "assistant", content: "Rom 😊" }, finish_reason: "stop" }],
};

let keys: webcrypto.CryptoKeyPair;
let publicKey: Uint8Array;

before(async () => {
  const algorithm = {
    ...{ name: "RSA-PSS", hash: "SHA-256" },
    ...{ modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) },
  };
  keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  publicKey = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
});

describe("receipts of OpenGradient", () => {
  it("verify with the request and the answer, and say what they do not bind", async () => {
    const receipt = parseOpenGradientReceipt(await signed(REQUEST_TEXT, "Rom 😊"));
    for (const key of [publicKey, pem(publicKey)]) {
      const verdict = await verifyOpenGradientReceipt(receipt, key, { request, answer });
      assert.equal(verdict.verdict, "valid", JSON.stringify(verdict.checks));
      assert.deepEqual(verdict.doesNotBind.slice(0, 3), [
        "n of the request",
        "tool_choice of the request",
        "the bytes of the attachments of the request",
      ]);
      assert.match(verdict.doesNotBind.join(), /chain.*nonce.*provider/);
      assert.equal(verdict.binds.length, 1);
    }
    assert.equal((await verifyOpenGradientReceipt(receipt, publicKey)).verdict, "cannot tell");
    const texts = { requestText: REQUEST_TEXT, answerText: "Rom 😊" };
    assert.equal((await verifyOpenGradientReceipt(receipt, publicKey, texts)).verdict, "valid");
  });

  it("do not verify for another request, answer, time, key or TEE, and say which", async () => {
    const body = await signed(REQUEST_TEXT, "Rom 😊");
    const said = { request, answer };
    const cases: [JsonObject, typeof said, string][] = [
      [body, { ...said, request: { ...request, temperature: 0 } }, "request"],
      [body, { ...said, request: { ...request, stop: ["."] } }, "request"],
      [body, { ...said, answer: { choices: [{ message: { content: "Paris" } }] } }, "output"],
      [{ ...body, tee_timestamp: 1_800_000_001 }, said, "signature"],
      [{ ...body, tee_request_hash: keccak256Text("x").slice(2) }, said, "request,signature"],
      [{ ...body, tee_id: keccak256Text("another key") }, said, "tee id"],
      [{ ...body, tee_signature: (await signed("x", "y")).tee_signature ?? "" }, said, "signature"],
    ];
    for (const [response, heard, names] of cases) {
      const verdict = await verifyOpenGradientReceipt(parseOpenGradientReceipt(response), publicKey, heard);
      assert.equal(verdict.verdict, "invalid");
      assert.equal(invalid(verdict), names);
    }
    // What the hash does not cover goes unnoticed.
    const other = { ...request, n: 9, tool_choice: "none" };
    const unnoticed = await verifyOpenGradientReceipt(parseOpenGradientReceipt(body), publicKey, {
      ...said,
      request: other,
    });
    assert.equal(unnoticed.verdict, "valid");
  });

  it("cover tool calls by Python's JSON", async () => {
    const call = { id: "call_1", type: "function", function: { name: "f", arguments: '{"a": 1}' } };
    const text =
      '[{"function": {"arguments": "{\\"a\\": 1}", "name": "f"}, "id": "call_1", "type": "function"}]';
    const receipt = parseOpenGradientReceipt(await signed(REQUEST_TEXT, text));
    const called = {
      choices: [{ message: { content: "", tool_calls: [call] }, finish_reason: "tool_calls" }],
    };
    const verdict = await verifyOpenGradientReceipt(receipt, publicKey, { request, answer: called });
    assert.equal(verdict.verdict, "valid");
  });

  it("of 2025 verify: a genuine one of theirs", async () => {
    const receipt = parseLegacyReceipt(genuine.systemFingerprint);
    const verify = (changes: Partial<typeof genuine.answer>, body: JsonValue | undefined = genuine.request) =>
      verifyLegacyReceipt(receipt, genuine.publicKey, { ...genuine.answer, ...changes }, body);
    const verdict = await verify({});
    assert.equal(verdict.verdict, "valid", JSON.stringify(verdict.checks));
    for (const changes of [{ content: "Hello!" }, { finishReason: "length" }, { model: "gpt-4.1" }]) {
      assert.equal(invalid(await verify(changes)), "signature");
    }
    assert.equal(invalid(await verify({}, { ...genuine.request, max_tokens: 101 })), "request");
    const { requestHash, ...rest } = receipt;
    const moved = { ...rest, requestHash: `0x${"00".repeat(32)}` as Hex };
    const forged = await verifyLegacyReceipt(moved, genuine.publicKey, genuine.answer, genuine.request);
    assert.equal(invalid(forged), "request,signature");
    assert.equal(requestHash.slice(2, 10), "3cd5e625");
  });

  it("have codes for what is none", async () => {
    const body = await signed(REQUEST_TEXT, "");
    const names = ["tee_id", "tee_request_hash", "tee_output_hash", "tee_timestamp", "tee_signature"];
    for (const name of names) {
      const { [name]: _, ...rest } = body;
      assert.throws(() => parseOpenGradientReceipt(rest), code("MT-SDK-901"), name);
    }
    assert.throws(() => parseOpenGradientReceipt({ ...body, tee_timestamp: 1.5 }), code("MT-SDK-901"));
    assert.throws(() => parseOpenGradientReceipt({ ...body, tee_signature: "A" }), code("MT-SDK-901"));
    assert.throws(() => parseLegacyReceipt("fp_44709d6fcb"), code("MT-SDK-901"));
    for (const wrong of [
      {},
      { model: "m" },
      { model: "m", messages: [1] },
      { model: "m", messages: [{ role: "x" }] },
    ])
      assert.throws(() => hashedRequestText(wrong), code("MT-SDK-902"));
    const receipt = parseOpenGradientReceipt(body);
    await assert.rejects(verifyOpenGradientReceipt(receipt, Uint8Array.of(1)), code("MT-SDK-903"));
    await assert.rejects(verifyOpenGradientReceipt(receipt, "no PEM"), code("MT-SDK-903"));
  });
});

describe("Python's JSON", () => {
  it("is that of CPython", () => {
    assert.equal(hashedRequestText(request), REQUEST_TEXT);
    const value = {
      b: [1, 2.5, null, true, 'é\u007f\u0001\n😊/"\\'],
      a: { "\ufb33": 1, "😂": 2, z: {} },
      c: [],
    };
    assert.equal(
      pythonJson(value),
      '{"a": {"z": {}, "\\ufb33": 1, "\\ud83d\\ude02": 2}, "b": [1, 2.5, null, true, "\\u00e9\\u007f\\u0001\\n\\ud83d\\ude0a/\\"\\\\"], "c": []}',
    );
    const floats: [number, string][] = [
      [0, "0.0"],
      [-0, "-0.0"],
      [1, "1.0"],
      [0.7, "0.7"],
      [1e15, "1000000000000000.0"],
      [1e16, "1e+16"],
      [123456789012345680, "1.2345678901234568e+17"],
      [1e-4, "0.0001"],
      [1.5e-5, "1.5e-05"],
      [0.00012345, "0.00012345"],
      [1e22, "1e+22"],
      [5e-324, "5e-324"],
      [-2.5e-300, "-2.5e-300"],
      [1.7976931348623157e308, "1.7976931348623157e+308"],
    ];
    for (const [float, text] of floats) assert.equal(pythonFloat(float), text);
  });
});

async function signed(requestText: string, outputText: string): Promise<Record<string, JsonValue>> {
  const [requestHash, outputHash] = [keccak256Text(requestText), keccak256Text(outputText)];
  const timestamp = 1_800_000_000;
  const message = keccak256(
    concatBytes(hexToBytes(requestHash), hexToBytes(outputHash), encodeWords(timestamp)),
  );
  const algorithm = { name: "RSA-PSS", saltLength: 32 };
  const signature = await crypto.subtle.sign(
    algorithm,
    keys.privateKey,
    Uint8Array.from(hexToBytes(message)),
  );
  return {
    tee_id: keccak256(publicKey),
    tee_request_hash: requestHash.slice(2),
    tee_output_hash: outputHash.slice(2),
    tee_timestamp: timestamp,
    tee_signature: Buffer.from(signature).toString("base64"),
  };
}

function invalid({ checks }: OpenGradientVerdict): string {
  return checks
    .filter(({ verdict }) => verdict === "invalid")
    .map(({ name }) => name)
    .join();
}

function pem(der: Uint8Array): string {
  const lines = Buffer.from(hexToBytes(bytesToHex(der)))
    .toString("base64")
    .replace(/.{64}/g, "$&\n");
  return `-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`;
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof MeantimeError && error.code === expected && error.hint.length > 0;
}
