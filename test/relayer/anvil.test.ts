// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { hasAnvil } from "../../scripts/stack/anvil.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { CHALLENGE_WINDOW_SECONDS } from "../../scripts/stack/policies.ts";
import { askFor, localConfig, silentLogger, untilStatus } from "./local-relayer.ts";

const P256_VERIFY = `0x${"0".repeat(37)}100`;
const MAX_TRANSACTION_GAS = 16_777_216n;
// The first vector of the tests of EIP-7951: hash, r, s, x, y.
const P256_VECTOR = [
  "bb5a52f42f9c9261ed4361f59422a1e30036e7c32b270c8807a419feca605023",
  "2ba3a8be6b94d5ec80a6d9d1190a436effe50d85a1eee859b8cc6af9bd5c2e18",
  "4cd60b855d442f5b3c7b11eb6c4e0ae7525fe710fab9aa7c77a67f79e6fadd76",
  "2927b10512bae3eddcfe467828128bad2903269919f7086069c8c4df6c732838",
  "c7787964eaac00e5921fb1498a60f4606766b3d9685001558d1a974e7341513e",
].join("");

describe("on Anvil, a chain of others", { skip: hasAnvil() ? false : "Anvil is not installed" }, () => {
  let stack: LocalStack;

  before(async () => {
    stack = await startLocalStack(0, "anvil");
  });

  after(async () => {
    await stack?.chain.close();
  });

  it("has the precompile, the chain id and the gas cap that the protocol counts on", async () => {
    const { provider } = stack.chain.connection.ethers;
    assert.equal(await provider.call({ to: P256_VERIFY, data: `0x${P256_VECTOR}` }), `0x${"0".repeat(63)}1`);
    assert.equal((await provider.getNetwork()).chainId, 31_337n);
    const { owner } = stack.operator;
    const send = (gasLimit: bigint) =>
      owner.connect(provider).sendTransaction({ to: owner.address, value: 1n, gasLimit });
    await assert.rejects(send(MAX_TRANSACTION_GAS + 1n), /gas/);
    await (await send(MAX_TRANSACTION_GAS)).wait();
  });

  it("settles by the clock, by an enclave and by a proof", async () => {
    const config = await localConfig(stack, ({ commit }) => Object.assign(commit, { maxAgeSeconds: 1 }));
    const relayer = await startRelayer(config, { logger: silentLogger });
    try {
      const window = await askFor(relayer.url, 1, "window");
      const enclave = await askFor(relayer.url, 2, "enclave");
      const proof = await askFor(relayer.url, 3, "proof");
      await untilStatus(stack, relayer.url, enclave, "Final");
      await untilStatus(stack, relayer.url, proof, "Final");
      await untilStatus(stack, relayer.url, window, "Committed");
      await stack.chain.moveTo((await stack.chain.now()) + CHALLENGE_WINDOW_SECONDS);
      await untilStatus(stack, relayer.url, window, "Final");
    } finally {
      await relayer.stop();
    }
  });
});
