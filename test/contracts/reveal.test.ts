// SPDX-License-Identifier: MIT
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import { answerClaim, resolveClaim } from "./disputes.ts";
import {
  type Batch,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGER_BPS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  signBatch,
  signClaim,
  type World,
  wordOf,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { commitOpenings, NO_OPENING, openingOf, revelation } from "./openings.ts";
import { infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;
const MAX_OPENING_BYTES = 8_192;
const PROVE_WINDOW = BigInt(PROVE_WINDOW_SECONDS);

after(stopProver);

describe("Settlement: demand", () => {
  it("R-36 asks for a claim by its index alone, for the policy's bond, once", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger } = world;
    const batch = await commitBatch(world, "window");
    for (const value of [CHALLENGE_BOND_WEI - 1n, CHALLENGE_BOND_WEI + 1n]) {
      await expect(settlement.demandReveal(batch.header, 1, { value }))
        .to.be.revertedWithCustomError(settlement, "WrongPayment")
        .withArgs(value, CHALLENGE_BOND_WEI);
    }
    await expect(demand(world, batch, 1))
      .to.emit(settlement, "RevealDemanded")
      .withArgs(batch.batchId, challenger.address, 1, (await time.latest()) + 1 + PROVE_WINDOW_SECONDS);
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Challenged);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    const { touched, disputed } = await settlement.batchOf(batch.batchId);
    expect([touched, disputed]).to.deep.equal([1n, 1n]);
    await expect(demand(world, batch, 1))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(batch.batchId, STATUS.Challenged);
    await expect(challengeClaim(world, batch, 1)).to.be.revertedWithCustomError(settlement, "WrongStatus");
  });

  it("R-30 R-33 R-48 asks for no index beyond the last claim, and for no claim that was shown before", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window", { count: 3 });
    await expect(demand(world, batch, 3))
      .to.be.revertedWithCustomError(world.settlement, "ClaimNotInBatch")
      .withArgs(batch.batchId, ZeroHash, 3);
    await challengeClaim(world, batch, 0);
    await answerClaim(world, batch, 0);
    await expect(demand(world, batch, 0))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(batch.batchId, STATUS.Attested);
    const unknown = await buildBatch(world, "window", { nonce: 7n });
    await expect(demand(world, unknown, 0)).to.be.revertedWithCustomError(world.settlement, "BatchUnknown");
  });

  it("R-06 R-14 can be made in the last second of the window, and still leaves the whole time to reveal", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = await world.settlement.finalAt(batch.batchId);
    const { settlement, challenger } = world;
    const late: Attempt = {
      ...{ contract: settlement, from: challenger, name: "demandReveal" },
      ...{ args: [batch.header, 0], value: CHALLENGE_BOND_WEI },
    };
    expect(await outcomeAt(finalAt, late)).to.equal("WrongStatus");
    await time.setNextBlockTimestamp(finalAt - 1n);
    await demand(world, batch, 0);
    expect((await settlement.leafOf(batch.batchId, 0)).deadline).to.equal(finalAt - 1n + PROVE_WINDOW);
  });

  it("R-36 rejects a claim that stays withheld, and burns what an unknown requester would have had", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator, challenger, requester, stranger } = world;
    const batch = await commitBatch(world, "window");
    await demand(world, batch, 2);
    await time.increase(PROVE_WINDOW_SECONDS);
    const shareWei = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
    await expect(settlement.connect(stranger).resolveDemand(batch.header, 2, challenger.address))
      .to.emit(settlement, "ClaimRejected")
      .withArgs(
        ...[batch.batchId, ZeroHash, operator.address, 2, challenger.address],
        ...[shareWei, 0, CLAIM_BOND_WEI - shareWei],
      );
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(
      CHALLENGE_BOND_WEI + shareWei,
    );
    expect(await settlement.creditOf(requester.address, ZeroAddress)).to.equal(0);
    expect(await settlement.statusOf(...memberOf(batch, 2))).to.equal(STATUS.Rejected);
    const { disputed, rejected } = await settlement.batchOf(batch.batchId);
    expect([disputed, rejected]).to.deep.equal([0n, 1n]);
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).stakeWei).to.equal(
      10n ** 18n - CLAIM_BOND_WEI,
    );
  });

  it("R-19 is resolved once, in favour of whoever made it, and never mistaken for a challenge", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger, stranger } = world;
    const batch = await commitBatch(world, "window");
    await demand(world, batch, 0);
    await challengeClaim(world, batch, 1);
    await time.increase(PROVE_WINDOW_SECONDS + 60);
    await expect(settlement.resolveDemand(batch.header, 0, stranger.address))
      .to.be.revertedWithCustomError(settlement, "NotDisputedBy")
      .withArgs(batch.batchId, 0, stranger.address);
    await expect(resolveClaim(world, batch, 0)).to.be.revertedWithCustomError(settlement, "NotDisputedBy");
    await expect(settlement.resolveDemand(batch.header, 1, challenger.address)).to.be.revertedWithCustomError(
      settlement,
      "NotDisputedBy",
    );
    await settlement.resolveDemand(batch.header, 0, challenger.address);
    await expect(settlement.resolveDemand(batch.header, 0, challenger.address)).to.be.revertedWithCustomError(
      settlement,
      "NotDisputedBy",
    );
  });
});

describe("Settlement: reveal", () => {
  it("R-36 I-05 can be demanded of a claim that an enclave vouches for, not of one that is proven or disputed", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, prover } = world;
    const batch = await commitBatch(world, "window");
    const signature = await signClaim(world, claimAt(batch, 1).claimId, prover.address);
    await settlement.prove(...memberOf(batch, 1), EVIDENCE_KINDS.tee, prover.address, signature);
    await demand(world, batch, 1);
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Challenged);
    const { touched, disputed } = await settlement.batchOf(batch.batchId);
    expect([touched, disputed]).to.deep.equal([1n, 1n]);
    await settlement.reveal(...revelation(batch, 1));
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Attested);

    await challengeClaim(world, batch, 0);
    await expect(demand(world, batch, 0)).to.be.revertedWithCustomError(settlement, "WrongStatus");
  });

  it("R-08 leaves a claim that is proven after it was shown to the batch's clock, and to no further challenge", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, prover } = world;
    const inference = infer(6);
    const batch = await commitInferences(world, "window", [inference, inference]);
    const finalAt = await settlement.finalAt(batch.batchId);
    for (const index of [0, 1]) {
      await time.setNextBlockTimestamp(finalAt - 4n + BigInt(2 * index));
      await demand(world, batch, index);
    }
    for (const index of [0, 1]) await settlement.reveal(...revelation(batch, index));
    expect(await time.latest()).to.be.at.least(Number(finalAt));
    const proof = await proveClaim(inference, claimAt(batch, 0).claimId, prover.address);
    await settlement.prove(...memberOf(batch, 0), EVIDENCE_KINDS.zk, prover.address, proof);
    const provenAt = await time.latest();
    const { state, kinds, deadline } = await settlement.leafOf(batch.batchId, 0);
    expect([state, kinds, deadline]).to.deep.equal([0n, BigInt(EVIDENCE_KINDS.zk), BigInt(provenAt)]);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Committed);
  });

  it("R-36 shows a claim of private data by its proof alone, and pays the operator the demander's bond", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator, stranger } = world;
    const batch = await commitBatch(world, "window");
    await demand(world, batch, 1);
    const { claim, claimId } = claimAt(batch, 1);
    const finalAt = await settlement.finalAt(batch.batchId);
    await expect(settlement.connect(stranger).reveal(...revelation(batch, 1)))
      .to.emit(settlement, "ClaimRevealed")
      .withArgs(
        ...[batch.batchId, claimId, 1, (shown: unknown[]) => shown[5] === claim.inputHash],
        ...[batch.proofs[1], (opening: unknown[]) => opening[2] === ZeroHash, finalAt],
      );
    expect(await settlement.creditOf(operator.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Committed);
    expect((await settlement.batchOf(batch.batchId)).disputed).to.equal(0);
    await expect(settlement.reveal(...revelation(batch, 1)))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(claimId, STATUS.Committed);
    await expect(demand(world, batch, 1)).to.be.revertedWithCustomError(settlement, "WrongStatus");
  });

  it("R-36 needs no demand: whoever has a claim can show it while a prove window is left to challenge it", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator, challenger, stranger } = world;
    const batch = await commitBatch(world, "window");
    const finalAt = await settlement.finalAt(batch.batchId);
    const show = (index: number): Attempt => ({
      ...{ contract: settlement, from: stranger, name: "reveal", args: revelation(batch, index) },
    });
    const lastSecond = finalAt - PROVE_WINDOW;
    for (const [at, outcome] of [
      [lastSecond - 1n, "done"],
      [lastSecond, "done"],
      [lastSecond + 1n, "TooLate"],
      [finalAt, "TooLate"],
    ] as const) {
      expect(await outcomeAt(at, show(0)), `${at - lastSecond}`).to.equal(outcome);
    }
    await time.setNextBlockTimestamp(lastSecond);
    await expect(settlement.connect(stranger).reveal(...revelation(batch, 0)))
      .to.emit(settlement, "ClaimRevealed")
      .withArgs(
        ...[
          batch.batchId,
          claimAt(batch, 0).claimId,
          0,
          (shown: unknown[]) => shown[5] === claimAt(batch, 0).claim.inputHash,
        ],
        ...[batch.proofs[0], (opening: unknown[]) => opening[2] === ZeroHash, finalAt],
      );
    expect(await settlement.creditOf(operator.address, ZeroAddress)).to.equal(0n);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    const { touched, disputed } = await settlement.batchOf(batch.batchId);
    expect([touched, disputed]).to.deep.equal([0n, 0n]);
    await expect(settlement.reveal(...revelation(batch, 0)))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(claimAt(batch, 0).claimId, STATUS.Committed);
    const challenge: Attempt = {
      ...{ contract: settlement, from: challenger, name: "challenge", args: memberOf(batch, 0) },
      value: CHALLENGE_BOND_WEI,
    };
    expect(await outcomeAt(finalAt - 1n, challenge)).to.equal("done");
    expect(await outcomeAt(finalAt, challenge)).to.equal("WrongStatus");
  });

  it("I-12 R-36 shown unasked, a claim goes on as its batch does: nothing is held up, and all that follows is counted", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger, stranger } = world;
    const batch = await commitBatch(world, "teeThenWindow");
    await settlement.connect(stranger).reveal(...revelation(batch, 0));
    await settlement.connect(stranger).reveal(...revelation(batch, 1));
    await settlement.attestBatch(batch.header, await signBatch(world, batch));
    const finalAt = await settlement.finalAt(batch.batchId);
    const challenge: Attempt = {
      ...{ contract: settlement, from: challenger, name: "challenge", args: memberOf(batch, 0) },
      value: CHALLENGE_BOND_WEI,
    };
    const release: Attempt = {
      contract: settlement,
      from: stranger,
      name: "release",
      args: [[batch.header]],
    };
    for (const [at, challenged, released] of [
      [finalAt - 1n, "done", "BatchOpen"],
      [finalAt, "WrongStatus", "done"],
      [finalAt + 1n, "WrongStatus", "done"],
    ] as const) {
      expect(await outcomeAt(at, challenge), `challenge ${at - finalAt}`).to.equal(challenged);
      expect(await outcomeAt(at, release), `release ${at - finalAt}`).to.equal(released);
    }
    await time.setNextBlockTimestamp(finalAt - 1n);
    await challengeClaim(world, batch, 0);
    const { touched, disputed } = await settlement.batchOf(batch.batchId);
    expect([touched, disputed]).to.deep.equal([1n, 1n]);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Challenged);
  });

  it("R-36 shown unasked, a claim does not keep the batch's attestation from being taken back", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId } = world;
    const batch = await commitBatch(world, "teeAndZk");
    await settlement.reveal(...revelation(batch, 1));
    await settlement.attestBatch(batch.header, await signBatch(world, batch));
    await enclaveEvidence.markCompromised(enclaveKeyId, await time.latest());
    await expect(settlement.reopenBatch(batch.header)).to.emit(settlement, "BatchReopened");
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
  });

  it("I-18 R-36 any mark takes back what an enclave said of a claim that was shown, asked or not", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, prover, enclaveEvidence, enclaveKeyId } = world;
    const batch = await commitBatch(world, "window");
    const attest = async (index: number) => {
      const signature = await signClaim(world, claimAt(batch, index).claimId, prover.address);
      await settlement.prove(...memberOf(batch, index), EVIDENCE_KINDS.tee, prover.address, signature);
    };
    await settlement.reveal(...revelation(batch, 0));
    await attest(0);
    await attest(1);
    await demand(world, batch, 1);
    await settlement.reveal(...revelation(batch, 1));
    await time.increase(60);
    await enclaveEvidence.markCompromised(enclaveKeyId, await time.latest());
    for (const index of [0, 1]) {
      expect(await settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Attested);
      await settlement.reopenClaim(...memberOf(batch, index), EVIDENCE_KINDS.tee);
      expect(await settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Committed);
      await challengeClaim(world, batch, index);
    }
  });

  it("R-36 shows unasked no claim to which anything has happened, nor one that is final by its attestation", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, prover } = world;
    const batch = await commitBatch(world, "window");
    const signature = await signClaim(world, claimAt(batch, 1).claimId, prover.address);
    await settlement.prove(...memberOf(batch, 1), EVIDENCE_KINDS.tee, prover.address, signature);
    await expect(settlement.reveal(...revelation(batch, 1)))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(claimAt(batch, 1).claimId, STATUS.Attested);
    await challengeClaim(world, batch, 0);
    await expect(settlement.reveal(...revelation(batch, 0)))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(claimAt(batch, 0).claimId, STATUS.Challenged);

    const attested = await commitBatch(world, "tee", { nonce: 2n });
    await settlement.attestBatch(attested.header, await signBatch(world, attested));
    await expect(settlement.reveal(...revelation(attested, 0))).to.be.revertedWithCustomError(
      settlement,
      "TooLate",
    );
  });

  it("R-36 under public data shows the opening too, asked or not", async () => {
    const world = await loadFixture(deployWorld);
    const { batch, openings } = await commitOpenings(world, [openingOf(1), openingOf(2)]);
    await expect(world.settlement.reveal(...revelation(batch, 0))).to.be.revertedWithCustomError(
      world.settlement,
      "BadOpening",
    );
    await expect(world.settlement.reveal(...revelation(batch, 0, openings[0]))).to.emit(
      world.settlement,
      "ClaimRevealed",
    );
  });

  it("R-36 shows no other claim in the demanded one's place", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await demand(world, batch, 1);
    const [header, claim, , proof] = memberOf(batch, 0);
    await expect(world.settlement.reveal(header, claim, 1, proof, NO_OPENING)).to.be.revertedWithCustomError(
      world.settlement,
      "ClaimNotInBatch",
    );
  });

  it("R-36 under public data shows the very opening that the batch committed to", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const { batch, openings } = await commitOpenings(world, [openingOf(1), openingOf(2), openingOf(3)]);
    const [first, second] = openings;
    if (!first || !second) throw new Error("no openings");
    await demand(world, batch, 1);
    for (const [name, wrong] of Object.entries({
      none: NO_OPENING,
      another: first,
      "input one byte short": { ...second, input: second.input.slice(0, -2) },
      "another salt": { ...second, salt: wordOf(99n) },
      "another output": { ...second, output: "0x0404" },
      "a byte moved from input to output": {
        ...second,
        input: second.input.slice(0, -2),
        output: "0x020303",
      },
      "no proof": { ...second, proof: [] },
    })) {
      await expect(settlement.reveal(...memberOf(batch, 1), wrong), name)
        .to.be.revertedWithCustomError(settlement, "BadOpening")
        .withArgs(batch.batchId, 1);
    }
    await expect(settlement.reveal(...revelation(batch, 1, second))).to.emit(settlement, "ClaimRevealed");
  });

  it("R-16 R-36 caps the bytes that anybody can make an operator post", async () => {
    const world = await loadFixture(deployWorld);
    const fits = openingOf(1, MAX_OPENING_BYTES - 1, 1);
    const tooLong = openingOf(2, MAX_OPENING_BYTES - 1, 2);
    const { batch, openings } = await commitOpenings(world, [fits, tooLong]);
    await demand(world, batch, 0);
    await demand(world, batch, 1);
    await world.settlement.reveal(...revelation(batch, 0, openings[0]));
    await expect(world.settlement.reveal(...revelation(batch, 1, openings[1])))
      .to.be.revertedWithCustomError(world.settlement, "BadOpening")
      .withArgs(batch.batchId, 1);
  });

  it("R-36 demands a data root of every batch under public data", async () => {
    const world = await loadFixture(deployWorld);
    const { policyId } = await commitOpenings(world, [openingOf(1)]);
    const batch = await buildBatch(world, "window", { claims: { policyId }, nonce: 2n });
    await expect(world.settlement.connect(world.operator).commit(batch.header))
      .to.be.revertedWithCustomError(world.settlement, "DataRootMissing")
      .withArgs(policyId);
  });

  it("R-06 comes before the deadline; from it on the claim is withheld", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, stranger, challenger } = world;
    const batch = await commitBatch(world, "window");
    await demand(world, batch, 0);
    const { deadline } = await settlement.leafOf(batch.batchId, 0);
    const reveal: Attempt = {
      ...{ contract: settlement, from: stranger, name: "reveal", args: revelation(batch, 0) },
    };
    const resolve: Attempt = {
      ...{ contract: settlement, from: stranger, name: "resolveDemand" },
      args: [batch.header, 0, challenger.address],
    };
    for (const [at, revealed, resolved] of [
      [deadline - 1n, "done", "TooEarly"],
      [deadline, "TooLate", "done"],
      [deadline + 1n, "TooLate", "done"],
    ] as const) {
      expect(await outcomeAt(at, reveal), `reveal ${at - deadline}`).to.equal(revealed);
      expect(await outcomeAt(at, resolve), `resolve ${at - deadline}`).to.equal(resolved);
    }
  });

  it("R-14 R-36 I-12 leaves a prove window to challenge what is shown, although the batch's clock has run out", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger, stranger } = world;
    const batch = await commitBatch(world, "window");
    const finalAt = await settlement.finalAt(batch.batchId);
    await time.setNextBlockTimestamp(finalAt - 1n);
    await demand(world, batch, 0);
    const revealedAt = finalAt - 1n + PROVE_WINDOW - 1n;
    await time.setNextBlockTimestamp(revealedAt);
    await settlement.reveal(...revelation(batch, 0));
    const heldUntil = revealedAt + PROVE_WINDOW;
    expect((await settlement.batchOf(batch.batchId)).heldUntil).to.equal(heldUntil);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Final);

    const challenge: Attempt = {
      ...{ contract: settlement, from: challenger, name: "challenge", args: memberOf(batch, 0) },
      value: CHALLENGE_BOND_WEI,
    };
    const release: Attempt = {
      contract: settlement,
      from: stranger,
      name: "release",
      args: [[batch.header]],
    };
    for (const [at, challenged, released] of [
      [heldUntil - 1n, "done", "BatchOpen"],
      [heldUntil, "WrongStatus", "done"],
      [heldUntil + 1n, "WrongStatus", "done"],
    ] as const) {
      expect(await outcomeAt(at, challenge), `challenge ${at - heldUntil}`).to.equal(challenged);
      expect(await outcomeAt(at, release), `release ${at - heldUntil}`).to.equal(released);
    }
    await time.setNextBlockTimestamp(heldUntil - 1n);
    await challengeClaim(world, batch, 0);
    await time.setNextBlockTimestamp(heldUntil - 1n + PROVE_WINDOW);
    await resolveClaim(world, batch, 0);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
    await settlement.release([batch.header]);
  });

  it("R-36 is no shield: an attestation of the batch does not shorten the time to look at what was shown", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const batch = await commitBatch(world, "teeThenWindow");
    await demand(world, batch, 0);
    await settlement.reveal(...revelation(batch, 0));
    await settlement.attestBatch(batch.header, await signBatch(world, batch));
    const shown = await settlement.leafOf(batch.batchId, 0);
    const attestedFinalAt = await settlement.finalAt(batch.batchId);
    expect(shown.deadline).to.be.greaterThan(attestedFinalAt);
    await time.increaseTo(attestedFinalAt);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Attested);
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Final);
    await challengeClaim(world, batch, 0);
  });
});

async function demand(world: World, batch: Batch, index: number) {
  return world.settlement
    .connect(world.challenger)
    .demandReveal(batch.header, index, { value: CHALLENGE_BOND_WEI });
}
