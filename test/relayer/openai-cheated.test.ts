// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type Chain, connectChain, omissionOf } from "@meantime/sdk/chain/chain";
import { httpProvider } from "@meantime/sdk/chain/provider";
import { MeantimeError } from "@meantime/sdk/errors";
import { ZERO_ADDRESS } from "@meantime/sdk/hex";
import { reportOmission } from "@meantime/sdk/omission";
import { createMeantimeFetch } from "@meantime/sdk/openai/fetch";
import type { Receipt } from "@meantime/sdk/receipt";
import { COMMIT_GRACE_SECONDS } from "@meantime/sdk/settlement";
import OpenAI from "openai";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { localKey, lowerCase } from "../../scripts/stack/operators.ts";
import { CHALLENGE_BOND_WEI, CLAIM_BOND_WEI } from "../../scripts/stack/policies.ts";
import { silentLogger } from "./local-relayer.ts";
import { chatConfig, type OpenAiStack, startOpenAiStack } from "./openai-stack.ts";
import { CHAT_MODEL, startUpstream, type Upstream } from "./openai-upstream.ts";

const USER_ACCOUNT = 14;
const ANSWER_SECONDS = 86_400;
/** What is paid of a claim bond for an omission, and the shares of whoever reported it and whoever had asked. */
const PAID_WEI = CLAIM_BOND_WEI / 4n;
const SHARE_WEI = (PAID_WEI * 4_000n) / 10_000n;

describe("a user who was cheated", () => {
  let stack: OpenAiStack;
  let upstream: Upstream;
  let chain: Chain;
  const user = localKey(USER_ACCOUNT);

  before(async () => {
    stack = await startOpenAiStack();
    upstream = await startUpstream();
    chain = await connectChain(httpProvider(stack.chain.url), stack.domain);
  });

  after(async () => {
    upstream?.close();
    await stack?.chain.close();
  });

  it("holds a receipt that was never committed, reports it, and is paid", async () => {
    const receipt = await askAnOperatorThatNeverCommits();
    const { receipts, settlement } = stack.deployment;
    const from = lowerCase(user.address);
    const report = () => reportOmission(receipt, { chain, wallet: chain.provider, from });
    await assert.rejects(report(), (error) => error instanceof MeantimeError && error.code === "MT-SDK-531");

    await stack.chain.moveTo(Number(receipt.claim.commitBy + COMMIT_GRACE_SECONDS) + 1);
    const sent = await stack.chain.connection.ethers.provider.waitForTransaction(await report());
    assert.equal(sent?.status, 1);
    assert.equal((await omissionOf(chain, receipt.claimId)).state, "Open");
    await assert.rejects(report(), (error) => error instanceof MeantimeError && error.code === "MT-SDK-532");

    await stack.chain.moveTo((await stack.chain.now()) + ANSWER_SECONDS + 1);
    const signer = user.connect(stack.chain.connection.ethers.provider);
    await (await receipts.connect(signer).resolveOmission(receipt.claim)).wait();
    assert.equal((await omissionOf(chain, receipt.claimId)).state, "Upheld");

    assert.equal(await settlement.creditOf(user.address, ZERO_ADDRESS), 2n * SHARE_WEI);
    assert.equal(await receipts.creditOf(user.address, ZERO_ADDRESS), CHALLENGE_BOND_WEI);
    const payee = localKey(USER_ACCOUNT + 1).address;
    const { provider } = stack.chain.connection.ethers;
    const before = await provider.getBalance(payee);
    await (await settlement.connect(signer).withdraw(ZERO_ADDRESS, payee)).wait();
    await (await receipts.connect(signer).withdraw(ZERO_ADDRESS, payee)).wait();
    assert.equal((await provider.getBalance(payee)) - before, 2n * SHARE_WEI + CHALLENGE_BOND_WEI);
  });

  /** It answers, signs, and takes its relayer off the net before a batch is due. */
  async function askAnOperatorThatNeverCommits(): Promise<Receipt> {
    const config = await chatConfig(stack, upstream.url, ({ commit }) => {
      commit.maxAgeSeconds = 300;
    });
    const relayer = await startRelayer(config, { logger: silentLogger });
    try {
      const given: Receipt[] = [];
      const fetch = createMeantimeFetch({
        trust: { chain },
        requester: lowerCase(user.address),
        models: {
          [CHAT_MODEL]: {
            id: stack.chatId,
            operator: lowerCase(stack.operator.owner.address),
            policyId: stack.chatPolicies.private,
          },
        },
        onReceipt: ({ receipt }) => given.push(receipt),
      });
      const client = new OpenAI({ baseURL: `${relayer.url}/v1`, apiKey: "none", fetch });
      await client.chat.completions.create({
        model: CHAT_MODEL,
        messages: [{ role: "user", content: "will you commit this?" }],
      });
      return given[0] ?? assert.fail("no receipt");
    } finally {
      await relayer.stop();
    }
  }
});
