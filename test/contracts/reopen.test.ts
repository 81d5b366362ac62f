// SPDX-License-Identifier: MIT
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { answerClaim, resolveClaim } from "./disputes.ts";
import {
  ATTESTED_WINDOW_SECONDS,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  signBatch,
  signClaim,
} from "./fixture.ts";

const { loadFixture, takeSnapshot, time } = networkHelpers;

describe("Settlement: compromised enclaves", () => {
  it("R-54 takes an attestation back while the batch is not final, at anybody's call, once", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId, stranger } = world;
    const batch = await commitBatch(world, "teeThenWindow");
    const committedAt = await time.latest();
    await settlement.attestBatch(batch.header, await signBatch(world, batch));
    await expect(settlement.reopenBatch(batch.header))
      .to.be.revertedWithCustomError(settlement, "NotCompromised")
      .withArgs(batch.batchId, 1);
    await enclaveEvidence.markCompromised(enclaveKeyId, committedAt);
    const finalAt = committedAt + CHALLENGE_WINDOW_SECONDS;
    await expect(settlement.connect(stranger).reopenBatch(batch.header))
      .to.emit(settlement, "BatchReopened")
      .withArgs(batch.batchId, finalAt);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    const { attestedAt, source } = await settlement.batchOf(batch.batchId);
    expect([attestedAt, source]).to.deep.equal([0n, 0n]);
    await expect(settlement.reopenBatch(batch.header))
      .to.be.revertedWithCustomError(settlement, "NotCompromised")
      .withArgs(batch.batchId, 0);
  });

  it("R-55 reopens what was attested in the second of the mark or later, and nothing before", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId } = world;
    const batch = await commitBatch(world, "teeThenWindow");
    await settlement.attestBatch(batch.header, await signBatch(world, batch));
    const attestedAt = await time.latest();
    await enclaveEvidence.markCompromised(enclaveKeyId, attestedAt + 1);
    await expect(settlement.reopenBatch(batch.header)).to.be.revertedWithCustomError(
      settlement,
      "NotCompromised",
    );
    await enclaveEvidence.markCompromised(enclaveKeyId, attestedAt);
    await settlement.reopenBatch(batch.header);
  });

  it("R-54 touches no batch that is final already", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId } = world;
    const batch = await commitBatch(world, "teeThenWindow");
    const signature = await signBatch(world, batch);
    await settlement.attestBatch(batch.header, signature);
    const attestedAt = await time.latest();
    await enclaveEvidence.markCompromised(enclaveKeyId, attestedAt);
    const finalAt = attestedAt + ATTESTED_WINDOW_SECONDS;
    await time.setNextBlockTimestamp(finalAt);
    await expect(settlement.reopenBatch(batch.header))
      .to.be.revertedWithCustomError(settlement, "BatchFinal")
      .withArgs(batch.batchId, finalAt);
  });

  it("leaves at least the attested window to look again, however late the mark", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId } = world;
    const batch = await commitBatch(world, "teeThenWindow");
    const committedAt = await time.latest();
    const lastSecond = committedAt + CHALLENGE_WINDOW_SECONDS - 1;
    await time.setNextBlockTimestamp(lastSecond - 5);
    await settlement.attestBatch(batch.header, await signBatch(world, batch));
    await time.setNextBlockTimestamp(lastSecond - 1);
    await enclaveEvidence.markCompromised(enclaveKeyId, committedAt);
    await time.setNextBlockTimestamp(lastSecond);
    await settlement.reopenBatch(batch.header);
    expect(await settlement.finalAt(batch.batchId)).to.equal(lastSecond + ATTESTED_WINDOW_SECONDS);
  });

  it("gives back what the guardian had lengthened", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId } = world;
    const batch = await commitBatch(world, "teeThenWindow");
    const committedAt = await time.latest();
    const lengthened = committedAt + CHALLENGE_WINDOW_SECONDS + 10_000;
    await settlement.lengthenChallengeWindow(batch.header, lengthened);
    await time.setNextBlockTimestamp(lengthened - 60);
    await settlement.attestBatch(batch.header, await signBatch(world, batch));
    await enclaveEvidence.markCompromised(enclaveKeyId, committedAt);
    await settlement.reopenBatch(batch.header);
    expect(await settlement.finalAt(batch.batchId)).to.equal((await time.latest()) + ATTESTED_WINDOW_SECONDS);
  });

  it("I-05 I-18 leaves an attestation alone under teeAndZk once some claim may be final by it", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId, prover } = world;
    for (const [nonce, touched] of [
      [1n, false],
      [2n, true],
    ] as const) {
      const batch = await commitBatch(world, "teeAndZk", { nonce });
      await settlement.attestBatch(batch.header, await signBatch(world, batch));
      const signature = await signClaim(world, claimAt(batch, 0).claimId, prover.address);
      if (touched)
        await settlement.prove(...memberOf(batch, 0), EVIDENCE_KINDS.tee, prover.address, signature);
      const snapshot = await takeSnapshot();
      await enclaveEvidence.markCompromised(enclaveKeyId, 1);
      const reopening = settlement.reopenBatch(batch.header);
      if (touched) {
        await expect(reopening)
          .to.be.revertedWithCustomError(settlement, "WrongStatus")
          .withArgs(batch.batchId, STATUS.Final);
      } else await expect(reopening).to.emit(settlement, "BatchReopened");
      await snapshot.restore();
    }
  });

  it("R-14 takes one claim's evidence back and leaves a prove window to challenge it, again if it was answered", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId, stranger } = world;
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    await answerClaim(world, batch, 0);
    const answeredAt = await time.latest();
    await expect(settlement.reopenClaim(...memberOf(batch, 0), EVIDENCE_KINDS.tee))
      .to.be.revertedWithCustomError(settlement, "NotCompromised")
      .withArgs(claimAt(batch, 0).claimId, 1);
    await enclaveEvidence.markCompromised(enclaveKeyId, answeredAt + 1);
    await expect(
      settlement.reopenClaim(...memberOf(batch, 0), EVIDENCE_KINDS.tee),
    ).to.be.revertedWithCustomError(settlement, "NotCompromised");
    await enclaveEvidence.markCompromised(enclaveKeyId, answeredAt);
    const finalAt = await settlement.finalAt(batch.batchId);
    await time.setNextBlockTimestamp(finalAt - 1n);
    await settlement.connect(stranger).reopenClaim(...memberOf(batch, 0), EVIDENCE_KINDS.tee);
    const reopenedFinalAt = finalAt - 1n + BigInt(PROVE_WINDOW_SECONDS);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    await time.setNextBlockTimestamp(reopenedFinalAt - 1n);
    await challengeClaim(world, batch, 0);
    await time.increase(PROVE_WINDOW_SECONDS);
    await resolveClaim(world, batch, 0);
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
  });

  it("R-54 touches no claim that its enclave's signature has made final", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, enclaveEvidence, enclaveKeyId, prover } = world;
    const batch = await commitBatch(world, "tee");
    const signature = await signClaim(world, claimAt(batch, 0).claimId, prover.address);
    await settlement.prove(...memberOf(batch, 0), EVIDENCE_KINDS.tee, prover.address, signature);
    await enclaveEvidence.markCompromised(enclaveKeyId, 1);
    await expect(settlement.reopenClaim(...memberOf(batch, 0), EVIDENCE_KINDS.tee))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(claimAt(batch, 0).claimId, STATUS.Final);
  });
});
