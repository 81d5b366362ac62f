// SPDX-License-Identifier: MIT
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import type { BadRecipient } from "../../types/ethers-contracts/index.ts";
import { rejectFirst, resolveClaim } from "./disputes.ts";
import {
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  type World,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;
const MOODS = { accept: 0, revert: 1, burnGas: 2, returnBomb: 3, revertBomb: 4 } as const;

describe("Payouts to recipients that make trouble", () => {
  for (const mood of ["revert", "burnGas", "revertBomb"] as const) {
    it(`R-22 R-24 block nobody else, and can be had later and elsewhere: ${mood}`, async () => {
      const world = await loadFixture(deployWorld);
      const { settlement, challenger, requester, operator } = world;
      const recipient = await deployRecipient(mood);
      const batch = await rejectFirst(world);
      const creditWei = await settlement.creditOf(challenger.address, ZeroAddress);
      await expect(settlement.connect(challenger).withdraw(ZeroAddress, recipient, { gasLimit: 5_000_000n }))
        .to.be.revertedWithCustomError(settlement, "PaymentFailed")
        .withArgs(await recipient.getAddress(), creditWei);
      expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(creditWei);

      await settlement.connect(requester).withdraw(ZeroAddress, requester);
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await settlement.release([batch.header]);
      await settlement.connect(operator).unbond(ZeroAddress, 1n);
      await time.increase(30 * 24 * 3600);
      await expect(
        settlement.connect(operator).completeUnbonding(ZeroAddress, recipient, { gasLimit: 5_000_000n }),
      ).to.be.revertedWithCustomError(settlement, "PaymentFailed");
      expect((await settlement.operatorOf(operator.address, ZeroAddress)).unbondingWei).to.equal(1n);
      await settlement.connect(operator).completeUnbonding(ZeroAddress, operator);
      await settlement.connect(challenger).withdraw(ZeroAddress, challenger);
    });
  }

  it("R-24 copy no return data: a bomb costs the payer no memory of its own", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger } = world;
    await rejectFirst(world);
    const quiet = await deployRecipient("accept");
    const bomb = await deployRecipient("returnBomb");
    const gasOf = (to: BadRecipient): Promise<bigint> =>
      settlement.connect(challenger).withdraw.estimateGas(ZeroAddress, to);
    // Expanding a million bytes costs about 2 million gas, once, in the recipient. A copy would cost it again.
    const extra = (await gasOf(bomb)) - (await gasOf(quiet));
    expect(extra).to.be.lessThan(3_000_000n);
    await expect(settlement.connect(challenger).withdraw(ZeroAddress, bomb)).to.emit(settlement, "Withdrawn");
  });

  it("R-22 are made on demand alone: whoever resolves calls no contract that it pays", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const challenger = await ethers.deployContract("Reenterer");
    const batch = await commitBatch(world, "window");
    const call = settlement.interface.encodeFunctionData("challenge", memberOf(batch, 0));
    await challenger.run(settlement, call, { value: CHALLENGE_BOND_WEI });
    await challenger.prepare([{ target: settlement, value: 0n, data: "0x" }]);
    await time.increase(PROVE_WINDOW_SECONDS);
    await settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, challenger);
    expect(await settlement.creditOf(challenger, ZeroAddress)).to.be.greaterThan(CHALLENGE_BOND_WEI);
    expect(await ethers.provider.getBalance(challenger)).to.equal(0);
    expect(await challenger.outcomes()).to.deep.equal([]);
  });
});

describe("Ether that nobody asked for", () => {
  it("R-10 I-01 is nobody's, and is refused where it can be", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, stranger, operator } = world;
    for (const contract of [settlement, receipts]) {
      await expect(stranger.sendTransaction({ to: contract, value: 1n })).to.be.revert(ethers);
      const beforeWei = await ethers.provider.getBalance(contract);
      await forceEther(world, await contract.getAddress(), 5n);
      expect(await ethers.provider.getBalance(contract)).to.equal(beforeWei + 5n);
      expect(await contract.creditOf(stranger.address, ZeroAddress)).to.equal(0);
    }
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).stakeWei).to.equal(10n ** 18n);
    await expect(settlement.connect(stranger).withdraw(ZeroAddress, stranger)).to.be.revertedWithCustomError(
      settlement,
      "NothingToWithdraw",
    );
  });

  it("R-10 changes no payout", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger, stranger } = world;
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    await forceEther(world, await settlement.getAddress(), 10n ** 18n);
    await time.increase(PROVE_WINDOW_SECONDS);
    await resolveClaim(world, batch, 0);
    const creditWei = await settlement.creditOf(challenger.address, ZeroAddress);
    await expect(settlement.connect(challenger).withdraw(ZeroAddress, stranger)).to.changeEtherBalances(
      ethers,
      [settlement, stranger],
      [-creditWei, creditWei],
    );
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
  });
});

// Creation code that names the contract and destroys itself: PUSH20 address SELFDESTRUCT.
async function forceEther({ stranger }: World, to: string, value: bigint): Promise<void> {
  await stranger.sendTransaction({ data: `0x73${to.slice(2)}ff`, value });
}

async function deployRecipient(mood: keyof typeof MOODS): Promise<BadRecipient> {
  const recipient = await ethers.deployContract("BadRecipient");
  await recipient.setMood(MOODS[mood]);
  return recipient;
}
