// SPDX-License-Identifier: MIT

import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { rejectFirst } from "./disputes.ts";
import {
  buildBatch,
  CHALLENGE_WINDOW_SECONDS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

describe("Settlement: release", () => {
  it("R-06 frees the bonds when the window ends, not a second before", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = await world.settlement.finalAt(batch.batchId);
    await time.setNextBlockTimestamp(finalAt - 1n);
    await expect(world.settlement.release([batch.header]))
      .to.be.revertedWithCustomError(world.settlement, "BatchOpen")
      .withArgs(batch.batchId, finalAt, 0);
    await time.setNextBlockTimestamp(finalAt);
    await expect(world.settlement.connect(world.stranger).release([batch.header]))
      .to.emit(world.settlement, "BatchReleased")
      .withArgs(batch.batchId, world.operator.address, 4n * CLAIM_BOND_WEI);
    expect((await world.settlement.operatorOf(world.operator.address, ZeroAddress)).lockedWei).to.equal(0);
  });

  it("R-19 frees them once, without those already slashed", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(world.settlement.release([batch.header]))
      .to.emit(world.settlement, "BatchReleased")
      .withArgs(batch.batchId, world.operator.address, 3n * CLAIM_BOND_WEI);
    await expect(world.settlement.release([batch.header])).to.not.emit(world.settlement, "BatchReleased");
    expect((await world.settlement.operatorOf(world.operator.address, ZeroAddress)).lockedWei).to.equal(0);
  });

  it("I-12 waits for every open challenge", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = await world.settlement.finalAt(batch.batchId);
    await time.setNextBlockTimestamp(finalAt - 1n);
    await challengeClaim(world, batch, 0);
    await time.setNextBlockTimestamp(finalAt);
    await expect(world.settlement.release([batch.header]))
      .to.be.revertedWithCustomError(world.settlement, "BatchOpen")
      .withArgs(batch.batchId, finalAt, 1);
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address);
    await world.settlement.release([batch.header]);
  });

  it("releases many batches in one call and knows no foreign header", async () => {
    const world = await loadFixture(deployWorld);
    const batches = [];
    for (const nonce of [1n, 2n, 3n]) batches.push(await commitBatch(world, "window", { nonce }));
    const foreign = await buildBatch(world, "window", { nonce: 9n });
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(world.settlement.release([foreign.header]))
      .to.be.revertedWithCustomError(world.settlement, "BatchUnknown")
      .withArgs(foreign.batchId);
    await world.settlement.release(batches.map(({ header }) => header));
    expect((await world.settlement.operatorOf(world.operator.address, ZeroAddress)).lockedWei).to.equal(0);
  });
});
