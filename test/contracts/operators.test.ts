// SPDX-License-Identifier: MIT
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import {
  CHALLENGE_WINDOW_SECONDS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  connection,
  deployWorld,
  ethers,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;
const UNBONDING_SECONDS = 23 * 24 * 3600;

describe("Operators: stake", () => {
  it("adds up what anybody pays in for an operator", async () => {
    const world = await loadFixture(deployWorld);
    await expect(world.settlement.connect(world.stranger).stake(world.operator.address, { value: 7n }))
      .to.emit(world.settlement, "Staked")
      .withArgs(world.operator.address, world.stranger.address, 7n);
    expect((await world.settlement.operatorOf(world.operator.address)).stakeWei).to.equal(10n ** 18n + 7n);
  });

  it("R-07 refuses zero and what does not fit 96 bits", async () => {
    const world = await loadFixture(deployWorld);
    await expect(world.settlement.stake(world.operator.address)).to.be.revertedWithCustomError(
      world.settlement,
      "ZeroArgument",
    );
    await expect(world.settlement.stake(ZeroAddress, { value: 1n })).to.be.revertedWithCustomError(
      world.settlement,
      "ZeroArgument",
    );
    const max = 2n ** 96n - 1n;
    await networkHelpers.setBalance(world.stranger.address, 2n ** 97n);
    const rich = world.settlement.connect(world.stranger);
    await rich.stake(world.stranger.address, { value: max });
    await expect(rich.stake(world.stranger.address, { value: 1n }))
      .to.be.revertedWithCustomError(world.settlement, "StakeTooLarge")
      .withArgs(max + 1n);
  });

  it("R-06 pays unbonded stake out at its time, not a second before, once", async () => {
    const world = await loadFixture(deployWorld);
    const operator = world.settlement.connect(world.operator);
    await operator.unbond(10n ** 17n);
    const unbondableAt = BigInt((await time.latest()) + UNBONDING_SECONDS);
    expect((await world.settlement.operatorOf(world.operator.address)).unbondableAt).to.equal(unbondableAt);

    await time.setNextBlockTimestamp(unbondableAt - 1n);
    await expect(operator.completeUnbonding(world.stranger.address))
      .to.be.revertedWithCustomError(world.settlement, "StillUnbonding")
      .withArgs(world.operator.address, unbondableAt);
    await time.setNextBlockTimestamp(unbondableAt);
    await expect(operator.completeUnbonding(world.stranger.address)).to.changeEtherBalances(
      ethers,
      [world.settlement, world.stranger],
      [-(10n ** 17n), 10n ** 17n],
    );
    await expect(operator.completeUnbonding(world.stranger.address))
      .to.be.revertedWithCustomError(world.settlement, "NothingToWithdraw")
      .withArgs(world.operator.address);
  });

  it("R-17 keeps locked stake in: neither more can be unbonded nor unbonding stake be committed against", async () => {
    const world = await loadFixture(deployWorld);
    await commitBatch(world, "window", { count: 4 });
    const freeWei = 10n ** 18n - 4n * CLAIM_BOND_WEI;
    const operator = world.settlement.connect(world.operator);
    await expect(operator.unbond(freeWei + 1n))
      .to.be.revertedWithCustomError(world.settlement, "InsufficientStake")
      .withArgs(world.operator.address, freeWei, freeWei + 1n);
    await operator.unbond(freeWei);
    await expect(commitBatch(world, "window", { count: 1, nonce: 2n }))
      .to.be.revertedWithCustomError(world.settlement, "InsufficientStake")
      .withArgs(world.operator.address, 0, CLAIM_BOND_WEI);
    await expect(operator.unbond(0)).to.be.revertedWithCustomError(world.settlement, "ZeroArgument");
  });

  it("starts the delay anew for everything when more is unbonded", async () => {
    const world = await loadFixture(deployWorld);
    const operator = world.settlement.connect(world.operator);
    await operator.unbond(1n);
    await time.increase(UNBONDING_SECONDS - 10);
    await operator.unbond(2n);
    await time.increase(10);
    await expect(operator.completeUnbonding(world.operator.address)).to.be.revertedWithCustomError(
      world.settlement,
      "StillUnbonding",
    );
    await time.increase(UNBONDING_SECONDS);
    await expect(operator.completeUnbonding(world.operator.address)).to.changeEtherBalance(
      ethers,
      world.settlement,
      -3n,
    );
  });
});

describe("Operators: keys", () => {
  it("gives a receipt key a validity interval and keeps it after revocation", async () => {
    const world = await loadFixture(deployWorld);
    const operator = world.settlement.connect(world.operator);
    const key = world.stranger.address;
    await operator.addReceiptKey(key);
    const validFrom = await time.latest();
    expect(await world.settlement.receiptKeyOf(world.operator.address, key)).to.deep.equal([
      validFrom,
      2n ** 40n - 1n,
    ]);

    await time.increase(100);
    await expect(operator.revokeReceiptKey(key)).to.emit(world.settlement, "ReceiptKeyRevoked");
    const validUntil = await time.latest();
    expect(await world.settlement.receiptKeyOf(world.operator.address, key)).to.deep.equal([
      validFrom,
      validUntil,
    ]);
    await expect(operator.addReceiptKey(key))
      .to.be.revertedWithCustomError(world.settlement, "ReceiptKeyKnown")
      .withArgs(world.operator.address, key);
    await expect(operator.revokeReceiptKey(key))
      .to.be.revertedWithCustomError(world.settlement, "ReceiptKeyNotActive")
      .withArgs(world.operator.address, key);
  });

  it("keeps one operator's keys and senders apart from another's", async () => {
    const world = await loadFixture(deployWorld);
    const stranger = world.settlement.connect(world.stranger);
    await expect(stranger.revokeReceiptKey(world.receiptKey.address)).to.be.revertedWithCustomError(
      world.settlement,
      "ReceiptKeyNotActive",
    );
    await stranger.setSender(world.challenger.address, true);
    expect(await world.settlement.isSender(world.stranger.address, world.challenger.address)).to.equal(true);
    expect(await world.settlement.isSender(world.operator.address, world.challenger.address)).to.equal(false);
    expect(await world.settlement.isSender(world.operator.address, world.operator.address)).to.equal(true);
    await expect(stranger.addReceiptKey(ZeroAddress)).to.be.revertedWithCustomError(
      world.settlement,
      "ZeroArgument",
    );
    await expect(stranger.setSender(ZeroAddress, true)).to.be.revertedWithCustomError(
      world.settlement,
      "ZeroArgument",
    );
  });

  it("announces an endpoint by the operator and its senders, and by nobody else", async () => {
    const world = await loadFixture(deployWorld);
    const { address } = world.operator;
    for (const caller of [world.operator, world.sender]) {
      await expect(world.settlement.connect(caller).announce(address, "https://node.example"))
        .to.emit(world.settlement, "EndpointAnnounced")
        .withArgs(address, "https://node.example");
    }
    await expect(world.settlement.connect(world.stranger).announce(address, "https://thief.example"))
      .to.be.revertedWithCustomError(world.settlement, "NotSenderOf")
      .withArgs(address, world.stranger.address);
  });
});

describe("Operators: credits", () => {
  it("R-19 R-22 pays a credit once, where its owner says, and lets a refusing recipient block only itself", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    await time.increase(Math.max(PROVE_WINDOW_SECONDS, CHALLENGE_WINDOW_SECONDS));
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0);

    const challenger = world.settlement.connect(world.challenger);
    const creditWei = await world.settlement.creditOf(world.challenger.address);
    // The registry has no way to receive ether.
    await expect(challenger.withdraw(world.models))
      .to.be.revertedWithCustomError(world.settlement, "PaymentFailed")
      .withArgs(await world.models.getAddress(), creditWei);
    await expect(challenger.withdraw(ZeroAddress)).to.be.revertedWithCustomError(
      world.settlement,
      "ZeroArgument",
    );
    await world.settlement.connect(world.requester).withdraw(world.requester.address);
    await expect(challenger.withdraw(world.stranger.address)).to.changeEtherBalances(
      ethers,
      [world.settlement, world.stranger],
      [-creditWei, creditWei],
    );
    await expect(challenger.withdraw(world.stranger.address))
      .to.be.revertedWithCustomError(world.settlement, "NothingToWithdraw")
      .withArgs(world.challenger.address);
  });

  it("R-10 counts forced ether for nobody", async () => {
    const world = await loadFixture(deployWorld);
    const { provider } = connection;
    await provider.request({
      method: "hardhat_setBalance",
      params: [await world.settlement.getAddress(), "0xde0b6b3a7640005"],
    });
    await expect(
      world.settlement.connect(world.stranger).withdraw(world.stranger.address),
    ).to.be.revertedWithCustomError(world.settlement, "NothingToWithdraw");
  });
});
