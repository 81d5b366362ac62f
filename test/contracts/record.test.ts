// SPDX-License-Identifier: MIT
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { MaxUint256 } from "ethers";
import {
  CHALLENGE_WINDOW_SECONDS,
  claimAt,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  wordOf,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

describe("Settlement: records", () => {
  it("R-54 writes the output of a final claim, for anybody, and of no other", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, stranger } = world;
    const batch = await commitBatch(world, "window");
    const { claim, claimId } = claimAt(batch, 3);
    const recorder = settlement.connect(stranger);
    await expect(recorder.record(...memberOf(batch, 3)))
      .to.be.revertedWithCustomError(settlement, "StatusTooLow")
      .withArgs(claimId, STATUS.Committed, STATUS.Final);
    await expect(settlement.recordedOutputOf(claimId))
      .to.be.revertedWithCustomError(settlement, "NotRecorded")
      .withArgs(claimId);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(recorder.record(...memberOf(batch, 3)))
      .to.emit(settlement, "OutputRecorded")
      .withArgs(claimId, claim.outputHash);
    expect(await settlement.recordedOutputOf(claimId)).to.equal(claim.outputHash);
    await recorder.record(...memberOf(batch, 3));
    expect(await settlement.recordedOutputOf(claimId)).to.equal(claim.outputHash);
  });

  it("tells an output of zero from none", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window", { claims: { outputHash: wordOf(0n) } });
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await world.settlement.record(...memberOf(batch, 0));
    expect(await world.settlement.recordedOutputOf(claimAt(batch, 0).claimId)).to.equal(wordOf(0n));
  });

  it("refuses the one output that a record cannot hold", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window", { claims: { outputHash: wordOf(MaxUint256) } });
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(world.settlement.record(...memberOf(batch, 0)))
      .to.be.revertedWithCustomError(world.settlement, "Unrecordable")
      .withArgs(claimAt(batch, 0).claimId);
  });
});

describe("Settlement: levels that can be demanded", () => {
  it("R-08 are the four on the ladder and no other", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    for (const level of [STATUS.Committed, STATUS.Attested, STATUS.Proven, STATUS.Final]) {
      await world.settlement.requireStatus(...memberOf(batch, 0), level);
    }
    for (const level of [STATUS.Unknown, STATUS.Challenged, STATUS.Rejected, STATUS.Voided]) {
      await expect(world.settlement.requireStatus(...memberOf(batch, 0), level))
        .to.be.revertedWithCustomError(world.settlement, "BadLevel")
        .withArgs(level);
    }
  });
});
