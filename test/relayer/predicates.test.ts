// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type BatchHeader, batchId } from "@meantime/sdk/batch";
import { keccak256Text } from "@meantime/sdk/hex";
import { createChainClock } from "../../relayer/src/chain/clock.ts";
import { bindContracts, describeRevert } from "../../relayer/src/chain/contracts.ts";
import { connectRpc } from "../../relayer/src/chain/rpc.ts";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { commitIntent } from "../../relayer/src/tx/calls.ts";
import { createPredicates } from "../../relayer/src/tx/predicates.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { lowerCase } from "../../scripts/stack/operators.ts";
import { askFor, localConfig, silentLogger, untilStatus } from "./local-relayer.ts";

const CONFIRMATIONS = 3;
const HORIZON_SECONDS = 600;
const LAST_COMMIT_SECONDS = 25 * 3_600;
const GRACE_SECONDS = 3_600;

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

  it("ends a commit when no block takes it any more: long after a closing, and not for being late", async () => {
    const { deployment, domain, policyIds } = stack;
    const { settlement } = deployment;
    const { time } = stack.chain.connection.networkHelpers;
    const rpc = connectRpc(stack.chain.url, 31_337);
    const contracts = await bindContracts(rpc, domain.settlement);
    let nowSeconds = await stack.chain.now();
    const clock = { nowSeconds: () => nowSeconds, observe: () => undefined };
    const { commit } = createPredicates({ contracts, rpc, clock, chainId: 31_337, confirmations: 1 });
    const servedFrom = (oldestServedAt: bigint): BatchHeader => ({
      ...{ operator: lowerCase(stack.operator.owner.address), policyId: policyIds.window },
      ...{ modelId: stack.modelId, root: keccak256Text("root"), dataRoot: keccak256Text("data") },
      ...{ count: 1, oldestServedAt, nonce: oldestServedAt },
    });
    /** What the predicate says of the next block, and what the contract does in it. */
    const inBlockAt = async (seconds: number, header: BatchHeader) => {
      await time.setNextBlockTimestamp(seconds);
      nowSeconds = seconds;
      const id = batchId(domain, header);
      const { subject, to, data } = commitIntent(domain.settlement, id, header, header.oldestServedAt);
      const verdict = await commit(subject);
      const asked = { to, data, from: stack.operator.sender.address, blockTag: "pending" };
      const outcome = await rpc.call(asked).then(
        () => "taken",
        (error: unknown) => describeRevert(error)?.split("(")[0],
      );
      return `${verdict}, ${outcome}`;
    };

    const commitBy = nowSeconds + HORIZON_SECONDS;
    const late = servedFrom(BigInt(nowSeconds));
    for (const secondsLate of [-1, 0, 1, GRACE_SECONDS, GRACE_SECONDS + 1]) {
      assert.equal(await inBlockAt(commitBy + secondsLate, late), "needed, taken", `${secondsLate} s late`);
    }

    await (await settlement.closePolicy(policyIds.window)).wait();
    const closedAt = Number(await settlement.closedAtOf(policyIds.window));
    for (const [seconds, expected] of [
      [-1, "needed, taken"],
      [0, "moot, BadServedAt"],
      [1, "moot, BadServedAt"],
    ] as const) {
      const header = servedFrom(BigInt(closedAt + seconds));
      assert.equal(await inBlockAt(closedAt + 2, header), expected, `served ${seconds} s after the closing`);
    }
    const last = closedAt + LAST_COMMIT_SECONDS;
    assert.equal(await inBlockAt(last - 1, late), "needed, taken");
    assert.equal(await inBlockAt(last, late), "needed, taken");
    assert.equal(await inBlockAt(last + 1, late), "moot, PolicyClosed");

    // A pause that begins by then puts it off.
    const until = last + 1_000;
    await time.setNextBlockTimestamp(last);
    await (await settlement.pauseCommits(until)).wait();
    assert.equal(await inBlockAt(last + 1, late), "later, CommitPaused");
    assert.equal(await inBlockAt(until - 1, late), "later, CommitPaused");
    assert.equal(await inBlockAt(until + GRACE_SECONDS - 1, late), "needed, taken");
    assert.equal(await inBlockAt(until + GRACE_SECONDS, late), "needed, taken");
    assert.equal(await inBlockAt(until + GRACE_SECONDS + 1, late), "moot, PolicyClosed");
    rpc.destroy();
  });
});
