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
const UNBONDING_SECONDS = 30 * 24 * 3600;

describe("Operators: stake", () => {
  it("adds up what anybody pays in for an operator", async () => {
    const world = await loadFixture(deployWorld);
    await expect(world.settlement.connect(world.stranger).stake(world.operator.address, { value: 7n }))
      .to.emit(world.settlement, "Staked")
      .withArgs(world.operator.address, ZeroAddress, world.stranger.address, 7n);
    expect((await world.settlement.operatorOf(world.operator.address, ZeroAddress)).stakeWei).to.equal(
      10n ** 18n + 7n,
    );
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
    await operator.unbond(ZeroAddress, 10n ** 17n);
    const unbondableAt = BigInt((await time.latest()) + UNBONDING_SECONDS);
    expect((await world.settlement.operatorOf(world.operator.address, ZeroAddress)).unbondableAt).to.equal(
      unbondableAt,
    );

    await time.setNextBlockTimestamp(unbondableAt - 1n);
    await expect(operator.completeUnbonding(ZeroAddress, world.stranger.address))
      .to.be.revertedWithCustomError(world.settlement, "StillUnbonding")
      .withArgs(world.operator.address, unbondableAt);
    await time.setNextBlockTimestamp(unbondableAt);
    await expect(operator.completeUnbonding(ZeroAddress, world.stranger.address)).to.changeEtherBalances(
      ethers,
      [world.settlement, world.stranger],
      [-(10n ** 17n), 10n ** 17n],
    );
    await expect(operator.completeUnbonding(ZeroAddress, world.stranger.address))
      .to.be.revertedWithCustomError(world.settlement, "NothingToWithdraw")
      .withArgs(world.operator.address);
  });

  it("R-17 keeps locked stake in: neither more can be unbonded nor unbonding stake be committed against", async () => {
    const world = await loadFixture(deployWorld);
    await commitBatch(world, "window", { count: 4 });
    const freeWei = 10n ** 18n - 4n * CLAIM_BOND_WEI;
    const operator = world.settlement.connect(world.operator);
    await expect(operator.unbond(ZeroAddress, freeWei + 1n))
      .to.be.revertedWithCustomError(world.settlement, "InsufficientStake")
      .withArgs(world.operator.address, freeWei, freeWei + 1n);
    await operator.unbond(ZeroAddress, freeWei);
    await expect(commitBatch(world, "window", { count: 1, nonce: 2n }))
      .to.be.revertedWithCustomError(world.settlement, "InsufficientStake")
      .withArgs(world.operator.address, 0, CLAIM_BOND_WEI);
    await expect(operator.unbond(ZeroAddress, 0)).to.be.revertedWithCustomError(
      world.settlement,
      "ZeroArgument",
    );
  });

  it("starts the delay anew for everything when more is unbonded", async () => {
    const world = await loadFixture(deployWorld);
    const operator = world.settlement.connect(world.operator);
    await operator.unbond(ZeroAddress, 1n);
    await time.increase(UNBONDING_SECONDS - 10);
    await operator.unbond(ZeroAddress, 2n);
    await time.increase(10);
    await expect(
      operator.completeUnbonding(ZeroAddress, world.operator.address),
    ).to.be.revertedWithCustomError(world.settlement, "StillUnbonding");
    await time.increase(UNBONDING_SECONDS);
    await expect(operator.completeUnbonding(ZeroAddress, world.operator.address)).to.changeEtherBalance(
      ethers,
      world.settlement,
      -3n,
    );
  });
});

describe("Operators: keys", () => {
  it("gives a receipt key a validity interval and keeps it after revocation", async () => {
    const world = await loadFixture(deployWorld);
    const operator = world.receipts.connect(world.operator);
    const key = world.stranger.address;
    await operator.addReceiptKey(key);
    const validFrom = await time.latest();
    expect(await world.receipts.receiptKeyOf(world.operator.address, key)).to.deep.equal([
      validFrom,
      2n ** 40n - 1n,
    ]);

    await time.increase(100);
    await expect(operator.revokeReceiptKey(key)).to.emit(world.receipts, "ReceiptKeyRevoked");
    const validUntil = await time.latest();
    expect(await world.receipts.receiptKeyOf(world.operator.address, key)).to.deep.equal([
      validFrom,
      validUntil,
    ]);
    await expect(operator.addReceiptKey(key))
      .to.be.revertedWithCustomError(world.receipts, "ReceiptKeyKnown")
      .withArgs(world.operator.address, key);
    await expect(operator.revokeReceiptKey(key))
      .to.be.revertedWithCustomError(world.receipts, "ReceiptKeyNotActive")
      .withArgs(world.operator.address, key);
  });

  it("keeps one operator's keys and senders apart from another's, and one policy's senders from another's", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, policyIds, operator, stranger, challenger } = world;
    await expect(
      receipts.connect(stranger).revokeReceiptKey(world.receiptKey.address),
    ).to.be.revertedWithCustomError(receipts, "ReceiptKeyNotActive");
    await expect(settlement.connect(stranger).setSender(challenger.address, [policyIds.tee], true))
      .to.emit(settlement, "SenderSet")
      .withArgs(stranger.address, challenger.address, policyIds.tee, true);
    expect(await settlement.isSender(stranger.address, challenger.address, policyIds.tee)).to.equal(true);
    expect(await settlement.isSender(stranger.address, challenger.address, policyIds.zk)).to.equal(false);
    expect(await settlement.isSender(operator.address, challenger.address, policyIds.tee)).to.equal(false);
    expect(await settlement.isSender(operator.address, operator.address, policyIds.tee)).to.equal(true);
    await expect(receipts.connect(stranger).addReceiptKey(ZeroAddress)).to.be.revertedWithCustomError(
      receipts,
      "ZeroArgument",
    );
    await expect(
      settlement.connect(stranger).setSender(ZeroAddress, [policyIds.tee], true),
    ).to.be.revertedWithCustomError(settlement, "ZeroArgument");
  });

  it("announces an endpoint by the operator and its senders, and by nobody else", async () => {
    const world = await loadFixture(deployWorld);
    const { address } = world.operator;
    for (const caller of [world.operator, world.sender]) {
      await expect(
        world.receipts.connect(caller).announce(address, world.policyIds.tee, "https://node.example"),
      )
        .to.emit(world.receipts, "EndpointAnnounced")
        .withArgs(address, "https://node.example");
    }
    await world.settlement
      .connect(world.operator)
      .setSender(world.sender.address, [world.policyIds.tee], false);
    for (const caller of [world.stranger, world.sender]) {
      await expect(
        world.receipts.connect(caller).announce(address, world.policyIds.tee, "https://thief.example"),
      )
        .to.be.revertedWithCustomError(world.receipts, "NotSenderFor")
        .withArgs(address, caller.address);
    }
  });
});

describe("Operators: credits", () => {
  it("R-19 R-22 pays a credit once, where its owner says, and lets a refusing recipient block only itself", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    await time.increase(Math.max(PROVE_WINDOW_SECONDS, CHALLENGE_WINDOW_SECONDS));
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address);

    const challenger = world.settlement.connect(world.challenger);
    const creditWei = await world.settlement.creditOf(world.challenger.address, ZeroAddress);
    // The registry has no way to receive ether.
    await expect(challenger.withdraw(ZeroAddress, world.models))
      .to.be.revertedWithCustomError(world.settlement, "PaymentFailed")
      .withArgs(await world.models.getAddress(), creditWei);
    await expect(challenger.withdraw(ZeroAddress, ZeroAddress)).to.be.revertedWithCustomError(
      world.settlement,
      "ZeroArgument",
    );
    await world.settlement.connect(world.requester).withdraw(ZeroAddress, world.requester.address);
    await expect(challenger.withdraw(ZeroAddress, world.stranger.address)).to.changeEtherBalances(
      ethers,
      [world.settlement, world.stranger],
      [-creditWei, creditWei],
    );
    await expect(challenger.withdraw(ZeroAddress, world.stranger.address))
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
      world.settlement.connect(world.stranger).withdraw(ZeroAddress, world.stranger.address),
    ).to.be.revertedWithCustomError(world.settlement, "NothingToWithdraw");
  });
});
