// SPDX-License-Identifier: MIT
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { id, Wallet, ZeroAddress } from "ethers";
import {
  ATTESTED_WINDOW_SECONDS,
  type Batch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  CHALLENGER_BPS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  enclaveKeyIdOf,
  enterEnclaveKey,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  signBatch,
  signClaim,
  type World,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { infer, proveClaim, stopProver } from "./proofs.ts";
import { deployQuorumWorld, evidenceBy, THRESHOLD } from "./quorum-fixture.ts";

const { loadFixture, time } = networkHelpers;
const { zk: ZK, tee: TEE } = EVIDENCE_KINDS;
const REVEALED = 6n;
const QUIET = 0n;
const ANSWERED = 2n;

after(stopProver);

/** A protocol with a second enclave of the same measurement, whose key is number two. */
interface TwoEnclaves extends World {
  soundKey: Wallet;
}

describe("A mark on an enclave's key", () => {
  it("moves back in time alone, never forth, and lies in the past", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    const key = world.enclaveKeyId;
    const now = await time.latest();
    await time.setNextBlockTimestamp(now + 10);
    await expectBadCompromise(world, now + 11);
    await expectBadCompromise(world, 0);
    await time.setNextBlockTimestamp(now + 10);
    await expect(world.enclaveEvidence.markCompromised(key, now + 10))
      .to.emit(world.enclaveEvidence, "EnclaveKeyCompromised")
      .withArgs(key, now + 10);
    for (const since of [now + 10, now + 11]) await expectBadCompromise(world, since);
    await world.enclaveEvidence.markCompromised(key, now + 9);
    await world.enclaveEvidence.markCompromised(key, 1);
    for (const since of [1, 0]) await expectBadCompromise(world, since);
    expect(await world.enclaveEvidence.compromisedSince(1)).to.equal(1);
    expect(await world.enclaveEvidence.compromisedSince(1)).to.equal(1);
    expect(await world.enclaveEvidence.compromisedSince(2)).to.equal(0);
  });

  it("R-50 revokes the key, once; a key that was revoked before keeps the time of that", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    const [marked, revoked] = [world.enclaveKeyId, enclaveKeyIdOf(world.soundKey)];
    await expect(world.enclaveEvidence.markCompromised(marked, 5)).to.emit(
      world.enclaveEvidence,
      "EnclaveKeyRevoked",
    );
    expect((await world.enclaveEvidence.enclaveKeyOf(marked)).revokedAt).to.equal(await time.latest());
    await world.enclaveEvidence.revoke(revoked);
    const revokedAt = await time.latest();
    await expect(world.enclaveEvidence.markCompromised(revoked, 5)).to.not.emit(
      world.enclaveEvidence,
      "EnclaveKeyRevoked",
    );
    expect((await world.enclaveEvidence.enclaveKeyOf(revoked)).revokedAt).to.equal(revokedAt);
    expect(await world.enclaveEvidence.lastRevokedAt(world.measurement)).to.equal(revokedAt);
  });

  it("R-51 is the guardian's to make, on a key that there is", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    await expect(world.enclaveEvidence.connect(world.stranger).markCompromised(world.enclaveKeyId, 5))
      .to.be.revertedWithCustomError(world.enclaveEvidence, "AccessManagedUnauthorized")
      .withArgs(world.stranger.address);
    await expect(world.enclaveEvidence.markCompromised(enclaveKeyIdOf(world.stranger), 5))
      .to.be.revertedWithCustomError(world.enclaveEvidence, "EnclaveKeyUnknown")
      .withArgs(enclaveKeyIdOf(world.stranger));
  });
});

describe("A batch that a compromised enclave attested", () => {
  for (const [offset, reopens] of [
    [1, false],
    [0, true],
    [-1, true],
  ] as const) {
    const what = reopens ? "is reopened" : "stands";
    it(`R-50 ${what} when the key is marked since its attestation ${signed(offset)}`, async () => {
      const { world, batch, attestedAt, committedAt } = await attestedBatch();
      await time.increaseTo(attestedAt + 10);
      await world.enclaveEvidence.markCompromised(world.enclaveKeyId, attestedAt + offset);
      const reopening = world.settlement.connect(world.stranger).reopenBatch(batch.header);
      if (reopens) {
        await expect(reopening)
          .to.emit(world.settlement, "BatchReopened")
          .withArgs(batch.batchId, committedAt + CHALLENGE_WINDOW_SECONDS);
        expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
      } else {
        await expect(reopening)
          .to.be.revertedWithCustomError(world.settlement, "NotCompromised")
          .withArgs(batch.batchId, 1);
        expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Attested);
      }
    });
  }

  it("R-54 can be reopened until it is final, exclusive: at t-1, not at t and t+1", async () => {
    for (const offset of [-1, 0, 1]) {
      const { world, batch, attestedAt } = await attestedBatch();
      await world.enclaveEvidence.markCompromised(world.enclaveKeyId, attestedAt);
      const finalAt = attestedAt + ATTESTED_WINDOW_SECONDS;
      await time.setNextBlockTimestamp(finalAt + offset);
      const reopening = world.settlement.reopenBatch(batch.header);
      if (offset < 0) await reopening;
      else {
        await expect(reopening)
          .to.be.revertedWithCustomError(world.settlement, "BatchFinal")
          .withArgs(batch.batchId, finalAt);
        await networkHelpers.mine();
        expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
      }
    }
  });

  it("R-54 stays final where the attestation made it final at once", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    for (const rule of ["tee", "teeOrZk"] as const) {
      const batch = await commitBatch(world, rule);
      await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
      const attestedAt = await time.latest();
      const snapshot = await networkHelpers.takeSnapshot();
      await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
      await expect(world.settlement.reopenBatch(batch.header))
        .to.be.revertedWithCustomError(world.settlement, "BatchFinal")
        .withArgs(batch.batchId, attestedAt);
      expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
      await snapshot.restore();
    }
  });

  it("leaves an attested window to look again when it is reopened late", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    const batch = await commitBatch(world, "teeThenWindow");
    const windowEnd = (await time.latest()) + CHALLENGE_WINDOW_SECONDS;
    await time.setNextBlockTimestamp(windowEnd - 100);
    await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, windowEnd - 100);
    await time.setNextBlockTimestamp(windowEnd - 1);
    await expect(world.settlement.reopenBatch(batch.header))
      .to.emit(world.settlement, "BatchReopened")
      .withArgs(batch.batchId, windowEnd - 1 + ATTESTED_WINDOW_SECONDS);
    await time.setNextBlockTimestamp(windowEnd - 2 + ATTESTED_WINDOW_SECONDS);
    await challengeClaim(world, batch, 0);
  });

  it("can be attested again by a sound enclave, and no sound attestation is taken back", async () => {
    const { world, batch, attestedAt } = await attestedBatch();
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, attestedAt);
    await world.settlement.reopenBatch(batch.header);
    await expect(world.settlement.reopenBatch(batch.header))
      .to.be.revertedWithCustomError(world.settlement, "NotCompromised")
      .withArgs(batch.batchId, 0);
    await expect(
      world.settlement.attestBatch(batch.header, await signBatch(world, batch)),
    ).to.be.revertedWithCustomError(world.settlement, "EvidenceRejected");
    await world.settlement.attestBatch(batch.header, await signBatch(world, batch, world.soundKey));
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Attested);
    await expect(world.settlement.reopenBatch(batch.header))
      .to.be.revertedWithCustomError(world.settlement, "NotCompromised")
      .withArgs(batch.batchId, 2);
  });
});

describe("A claim that a compromised enclave vouched for", () => {
  for (const [offset, reopens] of [
    [1, false],
    [0, true],
    [-1, true],
  ] as const) {
    const what = reopens ? "is reopened" : "stands";
    it(`R-50 ${what} when the key is marked since its evidence ${signed(offset)}, proven or answered`, async () => {
      for (const vouch of [proveByEnclave, answerByEnclave]) {
        const world = await loadFixture(deployTwoEnclaves);
        const batch = await commitBatch(world, "window");
        const acceptedAt = await vouch(world, batch, 0);
        expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Attested);
        await time.increaseTo(acceptedAt + 10);
        await world.enclaveEvidence.markCompromised(world.enclaveKeyId, acceptedAt + offset);
        const reopening = world.settlement.connect(world.stranger).reopenClaim(...memberOf(batch, 0), TEE);
        if (!reopens) {
          await expect(reopening)
            .to.be.revertedWithCustomError(world.settlement, "NotCompromised")
            .withArgs(claimAt(batch, 0).claimId, 1);
          const { state } = await world.settlement.leafOf(batch.batchId, 0);
          expect(state).to.equal(vouch === proveByEnclave ? QUIET : ANSWERED);
          continue;
        }
        const finalAt = await world.settlement.finalAt(batch.batchId);
        await expect(reopening)
          .to.emit(world.settlement, "ClaimReopened")
          .withArgs(batch.batchId, claimAt(batch, 0).claimId, 0, TEE, finalAt);
        expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
        const { state, kinds, deadline } = await world.settlement.leafOf(batch.batchId, 0);
        expect([state, kinds, deadline]).to.deep.equal([REVEALED, 0n, finalAt]);
      }
    });
  }

  it("can be challenged again, once answered by that enclave, and is rejected if nothing better answers", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    const batch = await commitBatch(world, "window");
    const answeredAt = await answerByEnclave(world, batch, 0);
    await expect(challengeClaim(world, batch, 0))
      .to.be.revertedWithCustomError(world.settlement, "AlreadyChallenged")
      .withArgs(claimAt(batch, 0).claimId);
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, answeredAt);
    await world.settlement.reopenClaim(...memberOf(batch, 0), TEE);
    await challengeClaim(world, batch, 0);
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address);

    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
    const { stakeWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect(stakeWei).to.equal(10n ** 18n - CLAIM_BOND_WEI);
    // The first challenge bond went to the liar's beneficiary; what the second won is the challenger's.
    expect(await world.settlement.creditOf(world.prover.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    const wonWei = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
    expect(await world.settlement.creditOf(world.challenger.address, ZeroAddress)).to.equal(
      CHALLENGE_BOND_WEI + wonWei,
    );
  });

  it("can be challenged again and answered by a sound enclave, and that is not taken back", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    const batch = await commitBatch(world, "window");
    await answerByEnclave(world, batch, 0);
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
    await world.settlement.reopenClaim(...memberOf(batch, 0), TEE);
    await answerByEnclave(world, batch, 0, world.soundKey);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Attested);
    await expect(world.settlement.reopenClaim(...memberOf(batch, 0), TEE))
      .to.be.revertedWithCustomError(world.settlement, "NotCompromised")
      .withArgs(claimAt(batch, 0).claimId, 2);
  });

  it("R-06 stays open for a prove window at least, and its batch locked: at t-1 a challenge, at t and t+1 finality", async () => {
    for (const offset of [-1, 0, 1]) {
      const world = await loadFixture(deployTwoEnclaves);
      const batch = await commitBatch(world, "window");
      await proveByEnclave(world, batch, 0);
      const windowEnd = Number(await world.settlement.finalAt(batch.batchId));
      await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
      await time.setNextBlockTimestamp(windowEnd - 1);
      await world.settlement.reopenClaim(...memberOf(batch, 0), TEE);
      const finalAt = windowEnd - 1 + PROVE_WINDOW_SECONDS;
      await time.setNextBlockTimestamp(finalAt + offset);
      if (offset < 0) {
        await expect(world.settlement.release([batch.header]))
          .to.be.revertedWithCustomError(world.settlement, "BatchOpen")
          .withArgs(batch.batchId, finalAt, 0);
        await time.setNextBlockTimestamp(finalAt + offset);
        await challengeClaim(world, batch, 0);
        continue;
      }
      await expect(challengeClaim(world, batch, 0))
        .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
        .withArgs(claimAt(batch, 0).claimId, STATUS.Final);
      await world.settlement.release([batch.header]);
      expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
    }
  });

  it("R-54 stays final once it is: by the rule at once, by the clock at t and t+1, not at t-1", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    const atOnce = await commitBatch(world, "tee");
    await proveByEnclave(world, atOnce, 0);
    const byClock = await commitBatch(world, "window");
    for (const index of [0, 1]) await proveByEnclave(world, byClock, index);
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
    await expectFinal(world, atOnce, 0);

    const finalAt = await world.settlement.finalAt(byClock.batchId);
    await time.setNextBlockTimestamp(finalAt - 1n);
    await world.settlement.reopenClaim(...memberOf(byClock, 0), TEE);
    for (const offset of [0n, 1n]) {
      await time.setNextBlockTimestamp(finalAt + offset);
      await expectFinal(world, byClock, 1);
      await networkHelpers.mine();
    }
  });

  it("loses nothing else: a proof stands, and so does what nobody vouched for or another enclave did", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    const inference = infer(1);
    const batch = await commitInferences(world, "window", [inference, inference, inference]);
    const proof = await proveClaim(inference, claimAt(batch, 0).claimId, world.prover.address);
    await proveByEnclave(world, batch, 0);
    await world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, proof);
    await proveByEnclave(world, batch, 1, world.soundKey);
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
    for (const [index, status] of [
      [0, STATUS.Proven],
      [2, STATUS.Committed],
    ] as const) {
      await expect(world.settlement.reopenClaim(...memberOf(batch, index), TEE))
        .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
        .withArgs(claimAt(batch, index).claimId, status);
    }
    await expect(world.settlement.reopenClaim(...memberOf(batch, 1), TEE))
      .to.be.revertedWithCustomError(world.settlement, "NotCompromised")
      .withArgs(claimAt(batch, 1).claimId, 2);
  });

  it("I-05 stays answered where a committee has answered, whoever vouched beside it", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const batch = await commitBatch(world, "window");
    const { claim, claimId } = claimAt(batch, 0);
    await challengeClaim(world, batch, 0);
    const verdicts = evidenceBy(world, world.committee.slice(0, THRESHOLD), claimId, world.prover.address);
    await world.settlement.answer(
      ...([batch.batchId, claim, 0, world.challenger.address] as const),
      ...([EVIDENCE_KINDS.quorum, world.prover.address, verdicts] as const),
    );
    await proveByEnclave(world, batch, 0);
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
    for (const kind of [0, EVIDENCE_KINDS.quorum, TEE | ZK, TEE | EVIDENCE_KINDS.quorum, 255]) {
      await expect(world.settlement.reopenClaim(...memberOf(batch, 0), kind))
        .to.be.revertedWithCustomError(world.settlement, "EvidenceKindNotAccepted")
        .withArgs(claim.policyId, kind);
    }
    await world.settlement.reopenClaim(...memberOf(batch, 0), TEE);
    const { state, kinds } = await world.settlement.leafOf(batch.batchId, 0);
    expect([state, kinds]).to.deep.equal([ANSWERED, BigInt(EVIDENCE_KINDS.quorum)]);
    await expect(challengeClaim(world, batch, 0)).to.be.revertedWithCustomError(
      world.settlement,
      "AlreadyChallenged",
    );
  });

  it("R-08 is not reopened while it is challenged, nor once it is rejected", async () => {
    const world = await loadFixture(deployTwoEnclaves);
    const batch = await commitBatch(world, "window");
    await proveByEnclave(world, batch, 0);
    await challengeClaim(world, batch, 0);
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
    const expectRefused = (status: number) =>
      expect(world.settlement.reopenClaim(...memberOf(batch, 0), TEE))
        .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
        .withArgs(claimAt(batch, 0).claimId, status);
    await expectRefused(STATUS.Challenged);
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address);
    await expectRefused(STATUS.Rejected);
  });
});

async function deployTwoEnclaves(): Promise<TwoEnclaves> {
  const world = await deployWorld();
  const soundKey = new Wallet(id("the key of a sound enclave"));
  await enterEnclaveKey(world, soundKey);
  return { ...world, soundKey };
}

async function attestedBatch() {
  const world = await loadFixture(deployTwoEnclaves);
  const batch = await commitBatch(world, "teeThenWindow");
  const committedAt = await time.latest();
  await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
  return { world, batch, committedAt, attestedAt: await time.latest() };
}

async function proveByEnclave(
  world: World,
  batch: Batch,
  index: number,
  key: Wallet = world.enclaveKey,
): Promise<number> {
  const signature = await signClaim(world, claimAt(batch, index).claimId, world.prover.address, key);
  await world.settlement.prove(...memberOf(batch, index), TEE, world.prover.address, signature);
  return time.latest();
}

async function answerByEnclave(
  world: World,
  batch: Batch,
  index: number,
  key: Wallet = world.enclaveKey,
): Promise<number> {
  await challengeClaim(world, batch, index);
  const { claim, claimId } = claimAt(batch, index);
  await world.settlement.answer(
    ...([batch.batchId, claim, index, world.challenger.address] as const),
    ...([TEE, world.prover.address, await signClaim(world, claimId, world.prover.address, key)] as const),
  );
  return time.latest();
}

async function expectBadCompromise({ enclaveEvidence, enclaveKeyId }: World, since: number): Promise<void> {
  await expect(enclaveEvidence.markCompromised(enclaveKeyId, since))
    .to.be.revertedWithCustomError(enclaveEvidence, "BadCompromise")
    .withArgs(since);
}

async function expectFinal(world: World, batch: Batch, index: number): Promise<void> {
  await expect(world.settlement.reopenClaim(...memberOf(batch, index), TEE))
    .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
    .withArgs(claimAt(batch, index).claimId, STATUS.Final);
}

function signed(offset: number): string {
  return offset === 0 ? "itself" : `${offset > 0 ? "+" : "-"} ${Math.abs(offset)} s`;
}
