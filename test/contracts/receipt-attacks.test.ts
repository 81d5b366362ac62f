// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { policyId } from "@meantime/sdk/policy";
import { expect } from "chai";
import { id, Wallet, ZeroAddress } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import { CLAIM_BOND_WEI, deployWorld, networkHelpers, policyFor, wordOf } from "./fixture.ts";
import {
  ANSWER_SECONDS,
  GRACE_SECONDS,
  promiseClaim,
  REPORT_WINDOW_SECONDS,
  reportAttempt,
  reportableFrom,
  reportOmission,
} from "./promises.ts";

const { loadFixture, time } = networkHelpers;
const MAX_PAUSE_SECONDS = 7n * 86_400n;

describe("Receipts: attacks", () => {
  it("R-10 I-01 credit no bond that was not paid in: a report under a policy not yet registered", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, policies, stranger } = world;
    // Somebody's honest bond lies in the contract.
    await reportOmission(world, await promiseClaim(world));

    const bonds = { claimBondWei: CLAIM_BOND_WEI, challengeBondWei: CLAIM_BOND_WEI };
    const policy = { ...(await policyFor(world, "window")), ...bonds, challengerBps: 3999 };
    const key = Wallet.createRandom();
    await receipts.connect(stranger).addReceiptKey(key.address);
    const operator = stranger.address.toLowerCase() as Hex;
    const { claim, signature } = await promiseClaim(world, { operator, policyId: policyId(policy) }, key);
    await time.increaseTo(claim.commitBy + GRACE_SECONDS + 1n);
    const thief = receipts.connect(stranger);
    await thief.reportOmission(claim, signature).catch(() => undefined);
    await policies.connect(stranger).register(policy);
    await time.increase(ANSWER_SECONDS);
    await thief.resolveOmission(claim).catch(() => undefined);
    expect(await receipts.creditOf(stranger.address, ZeroAddress)).to.equal(0);
  });

  it("R-11 are not escaped through another of the operator's keys: the reported one counts", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, operator } = world;
    const receipt = await promiseClaim(world);
    await reportOmission(world, receipt);
    const later = new Wallet(id("added after the claim was served"));
    await receipts.connect(operator).addReceiptKey(later.address);
    await receipts.markCompromised(operator.address, later.address, 1);
    await receipts.connect(operator).revokeReceiptKey(world.receiptKey.address);
    await time.increase(ANSWER_SECONDS);
    await expect(receipts.connect(operator).resolveOmission(receipt.claim))
      .to.be.revertedWithCustomError(receipts, "NotReporter")
      .withArgs(receipt.claimId, world.challenger.address);
    await expect(receipts.connect(world.challenger).resolveOmission(receipt.claim)).to.emit(
      receipts,
      "OmissionUpheld",
    );
  });

  it("R-11 R-22 are not shielded by a friend that reports first: the requester resolves as well, a week later anybody", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, requester, challenger, operator, stranger } = world;
    const receipt = await promiseClaim(world);
    await reportOmission(world, receipt);
    const { answerBy } = await receipts.omissionOf(receipt.claimId);
    const resolve = (from: typeof requester): Attempt => ({
      ...{ contract: receipts, from, name: "resolveOmission", args: [receipt.claim] },
    });
    const open = answerBy + REPORT_WINDOW_SECONDS;
    for (const [at, interested, anybody] of [
      [answerBy - 1n, "ResolveTooEarly", "ResolveTooEarly"],
      [answerBy, "done", "NotReporter"],
      [open - 1n, "done", "NotReporter"],
      [open, "done", "done"],
    ] as const) {
      for (const from of [challenger, requester]) {
        expect(await outcomeAt(at, resolve(from)), `${at - answerBy}`).to.equal(interested);
      }
      for (const from of [operator, stranger]) {
        expect(await outcomeAt(at, resolve(from)), `${at - answerBy}`).to.equal(anybody);
      }
    }
    await time.setNextBlockTimestamp(answerBy);
    await expect(receipts.connect(requester).resolveOmission(receipt.claim))
      .to.emit(receipts, "OmissionUpheld")
      .withArgs(receipt.claimId, operator.address, challenger.address);
  });

  it("R-11 are not bought off: an equivocation that an operator reports itself under a cheap policy", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, policies, settlement, operator, stranger } = world;
    const bonds = { claimBondWei: 10n ** 9n, challengeBondWei: 10n ** 9n };
    const cheap = { ...(await policyFor(world, "window")), ...bonds };
    await policies.register(cheap);
    await receipts.connect(operator).acceptPolicies([policyId(cheap)]);
    const a = await promiseClaim(world, { outputHash: wordOf(1n) });
    const b = await promiseClaim(world, { ...a.claim, outputHash: wordOf(2n) });
    const own = { ...a.claim, policyId: policyId(cheap) };
    const [c, d] = [
      await promiseClaim(world, own),
      await promiseClaim(world, { ...own, outputHash: wordOf(3n) }),
    ];
    await receipts.connect(operator).reportEquivocation(c.claim, c.signature, d.claim, d.signature);
    await receipts
      .connect(stranger)
      .reportEquivocation(a.claim, a.signature, b.claim, b.signature)
      .catch(() => undefined);
    const { stakeWei } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect(stakeWei).to.be.at.most(10n ** 18n - CLAIM_BOND_WEI);
  });

  it("R-17 I-19 reach no policy that the operator has not accepted, nor what was served before it did", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, policies, operator } = world;
    const huge = { ...(await policyFor(world, "window")), claimBondWei: 2n ** 88n - 1n };
    await policies.register(huge);
    const receipt = await promiseClaim(world, { policyId: policyId(huge) });
    expect(await outcomeAt(reportableFrom(receipt), reportAttempt(world, receipt))).to.equal("VoidReceipt");

    await expect(receipts.connect(operator).acceptPolicies([policyId(huge), policyId(huge)])).to.emit(
      receipts,
      "PolicyAccepted",
    );
    const acceptedAt = BigInt(await time.latest());
    expect(await receipts.acceptedAtOf(operator.address, policyId(huge))).to.equal(acceptedAt);
    for (const [servedAt, outcome] of [
      [acceptedAt - 1n, "VoidReceipt"],
      [acceptedAt, "done"],
      [acceptedAt + 1n, "done"],
    ] as const) {
      const later = await promiseClaim(world, {
        ...{ policyId: policyId(huge), servedAt, commitBy: servedAt + 600n },
      });
      expect(await outcomeAt(reportableFrom(later), reportAttempt(world, later)), `${servedAt}`).to.equal(
        outcome,
      );
    }
    // Accepting once more moves nothing: what was promised stays promised.
    await receipts.connect(operator).acceptPolicies([policyId(huge)]);
    expect(await receipts.acceptedAtOf(operator.address, policyId(huge))).to.equal(acceptedAt);
  });

  it("R-55 find no key valid again that an unbonding revoked, when the operator unbonds once more", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, settlement, operator, receiptKey } = world;
    await settlement.connect(operator).unbond(ZeroAddress, 1n);
    const revokedAt = BigInt(await time.latest());
    const stolen = await promiseClaim(world, { servedAt: revokedAt + 10n, commitBy: revokedAt + 60n });
    expect(await outcomeAt(reportableFrom(stolen), reportAttempt(world, stolen))).to.equal("NotSigned");
    await time.increase(100);
    await settlement.connect(operator).unbond(ZeroAddress, 1n);
    const [, validUntil] = await receipts.receiptKeyOf(operator.address, receiptKey.address);
    expect(validUntil).to.equal(revokedAt);
    expect(await outcomeAt(reportableFrom(stolen), reportAttempt(world, stolen))).to.equal("NotSigned");
  });

  it("R-52 answer for what was due in the first hour of the longest pause, too", async () => {
    const world = await loadFixture(deployWorld);
    const receipt = await promiseClaim(world);
    const deadline = receipt.claim.commitBy + GRACE_SECONDS;
    await time.setNextBlockTimestamp(deadline - 1n);
    const until = deadline - 1n + MAX_PAUSE_SECONDS;
    await world.settlement.pauseCommits(until);
    const includeBy = until + GRACE_SECONDS;
    expect(await outcomeAt(includeBy + 1n, reportAttempt(world, receipt))).to.equal("done");
  });
});
