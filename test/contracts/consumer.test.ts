// SPDX-License-Identifier: MIT
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import {
  CHALLENGE_WINDOW_SECONDS,
  claimAt,
  commitBatch,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

describe("InferenceConsumer", () => {
  it("acts on a final claim about its model, under its policy, and on no other", async () => {
    const world = await loadFixture(deployWorld);
    const lock = await ethers.deployContract("DigitLock", [
      await world.settlement.getAddress(),
      world.modelId,
      world.policyIds.window,
      3,
    ]);
    const batch = await commitBatch(world, "window");
    await expect(lock.open(...memberOf(batch, 3)))
      .to.be.revertedWithCustomError(world.settlement, "StatusTooLow")
      .withArgs(claimAt(batch, 3).claimId, STATUS.Committed, STATUS.Final);

    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(lock.open(...memberOf(batch, 2)))
      .to.be.revertedWithCustomError(lock, "WrongDigit")
      .withArgs(claimAt(batch, 2).claim.outputHash);
    const foreign = await commitBatch(world, "tee", { nonce: 2n });
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(lock.open(...memberOf(foreign, 3)))
      .to.be.revertedWithCustomError(lock, "ForeignClaim")
      .withArgs(world.modelId, world.policyIds.tee);

    await lock.open(...memberOf(batch, 3));
    expect(await lock.openedBy()).to.equal(world.requester.address);
  });
});
