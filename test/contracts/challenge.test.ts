import { EVIDENCE_KINDS, policyId } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import {
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  policyFor,
  signClaim,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

describe("Settlement: challenge", () => {
  it("R-06 can be opened one second before the window ends, not when it ends", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = Number(await world.settlement.finalAt(batch.batchId));

    await time.setNextBlockTimestamp(finalAt - 1);
    await challengeClaim(world, batch, 0);
    await time.setNextBlockTimestamp(finalAt);
    await expect(challengeClaim(world, batch, 1))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(claimAt(batch, 1).claimId, STATUS.Final);
  });

  it("R-14 leaves the full prove window to a claim challenged in the last second", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = Number(await world.settlement.finalAt(batch.batchId));
    await time.setNextBlockTimestamp(finalAt - 1);
    await challengeClaim(world, batch, 0);

    const { claim, claimId } = claimAt(batch, 0);
    const proveBy = finalAt - 1 + PROVE_WINDOW_SECONDS;
    expect((await world.settlement.leafOf(batch.batchId, 0)).deadline).to.equal(proveBy);
    const signature = await signClaim(world, claimId, world.prover.address);
    await time.setNextBlockTimestamp(proveBy - 1);
    await world.settlement.answer(
      batch.batchId,
      claim,
      0,
      world.challenger.address,
      EVIDENCE_KINDS.tee,
      world.prover.address,
      signature,
    );
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
  });

  it("R-06 allows the answer before the deadline and the rejection from it on, never both", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    const { claim, claimId } = claimAt(batch, 0);
    const { deadline: proveBy } = await world.settlement.leafOf(batch.batchId, 0);
    const signature = await signClaim(world, claimId, world.prover.address);
    const answer = () =>
      world.settlement.answer(
        batch.batchId,
        claim,
        0,
        world.challenger.address,
        EVIDENCE_KINDS.tee,
        world.prover.address,
        signature,
      );
    const resolve = () => world.settlement.resolve(batch.batchId, claim, 0, world.challenger.address);

    await time.setNextBlockTimestamp(proveBy - 1n);
    await expect(resolve())
      .to.be.revertedWithCustomError(world.settlement, "TooEarly")
      .withArgs(claimId, proveBy);
    await time.setNextBlockTimestamp(proveBy);
    await expect(answer())
      .to.be.revertedWithCustomError(world.settlement, "TooLate")
      .withArgs(claimId, proveBy);
    await time.setNextBlockTimestamp(proveBy + 1n);
    await expect(answer())
      .to.be.revertedWithCustomError(world.settlement, "TooLate")
      .withArgs(claimId, proveBy);
    await resolve();
    await expect(answer())
      .to.be.revertedWithCustomError(world.settlement, "NotDisputedBy")
      .withArgs(batch.batchId, 0, world.challenger.address);
  });

  it("R-13 I-05 is possible once in a claim's life, also after it was answered", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const { claim, claimId } = claimAt(batch, 0);
    await challengeClaim(world, batch, 0);
    await expect(challengeClaim(world, batch, 0))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(claimId, STATUS.Challenged);
    const signature = await signClaim(world, claimId, world.prover.address);
    await world.settlement.answer(
      batch.batchId,
      claim,
      0,
      world.challenger.address,
      EVIDENCE_KINDS.tee,
      world.prover.address,
      signature,
    );
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Attested);
    await expect(challengeClaim(world, batch, 0))
      .to.be.revertedWithCustomError(world.settlement, "AlreadyChallenged")
      .withArgs(claimId);
  });

  it("counts a claim once that was given evidence first and challenged later", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const signature = await signClaim(world, claimAt(batch, 0).claimId, world.prover.address);
    await world.settlement.prove(...memberOf(batch, 0), EVIDENCE_KINDS.tee, world.prover.address, signature);
    await challengeClaim(world, batch, 0);
    const { touched, disputed } = await world.settlement.batchOf(batch.batchId);
    expect([touched, disputed]).to.deep.equal([1n, 1n]);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Challenged);
  });

  it("is answered by no kind of evidence but those that the policy names for it", async () => {
    const world = await loadFixture(deployWorld);
    const policy = { ...(await policyFor(world, "tee")), answerKinds: EVIDENCE_KINDS.zk };
    await world.policies.register(policy);
    const { claims } = await buildBatch(world, "tee", { claims: { policyId: policyId(policy) } });
    const batch = batchOf(world, claims);
    await world.settlement.connect(world.operator).commit(batch.header);
    await challengeClaim(world, batch, 0);
    const { claim, claimId } = claimAt(batch, 0);
    const signature = await signClaim(world, claimId, world.prover.address);
    await expect(
      world.settlement.answer(
        batch.batchId,
        claim,
        0,
        world.challenger.address,
        EVIDENCE_KINDS.tee,
        world.prover.address,
        signature,
      ),
    )
      .to.be.revertedWithCustomError(world.settlement, "EvidenceKindNotAccepted")
      .withArgs(policyId(policy), EVIDENCE_KINDS.tee);
  });

  it("takes the policy's bond, not a wei more or less", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    for (const value of [0n, CHALLENGE_BOND_WEI - 1n, CHALLENGE_BOND_WEI + 1n]) {
      await expect(world.settlement.connect(world.challenger).challenge(...memberOf(batch, 0), { value }))
        .to.be.revertedWithCustomError(world.settlement, "WrongPayment")
        .withArgs(value, CHALLENGE_BOND_WEI);
    }
  });

  it("R-34 touches the challenged claim alone", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 2);
    expect(await world.settlement.statusOf(...memberOf(batch, 2))).to.equal(STATUS.Challenged);
    expect(await world.settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Committed);
  });
});
