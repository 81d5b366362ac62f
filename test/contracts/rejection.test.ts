// SPDX-License-Identifier: MIT

import type { Hex } from "@meantime/sdk/hex";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { rejectFirst } from "./disputes.ts";
import {
  asAddress,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  CHALLENGER_BPS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  REQUESTER_BPS,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

describe("Settlement: rejection", () => {
  it("R-11 splits the slashed bond between challenger, requester and burn", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    const challengerWei = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
    const requesterWei = (CLAIM_BOND_WEI * BigInt(REQUESTER_BPS)) / 10_000n;

    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
    expect(await world.settlement.creditOf(world.challenger.address, ZeroAddress)).to.equal(
      CHALLENGE_BOND_WEI + challengerWei,
    );
    expect(await world.settlement.creditOf(world.requester.address, ZeroAddress)).to.equal(requesterWei);
    const { stakeWei, lockedWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect(stakeWei).to.equal(10n ** 18n - CLAIM_BOND_WEI);
    expect(lockedWei).to.equal(3n * CLAIM_BOND_WEI);
  });

  it("R-11 R-12 costs an operator that plays challenger and requester itself the burnt share", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window", {
      claims: { requester: asAddress(world.operator.address) },
    });
    const { claim } = claimAt(batch, 0);
    await world.settlement
      .connect(world.operator)
      .challenge(...memberOf(batch, 0), { value: CHALLENGE_BOND_WEI });
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claim, 0, world.operator.address);

    const back = await world.settlement.creditOf(world.operator.address, ZeroAddress);
    const burnWei = (CLAIM_BOND_WEI * 2000n) / 10_000n;
    expect(back).to.equal(CHALLENGE_BOND_WEI + CLAIM_BOND_WEI - burnWei);
  });

  it("burns the requester's share where nobody is named", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window", { claims: { requester: ZeroAddress as Hex } });
    await challengeClaim(world, batch, 0);
    await time.increase(PROVE_WINDOW_SECONDS);
    const { claim, claimId } = claimAt(batch, 0);
    await expect(world.settlement.resolve(batch.batchId, claim, 0, world.challenger.address))
      .to.emit(world.settlement, "ClaimRejected")
      .withArgs(
        batch.batchId,
        claimId,
        world.operator.address,
        0,
        world.challenger.address,
        (CLAIM_BOND_WEI * 4000n) / 10_000n,
        0,
        (CLAIM_BOND_WEI * 6000n) / 10_000n,
      );
    expect(await world.settlement.creditOf(ZeroAddress, ZeroAddress)).to.equal(0);
  });

  it("R-19 I-10 happens once, and only to a claim that was challenged", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    const rejected = claimAt(batch, 0);
    await expect(world.settlement.resolve(batch.batchId, rejected.claim, 0, world.challenger.address))
      .to.be.revertedWithCustomError(world.settlement, "NotDisputedBy")
      .withArgs(batch.batchId, 0, world.challenger.address);
    const other = claimAt(batch, 1);
    await expect(world.settlement.resolve(batch.batchId, other.claim, 1, world.challenger.address))
      .to.be.revertedWithCustomError(world.settlement, "NotDisputedBy")
      .withArgs(batch.batchId, 1, world.challenger.address);
  });

  it("R-08 is not undone by time: a rejected claim never becomes final", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    await time.increase(10 * CHALLENGE_WINDOW_SECONDS);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
    await expect(challengeClaim(world, batch, 0))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(batch.claimIds[0], STATUS.Rejected);
  });

  it("R-10 I-11 leaves exactly the burn behind when everybody has taken what is theirs", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await world.settlement.release([batch.header]);
    const { stakeWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    await world.settlement.connect(world.operator).unbond(ZeroAddress, stakeWei);
    await time.increase(30 * 24 * 3600);
    await world.settlement.connect(world.operator).completeUnbonding(ZeroAddress, world.operator.address);
    await world.settlement.connect(world.challenger).withdraw(ZeroAddress, world.challenger.address);
    await world.settlement.connect(world.requester).withdraw(ZeroAddress, world.requester.address);
    const left = await ethers.provider.getBalance(world.settlement);
    expect(left).to.equal((CLAIM_BOND_WEI * 2000n) / 10_000n);
  });
});
