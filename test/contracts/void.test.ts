// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES, policyId } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { outcomeAt } from "./clock.ts";
import { answerClaim, attemptOn, resolveClaim } from "./disputes.ts";
import {
  type Batch,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  policyFor,
  signClaim,
  type World,
} from "./fixture.ts";
import { disputeOf } from "./openings.ts";

const { loadFixture, time } = networkHelpers;
/** A receipt's horizon, and the hour of grace. */
const COMMIT_SECONDS = 25n * 3600n;
/** The longest pause of commits. */
const PAUSE_SECONDS = 7n * 24n * 3600n;

describe("Settlement: voided challenge", () => {
  it("R-51 lets the guardian refund a challenge, and nobody profits or loses", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger, operator } = world;
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    const { claimId } = claimAt(batch, 0);
    await expect(settlement.voidChallenge(...disputeOf(world, batch, 0)))
      .to.emit(settlement, "ClaimVoided")
      .withArgs(batch.batchId, claimId, challenger.address, 0);

    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Voided);
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    const { stakeWei, lockedWei, suspended } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect([stakeWei, lockedWei, suspended]).to.deep.equal([10n ** 18n, 4n * CLAIM_BOND_WEI, false]);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(settlement.release([batch.header]))
      .to.emit(settlement, "BatchReleased")
      .withArgs(batch.batchId, operator.address, 4n * CLAIM_BOND_WEI);
  });

  it("R-08 makes no claim valid: a voided one stands nowhere, for ever", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger, prover } = world;
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    await settlement.voidChallenge(...disputeOf(world, batch, 0));
    const { claimId } = claimAt(batch, 0);
    const signature = await signClaim(world, claimId, prover.address);
    const dispute = disputeOf(world, batch, 0);
    await expect(challengeClaim(world, batch, 0))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(claimId, STATUS.Voided);
    await expect(answerClaim(world, batch, 0)).to.be.revertedWithCustomError(settlement, "NotDisputedBy");
    await expect(settlement.voidChallenge(...dispute)).to.be.revertedWithCustomError(
      settlement,
      "NotDisputedBy",
    );
    await expect(resolveClaim(world, batch, 0)).to.be.revertedWithCustomError(settlement, "NotDisputedBy");
    await expect(
      settlement.prove(...memberOf(batch, 0), EVIDENCE_KINDS.tee, prover.address, signature),
    ).to.be.revertedWithCustomError(settlement, "WrongStatus");
    await time.increase(10 * CHALLENGE_WINDOW_SECONDS);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Voided);
    await expect(settlement.requireStatus(...memberOf(batch, 0), STATUS.Committed))
      .to.be.revertedWithCustomError(settlement, "StatusTooLow")
      .withArgs(claimId, STATUS.Voided, STATUS.Committed);
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
  });

  it("R-51 is nobody else's to give while the means to answer are there", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    for (const caller of [world.operator, world.sender]) {
      await expect(settlement.connect(caller).voidChallenge(...disputeOf(world, batch, 0)))
        .to.be.revertedWithCustomError(settlement, "NotFaulted")
        .withArgs(claimAt(batch, 0).claimId);
    }
    await world.enclaveEvidence.revoke(world.enclaveKeyId);
    for (const caller of [world.stranger, world.challenger]) {
      await expect(settlement.connect(caller).voidChallenge(...disputeOf(world, batch, 0)))
        .to.be.revertedWithCustomError(settlement, "NotSenderOf")
        .withArgs(world.operator.address, caller.address);
    }
    const { claim } = claimAt(batch, 0);
    await expect(settlement.voidChallenge(batch.batchId, claim, 0, world.stranger.address))
      .to.be.revertedWithCustomError(settlement, "NotDisputedBy")
      .withArgs(batch.batchId, 0, world.stranger.address);
  });

  it("R-51 R-52 is the guardian's to give also for a claim about a model that nobody registered", async () => {
    const world = await loadFixture(deployWorld);
    const modelId = `0x${"cd".repeat(31)}02` as Hex;
    const batch = await commitBatch(world, "window", { claims: { modelId } });
    await challengeClaim(world, batch, 0);
    await expect(world.settlement.voidChallenge(...disputeOf(world, batch, 0))).to.emit(
      world.settlement,
      "ClaimVoided",
    );
  });

  it("R-06 comes before the deadline; from it on the claim can only be rejected", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    const { deadline } = await world.settlement.leafOf(batch.batchId, 0);
    const { voidChallenge, resolve } = attemptOn(world, batch, 0);
    for (const [at, voided, resolved] of [
      [deadline - 1n, "done", "TooEarly"],
      [deadline, "TooLate", "done"],
      [deadline + 1n, "TooLate", "done"],
    ] as const) {
      expect(await outcomeAt(at, voidChallenge), `void ${at - deadline}`).to.equal(voided);
      expect(await outcomeAt(at, resolve), `resolve ${at - deadline}`).to.equal(resolved);
    }
  });

  it("R-52 I-14 frees an operator whose enclave's key was revoked after the commit, at its or a sender's call", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator, sender, stranger, enclaveEvidence } = world;
    const batch = await commitForEnclaves(world);
    await settlement.connect(operator).setSender(sender.address, [batch.header.policyId], true);
    await challengeClaim(world, batch, 0);
    await challengeClaim(world, batch, 1);
    await enclaveEvidence.revoke(world.enclaveKeyId);
    await expect(answerClaim(world, batch, 0)).to.be.revertedWithCustomError(settlement, "EvidenceRejected");
    await expect(
      settlement.connect(stranger).voidChallenge(...disputeOf(world, batch, 0)),
    ).to.be.revertedWithCustomError(settlement, "NotSenderOf");
    for (const [index, caller] of [operator, sender].entries()) {
      await expect(settlement.connect(caller).voidChallenge(...disputeOf(world, batch, index))).to.emit(
        settlement,
        "ClaimVoided",
      );
    }
  });

  it("R-52 R-55 I-14 counts a revocation from the second on in which the claim was served", async () => {
    for (const [served, outcome] of [
      [-1n, "done"],
      [0n, "done"],
      [1n, "NotFaulted"],
    ] as const) {
      const world = await loadFixture(deployWorld);
      await world.enclaveEvidence.revoke(world.enclaveKeyId);
      const revokedAt = BigInt(await time.latest());
      const batch = await commitForEnclaves(world, revokedAt + served);
      expect(await voidedByOperator(world, batch), `served ${served}`).to.equal(outcome);
    }
  });

  it("R-52 counts none from before a receipt's time to be committed, however early the claim says it was served", async () => {
    for (const [before, outcome] of [
      [COMMIT_SECONDS, "done"],
      [COMMIT_SECONDS + 1n, "NotFaulted"],
    ] as const) {
      const world = await loadFixture(deployWorld);
      const servedAt = BigInt(await time.latest());
      await time.increase(10);
      await world.enclaveEvidence.revoke(world.enclaveKeyId);
      const revokedAt = BigInt(await time.latest());
      const batch = await buildForEnclaves(world, servedAt);
      await time.setNextBlockTimestamp(revokedAt + before);
      await world.settlement.connect(world.operator).commit(batch.header);
      expect(await voidedByOperator(world, batch), `${before}`).to.equal(outcome);
    }
  });

  it("R-52 I-14 counts a pause of commits on top, which may have put the commit off", async () => {
    for (const [before, outcome] of [
      [COMMIT_SECONDS + PAUSE_SECONDS - 1n, "done"],
      [COMMIT_SECONDS + PAUSE_SECONDS, "NotFaulted"],
    ] as const) {
      const world = await loadFixture(deployWorld);
      const servedAt = BigInt(await time.latest());
      await time.increase(10);
      await world.enclaveEvidence.revoke(world.enclaveKeyId);
      const revokedAt = BigInt(await time.latest());
      const batch = await buildForEnclaves(world, servedAt);
      await world.settlement.pauseCommits(revokedAt + PAUSE_SECONDS);
      await time.setNextBlockTimestamp(revokedAt + before);
      await world.settlement.connect(world.operator).commit(batch.header);
      expect(await voidedByOperator(world, batch), `${before}`).to.equal(outcome);
    }
  });

  it("R-52 expects a proof where the policy takes one: a revoked enclave key excuses nobody", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    await world.enclaveEvidence.revoke(world.enclaveKeyId);
    await expect(
      world.settlement.connect(world.operator).voidChallenge(...disputeOf(world, batch, 0)),
    ).to.be.revertedWithCustomError(world.settlement, "NotFaulted");
  });
});

/** What the operator's own attempt to void the challenge of its first claim comes to. */
async function voidedByOperator(world: World, batch: Batch): Promise<string> {
  await challengeClaim(world, batch, 0);
  const { settlement, operator } = world;
  const args = disputeOf(world, batch, 0);
  const attempt = { contract: settlement, from: operator, name: "voidChallenge", args };
  return outcomeAt((await time.latest()) + 1, attempt);
}

/** A batch whose challenges enclaves alone can answer. */
async function buildForEnclaves(world: World, servedAt?: bigint): Promise<Batch> {
  const policy = {
    ...(await policyFor(world, "tee")),
    ...{ rule: EVIDENCE_RULES.tee, answerKinds: EVIDENCE_KINDS.tee, zkEvidence: ZeroAddress as Hex },
  };
  await world.policies.register(policy);
  const times = servedAt === undefined ? {} : { servedAt, commitBy: servedAt + 600n };
  const { claims } = await buildBatch(world, "tee", { claims: { policyId: policyId(policy), ...times } });
  return batchOf(world, claims);
}

async function commitForEnclaves(world: World, servedAt?: bigint): Promise<Batch> {
  const batch = await buildForEnclaves(world, servedAt);
  if (servedAt !== undefined) await time.increase(5);
  await world.settlement.connect(world.operator).commit(batch.header);
  return batch;
}
