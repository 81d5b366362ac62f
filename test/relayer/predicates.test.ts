// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createChainClock } from "../../relayer/src/chain/clock.ts";
import { bindContracts } from "../../relayer/src/chain/contracts.ts";
import { connectRpc } from "../../relayer/src/chain/rpc.ts";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { createPredicates } from "../../relayer/src/tx/predicates.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { askFor, localConfig, silentLogger, untilStatus } from "./local-relayer.ts";

const CONFIRMATIONS = 3;

describe("what ends an intent", () => {
  let stack: LocalStack;

  before(async () => {
    stack = await startLocalStack();
  });

  after(async () => {
    await stack?.chain.close();
  });

  it("R-57 ends it only when it is as deep as transactions have to be: a reorganisation may take it back", async () => {
    const config = await localConfig(stack, ({ commit }) => Object.assign(commit, { maxAgeSeconds: 1 }));
    const relayer = await startRelayer(config, { logger: silentLogger });
    const claimId = await askFor(relayer.url, 1, "window");
    const { batch } = await untilStatus(stack, relayer.url, claimId, "Committed");
    await relayer.stop();
    assert.ok(batch);

    const rpc = connectRpc(stack.chain.url, 31_337);
    const contracts = await bindContracts(rpc, stack.domain.settlement);
    const { commit } = createPredicates({
      ...{ contracts, rpc, clock: createChainClock(), chainId: 31_337 },
      confirmations: CONFIRMATIONS,
    });
    const subject = { batchId: batch.batchId, lastServedAt: "0" };
    const [event] = await contracts.settlement.queryFilter(
      contracts.settlement.filters.BatchCommitted(batch.batchId),
    );
    assert.ok(event);
    const head = await rpc.getBlockNumber();
    for (let depth = head - event.blockNumber + 1; depth < CONFIRMATIONS; depth++) {
      assert.equal(await commit(subject), "later", `${depth} deep`);
      await rpc.send("evm_mine", []);
    }
    assert.equal(await commit(subject), "done");
    rpc.destroy();
  });
});
