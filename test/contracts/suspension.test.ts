// SPDX-License-Identifier: MIT
import { claimId } from "@meantime/sdk/claim";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { rejectFirst, resolveClaim } from "./disputes.ts";
import {
  asAddress,
  type Batch,
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
  type World,
  wordOf,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;
const STAKE_WEI = 10n ** 18n;

after(stopProver);

describe("Operators: suspension", () => {
  it("R-17 I-20 stops every sender when a bond is lost, until the owner resumes; the owner itself goes on", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator } = world;
    await rejectFirst(world);
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).suspended).to.equal(true);
    for (const rule of ["window", "zk"] as const) {
      await expect(commitBatch(world, rule, { nonce: 2n }))
        .to.be.revertedWithCustomError(settlement, "OperatorSuspended")
        .withArgs(operator.address);
    }
    const own = await commitBatchAs(world, "operator");
    expect(await settlement.statusOf(...memberOf(own, 0))).to.equal(STATUS.Committed);
    await expect(settlement.connect(world.sender).resume(ZeroAddress)).to.be.revertedWithCustomError(
      settlement,
      "NotSuspended",
    );
    await expect(settlement.connect(operator).resume(ZeroAddress))
      .to.emit(settlement, "Resumed")
      .withArgs(operator.address, ZeroAddress);
    await commitBatch(world, "zk", { nonce: 4n });
    await expect(settlement.connect(operator).resume(ZeroAddress))
      .to.be.revertedWithCustomError(settlement, "NotSuspended")
      .withArgs(operator.address);
  });

  it("R-53 bounds the lockable share, and leaves what is locked already", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator } = world;
    const owner = settlement.connect(operator);
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).lockableBps).to.equal(9000);
    for (const bps of [0, 9001, 65_535]) {
      await expect(owner.setLockable(ZeroAddress, bps))
        .to.be.revertedWithCustomError(settlement, "BadLockable")
        .withArgs(bps, 9000);
    }
    const batch = await commitBatch(world, "window", { count: 20 });
    await expect(owner.setLockable(ZeroAddress, 2000))
      .to.emit(settlement, "LockableSet")
      .withArgs(operator.address, ZeroAddress, 2000);
    await expect(commitBatch(world, "window", { count: 1, nonce: 2n }))
      .to.be.revertedWithCustomError(settlement, "InsufficientStake")
      .withArgs(operator.address, 0, CLAIM_BOND_WEI);
    await owner.setLockable(ZeroAddress, 1);
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).lockedWei).to.equal(
      20n * CLAIM_BOND_WEI,
    );
    await expect(commitBatchAs(world, "operator", { count: 1, nonce: 3n }))
      .to.be.revertedWithCustomError(settlement, "InsufficientStake")
      .withArgs(operator.address, 0, CLAIM_BOND_WEI);
    await owner.setLockable(ZeroAddress, 2100);
    await commitBatch(world, "window", { count: 1, nonce: 4n });
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
  });
});

describe("Operators: a stolen sender's key", () => {
  it("R-05 R-12 R-17 I-20 takes no more than the lockable share, through the one policy, before the first rejection", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator, sender, stranger: thief, policyIds } = world;
    const owner = settlement.connect(operator);
    const others = Object.values(policyIds).filter((policyId) => policyId !== policyIds.window);
    await owner.setSender(sender.address, others, false);
    await owner.setLockable(ZeroAddress, 1000);
    const lockableWei = STAKE_WEI / 10n;

    // Everything that the key can lock, in lies whose requester is the thief.
    const lies = { requester: asAddress(thief.address), outputHash: wordOf(9n) };
    const count = Number(lockableWei / CLAIM_BOND_WEI);
    const batch = await commitBatch(world, "window", { count, claims: lies });
    await expect(commitBatch(world, "window", { count: 1, nonce: 2n })).to.be.revertedWithCustomError(
      settlement,
      "InsufficientStake",
    );
    await expect(commitBatch(world, "zk", { count: 1 }))
      .to.be.revertedWithCustomError(settlement, "NotSenderOf")
      .withArgs(operator.address, sender.address);

    const stolen = { ...world, challenger: thief };
    for (let index = 0; index < count; index++) await challengeClaim(stolen, batch, index);
    await time.increase(PROVE_WINDOW_SECONDS + 60 * count);
    await resolveClaim(stolen, batch, 0);
    await expect(commitBatch(world, "window", { count: 1, nonce: 3n })).to.be.revertedWithCustomError(
      settlement,
      "OperatorSuspended",
    );
    for (let index = 1; index < count; index++) await resolveClaim(stolen, batch, index);

    const bondsWei = BigInt(count) * (await challengeBondOf(world));
    const takenWei = (await settlement.creditOf(thief.address, ZeroAddress)) - bondsWei;
    expect(takenWei).to.equal((lockableWei * BigInt(CHALLENGER_BPS + REQUESTER_BPS)) / 10_000n);
    const { stakeWei, lockedWei } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect([stakeWei, lockedWei]).to.deep.equal([STAKE_WEI - lockableWei, 0n]);

    // None of the owner's own powers are in the key.
    const thieving = settlement.connect(sender);
    for (const call of [
      () => thieving.unbond(ZeroAddress, 1n),
      () => thieving.completeUnbonding(ZeroAddress, thief),
      () => thieving.withdraw(ZeroAddress, thief),
      () => thieving.resume(ZeroAddress),
    ]) {
      await expect(call()).to.be.revert(ethers);
    }
  });

  it("R-12 R-17 I-20 stops at the first disproof: what was not locked by then stays out of reach", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator, stranger: thief } = world;
    const truth = infer(30);
    const lie = { ...truth, outputHash: wordOf((BigInt(truth.outputHash) + 1n) % 10n) };
    const batch = await commitInferences(world, "window", [lie], 1n, { requester: asAddress(thief.address) });
    const twin = { ...claimAt(batch, 0).claim, outputHash: truth.outputHash };
    const proof = await proveClaim(truth, claimId(world.domain, twin), thief.address);
    await settlement
      .connect(thief)
      .disprove(...memberOf(batch, 0), ZeroAddress, truth.outputHash, thief.address, proof);
    await expect(commitInferences(world, "window", [lie], 2n)).to.be.revertedWithCustomError(
      settlement,
      "OperatorSuspended",
    );
    expect(await settlement.creditOf(thief.address, ZeroAddress)).to.equal(
      (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS + REQUESTER_BPS)) / 10_000n,
    );
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).stakeWei).to.equal(
      STAKE_WEI - CLAIM_BOND_WEI,
    );
  });
});

async function commitBatchAs(world: World, role: "operator", { count = 4, nonce = 3n } = {}): Promise<Batch> {
  return commitBatch({ ...world, sender: world[role] }, "window", { count, nonce });
}

async function challengeBondOf({ policies, policyIds }: World): Promise<bigint> {
  return (await policies.policyOf(policyIds.window)).policy.challengeBondWei;
}
