// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Hex, keccak256, ZERO_ADDRESS } from "@meantime/sdk/hex";
import {
  answers,
  type InferenceRequest,
  OUTPUT_KECCAK,
  outputFits,
  type RequestsDomain,
  requestId,
} from "@meantime/sdk/request";
import { randomAddress, randomClaim, randomWord } from "./samples.ts";

const domain: RequestsDomain = { chainId: 31_337n, requests: "0x5fbdb2315678afecb367f032d93f642f64180aa3" };
const request: InferenceRequest = {
  requester: "0x1111111111111111111111111111111111111111",
  modelId: `0x${"22".repeat(32)}`,
  policyId: `0x${"33".repeat(32)}`,
  operator: "0x4444444444444444444444444444444444444444",
  inputHash: `0x${"55".repeat(32)}`,
  feeWei: 10n ** 15n,
  minStatus: 2,
  expiresAt: 1_800_000_000n,
  callbackGasLimit: 100_000,
  nonce: 7n,
};

describe("requests from contracts", () => {
  it("a request id is what it was", () => {
    assert.equal(
      requestId(domain, request),
      "0xe9bd3e4aa96a3a7c1cd1bbba4474554ad72d7e4b07cf7eff586e23c45408703d",
    );
  });

  it("a claim answers the request that it names, and no other", () => {
    const claim = answerTo(request);
    assert.equal(answers(domain, request, claim), true);
    for (const fields of [
      { requestId: randomWord() },
      { modelId: randomWord() },
      { policyId: randomWord() },
      { operator: randomAddress() },
      { requester: randomAddress() },
      { inputHash: randomWord() },
    ]) {
      assert.equal(answers(domain, request, { ...claim, ...fields }), false, Object.keys(fields).join());
    }
    assert.equal(answers({ ...domain, chainId: 1n }, request, claim), false);
    assert.equal(answers(domain, { ...request, feeWei: 1n }, claim), false);
  });

  it("any operator may answer where none is named", () => {
    const open = { ...request, operator: ZERO_ADDRESS };
    assert.equal(answers(domain, open, { ...answerTo(open), operator: randomAddress() }), true);
  });

  it("an output is hashed by its scheme, and is the word itself by every other", () => {
    const output: Hex = "0x48656c6c6f";
    assert.equal(outputFits(OUTPUT_KECCAK, keccak256(output), output), true);
    assert.equal(outputFits(OUTPUT_KECCAK, keccak256(output), "0x48656c6c6f00"), false);
    const word = randomWord();
    assert.equal(outputFits(randomWord(), word, word), true);
    assert.equal(outputFits(OUTPUT_KECCAK, word, word), false);
    assert.equal(outputFits(randomWord(), word, randomWord()), false);
  });
});

function answerTo(asked: InferenceRequest) {
  const { requester, modelId, policyId, operator, inputHash } = asked;
  const fields = { requester, modelId, policyId, operator, inputHash };
  return { ...randomClaim(), ...fields, requestId: requestId(domain, asked) };
}
