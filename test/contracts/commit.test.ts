import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import {
  buildBatch,
  CHALLENGE_WINDOW_SECONDS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  ethers,
  MAX_LOCKABLE_BPS,
  memberOf,
  networkHelpers,
  wordOf,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

describe("Settlement: commit", () => {
  it("locks one bond a claim and emits the whole header", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await buildBatch(world, "window", { count: 5 });
    const { header } = batch;

    const commit = await world.settlement.connect(world.sender).commit(header);
    const committedAt = await time.latest();
    await expect(commit)
      .to.emit(world.settlement, "BatchCommitted")
      .withArgs(
        batch.batchId,
        ethers.getAddress(header.operator),
        header.policyId,
        header.modelId,
        header.root,
        header.dataRoot,
        header.count,
        header.oldestServedAt,
        header.nonce,
        committedAt + CHALLENGE_WINDOW_SECONDS,
      );
    const { lockedWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect(lockedWei).to.equal(5n * CLAIM_BOND_WEI);
    expect(await world.settlement.finalAt(batch.batchId)).to.equal(committedAt + CHALLENGE_WINDOW_SECONDS);
  });

  it("R-17 refuses a batch that the lockable share of the stake does not cover, and takes one that it just covers", async () => {
    const world = await loadFixture(deployWorld);
    const lockableWei = (10n ** 18n * BigInt(MAX_LOCKABLE_BPS)) / 10_000n;
    const covered = Number(lockableWei / CLAIM_BOND_WEI);
    await expect(commitBatch(world, "window", { count: covered + 1 }))
      .to.be.revertedWithCustomError(world.settlement, "InsufficientStake")
      .withArgs(world.operator.address, lockableWei, BigInt(covered + 1) * CLAIM_BOND_WEI);

    await commitBatch(world, "window", { count: covered });
    await expect(commitBatch(world, "window", { count: 1, nonce: 2n }))
      .to.be.revertedWithCustomError(world.settlement, "InsufficientStake")
      .withArgs(world.operator.address, 0, CLAIM_BOND_WEI);
  });

  it("R-04 refuses the same header twice; another nonce is another batch", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await expect(world.settlement.connect(world.sender).commit(batch.header))
      .to.be.revertedWithCustomError(world.settlement, "BatchKnown")
      .withArgs(batch.batchId);
    await world.settlement.connect(world.sender).commit({ ...batch.header, nonce: 2n });
  });

  it("R-05 lets only the operator and its senders commit in its name", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await buildBatch(world, "window");
    await expect(world.settlement.connect(world.stranger).commit(batch.header))
      .to.be.revertedWithCustomError(world.settlement, "NotSenderOf")
      .withArgs(world.operator.address, world.stranger.address);

    await world.settlement.connect(world.operator).commit(batch.header);
    await world.settlement
      .connect(world.operator)
      .setSender(world.sender.address, [world.policyIds.window], false);
    await expect(commitBatch(world, "window", { nonce: 2n })).to.be.revertedWithCustomError(
      world.settlement,
      "NotSenderOf",
    );
  });

  it("R-20 refuses a batch without claims and one beyond the protocol's size", async () => {
    const world = await loadFixture(deployWorld);
    for (const count of [0, 65_537]) {
      const batch = await buildBatch(world, "window", { header: { count } });
      await expect(world.settlement.connect(world.sender).commit(batch.header))
        .to.be.revertedWithCustomError(world.settlement, "BadCount")
        .withArgs(count, 65_536);
    }
  });

  it("refuses claims served in the future and policies that are unknown or were closed before", async () => {
    const world = await loadFixture(deployWorld);
    const future = BigInt(await time.latest()) + 1000n;
    const early = await buildBatch(world, "window", { header: { oldestServedAt: future } });
    await expect(world.settlement.connect(world.sender).commit(early.header))
      .to.be.revertedWithCustomError(world.settlement, "BadServedAt")
      .withArgs(future);

    const unknown = await buildBatch(world, "window", { claims: { policyId: wordOf(1n) } });
    await expect(world.settlement.connect(world.operator).commit(unknown.header))
      .to.be.revertedWithCustomError(world.policies, "PolicyUnknown")
      .withArgs(wordOf(1n));

    await world.settlement.closePolicy(world.policyIds.window);
    const servedAt = BigInt(await time.latest());
    await expect(commitBatch(world, "window"))
      .to.be.revertedWithCustomError(world.settlement, "BadServedAt")
      .withArgs(servedAt);
  });

  it("R-53 I-09 leaves open claims under a closed policy to their terms", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await world.settlement.closePolicy(world.policyIds.window);
    await challengeClaim(world, batch, 0);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    expect(await world.settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Final);
    const { claim } = claimAt(batch, 0);
    await expect(world.settlement.resolve(batch.batchId, claim, 0, world.challenger.address)).to.emit(
      world.settlement,
      "ClaimRejected",
    );
  });
});
