// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { getClaim, getReceipt } from "@meantime/sdk/client";
import { ZERO_HASH } from "@meantime/sdk/hex";
import { startRelayer } from "../../relayer/src/relayer.ts";
import { type LocalStack, startLocalStack } from "../../scripts/stack/local.ts";
import { CHALLENGE_WINDOW_SECONDS } from "../../scripts/stack/policies.ts";
import { askFor, eventually, localConfig, silentLogger, untilStatus } from "./local-relayer.ts";

const CONFIRMATIONS = 3;

describe("a reorganisation over a deadline", () => {
  let stack: LocalStack;

  before(async () => {
    stack = await startLocalStack();
  });

  after(async () => {
    await stack?.chain.close();
  });

  it("R-09 R-57 makes the daemon commit again, by another clock, and nothing counts before it is deep enough", async () => {
    const { provider } = stack.chain.connection.ethers;
    const config = await localConfig(stack, ({ chain, commit }) => {
      Object.assign(chain, { confirmations: CONFIRMATIONS });
      Object.assign(commit, { maxAgeSeconds: 1 });
    });
    const relayer = await startRelayer(config, { logger: silentLogger });
    const { url, ledger } = relayer;
    try {
      await eventually("the endpoint to be announced", () =>
        ledger
          .selectFrom("intents")
          .select("id")
          .where("kind", "=", "announce")
          .where("state", "=", "mined")
          .executeTakeFirst(),
      );
      await provider.send("hardhat_mine", ["0x3"]);
      const snapshot: unknown = await provider.send("evm_snapshot", []);
      const claimId = await askFor(url, 1, "window");
      const { claim } = await getReceipt({ baseUrl: url }, claimId);
      const { settlement } = stack.deployment;
      const committed = () =>
        eventually("the commit to be mined", async () => {
          const own = await ledger.selectFrom("batches").select("batch_id").executeTakeFirst();
          const { committedAt } = await settlement.batchOf(own?.batch_id ?? ZERO_HASH);
          return committedAt === 0n ? undefined : Number(committedAt);
        });
      const committedAt = await committed();
      const mined = await eventually("the daemon to see it", () =>
        ledger
          .selectFrom("intents")
          .select("block_number as block")
          .where("kind", "=", "commit")
          .where("state", "=", "mined")
          .executeTakeFirst(),
      );
      await eventually("its view of the chain to be as new", async () => {
        const { chain } = (await (await fetch(new URL("/v1/status", url))).json()) as {
          chain: { head: number };
        };
        return chain.head >= (mined.block ?? 0) ? true : undefined;
      });
      assert.equal((await getClaim({ baseUrl: url }, claimId)).status, "Served", "one block is not three");

      // No block of the new branch before time has passed.
      await provider.send("evm_setAutomine", [false]);
      await provider.send("evm_revert", [snapshot]);
      const pastTheOldWindow = committedAt + CHALLENGE_WINDOW_SECONDS + 1;
      assert.ok(BigInt(pastTheOldWindow) > claim.commitBy);
      await stack.chain.moveTo(pastTheOldWindow);
      await provider.send("evm_setAutomine", [true]);
      await provider.send("hardhat_mine", ["0x1"]);
      assert.ok((await committed()) >= pastTheOldWindow);
      await provider.send("hardhat_mine", [`0x${CONFIRMATIONS.toString(16)}`]);
      const { batch } = await untilStatus(stack, url, claimId, "Committed");
      assert.ok(batch);
      const finalAt = Number(await settlement.finalAt(batch.batchId));
      assert.ok(finalAt >= pastTheOldWindow + CHALLENGE_WINDOW_SECONDS);
      await stack.chain.moveTo(finalAt);
      await untilStatus(stack, url, claimId, "Final");
    } finally {
      await relayer.stop();
    }
  });
});
