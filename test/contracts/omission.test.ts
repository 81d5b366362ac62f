// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { policyId } from "@meantime/sdk/policy";
import type { Receipt } from "@meantime/sdk/receipt";
import { expect } from "chai";
import { id, Wallet, ZeroAddress } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import {
  batchOf,
  CHALLENGE_BOND_WEI,
  CHALLENGER_BPS,
  CLAIM_BOND_WEI,
  commitBatch,
  deployWorld,
  networkHelpers,
  policyFor,
  REQUESTER_BPS,
  type World,
} from "./fixture.ts";
import {
  ANSWER_SECONDS,
  GRACE_SECONDS,
  keepPromise,
  promiseClaim,
  REPORT_WINDOW_SECONDS,
  reportAttempt,
  reportableFrom,
  reportOmission,
  signedBy,
  upholdOmission,
} from "./promises.ts";

const { loadFixture, time } = networkHelpers;
const OMISSION = { None: 0, Open: 1, Refuted: 2, Upheld: 3, Voided: 4 } as const;
const PENALTY_PAID_BPS = 2500n;
const PAID_WEI = (CLAIM_BOND_WEI * PENALTY_PAID_BPS) / 10_000n;
const REPORTER_WEI = (PAID_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
const REQUESTER_WEI = (PAID_WEI * BigInt(REQUESTER_BPS)) / 10_000n;

describe("Receipts: reports of omissions", () => {
  it("R-06 are taken from an hour after commitBy on, and for seven days", async () => {
    const world = await loadFixture(deployWorld);
    const receipt = await promiseClaim(world);
    const report = reportAttempt(world, receipt);
    const from = reportableFrom(receipt);
    const until = receipt.claim.commitBy + GRACE_SECONDS + REPORT_WINDOW_SECONDS;
    for (const [at, outcome] of [
      [from - 1n, "NotReportable"],
      [from, "done"],
      [from + 1n, "done"],
      [until - 1n, "done"],
      [until, "NotReportable"],
      [until + 1n, "NotReportable"],
    ] as const) {
      expect(await outcomeAt(at, report), `${at - from}`).to.equal(outcome);
    }
  });

  it("take the policy's challenge bond, once, and say until when they can be answered", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, challenger, operator } = world;
    const receipt = await promiseClaim(world);
    const { claim, claimId, signature } = receipt;
    const from = reportableFrom(receipt);
    for (const value of [0n, CHALLENGE_BOND_WEI - 1n, CHALLENGE_BOND_WEI + 1n]) {
      expect(await outcomeAt(from, { ...reportAttempt(world, receipt), value })).to.equal("WrongPayment");
    }
    await expect(reportOmission(world, receipt))
      .to.emit(receipts, "OmissionReported")
      .withArgs(claimId, operator.address, challenger.address, from - 1n, from + ANSWER_SECONDS);
    expect(await receipts.omissionOf(claimId)).to.deep.equal([
      ...[OMISSION.Open, challenger.address, from - 1n, from + ANSWER_SECONDS],
    ]);
    await expect(
      receipts.connect(world.stranger).reportOmission(claim, signature, { value: CHALLENGE_BOND_WEI }),
    )
      .to.be.revertedWithCustomError(receipts, "AlreadyReported")
      .withArgs(claimId);
  });

  it("R-07 are not taken of receipts that promise too far, backwards, or what nobody could answer for", async () => {
    const world = await loadFixture(deployWorld);
    const servedAt = BigInt(await time.latest());
    const day = 86_400n;
    const unanswerable = `${world.modelId.slice(0, -2)}04` as Hex;
    for (const [overrides, outcome] of [
      [{ commitBy: servedAt + day }, "done"],
      [{ commitBy: servedAt + day + 1n }, "VoidReceipt"],
      [{ commitBy: servedAt }, "done"],
      [{ commitBy: servedAt - 1n }, "VoidReceipt"],
      [{ modelId: unanswerable }, "VoidReceipt"],
    ] as const) {
      const receipt = await promiseClaim(world, { servedAt, ...overrides });
      expect(await outcomeAt(reportableFrom(receipt), reportAttempt(world, receipt))).to.equal(outcome);
    }
  });

  it("R-47 R-55 are not taken under a policy that nobody registered, nor of what was served once it was closed", async () => {
    const world = await loadFixture(deployWorld);
    const policyId = `0x${"ab".repeat(31)}03` as const;
    await world.receipts.connect(world.operator).acceptPolicies([policyId]);
    const unregistered = await promiseClaim(world, { policyId });
    expect(await outcomeAt(reportableFrom(unregistered), reportAttempt(world, unregistered))).to.equal(
      "VoidReceipt",
    );
    await world.settlement.closePolicy(world.policyIds.window);
    const closedAt = BigInt(await time.latest());
    for (const [servedAt, outcome] of [
      [closedAt - 1n, "done"],
      [closedAt, "VoidReceipt"],
      [closedAt + 1n, "VoidReceipt"],
    ] as const) {
      const receipt = await promiseClaim(world, { servedAt, commitBy: servedAt + 600n });
      const at = reportableFrom(receipt);
      expect(await outcomeAt(at, reportAttempt(world, receipt)), `${servedAt - closedAt}`).to.equal(outcome);
    }
  });

  it("R-02 R-41 are not taken of forged receipts: another's key, another claim, a malformed signature", async () => {
    const world = await loadFixture(deployWorld);
    await world.receipts.connect(world.stranger).acceptPolicies([world.policyIds.window]);
    const receipt = await promiseClaim(world);
    const at = reportableFrom(receipt);
    const forged = signedBy(world, receipt, new Wallet(id("thief")));
    expect(await outcomeAt(at, reportAttempt(world, forged))).to.equal("NotSigned");
    const altered = { ...receipt, claim: { ...receipt.claim, requestId: id("other") as Hex } };
    expect(await outcomeAt(at, reportAttempt(world, altered))).to.equal("NotSigned");
    const stranger = { ...receipt.claim, operator: world.stranger.address.toLowerCase() as Hex };
    expect(await outcomeAt(at, reportAttempt(world, { ...receipt, claim: stranger }))).to.equal("NotSigned");
    for (const [signature, error] of [
      ["0x", "ECDSAInvalidSignatureLength"],
      [`${receipt.signature}00`, "ECDSAInvalidSignatureLength"],
      [`0x${"00".repeat(65)}`, "ECDSAInvalidSignature"],
      [`${receipt.signature.slice(0, 66)}${"ff".repeat(32)}1b`, "ECDSAInvalidSignatureS"],
    ] as const) {
      const attempt = reportAttempt(world, { ...receipt, signature: signature as Hex });
      expect(await outcomeAt(at, attempt)).to.equal(error);
    }
  });

  it("R-17 are taken of what a key signed before it was revoked, though it is revoked since", async () => {
    const world = await loadFixture(deployWorld);
    const receipt = await promiseClaim(world);
    await world.receipts.connect(world.operator).revokeReceiptKey(world.receiptKey.address);
    await world.settlement.connect(world.operator).unbond(ZeroAddress, 10n ** 17n);
    await expect(upholdOmission(world, receipt)).to.emit(world.receipts, "OmissionUpheld");
  });
});

describe("Receipts: answers to reports", () => {
  it("I-08 win the operator its reporter's bond, whoever shows the batch", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, operator, stranger } = world;
    const receipt = await promiseClaim(world);
    const batch = await keepPromise(world, receipt);
    await reportOmission(world, receipt);
    const [proof = []] = batch.proofs;
    await expect(receipts.connect(stranger).answerOmission(receipt.claim, batch.header, 0, proof))
      .to.emit(receipts, "OmissionRefuted")
      .withArgs(receipt.claimId, batch.batchId, 0);
    expect((await receipts.omissionOf(receipt.claimId)).state).to.equal(OMISSION.Refuted);
    expect(await receipts.creditOf(operator.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    const { stakeWei, suspended } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect([stakeWei, suspended]).to.deep.equal([10n ** 18n, false]);
    await expect(receipts.connect(operator).withdraw(ZeroAddress, stranger)).to.emit(receipts, "Withdrawn");
    await time.increase(ANSWER_SECONDS);
    await expect(receipts.connect(world.challenger).resolveOmission(receipt.claim))
      .to.be.revertedWithCustomError(receipts, "NoOpenReport")
      .withArgs(receipt.claimId);
    await expect(
      receipts.reportOmission(receipt.claim, receipt.signature, { value: CHALLENGE_BOND_WEI }),
    ).to.be.revertedWithCustomError(receipts, "AlreadyReported");
  });

  it("R-06 count a commit in the last second of the hour, and none later", async () => {
    for (const [late, answered] of [
      [0n, true],
      [1n, false],
    ] as const) {
      const world = await loadFixture(deployWorld);
      const { receipts } = world;
      const receipt = await promiseClaim(world);
      const includeBy = receipt.claim.commitBy + GRACE_SECONDS;
      await time.setNextBlockTimestamp(includeBy + late);
      const batch = await keepPromise(world, receipt);
      await time.increase(1);
      await receipts.reportOmission(receipt.claim, receipt.signature, { value: CHALLENGE_BOND_WEI });
      const answer = receipts.answerOmission(receipt.claim, batch.header, 0, []);
      if (answered) await expect(answer).to.emit(receipts, "OmissionRefuted");
      else {
        await expect(answer)
          .to.be.revertedWithCustomError(receipts, "NotIncluded")
          .withArgs(receipt.claimId, includeBy + 1n, includeBy);
      }
    }
  });

  it("R-02 count for the reported claim alone, in a batch that was committed", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts } = world;
    const [receipt, other] = [
      await promiseClaim(world),
      await promiseClaim(world, { requestId: id("2") as Hex }),
    ];
    const batch = await keepPromise(world, other);
    await reportOmission(world, receipt);
    const includeBy = receipt.claim.commitBy + GRACE_SECONDS;
    const uncommitted = batchOf(world, [receipt.claim], { nonce: 9n });
    for (const { header } of [batch, uncommitted]) {
      await expect(receipts.answerOmission(receipt.claim, header, 0, []))
        .to.be.revertedWithCustomError(receipts, "NotIncluded")
        .withArgs(receipt.claimId, 0, includeBy);
    }
    await expect(receipts.answerOmission(other.claim, batch.header, 0, []))
      .to.be.revertedWithCustomError(receipts, "NoOpenReport")
      .withArgs(other.claimId);
  });

  it("R-06 come before the deadline; from it on the report can only be resolved", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, stranger } = world;
    const receipt = await promiseClaim(world);
    const { claim, claimId } = receipt;
    const { header } = await keepPromise(world, receipt);
    await reportOmission(world, receipt);
    const { answerBy } = await receipts.omissionOf(claimId);
    const answer: Attempt = {
      ...{ contract: receipts, from: stranger, name: "answerOmission", args: [claim, header, 0, []] },
    };
    const resolve: Attempt = {
      ...{ contract: receipts, from: world.challenger, name: "resolveOmission", args: [claim] },
    };
    for (const [at, answered, resolved] of [
      [answerBy - 1n, "done", "ResolveTooEarly"],
      [answerBy, "AnswerTooLate", "done"],
      [answerBy + 1n, "AnswerTooLate", "done"],
    ] as const) {
      expect(await outcomeAt(at, answer), `answer ${at - answerBy}`).to.equal(answered);
      expect(await outcomeAt(at, resolve), `resolve ${at - answerBy}`).to.equal(resolved);
    }
  });
});

describe("Receipts: reports that nobody answers", () => {
  it("R-11 R-12 cost the operator a claim bond, a quarter of it split as a slashed one, and suspend it", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, operator, challenger, requester } = world;
    const receipt = await promiseClaim(world);
    await expect(upholdOmission(world, receipt))
      .to.emit(receipts, "OmissionUpheld")
      .withArgs(receipt.claimId, operator.address, challenger.address)
      .to.emit(settlement, "OperatorPenalised")
      .withArgs(
        ...[operator.address, receipt.claim.policyId, challenger.address],
        ...[REPORTER_WEI, REQUESTER_WEI, CLAIM_BOND_WEI - REPORTER_WEI - REQUESTER_WEI],
      );
    expect(await receipts.creditOf(challenger.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(REPORTER_WEI);
    expect(await settlement.creditOf(requester.address, ZeroAddress)).to.equal(REQUESTER_WEI);
    const { stakeWei, suspended } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect([stakeWei, suspended]).to.deep.equal([10n ** 18n - CLAIM_BOND_WEI, true]);
    await expect(receipts.connect(challenger).resolveOmission(receipt.claim))
      .to.be.revertedWithCustomError(receipts, "NoOpenReport")
      .withArgs(receipt.claimId);
  });

  it("R-02 are resolved with the claim that was reported", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, challenger } = world;
    const receipt = await promiseClaim(world);
    await reportOmission(world, receipt);
    await time.increase(ANSWER_SECONDS);
    await expect(
      receipts.connect(challenger).resolveOmission({ ...receipt.claim, requester: world.stranger.address }),
    ).to.be.revertedWithCustomError(receipts, "NoOpenReport");
    await receipts.connect(challenger).resolveOmission(receipt.claim);
    expect(await receipts.creditOf(challenger.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
  });

  it("R-51 end without a loser when the key turns out compromised before they are resolved", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, operator, challenger, receiptKey } = world;
    const receipt = await promiseClaim(world);
    await reportOmission(world, receipt);
    await receipts.markCompromised(operator.address, receiptKey.address, receipt.claim.servedAt);
    await time.increase(ANSWER_SECONDS);
    await expect(receipts.connect(challenger).resolveOmission(receipt.claim))
      .to.emit(receipts, "OmissionVoided")
      .withArgs(receipt.claimId, challenger.address)
      .to.not.emit(settlement, "OperatorPenalised");
    expect((await receipts.omissionOf(receipt.claimId)).state).to.equal(OMISSION.Voided);
    expect(await receipts.creditOf(challenger.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).stakeWei).to.equal(10n ** 18n);
  });

  it("R-51 are upheld all the same when the mark begins after the claim was served", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, operator, receiptKey } = world;
    const receipt = await promiseClaim(world);
    await reportOmission(world, receipt);
    await receipts.markCompromised(operator.address, receiptKey.address, receipt.claim.servedAt + 1n);
    await time.increase(ANSWER_SECONDS);
    await expect(receipts.connect(world.challenger).resolveOmission(receipt.claim)).to.emit(
      receipts,
      "OmissionUpheld",
    );
  });
});

describe("Receipts: pauses of commits", () => {
  it("R-52 put a deadline that lay in the pause off to an hour after it", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts } = world;
    const receipt = await promiseClaim(world);
    const deadline = receipt.claim.commitBy + GRACE_SECONDS;
    await time.setNextBlockTimestamp(deadline - 1n);
    const until = deadline + 5_000n;
    await settlement.pauseCommits(until);
    const includeBy = until + GRACE_SECONDS;
    const report = reportAttempt(world, receipt);
    expect(await outcomeAt(deadline + 1n, report)).to.equal("NotReportable");
    expect(await outcomeAt(includeBy, report)).to.equal("NotReportable");
    expect(await outcomeAt(includeBy + 1n, report)).to.equal("done");
    await time.setNextBlockTimestamp(includeBy);
    const { header } = await keepPromise(world, receipt);
    await time.increase(1);
    await receipts.reportOmission(receipt.claim, receipt.signature, { value: CHALLENGE_BOND_WEI });
    await expect(receipts.answerOmission(receipt.claim, header, 0, [])).to.emit(receipts, "OmissionRefuted");
  });

  it("R-52 R-55 excuse nothing that was due before they began", async () => {
    const world = await loadFixture(deployWorld);
    const receipt = await promiseClaim(world);
    const deadline = receipt.claim.commitBy + GRACE_SECONDS;
    await time.setNextBlockTimestamp(deadline + 1n);
    await world.settlement.pauseCommits(deadline + 5_000n);
    expect(await outcomeAt(deadline + 2n, reportAttempt(world, receipt))).to.equal("done");
  });
});

describe("Receipts: penalties", () => {
  const FREE_WEI = 6n * CLAIM_BOND_WEI;
  const UNBONDING_WEI = 4n * CLAIM_BOND_WEI;
  const LOCKED_WEI = 90n * CLAIM_BOND_WEI;

  it("R-17 come out of free stake, then out of what is unbonding, and never out of locked bonds", async () => {
    const { world, receipts } = await loadFixture(deployCommitted);
    const { settlement, challenger } = world;
    const seizedWei = FREE_WEI + UNBONDING_WEI;
    await upholdAll(world, receipts.slice(0, 1));
    expect(await accountOf(world)).to.deep.equal([LOCKED_WEI, LOCKED_WEI, 0n]);
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(
      (((seizedWei * PENALTY_PAID_BPS) / 10_000n) * BigInt(CHALLENGER_BPS)) / 10_000n,
    );
  });

  it("R-22 end a report also against an operator that has nothing left", async () => {
    const { world, receipts } = await loadFixture(deployCommitted);
    const { settlement, challenger, operator } = world;
    const [first, second] = receipts;
    if (!first || !second) throw new Error("no receipts");
    await upholdAll(world, [first]);
    await world.receipts.reportOmission(second.claim, second.signature, { value: 20n * CLAIM_BOND_WEI });
    await time.increase(ANSWER_SECONDS);
    await expect(world.receipts.resolveOmission(second.claim))
      .to.emit(settlement, "OperatorPenalised")
      .withArgs(operator.address, second.claim.policyId, world.admin.address, 0, 0, 0);
    expect(await world.receipts.creditOf(world.admin.address, ZeroAddress)).to.equal(20n * CLAIM_BOND_WEI);
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(CLAIM_BOND_WEI);
    expect(await accountOf(world)).to.deep.equal([LOCKED_WEI, LOCKED_WEI, 0n]);
  });

  it("R-17 leave what is unbonding alone while free stake covers them, and take no more than a bond each", async () => {
    const { world, receipts } = await loadFixture(deployCommittedCheaply);
    await upholdAll(world, receipts.slice(0, 1));
    expect(await accountOf(world)).to.deep.equal([
      LOCKED_WEI + FREE_WEI - 4n * CLAIM_BOND_WEI,
      LOCKED_WEI,
      UNBONDING_WEI,
    ]);
    await upholdAll(world, receipts.slice(1));
    expect(await accountOf(world)).to.deep.equal([LOCKED_WEI, LOCKED_WEI, 2n * CLAIM_BOND_WEI]);
  });

  it("R-51 can be asked for by the Receipts contract alone", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, policyIds, operator } = world;
    for (const caller of [world.admin, world.operator, world.stranger]) {
      await expect(
        settlement
          .connect(caller)
          .penalise(policyIds.window, operator.address, caller.address, caller.address),
      )
        .to.be.revertedWithCustomError(settlement, "NotReceipts")
        .withArgs(caller.address);
    }
    expect(await settlement.RECEIPTS()).to.equal(await world.receipts.getAddress());
    expect(await world.receipts.SETTLEMENT()).to.equal(await settlement.getAddress());
  });

  async function deployCommitted() {
    return deployCommittedFor(20n * CLAIM_BOND_WEI);
  }

  async function deployCommittedCheaply() {
    return deployCommittedFor(4n * CLAIM_BOND_WEI);
  }

  /** An operator with 90 bonds locked, 6 free and 4 unbonding, and two receipts it will not keep, of this bond. */
  async function deployCommittedFor(bondWei: bigint): Promise<{ world: World; receipts: Receipt[] }> {
    const world = await deployWorld();
    const bonds = { claimBondWei: bondWei, challengeBondWei: bondWei };
    const policy = { ...(await policyFor(world, "window")), ...bonds };
    await world.policies.register(policy);
    await world.receipts.connect(world.operator).acceptPolicies([policyId(policy)]);
    const receipts = [];
    for (const requestId of [id("first"), id("second")] as Hex[]) {
      receipts.push(await promiseClaim(world, { requestId, policyId: policyId(policy) }));
    }
    await commitBatch(world, "window", { count: 90 });
    await world.settlement.connect(world.operator).unbond(ZeroAddress, UNBONDING_WEI);
    expect(await accountOf(world)).to.deep.equal([LOCKED_WEI + FREE_WEI, LOCKED_WEI, UNBONDING_WEI]);
    return { world, receipts };
  }

  async function upholdAll(world: World, receipts: Receipt[]): Promise<void> {
    for (const { claim, signature } of receipts) {
      const { challengeBondWei } = (await world.policies.policyOf(claim.policyId)).policy;
      const from = claim.commitBy + GRACE_SECONDS + 1n;
      if ((await time.latest()) < from) await time.increaseTo(from);
      const reporter = world.receipts.connect(world.challenger);
      await reporter.reportOmission(claim, signature, { value: challengeBondWei });
      await time.increase(ANSWER_SECONDS);
      await reporter.resolveOmission(claim);
    }
  }

  async function accountOf({ settlement, operator }: World): Promise<bigint[]> {
    const account = await settlement.operatorOf(operator.address, ZeroAddress);
    return [account.stakeWei, account.lockedWei, account.unbondingWei];
  }
});
