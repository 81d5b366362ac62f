// SPDX-License-Identifier: MIT

import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES, policyId } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { id, ZeroAddress, ZeroHash } from "ethers";
import {
  ATTESTED_WINDOW_SECONDS,
  asAddress,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
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
  policyFor,
  REQUESTER_BPS,
  signBatch,
  signClaim,
  type World,
  wordOf,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

describe("Settlement: commit", () => {
  it("locks one bond a claim and emits the whole header", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await buildBatch(world, "window", { count: 5 });
    const { header } = batch;

    const commit = await world.settlement.connect(world.sender).commit(header);
    const committedAt = await time.latest();
    await expect(commit)
      .to.emit(world.settlement, "BatchCommitted")
      .withArgs(
        batch.batchId,
        ethers.getAddress(header.operator),
        header.policyId,
        header.modelId,
        header.root,
        header.dataRoot,
        header.count,
        header.oldestServedAt,
        header.nonce,
        committedAt + CHALLENGE_WINDOW_SECONDS,
      );
    const { lockedWei } = await world.settlement.operatorOf(world.operator.address);
    expect(lockedWei).to.equal(5n * CLAIM_BOND_WEI);
    expect(await world.settlement.finalAt(batch.batchId)).to.equal(committedAt + CHALLENGE_WINDOW_SECONDS);
  });

  it("R-17 refuses a batch that the free stake does not cover, and takes one that it just covers", async () => {
    const world = await loadFixture(deployWorld);
    const covered = Number(10n ** 18n / CLAIM_BOND_WEI);
    await expect(commitBatch(world, "window", { count: covered + 1 }))
      .to.be.revertedWithCustomError(world.settlement, "InsufficientStake")
      .withArgs(world.operator.address, 10n ** 18n, BigInt(covered + 1) * CLAIM_BOND_WEI);

    await commitBatch(world, "window", { count: covered });
    await expect(commitBatch(world, "window", { count: 1, nonce: 2n }))
      .to.be.revertedWithCustomError(world.settlement, "InsufficientStake")
      .withArgs(world.operator.address, 0, CLAIM_BOND_WEI);
  });

  it("R-04 refuses the same header twice; another nonce is another batch", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await expect(world.settlement.connect(world.sender).commit(batch.header))
      .to.be.revertedWithCustomError(world.settlement, "BatchKnown")
      .withArgs(batch.batchId);
    await world.settlement.connect(world.sender).commit({ ...batch.header, nonce: 2n });
  });

  it("R-05 lets only the operator and its senders commit in its name", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await buildBatch(world, "window");
    await expect(world.settlement.connect(world.stranger).commit(batch.header))
      .to.be.revertedWithCustomError(world.settlement, "NotSenderOf")
      .withArgs(world.operator.address, world.stranger.address);

    await world.settlement.connect(world.operator).commit(batch.header);
    await world.settlement.connect(world.operator).setSender(world.sender.address, false);
    await expect(commitBatch(world, "window", { nonce: 2n })).to.be.revertedWithCustomError(
      world.settlement,
      "NotSenderOf",
    );
  });

  it("R-20 refuses a batch without claims and one beyond the protocol's size", async () => {
    const world = await loadFixture(deployWorld);
    for (const count of [0, 65_537]) {
      const batch = await buildBatch(world, "window", { header: { count } });
      await expect(world.settlement.connect(world.sender).commit(batch.header))
        .to.be.revertedWithCustomError(world.settlement, "BadCount")
        .withArgs(count, 65_536);
    }
  });

  it("refuses claims served in the future and policies that are unknown or retired", async () => {
    const world = await loadFixture(deployWorld);
    const future = BigInt(await time.latest()) + 1000n;
    const early = await buildBatch(world, "window", { header: { oldestServedAt: future } });
    await expect(world.settlement.connect(world.sender).commit(early.header))
      .to.be.revertedWithCustomError(world.settlement, "ServedInFuture")
      .withArgs(future);

    const unknown = await buildBatch(world, "window", { claims: { policyId: wordOf(1n) } });
    await expect(world.settlement.connect(world.sender).commit(unknown.header))
      .to.be.revertedWithCustomError(world.settlement, "PolicyNotOpen")
      .withArgs(wordOf(1n));

    await world.policies.retire(world.policyIds.window);
    await expect(commitBatch(world, "window"))
      .to.be.revertedWithCustomError(world.settlement, "PolicyNotOpen")
      .withArgs(world.policyIds.window);
  });

  it("R-53 leaves open claims under a retired policy to their terms", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    await world.policies.retire(world.policyIds.window);
    await challengeClaim(world, batch, 0);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    expect(await world.settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Final);
    const { claim } = claimAt(batch, 0);
    await expect(world.settlement.resolve(batch.batchId, claim, 0)).to.emit(
      world.settlement,
      "ClaimRejected",
    );
  });
});

describe("Settlement: status", () => {
  it("R-06 is Committed one second before the window ends and Final when it ends", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = Number(await world.settlement.finalAt(batch.batchId));

    await time.increaseTo(finalAt - 1);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    await time.increaseTo(finalAt);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
    await time.increaseTo(finalAt + 1);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
  });

  it("R-37 names claims and batches as the SDK does, and tells what it keeps of them", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "teeThenWindow", { count: 3 });
    const committedAt = await time.latest();
    expect(await world.settlement.batchIdOf(batch.header)).to.equal(batch.batchId);
    for (const [index, claim] of batch.claims.entries()) {
      expect(await world.settlement.claimIdOf(claim)).to.equal(batch.claimIds[index]);
    }
    await challengeClaim(world, batch, 0);
    await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    const attestedAt = await time.latest();
    expect(await world.settlement.batchOf(batch.batchId)).to.deep.equal([
      ...[committedAt, attestedAt, attestedAt + ATTESTED_WINDOW_SECONDS],
      ...[1, 1, 0, false, EVIDENCE_RULES.teeThenWindow],
    ]);
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0);
    await world.settlement.release([batch.header]);
    expect(await world.settlement.batchOf(batch.batchId)).to.deep.equal([
      ...[committedAt, attestedAt, attestedAt + ATTESTED_WINDOW_SECONDS],
      ...[1, 0, 1, true, EVIDENCE_RULES.teeThenWindow],
    ]);
    expect((await world.settlement.batchOf(wordOf(1n))).committedAt).to.equal(0);
    expect(await world.settlement.POLICIES()).to.equal(await world.policies.getAddress());
    await expect(ethers.deployContract("Settlement", [ZeroAddress])).to.be.revertedWithCustomError(
      world.settlement,
      "ZeroArgument",
    );
  });

  it("R-02 knows nothing of a claim or a header with any field altered", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const [header, claim, index, proof] = memberOf(batch, 1);

    for (const field of Object.keys(claim) as (keyof typeof claim)[]) {
      const altered = { ...claim, [field]: alter(claim[field]) };
      expect(await world.settlement.statusOf(header, altered, index, proof), field).to.equal(STATUS.Unknown);
      await expect(
        world.settlement
          .connect(world.challenger)
          .challenge(header, altered, index, proof, { value: CHALLENGE_BOND_WEI }),
        field,
      ).to.be.revertedWithCustomError(world.settlement, "ClaimNotInBatch");
    }
    for (const field of Object.keys(header) as (keyof typeof header)[]) {
      const altered = { ...header, [field]: alter(header[field]) };
      expect(await world.settlement.statusOf(altered, claim, index, proof), field).to.equal(STATUS.Unknown);
      await expect(
        world.settlement
          .connect(world.challenger)
          .challenge(altered, claim, index, proof, { value: CHALLENGE_BOND_WEI }),
        field,
      ).to.be.revertedWithCustomError(world.settlement, "BatchUnknown");
    }
  });

  it("R-32 does not take a leaf of one batch for one of another", async () => {
    const world = await loadFixture(deployWorld);
    const first = await commitBatch(world, "window");
    const second = await commitBatch(world, "window", {
      count: 5,
      nonce: 2n,
      claims: { requestId: id("other") as Hex },
    });
    const [, claim, index, proof] = memberOf(first, 1);
    expect(await world.settlement.statusOf(second.header, claim, index, proof)).to.equal(STATUS.Unknown);
  });

  it("R-30 knows a claim at its own index alone, in trees of every shape", async () => {
    const world = await loadFixture(deployWorld);
    for (const count of [1, 2, 3, 5, 8, 9]) {
      const batch = await commitBatch(world, "window", { count, nonce: BigInt(count) });
      for (let index = 0; index < count; index++) {
        const [header, claim, , proof] = memberOf(batch, index);
        for (let at = 0; at <= count; at++) {
          const status = at === index ? STATUS.Committed : STATUS.Unknown;
          expect(
            await world.settlement.statusOf(header, claim, at, proof),
            `${count}:${index}:${at}`,
          ).to.equal(status);
        }
      }
    }
  });

  it("R-17 gives one position to one claim: two claims cannot share a bond", async () => {
    // With sorted pairs, a root over two leaves of index 0 would prove both claims under a header of one claim.
    const world = await loadFixture(deployWorld);
    const pair = await buildBatch(world, "window", { count: 2 });
    const batch = batchOf(world, pair.claims, { count: 1 });
    await world.settlement.connect(world.sender).commit(batch.header);
    for (const index of [0, 1]) {
      const [header, claim, , proof] = memberOf(batch, index);
      expect(await world.settlement.statusOf(header, claim, 0, proof)).to.equal(STATUS.Unknown);
      expect(await world.settlement.statusOf(header, claim, index, proof)).to.equal(STATUS.Unknown);
    }
  });

  it("R-30 R-33 follows a proof to the root of a tree of this size, neither shorter nor longer", async () => {
    const world = await loadFixture(deployWorld);
    const { claims } = await buildBatch(world, "window", { count: 1 });
    const shallow = batchOf(world, claims, { count: 4 });
    await world.settlement.connect(world.sender).commit(shallow.header);
    expect(await world.settlement.statusOf(...memberOf(shallow, 0))).to.equal(STATUS.Unknown);

    const batch = await commitBatch(world, "window", { count: 5, nonce: 2n });
    const [header, claim, index, proof] = memberOf(batch, 1);
    for (const wrong of [proof.slice(1), proof.slice(0, -1), [...proof, header.root], []]) {
      expect(await world.settlement.statusOf(header, claim, index, wrong)).to.equal(STATUS.Unknown);
    }
  });

  it("keeps out of a batch what contradicts its header", async () => {
    const world = await loadFixture(deployWorld);
    const { claims } = await buildBatch(world, "window", { count: 1 });
    const [claim] = claims;
    if (!claim) throw new Error("no claim");
    const contradictions = [
      { policyId: world.policyIds.tee },
      { modelId: wordOf(3n) },
      { oldestServedAt: claim.servedAt - 1n, claim: { ...claim, servedAt: claim.servedAt - 2n } },
      { claim: { ...claim, operator: asAddress(world.stranger.address) }, operator: claim.operator },
    ];
    for (const [nonce, { claim: inside, ...header }] of contradictions.entries()) {
      const batch = batchOf(world, [inside ?? claim], { ...header, nonce: BigInt(nonce + 1) });
      await world.settlement.connect(world.sender).commit(batch.header);
      expect(await world.settlement.statusOf(...memberOf(batch, 0)), `${nonce}`).to.equal(STATUS.Unknown);
    }
  });

  it("never finalises a claim that nobody could prove, and lets nobody challenge it", async () => {
    const world = await loadFixture(deployWorld);
    const modelId = `${world.modelId.slice(0, -2)}04` as Hex;
    const batch = await commitBatch(world, "window", { claims: { modelId } });
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Unknown);
    await expect(challengeClaim(world, batch, 0))
      .to.be.revertedWithCustomError(world.settlement, "ClaimNotAnswerable")
      .withArgs(modelId, world.policyIds.window);
  });

  it("requireStatus passes at the level asked for and names the level otherwise", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "tee");
    const { claimId } = claimAt(batch, 0);
    await world.settlement.requireStatus(...memberOf(batch, 0), STATUS.Committed);
    await expect(world.settlement.requireStatus(...memberOf(batch, 0), STATUS.Final))
      .to.be.revertedWithCustomError(world.settlement, "StatusTooLow")
      .withArgs(claimId, STATUS.Committed, STATUS.Final);
    await challengeClaim(world, batch, 0);
    await expect(world.settlement.requireStatus(...memberOf(batch, 0), STATUS.Committed))
      .to.be.revertedWithCustomError(world.settlement, "StatusTooLow")
      .withArgs(claimId, STATUS.Challenged, STATUS.Committed);
  });
});

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
    expect((await world.settlement.claimOf(batch.batchId, 0, claimId)).proveBy).to.equal(proveBy);
    const signature = await signClaim(world, claimId, world.prover.address);
    await time.setNextBlockTimestamp(proveBy - 1);
    await world.settlement.answer(
      batch.batchId,
      claim,
      0,
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
    const { proveBy } = await world.settlement.claimOf(batch.batchId, 0, claimId);
    const signature = await signClaim(world, claimId, world.prover.address);
    const answer = () =>
      world.settlement.answer(batch.batchId, claim, 0, EVIDENCE_KINDS.tee, world.prover.address, signature);
    const resolve = () => world.settlement.resolve(batch.batchId, claim, 0);

    await time.setNextBlockTimestamp(proveBy - 1n);
    await expect(resolve())
      .to.be.revertedWithCustomError(world.settlement, "ResolveTooEarly")
      .withArgs(claimId, proveBy);
    await time.setNextBlockTimestamp(proveBy);
    await expect(answer())
      .to.be.revertedWithCustomError(world.settlement, "AnswerTooLate")
      .withArgs(claimId, proveBy);
    await time.setNextBlockTimestamp(proveBy + 1n);
    await expect(answer())
      .to.be.revertedWithCustomError(world.settlement, "AnswerTooLate")
      .withArgs(claimId, proveBy);
    await resolve();
    await expect(answer())
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(claimId, STATUS.Rejected);
  });

  it("R-13 is possible once in a claim's life, also after it was answered", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const { claim, claimId } = claimAt(batch, 0);
    await challengeClaim(world, batch, 0);
    await expect(challengeClaim(world, batch, 0))
      .to.be.revertedWithCustomError(world.settlement, "AlreadyChallenged")
      .withArgs(claimId);
    const signature = await signClaim(world, claimId, world.prover.address);
    await world.settlement.answer(
      batch.batchId,
      claim,
      0,
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
    const { touched, challenged } = await world.settlement.batchOf(batch.batchId);
    expect([touched, challenged]).to.deep.equal([1, 1]);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Challenged);
  });

  it("is answered by no kind of evidence but those that the policy names for it", async () => {
    const world = await loadFixture(deployWorld);
    const policy = { ...(await policyFor(world, "tee")), answerKinds: EVIDENCE_KINDS.zk };
    await world.policies.register(policy);
    const { claims } = await buildBatch(world, "tee", { claims: { policyId: policyId(policy) } });
    const batch = batchOf(world, claims);
    await world.settlement.connect(world.sender).commit(batch.header);
    await challengeClaim(world, batch, 0);
    const { claim, claimId } = claimAt(batch, 0);
    const signature = await signClaim(world, claimId, world.prover.address);
    await expect(
      world.settlement.answer(batch.batchId, claim, 0, EVIDENCE_KINDS.tee, world.prover.address, signature),
    )
      .to.be.revertedWithCustomError(world.settlement, "EvidenceKindNotAccepted")
      .withArgs(policyId(policy), EVIDENCE_KINDS.tee);
  });

  it("takes the policy's bond, not a wei more or less", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    for (const value of [0n, CHALLENGE_BOND_WEI - 1n, CHALLENGE_BOND_WEI + 1n]) {
      await expect(world.settlement.connect(world.challenger).challenge(...memberOf(batch, 0), { value }))
        .to.be.revertedWithCustomError(world.settlement, "WrongChallengeBond")
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

describe("Settlement: rejection", () => {
  it("R-11 splits the slashed bond between challenger, requester and burn", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    const challengerWei = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
    const requesterWei = (CLAIM_BOND_WEI * BigInt(REQUESTER_BPS)) / 10_000n;

    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
    expect(await world.settlement.creditOf(world.challenger.address)).to.equal(
      CHALLENGE_BOND_WEI + challengerWei,
    );
    expect(await world.settlement.creditOf(world.requester.address)).to.equal(requesterWei);
    const { stakeWei, lockedWei } = await world.settlement.operatorOf(world.operator.address);
    expect(stakeWei).to.equal(10n ** 18n - CLAIM_BOND_WEI);
    expect(lockedWei).to.equal(3n * CLAIM_BOND_WEI);
  });

  it("R-11 R-12 costs an operator that plays challenger and requester itself the burnt share", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window", {
      claims: { requester: asAddress(world.operator.address) },
    });
    const { claim } = claimAt(batch, 0);
    await world.settlement
      .connect(world.operator)
      .challenge(...memberOf(batch, 0), { value: CHALLENGE_BOND_WEI });
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claim, 0);

    const back = await world.settlement.creditOf(world.operator.address);
    const burnWei = (CLAIM_BOND_WEI * 2000n) / 10_000n;
    expect(back).to.equal(CHALLENGE_BOND_WEI + CLAIM_BOND_WEI - burnWei);
  });

  it("burns the requester's share where nobody is named", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window", { claims: { requester: ZeroAddress as Hex } });
    await challengeClaim(world, batch, 0);
    await time.increase(PROVE_WINDOW_SECONDS);
    const { claim, claimId } = claimAt(batch, 0);
    await expect(world.settlement.resolve(batch.batchId, claim, 0))
      .to.emit(world.settlement, "ClaimRejected")
      .withArgs(
        batch.batchId,
        claimId,
        world.operator.address,
        0,
        (CLAIM_BOND_WEI * 4000n) / 10_000n,
        0,
        (CLAIM_BOND_WEI * 6000n) / 10_000n,
      );
    expect(await world.settlement.creditOf(ZeroAddress)).to.equal(0);
  });

  it("R-19 happens once, and only to a claim that was challenged", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    const rejected = claimAt(batch, 0);
    await expect(world.settlement.resolve(batch.batchId, rejected.claim, 0))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(rejected.claimId, STATUS.Rejected);
    const other = claimAt(batch, 1);
    await expect(world.settlement.resolve(batch.batchId, other.claim, 1))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(other.claimId, STATUS.Unknown);
  });

  it("R-08 is not undone by time: a rejected claim never becomes final", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    await time.increase(10 * CHALLENGE_WINDOW_SECONDS);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
    await expect(challengeClaim(world, batch, 0)).to.be.revertedWithCustomError(
      world.settlement,
      "AlreadyChallenged",
    );
  });

  it("R-10 leaves exactly the burn behind when everybody has taken what is theirs", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await world.settlement.release([batch.header]);
    const { stakeWei } = await world.settlement.operatorOf(world.operator.address);
    await world.settlement.connect(world.operator).unbond(stakeWei);
    await time.increase(23 * 24 * 3600);
    await world.settlement.connect(world.operator).completeUnbonding(world.operator.address);
    await world.settlement.connect(world.challenger).withdraw(world.challenger.address);
    await world.settlement.connect(world.requester).withdraw(world.requester.address);
    const left = await ethers.provider.getBalance(world.settlement);
    expect(left).to.equal((CLAIM_BOND_WEI * 2000n) / 10_000n);
  });
});

describe("Settlement: enclave evidence", () => {
  it("makes a whole batch final at once under the rule tee", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "tee");
    await expect(
      world.settlement.connect(world.stranger).attestBatch(batch.header, await signBatch(world, batch)),
    )
      .to.emit(world.settlement, "BatchAttested")
      .withArgs(batch.batchId, (await time.latest()) + 1);
    for (const index of [0, 1, 2, 3]) {
      expect(await world.settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Final);
    }
  });

  it("shortens the window under teeThenWindow, never lengthens it", async () => {
    const world = await loadFixture(deployWorld);
    const early = await commitBatch(world, "teeThenWindow");
    await world.settlement.attestBatch(early.header, await signBatch(world, early));
    const attestedAt = await time.latest();
    expect(await world.settlement.finalAt(early.batchId)).to.equal(attestedAt + ATTESTED_WINDOW_SECONDS);
    expect(await world.settlement.statusOf(...memberOf(early, 0))).to.equal(STATUS.Attested);

    const late = await commitBatch(world, "teeThenWindow", { nonce: 2n });
    const finalAt = Number(await world.settlement.finalAt(late.batchId));
    await time.increaseTo(finalAt - 10);
    await world.settlement.attestBatch(late.header, await signBatch(world, late));
    expect(await world.settlement.finalAt(late.batchId)).to.equal(finalAt);
  });

  it("only marks claims as attested under rules that an enclave alone does not close", async () => {
    const world = await loadFixture(deployWorld);
    for (const rule of ["window", "zk", "teeAndZk"] as const) {
      const batch = await commitBatch(world, rule);
      const before = await world.settlement.finalAt(batch.batchId);
      await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
      expect(await world.settlement.finalAt(batch.batchId), rule).to.equal(before);
      expect(await world.settlement.statusOf(...memberOf(batch, 0)), rule).to.equal(STATUS.Attested);
    }
  });

  it("leaves a challenged claim challenged and the others final", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "tee");
    await challengeClaim(world, batch, 0);
    await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Challenged);
    expect(await world.settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Final);
    await expect(world.settlement.release([batch.header])).to.be.revertedWithCustomError(
      world.settlement,
      "BatchOpen",
    );
  });

  it("refuses a mixed batch, a second attestation, and one at the end of the window", async () => {
    const world = await loadFixture(deployWorld);
    const mixed = await commitBatch(world, "tee", { header: { modelId: ZeroHash as Hex } });
    await expect(world.settlement.attestBatch(mixed.header, await signBatch(world, mixed)))
      .to.be.revertedWithCustomError(world.settlement, "MixedBatch")
      .withArgs(mixed.batchId);

    const batch = await commitBatch(world, "teeThenWindow", { nonce: 2n });
    await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    await expect(world.settlement.attestBatch(batch.header, await signBatch(world, batch)))
      .to.be.revertedWithCustomError(world.settlement, "EvidenceKnown")
      .withArgs(batch.batchId, EVIDENCE_KINDS.tee);

    const late = await commitBatch(world, "tee", { nonce: 3n });
    const finalAt = await world.settlement.finalAt(late.batchId);
    const signature = await signBatch(world, late);
    await time.setNextBlockTimestamp(finalAt);
    await expect(world.settlement.attestBatch(late.header, signature))
      .to.be.revertedWithCustomError(world.settlement, "BatchFinal")
      .withArgs(late.batchId, finalAt);
  });

  it("R-50 pays the beneficiary inside the signature and nobody else", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const { claim, claimId } = claimAt(batch, 0);
    await challengeClaim(world, batch, 0);
    const signature = await signClaim(world, claimId, world.prover.address);
    const thief = world.settlement.connect(world.stranger);
    await expect(thief.answer(batch.batchId, claim, 0, EVIDENCE_KINDS.tee, world.stranger.address, signature))
      .to.be.revertedWithCustomError(world.settlement, "EvidenceRejected")
      .withArgs(EVIDENCE_KINDS.tee);
    await thief.answer(batch.batchId, claim, 0, EVIDENCE_KINDS.tee, world.prover.address, signature);
    expect(await world.settlement.creditOf(world.prover.address)).to.equal(CHALLENGE_BOND_WEI);
  });

  it("refuses evidence of a kind that the policy does not name", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const { claim } = claimAt(batch, 0);
    for (const kind of [0, 3, 4, 255]) {
      await expect(world.settlement.prove(...memberOf(batch, 0), kind, world.prover.address, "0x"))
        .to.be.revertedWithCustomError(world.settlement, "EvidenceKindNotAccepted")
        .withArgs(world.policyIds.window, kind);
    }
    await challengeClaim(world, batch, 0);
    await expect(world.settlement.answer(batch.batchId, claim, 0, 4, world.prover.address, "0x"))
      .to.be.revertedWithCustomError(world.settlement, "EvidenceKindNotAccepted")
      .withArgs(world.policyIds.window, 4);
    const signature = await signClaim(world, claimAt(batch, 0).claimId, ZeroAddress);
    await expect(
      world.settlement.answer(batch.batchId, claim, 0, EVIDENCE_KINDS.tee, ZeroAddress, signature),
    ).to.be.revertedWithCustomError(world.settlement, "ZeroArgument");
  });
});

describe("Settlement: release", () => {
  it("R-06 frees the bonds when the window ends, not a second before", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = await world.settlement.finalAt(batch.batchId);
    await time.setNextBlockTimestamp(finalAt - 1n);
    await expect(world.settlement.release([batch.header]))
      .to.be.revertedWithCustomError(world.settlement, "BatchOpen")
      .withArgs(batch.batchId, finalAt, 0);
    await time.setNextBlockTimestamp(finalAt);
    await expect(world.settlement.connect(world.stranger).release([batch.header]))
      .to.emit(world.settlement, "BatchReleased")
      .withArgs(batch.batchId, world.operator.address, 4n * CLAIM_BOND_WEI);
    expect((await world.settlement.operatorOf(world.operator.address)).lockedWei).to.equal(0);
  });

  it("R-19 frees them once, without those already slashed", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await rejectFirst(world);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(world.settlement.release([batch.header]))
      .to.emit(world.settlement, "BatchReleased")
      .withArgs(batch.batchId, world.operator.address, 3n * CLAIM_BOND_WEI);
    await expect(world.settlement.release([batch.header]))
      .to.be.revertedWithCustomError(world.settlement, "BatchAlreadyReleased")
      .withArgs(batch.batchId);
    expect((await world.settlement.operatorOf(world.operator.address)).lockedWei).to.equal(0);
  });

  it("waits for every open challenge", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = await world.settlement.finalAt(batch.batchId);
    await time.setNextBlockTimestamp(finalAt - 1n);
    await challengeClaim(world, batch, 0);
    await time.setNextBlockTimestamp(finalAt);
    await expect(world.settlement.release([batch.header]))
      .to.be.revertedWithCustomError(world.settlement, "BatchOpen")
      .withArgs(batch.batchId, finalAt, 1);
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0);
    await world.settlement.release([batch.header]);
  });

  it("releases many batches in one call and knows no foreign header", async () => {
    const world = await loadFixture(deployWorld);
    const batches = [];
    for (const nonce of [1n, 2n, 3n]) batches.push(await commitBatch(world, "window", { nonce }));
    const foreign = await buildBatch(world, "window", { nonce: 9n });
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(world.settlement.release([foreign.header]))
      .to.be.revertedWithCustomError(world.settlement, "BatchUnknown")
      .withArgs(foreign.batchId);
    await world.settlement.release(batches.map(({ header }) => header));
    expect((await world.settlement.operatorOf(world.operator.address)).lockedWei).to.equal(0);
  });
});

async function rejectFirst(world: World) {
  const batch = await commitBatch(world, "window");
  await challengeClaim(world, batch, 0);
  await time.increase(PROVE_WINDOW_SECONDS);
  await world.settlement.connect(world.stranger).resolve(batch.batchId, claimAt(batch, 0).claim, 0);
  return batch;
}

function alter(value: string | number | bigint): string | number | bigint {
  if (typeof value === "string") return `${value.slice(0, -1)}${value.endsWith("1") ? "2" : "1"}`;
  return typeof value === "bigint" ? value + 1n : value + 1;
}
