// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, afterEach, before, describe, it, mock } from "node:test";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import type { Hex } from "@meantime/sdk/hex";
import { SETTLEMENT_INTERFACE } from "../../relayer/src/chain/contracts.ts";
import { createEndpointPool, type EndpointPool } from "../../relayer/src/chain/endpoints/pool.ts";
import { createRateLimit } from "../../relayer/src/chain/endpoints/rate-limit.ts";
import { isUrgent, urgently } from "../../relayer/src/chain/endpoints/urgency.ts";
import { connectRpc } from "../../relayer/src/chain/rpc.ts";
import { RelayerError } from "../../relayer/src/errors.ts";
import { classifyNodeError } from "../../relayer/src/tx/node-errors.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { localKey } from "../../scripts/stack/operators.ts";
import { type ChaosProxy, type Faults, startChaosProxy } from "./chaos-proxy.ts";
import { silentLogger } from "./local-relayer.ts";

const CHAIN_ID = 31_337;
const RECIPIENT = localKey(19).address;
const OTHER_HASH: Hex = `0x${"ee".repeat(32)}`;

describe("several endpoints", () => {
  let stack: LocalStack;
  let proxies: ChaosProxy[] = [];
  let warnings: Record<string, unknown>[] = [];

  before(async () => {
    stack = await startLocalStack();
  });

  after(async () => {
    await stack?.chain.close();
  });

  afterEach(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    proxies = [];
  });

  it("asks another endpoint when one is unreachable, and says which is which", async () => {
    const [gone, here] = await chaos({}, {});
    const pool = poolOf(gone, here);
    await gone.close();
    assert.equal(Number(await pool.request("eth_blockNumber", [])), await height());
    assert.deepEqual(
      pool.endpoints().map(({ state }) => state),
      ["unreachable", "alive"],
    );
  });

  it("says with a code that nobody answers, and asks again when somebody is back", async () => {
    const [only] = await chaos({ reset: 1 });
    const pool = poolOf(only);
    await assert.rejects(pool.request("eth_blockNumber", []), { code: "MT-CHAIN-008" });
    only.set({});
    assert.equal(await untilAnswered(pool), "31337");
  });

  it("never asks an endpoint of another chain for anything but its name", async () => {
    const [wrong, right] = await chaos({ chainId: 1 }, {});
    const pool = poolOf(wrong, right);
    assert.equal(Number(await pool.request("eth_blockNumber", [])), await height());
    await pool.request("eth_getBalance", [RECIPIENT, "latest"]);
    assert.equal(pool.endpoints()[0]?.state, "wrongChain");
    assert.deepEqual(wrong.asked, { eth_chainId: 1 });
    assert.ok(warnings.some(({ to }) => to === "wrongChain"));
  });

  it("refuses an endpoint with another genesis block", async () => {
    const [first, other] = await chaos({}, {});
    const pool = poolOf(first, other);
    await pool.request("net_version", []);
    other.answer("eth_getBlockByNumber", () => ({ hash: OTHER_HASH, number: "0x0" }));
    await first.close();
    await assert.rejects(pool.request("net_version", []), { code: "MT-CHAIN-008" });
    assert.equal(pool.endpoints()[1]?.state, "wrongGenesis");
  });

  it("checks the chain again after an endpoint was away: another machine may answer there", async () => {
    const [only] = await chaos({});
    const pool = poolOf(only);
    await pool.request("eth_blockNumber", []);
    only.set({ reset: 1 });
    await assert.rejects(pool.request("net_version", []), { code: "MT-CHAIN-008" });
    only.set({ chainId: 5 });
    await assert.rejects(untilAnswered(pool), /another chain|wrongChain/);
    assert.equal(pool.endpoints()[0]?.state, "wrongChain");
  });

  it("gets through what passes by itself", async () => {
    const [only] = await chaos({});
    const pool = poolOf(only);
    const passing: Faults[] = [
      { garbage: 1 },
      { reset: 1 },
      { resetAfter: 1 },
      { tooManyRequests: 1 },
      { latency: 1, latencyMilliseconds: 20, garbage: 0.5, reset: 0.5 },
    ];
    for (const faults of passing) {
      only.set({ ...faults, most: 3 });
      assert.equal(await pool.request("net_version", []), "31337", JSON.stringify(faults));
    }
    assert.deepEqual([only.happened.resetAfter, only.happened.tooManyRequests], [3, 3]);
  });

  it("does not ask again what was answered, though the answer is an error", async () => {
    const [only, other] = await chaos({}, {});
    const pool = poolOf(only, other);
    const call = { from: RECIPIENT, data: "0x63deadbeef6000526004601cfd" };
    await assert.rejects(pool.request("eth_call", [call, "latest"]), (error: unknown) => {
      const { kind, data } = classifyNodeError((error as { rpcError: unknown }).rpcError);
      return kind === "reverted" && data === "0xdeadbeef";
    });
    assert.equal((only.asked.eth_call ?? 0) + (other.asked.eth_call ?? 0), 1);
  });

  it("prefers the endpoint with the highest head, and never goes back to a lower one", async () => {
    const [lagging, ahead] = await chaos({ stale: 1, staleBlocks: 2 }, {});
    const pool = poolOf(ahead, lagging);
    const before = Number(await pool.request("eth_blockNumber", []));
    await pool.request("evm_mine", []);
    const now = Number(await pool.request("eth_blockNumber", []));
    assert.equal(now, before + 1);
    // Only the one behind is left: the head stays where it was, and nothing is read from the past.
    ahead.set({ reset: 1 });
    assert.equal(Number(await pool.request("eth_blockNumber", [])), now);
    await assert.rejects(pool.request("eth_getCode", [RECIPIENT, "latest"]), { code: "MT-CHAIN-008" });
    assert.equal(await pool.request("eth_getBlockByNumber", ["0x1", false]).then(() => true), true);
    await assert.rejects(pool.request("eth_getBlockByNumber", [hex(now), false]), { code: "MT-CHAIN-008" });
  });

  it("reads no state older than the head it has shown from a load balancer some of whose machines lag", async () => {
    const [balancer] = await chaos({});
    const pool = poolOf(balancer);
    const sender = localKey(7).address;
    let before = 0;
    for (let round = 0; round < 12; round++) {
      await pay(7, round);
      balancer.set({ stale: 1, staleBlocks: 3, most: round % 5 });
      const head = Number(await pool.request("eth_blockNumber", []));
      assert.ok(head >= before);
      before = head;
      const countAtHead = Number(await node("eth_getTransactionCount", [sender, hex(head)]));
      const count = Number(await pool.request("eth_getTransactionCount", [sender, "latest"]));
      assert.ok(count >= countAtHead);
    }
    assert.ok((balancer.happened.stale ?? 0) > 0);
  });

  it("believes no transaction count below one that a block has shown", async () => {
    await pay(8, 0);
    const [liar] = await chaos({});
    const pool = poolOf(liar);
    const parameters = [localKey(8).address, "latest"];
    assert.equal(await pool.request("eth_getTransactionCount", parameters), "0x1");
    liar.answer("eth_getTransactionCount", () => "0x0");
    await assert.rejects(pool.request("eth_getTransactionCount", parameters), { code: "MT-CHAIN-008" });
    const [honest] = await chaos({});
    const two = poolOf(honest, liar);
    assert.equal(await two.request("eth_getTransactionCount", parameters), "0x1");
  });

  it("believes a lower transaction count when the block that showed the higher one is gone", async () => {
    const [only] = await chaos({});
    const pool = poolOf(only);
    const parameters = [localKey(9).address, "latest"];
    const snapshot = await node("evm_snapshot", []);
    await pay(9, 0);
    assert.equal(await pool.request("eth_getTransactionCount", parameters), "0x1");
    await node("evm_revert", [snapshot]);
    await mine(2);
    assert.equal(await pool.request("eth_getTransactionCount", parameters), "0x0");
  });

  it("stays when two endpoints disagree about a block, and lets three outvote one", async () => {
    const [honest, liar, third] = await chaos({}, {}, {});
    const lie = ([tag]: unknown[]) =>
      tag === "0x0" ? genesis : { ...block, number: tag === "latest" ? block.number : tag, hash: OTHER_HASH };
    const genesis = await node("eth_getBlockByNumber", ["0x0", false]);
    const block = (await node("eth_getBlockByNumber", ["latest", false])) as { number: Hex; hash: Hex };
    liar.answer("eth_getBlockByNumber", lie);
    for (const order of [
      [honest, liar],
      [liar, honest],
    ]) {
      const two = poolOf(...order);
      await assert.rejects(two.request("eth_getBlockByNumber", [block.number, false]), {
        code: "MT-CHAIN-012",
      });
    }
    const three = poolOf(liar, honest, third);
    const agreed = (await three.request("eth_getBlockByNumber", [block.number, false])) as { hash: Hex };
    assert.equal(agreed.hash, block.hash);
    assert.equal(three.endpoints()[0]?.state, "outOfSync");
  });

  it("sends a transaction to all, and one that takes it is enough", async () => {
    const [dropping, refusing, working] = await chaos({ dropSend: 1 }, { reset: 1 }, {});
    const pool = poolOf(dropping, refusing, working);
    await pool.request("eth_sendRawTransaction", [await payment(10, 0)]);
    await untilMined(10, 1);
  });

  it("says what the most telling endpoint said when none took the transaction", async () => {
    const raw = await payment(11, 0);
    await node("evm_setAutomine", [false]);
    await node("eth_sendRawTransaction", [raw]);
    const [knowing, broken] = await chaos({}, { resetAfter: 1 });
    await assert.rejects(poolOf(broken, knowing).request("eth_sendRawTransaction", [raw]), {
      kind: "alreadyKnown",
    });
    await node("evm_setAutomine", [true]);
    await mine(1);
  });

  it("reads every log from an endpoint that leaves some out", async () => {
    const provider = stack.chain.connection.ethers.provider;
    const address = await stack.deployment.settlement.getAddress();
    const toBlock = await height();
    const all = await provider.getLogs({ address, fromBlock: 0, toBlock });
    assert.ok(all.length > 1);
    const [truncating] = await chaos({ truncateLogs: 1, most: 4 });
    const rpc = connectRpc(truncating.url, CHAIN_ID);
    const read = await rpc.getLogs({ address: [address], fromBlock: 0, toBlock });
    assert.deepEqual(
      read.map(({ blockHash, index }) => [blockHash, index]),
      all.map(({ blockHash, index }) => [blockHash, index]),
    );
    assert.ok(read.every((log) => SETTLEMENT_INTERFACE.parseLog(log)));
    assert.equal(truncating.happened.truncateLogs, 4);
    rpc.destroy();
  });

  it("never takes cut-off logs for all there are", async () => {
    const address = await stack.deployment.settlement.getAddress();
    const [truncating] = await chaos({ truncateLogs: 1 });
    const filter = { address: [address], fromBlock: "0x0", toBlock: hex(await height()) };
    await assert.rejects(poolOf(truncating).request("eth_getLogs", [filter]), { code: "MT-CHAIN-008" });
    assert.ok(warnings.some(({ code }) => code === "MT-CHAIN-011"));
  });

  it("slows down when it is told that it asks too often, and still gets its answers", async () => {
    const [strict] = await chaos({ tooManyRequests: 1, most: 2 });
    const pool = poolOf(strict);
    assert.equal(await pool.request("net_version", []), "31337");
    assert.ok((pool.endpoints()[0]?.limitPerSecond ?? Number.POSITIVE_INFINITY) < 20);
  });

  async function chaos<const All extends readonly Faults[]>(
    ...faults: All
  ): Promise<{ [Index in keyof All]: ChaosProxy }> {
    const started = await Promise.all(
      faults.map((fault, at) => startChaosProxy(stack.chain.url, at + 1, fault)),
    );
    proxies.push(...started);
    return started as { [Index in keyof All]: ChaosProxy };
  }

  function poolOf(...through: ChaosProxy[]): EndpointPool {
    warnings = [];
    const note = (line: Record<string, unknown>) => warnings.push(line);
    return createEndpointPool({
      urls: through.map(({ url }) => url),
      chainId: CHAIN_ID,
      logger: { ...silentLogger, warn: note, error: note, debug: () => undefined } as never,
      timeoutMilliseconds: 1_000,
      patienceMilliseconds: 60_000,
    });
  }

  function node(method: string, parameters: unknown[]): Promise<unknown> {
    return stack.chain.connection.ethers.provider.send(method, parameters);
  }

  async function height(): Promise<number> {
    return Number(await node("eth_blockNumber", []));
  }

  async function mine(blocks: number): Promise<void> {
    for (let block = 0; block < blocks; block++) await node("evm_mine", []);
  }

  function payment(account: number, nonce: number): Promise<string> {
    return localKey(account).signTransaction({
      ...{ type: 2, chainId: CHAIN_ID, nonce, to: RECIPIENT, value: 1n, gasLimit: 21_000n },
      ...{ maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n },
    });
  }

  async function pay(account: number, nonce: number): Promise<void> {
    await node("eth_sendRawTransaction", [await payment(account, nonce)]);
  }

  async function untilMined(account: number, count: number): Promise<void> {
    const parameters = [localKey(account).address, "latest"];
    for (let round = 0; round < 100; round++) {
      if (Number(await node("eth_getTransactionCount", parameters)) >= count) return;
    }
    assert.fail("the transaction never arrived");
  }
});

/** As a supervised task would: asks again as soon as an endpoint that rests may be asked. */
async function untilAnswered(pool: EndpointPool): Promise<unknown> {
  for (;;) {
    await delay(Math.min(...pool.endpoints().map((endpoint) => endpoint.pauseMilliseconds())));
    try {
      return await pool.request("net_version", []);
    } catch (error) {
      if (!(error instanceof RelayerError && error.message.endsWith(": resting"))) throw error;
    }
  }
}

function hex(number: number): Hex {
  return `0x${number.toString(16)}`;
}

/** A limit by a clock that stands still but for `pass`, which says who had a turn meanwhile. */
function limited() {
  let now = 0;
  let served: string[] = [];
  const limit = createRateLimit(() => now);
  mock.timers.enable({ apis: ["setTimeout"] });
  return {
    limit,
    ask: (name: string) => void limit.turn(isUrgent()).then(() => served.push(name)),
    async pass(milliseconds: number): Promise<string[]> {
      now += milliseconds;
      mock.timers.tick(milliseconds);
      await setImmediate();
      const names = served;
      served = [];
      return names;
    },
  };
}

describe("the rate limit of an endpoint", () => {
  afterEach(() => mock.timers.reset());

  it("is none until one is met; then narrows with refusals, widens with answers, and rests longer each time", async () => {
    const { limit, pass, ask } = limited();
    for (let request = 0; request < 100; request++) ask(String(request));
    assert.equal((await pass(0)).length, 100);
    const firstRest = limit.refused();
    assert.equal(limit.limitPerSecond(), 90);
    const secondRest = limit.refused();
    assert.ok(secondRest > firstRest);
    assert.equal(limit.refused(5_000), 5_000, "it rests as long as it is told to");
    const narrowed = limit.limitPerSecond() ?? 0;
    assert.ok(narrowed < 90);
    await pass(10_000);
    for (const name of ["first", "second", "third"]) ask(name);
    assert.deepEqual(await pass(0), ["first"]);
    const stepMilliseconds = Math.ceil(1_000 / narrowed);
    assert.deepEqual(await pass(stepMilliseconds - 1), [], "one request a step");
    assert.deepEqual(await pass(1), ["second"]);
    assert.deepEqual(await pass(stepMilliseconds), ["third"]);
    for (let answer = 0; answer < 20; answer++) limit.succeeded();
    assert.ok((limit.limitPerSecond() ?? 0) > narrowed);
    assert.equal(limit.refused(), firstRest, "an answer ends the row of refusals");
  });

  it("lets what is urgent go before the rest, which still has every third turn", async () => {
    const { limit, pass, ask } = limited();
    limit.refused();
    for (const name of ["a", "b", "c", "d"]) ask(name);
    for (const name of ["U", "V", "W", "X", "Y"]) urgently(() => ask(name));
    const order = [];
    for (let step = 0; step < 9; step++) order.push(...(await pass(1_000)));
    assert.equal(order.join(""), "aUVbWXcYd");
  });
});
