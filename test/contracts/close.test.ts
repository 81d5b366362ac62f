// SPDX-License-Identifier: MIT
import { expect } from "chai";
import { inOneBlock, UNESTIMATED } from "./blocks.ts";
import { type Attempt, outcomeAt } from "./clock.ts";
import { type Batch, buildBatch, deployWorld, networkHelpers, type World, wordOf } from "./fixture.ts";

const { loadFixture, time } = networkHelpers;
const HOUR_SECONDS = 3600;
const LAST_COMMIT_SECONDS = 25 * HOUR_SECONDS;

describe("Settlement: closed policies", () => {
  it("R-47 closes a policy once, also one that was never used, and no unknown one", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, policies, policyIds } = world;
    await expect(settlement.closePolicy(policyIds.zk)).to.emit(settlement, "PolicyClosing");
    const closedAt = await time.latest();
    expect(await settlement.closedAtOf(policyIds.zk)).to.equal(closedAt);
    expect(await settlement.closedAtOf(policyIds.tee)).to.equal(0);
    await expect(settlement.closePolicy(policyIds.zk))
      .to.be.revertedWithCustomError(settlement, "PolicyClosed")
      .withArgs(policyIds.zk, closedAt);
    await expect(settlement.closePolicy(wordOf(5n)))
      .to.be.revertedWithCustomError(policies, "PolicyUnknown")
      .withArgs(wordOf(5n));
  });

  it("R-55 takes what was served before the closing, and nothing served in its second or later", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, policyIds } = world;
    await settlement.closePolicy(policyIds.window);
    const closedAt = BigInt(await time.latest());
    const before = await servedAt(world, closedAt - 1n);
    const same = await servedAt(world, closedAt);
    const later = await servedAt(world, closedAt + 1n);
    const at = closedAt + 10n;
    expect(await outcomeAt(at, commitOf(world, before))).to.equal("done");
    expect(await outcomeAt(at, commitOf(world, same))).to.equal("BadServedAt");
    expect(await outcomeAt(at, commitOf(world, later))).to.equal("BadServedAt");
  });

  it("R-06 R-55 lets receipts be kept for a day and an hour more, to the second", async () => {
    const world = await loadFixture(deployWorld);
    await world.settlement.closePolicy(world.policyIds.window);
    const closedAt = BigInt(await time.latest());
    const commit = commitOf(world, await servedAt(world, closedAt - 1n));
    const last = closedAt + BigInt(LAST_COMMIT_SECONDS);
    expect(await outcomeAt(last - 1n, commit)).to.equal("done");
    expect(await outcomeAt(last, commit)).to.equal("done");
    expect(await outcomeAt(last + 1n, commit)).to.equal("PolicyClosed");
  });

  it("R-52 lets them be kept for an hour after a pause that lay over the last of that time", async () => {
    const world = await loadFixture(deployWorld);
    await world.settlement.closePolicy(world.policyIds.window);
    const closedAt = BigInt(await time.latest());
    const commit = commitOf(world, await servedAt(world, closedAt - 1n));
    const last = closedAt + BigInt(LAST_COMMIT_SECONDS);
    await time.setNextBlockTimestamp(last - 1n);
    const until = last + 5_000n;
    await world.settlement.pauseCommits(until);
    const excused = until + BigInt(HOUR_SECONDS);
    expect(await outcomeAt(until - 1n, commit)).to.equal("CommitPaused");
    expect(await outcomeAt(excused, commit)).to.equal("done");
    expect(await outcomeAt(excused + 1n, commit)).to.equal("PolicyClosed");
  });

  it("R-52 is not kept open by a pause that began when the time was over", async () => {
    const world = await loadFixture(deployWorld);
    await world.settlement.closePolicy(world.policyIds.window);
    const closedAt = BigInt(await time.latest());
    const commit = commitOf(world, await servedAt(world, closedAt - 1n));
    const last = closedAt + BigInt(LAST_COMMIT_SECONDS);
    await time.setNextBlockTimestamp(last + 1n);
    await world.settlement.pauseCommits(last + 5_000n);
    expect(await outcomeAt(last + 5_000n, commit)).to.equal("PolicyClosed");
  });

  it("R-55 takes a batch that is committed in the block of the closing by when it was served", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, sender, policyIds } = world;
    const now = BigInt(await time.latest());
    const [old, fresh] = [await servedAt(world, now), await servedAt(world, now + 1n)];
    await time.setNextBlockTimestamp(now + 1n);
    const done = await inOneBlock(
      () => settlement.closePolicy(policyIds.window, UNESTIMATED),
      () => settlement.connect(sender).commit(old.header, UNESTIMATED),
      () => settlement.connect(sender).commit(fresh.header, UNESTIMATED),
    );
    expect(await settlement.closedAtOf(policyIds.window)).to.equal(now + 1n);
    expect(done).to.deep.equal([true, true, false]);
  });
});

async function servedAt(world: World, oldestServedAt: bigint): Promise<Batch> {
  const claims = { servedAt: oldestServedAt, commitBy: oldestServedAt + 600n };
  return buildBatch(world, "window", { claims, nonce: oldestServedAt });
}

function commitOf({ settlement, sender }: World, { header }: Batch): Attempt {
  return { contract: settlement, from: sender, name: "commit", args: [header] };
}
