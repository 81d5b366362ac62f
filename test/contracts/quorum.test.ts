// SPDX-License-Identifier: MIT
import { claimVerdictDigest } from "@meantime/sdk/evidence";
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { concat, dataSlice, Signature, ZeroAddress } from "ethers";
import { deployMeantime } from "../../scripts/chain/deployment.ts";
import { inOneBlock } from "./blocks.ts";
import {
  asAddress,
  type Batch,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  connection,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  wordOf,
} from "./fixture.ts";
import {
  ACTIVATION_SECONDS,
  addSigners,
  announceSigners,
  CURATOR_DELAY_SECONDS,
  deployQuorumWorld,
  EXIT_SECONDS,
  evidenceBy,
  executeSigner,
  MIN_STAKE_WEI,
  memberAt,
  type QuorumWorld,
  signVerdict,
  THRESHOLD,
  withQuorumPolicy,
} from "./quorum-fixture.ts";

const { loadFixture, time } = networkHelpers;
const QUORUM = EVIDENCE_KINDS.quorum;
const DAY_SECONDS = 24 * 3600;
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const STANDING = { None: 0n, Member: 1n, Leaving: 2n, Exited: 3n, Slashed: 4n } as const;

describe("Quorum evidence", () => {
  it("answers a challenge under a policy that takes the committee's word, and pays the beneficiary", async () => {
    const { world, batch } = await challenged();
    const { claim, claimId } = claimAt(batch, 0);
    const evidence = evidenceBy(world, world.committee.slice(0, THRESHOLD), claimId, world.prover.address);
    await expect(
      world.settlement
        .connect(world.stranger)
        .answer(batch.batchId, claim, 0, world.challenger.address, QUORUM, world.prover.address, evidence),
    )
      .to.emit(world.settlement, "EvidenceAccepted")
      .withArgs(batch.batchId, claimId, world.prover.address, 0, QUORUM, 0, CHALLENGE_BOND_WEI);
    expect(await world.settlement.creditOf(world.prover.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Attested);
  });

  it("takes every quorum of the committee, and the whole of it", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [a, b, c, d, e] = world.committee;
    const quorums = [[a, b, c], [c, d, e], [a, c, e], [b, c, d, e], [...world.committee]];
    const batch = await commitBatch(world, "window", { count: quorums.length });
    for (const [index, quorum] of quorums.entries()) {
      const evidence = evidenceBy(world, quorum, claimAt(batch, index).claimId, world.prover.address);
      await world.settlement.prove(...memberOf(batch, index), QUORUM, world.prover.address, evidence);
      expect(await world.settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Attested);
    }
  });

  it("agrees with the SDK on what is signed", async () => {
    const world = await loadFixture(deployQuorumWorld);
    for (const seed of [1n, 2n, 2n ** 255n]) {
      const digest = claimVerdictDigest(world.quorumDomain, wordOf(seed), asAddress(world.prover.address));
      expect(await world.quorumEvidence.verdictDigest(wordOf(seed), world.prover.address)).to.equal(digest);
    }
    const { name, version } = await world.quorumEvidence.eip712Domain();
    expect([name, version]).to.deep.equal(["Meantime Quorum", "1"]);
  });

  it("I-53 needs the threshold of signatures, whole ones", async () => {
    const { world, batch } = await challenged();
    const { claimId } = claimAt(batch, 0);
    const two = evidenceBy(world, world.committee.slice(0, THRESHOLD - 1), claimId, world.prover.address);
    const three = evidenceBy(world, world.committee.slice(0, THRESHOLD), claimId, world.prover.address);
    for (const evidence of [
      "0x",
      two,
      dataSlice(three, 1),
      concat([three, "0x00"]),
      dataSlice(three, 0, 194),
    ]) {
      await expectRefused(world, batch, evidence, "BadSignatures", [(evidence.length - 2) / 2, THRESHOLD]);
    }
    await answer(world, batch, three);
  });

  it("I-53 counts nobody twice, and takes signatures in ascending order of their signers alone", async () => {
    const { world, batch } = await challenged();
    const [first, second, third] = await ascendingSignatures(world, batch);
    const [a, b, c] = [first.signature, second.signature, third.signature];
    await expectRefused(world, batch, concat([a, a, b]), "SignersNotAscending", [first.signer, first.signer]);
    await expectRefused(world, batch, concat([a, b, b]), "SignersNotAscending", [
      second.signer,
      second.signer,
    ]);
    await expectRefused(world, batch, concat([a, c, b]), "SignersNotAscending", [
      third.signer,
      second.signer,
    ]);
    await expectRefused(world, batch, concat([b, a, c]), "SignersNotAscending", [
      second.signer,
      first.signer,
    ]);
    await expectRefused(world, batch, concat([a, b, c, a]), "SignersNotAscending", [
      third.signer,
      first.signer,
    ]);
    await answer(world, batch, concat([a, b, c]));
  });

  it("I-53 counts members alone", async () => {
    const { world, batch } = await challenged();
    const foreign = await memberAt(5);
    const [a, b, c] = world.committee;
    for (const group of [
      [a, b, foreign],
      [a, b, c, foreign],
    ]) {
      const evidence = evidenceBy(world, group, claimAt(batch, 0).claimId, world.prover.address);
      await expectRefused(world, batch, evidence, "SignerNotActive", [foreign.key.address]);
    }
  });

  it("R-41 R-50 binds a verdict to its claim, beneficiary, chain and contract", async () => {
    const { world, batch } = await challenged();
    const { claimId } = claimAt(batch, 0);
    const signed = world.committee.slice(0, THRESHOLD);
    const foreignContract = asAddress(await world.enclaveEvidence.getAddress());
    const elsewhere: [string, (member: (typeof signed)[number]) => Hex][] = [
      ["claim", (member) => signVerdict(world, member, claimAt(batch, 1).claimId, world.prover.address)],
      ["beneficiary", (member) => signVerdict(world, member, claimId, world.stranger.address)],
      ["chain", (member) => signVerdict(world, member, claimId, world.prover.address, { chainId: 1n })],
      [
        "contract",
        (member) =>
          signVerdict(world, member, claimId, world.prover.address, { quorumEvidence: foreignContract }),
      ],
    ];
    for (const [name, sign] of elsewhere) {
      const evidence = concat(signed.map(sign));
      await expect(answer(world, batch, evidence), name).to.be.revertedWithCustomError(
        world.quorumEvidence,
        "SignerNotActive",
      );
    }
    // Whoever copies the transaction cannot have the bond instead.
    const evidence = evidenceBy(world, signed, claimId, world.prover.address);
    await expect(
      answer(world, batch, evidence, world.stranger.address),
      "redirected",
    ).to.be.revertedWithCustomError(world.quorumEvidence, "SignerNotActive");
    await answer(world, batch, evidence);
  });

  it("R-40 R-50 refuses the malleated twin of a signature and everything malformed", async () => {
    const { world, batch } = await challenged();
    const [first, second, third] = await ascendingSignatures(world, batch);
    const { r, s, v } = Signature.from(first.signature);
    const twin = concat([r, wordOf(CURVE_ORDER - BigInt(s)), v === 27 ? "0x1c" : "0x1b"]);
    const rest = [second.signature, third.signature];
    await expectRefused(world, batch, concat([twin, ...rest]), "ECDSAInvalidSignatureS");
    for (const malformed of [
      concat([r, s, "0x00"]),
      concat([wordOf(0n), s, "0x1b"]),
      `0x${"00".repeat(65)}`,
      concat([r, wordOf(0n), "0x1b"]),
    ]) {
      await expectRefused(world, batch, concat([malformed, ...rest]), "ECDSAInvalidSignature");
    }
  });

  it("takes no word on a model that is not re-executable, whatever its id says", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const modelId = `0x${"ab".repeat(31)}04` as Hex;
    const batch = await commitBatch(world, "window", { claims: { modelId } });
    const evidence = evidenceBy(world, world.committee, claimAt(batch, 0).claimId, world.prover.address);
    await expect(world.settlement.prove(...memberOf(batch, 0), QUORUM, world.prover.address, evidence))
      .to.be.revertedWithCustomError(world.quorumEvidence, "ModelNotReexecutable")
      .withArgs(modelId);
  });

  it("has no source: nothing that a committee vouched for is taken back", async () => {
    const world = await loadFixture(deployQuorumWorld);
    expect(await world.quorumEvidence.compromisedSince(0)).to.equal(0);
    expect(await world.quorumEvidence.compromisedSince(1)).to.equal(0);
    for (const [interfaceId, supported] of [
      ["0x01ffc9a7", true],
      ["0xffffffff", false],
    ] as const) {
      expect(await world.quorumEvidence.supportsInterface(interfaceId)).to.equal(supported);
    }
    expect(await world.policies.isEvidenceAllowed(QUORUM, world.quorumEvidence)).to.equal(true);
  });

  it("costs its gas per signature", async () => {
    const { world, batch } = await challenged();
    const evidence = evidenceBy(
      world,
      world.committee.slice(0, THRESHOLD),
      claimAt(batch, 0).claimId,
      world.prover.address,
    );
    const receipt = await (await answer(world, batch, evidence)).wait();
    expect(receipt?.gasUsed).to.be.lessThan(150_000n);
  });
});

describe("The committee", () => {
  it("counts a signer from its activation on: at t and t+1, not at t-1", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [leaver, second, third] = world.committee;
    await world.quorumEvidence.connect(leaver.owner).resign(leaver.key.address);
    const newcomer = await memberAt(5);
    await addSigners(world, [newcomer]);
    await world.quorumEvidence
      .connect(newcomer.owner)
      .stakeFor(newcomer.key.address, { value: MIN_STAKE_WEI });
    const { activeFrom } = await world.quorumEvidence.signerOf(newcomer.key.address);
    const activeAt = Number(activeFrom);
    await time.increaseTo(activeAt - PROVE_WINDOW_SECONDS + 60);
    const batch = await commitBatch(world, "window");
    for (const index of [0, 1]) await challengeClaim(world, batch, index);
    const evidence = [0, 1].map((index) =>
      evidenceBy(world, [second, third, newcomer], claimAt(batch, index).claimId, world.prover.address),
    );

    await time.setNextBlockTimestamp(activeAt - 1);
    await expectRefused(world, batch, evidence[0] ?? "0x", "SignerNotActive", [newcomer.key.address]);
    await time.setNextBlockTimestamp(activeAt);
    await answer(world, batch, evidence[0] ?? "0x");
    await time.setNextBlockTimestamp(activeAt + 1);
    await answer(world, batch, evidence[1] ?? "0x", world.prover.address, 1);
    expect(await world.settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Attested);
  });

  it("I-52 R-53 lets nobody judge a claim that was committed before it was added, by the longest windows there are", async () => {
    const longest = {
      challengeWindowSeconds: 14 * DAY_SECONDS,
      proveWindowSeconds: 7 * DAY_SECONDS,
    };
    const world = await withQuorumPolicy(await loadFixture(deployQuorumWorld), longest);
    const [leaver, second, third] = world.committee;
    await world.quorumEvidence.connect(leaver.owner).resign(leaver.key.address);
    const newcomer = await memberAt(5);
    await announceSigners(world, [newcomer]);
    await time.increase(CURATOR_DELAY_SECONDS);
    const batch = await buildBatch(world, "window");
    const committedAt = (await time.latest()) + 60;
    await time.setNextBlockTimestamp(committedAt);
    await inOneBlock(
      () => world.settlement.connect(world.sender).commit(batch.header),
      () => executeSigner(world, newcomer),
    );
    await world.quorumEvidence.stakeFor(newcomer.key.address, { value: MIN_STAKE_WEI });
    expect((await world.quorumEvidence.signerOf(newcomer.key.address)).activeFrom).to.equal(
      committedAt + ACTIVATION_SECONDS,
    );

    const lastChallengeAt = committedAt + 17 * DAY_SECONDS;
    await world.settlement.lengthenChallengeWindow(batch.header, lastChallengeAt);
    await time.setNextBlockTimestamp(lastChallengeAt - 1);
    await challengeClaim(world, batch, 0);
    const deadline = committedAt + 25 * DAY_SECONDS;
    await world.settlement.lengthenDeadline(batch.header, 0, deadline);
    const { claimId } = claimAt(batch, 0);
    const evidence = evidenceBy(world, [second, third, newcomer], claimId, world.prover.address);
    await time.setNextBlockTimestamp(deadline - 1);
    await expectRefused(world, batch, evidence, "SignerNotActive", [newcomer.key.address]);
    await time.setNextBlockTimestamp(deadline);
    await expect(answer(world, batch, evidence)).to.be.revertedWithCustomError(world.settlement, "TooLate");
    await networkHelpers.mine();
    expect(await world.quorumEvidence.isActive(newcomer.key.address)).to.equal(true);
  });

  it("stops counting a signer as soon as the guardian removes it or its owner takes it out", async () => {
    const { world, batch } = await challenged();
    const [removed, resigned, ...rest] = world.committee;
    await expect(world.quorumEvidence.removeSigner(removed.key.address)).to.emit(
      world.quorumEvidence,
      "SignerRemoved",
    );
    await expect(world.quorumEvidence.connect(resigned.owner).resign(resigned.key.address)).to.emit(
      world.quorumEvidence,
      "SignerResigned",
    );
    const { claimId } = claimAt(batch, 0);
    for (const gone of [removed, resigned]) {
      const evidence = evidenceBy(world, [gone, ...rest], claimId, world.prover.address);
      await expectRefused(world, batch, evidence, "SignerNotActive", [gone.key.address]);
    }
    await answer(world, batch, evidenceBy(world, rest, claimId, world.prover.address));
  });

  it("counts no signer with less than the minimum at stake: a wei makes the difference", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [leaver, second, third] = world.committee;
    await world.quorumEvidence.connect(leaver.owner).resign(leaver.key.address);
    const newcomer = await memberAt(5);
    await addSigners(world, [newcomer]);
    await time.increase(ACTIVATION_SECONDS);
    await world.quorumEvidence.stakeFor(newcomer.key.address, { value: MIN_STAKE_WEI - 1n });
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    const { claimId } = claimAt(batch, 0);
    const evidence = evidenceBy(world, [second, third, newcomer], claimId, world.prover.address);
    await expectRefused(world, batch, evidence, "SignerNotActive", [newcomer.key.address]);
    await expect(world.quorumEvidence.connect(world.stranger).stakeFor(newcomer.key.address, { value: 1n }))
      .to.emit(world.quorumEvidence, "SignerStaked")
      .withArgs(newcomer.key.address, world.stranger.address, 1n);
    await answer(world, batch, evidence);
  });

  it("I-50 never has more than twice the threshold less one members, so that any two quorums share one", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [sixth, seventh] = [await memberAt(5), await memberAt(6)];
    await announceSigners(world, [sixth, seventh]);
    await time.increase(CURATOR_DELAY_SECONDS);
    await expect(executeSigner(world, sixth))
      .to.be.revertedWithCustomError(world.quorumEvidence, "CommitteeFull")
      .withArgs(2 * THRESHOLD - 1);
    // Pending and unstaked members count too.
    await world.quorumEvidence.removeSigner(world.committee[0].key.address);
    await executeSigner(world, sixth);
    await expect(executeSigner(world, seventh)).to.be.revertedWithCustomError(
      world.quorumEvidence,
      "CommitteeFull",
    );
    expect(await world.quorumEvidence.members()).to.have.members([
      ...world.committee.slice(1).map(({ key }) => key.address),
      sixth.key.address,
    ]);
    expect(await world.quorumEvidence.activeCount()).to.equal(4);
  });

  it("gives a key one entry for ever", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [member, removed] = world.committee;
    await world.quorumEvidence.removeSigner(removed.key.address);
    for (const known of [member, removed]) {
      await announceSigners(world, [known]);
      await time.increase(CURATOR_DELAY_SECONDS);
      await expect(executeSigner(world, known))
        .to.be.revertedWithCustomError(world.quorumEvidence, "SignerKnown")
        .withArgs(known.key.address);
    }
    await expect(world.quorumEvidence.removeSigner(removed.key.address))
      .to.be.revertedWithCustomError(world.quorumEvidence, "NotMember")
      .withArgs(removed.key.address);
    await expect(world.quorumEvidence.connect(removed.owner).resign(removed.key.address))
      .to.be.revertedWithCustomError(world.quorumEvidence, "NotMember")
      .withArgs(removed.key.address);
  });

  it("R-51 leaves adding to the curator, removing to the guardian and resigning to the owner", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [member] = world.committee;
    const quorum = world.quorumEvidence.connect(world.stranger);
    for (const call of [
      () => quorum.addSigner(world.stranger.address, world.stranger.address),
      () => quorum.removeSigner(member.key.address),
    ]) {
      await expect(call())
        .to.be.revertedWithCustomError(world.quorumEvidence, "AccessManagedUnauthorized")
        .withArgs(world.stranger.address);
    }
    await expect(quorum.resign(member.key.address))
      .to.be.revertedWithCustomError(world.quorumEvidence, "NotOwnerOf")
      .withArgs(member.key.address, world.stranger.address);
    // Adding waits out the curator's delay too.
    await expect(
      world.quorumEvidence.addSigner(world.stranger.address, world.stranger.address),
    ).to.be.revertedWithCustomError(world.manager, "AccessManagerNotScheduled");
  });

  it("refuses stakes for nobody and of nothing, and nonsense at its making", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [member] = world.committee;
    await expect(world.quorumEvidence.stakeFor(member.key.address)).to.be.revertedWithCustomError(
      world.quorumEvidence,
      "ZeroArgument",
    );
    await world.quorumEvidence.removeSigner(member.key.address);
    for (const nobody of [member.key.address, world.stranger.address]) {
      await expect(world.quorumEvidence.stakeFor(nobody, { value: 1n }))
        .to.be.revertedWithCustomError(world.quorumEvidence, "NotMember")
        .withArgs(nobody);
    }
    const other = world.committee[1].key.address;
    await networkHelpers.setBalance(world.stranger.address, 2n ** 100n);
    await expect(
      world.quorumEvidence.connect(world.stranger).stakeFor(other, { value: 2n ** 96n - MIN_STAKE_WEI }),
    )
      .to.be.revertedWithCustomError(world.quorumEvidence, "SignerStakeTooLarge")
      .withArgs(2n ** 96n);
    const factory = await ethers.getContractFactory("QuorumEvidence");
    const [manager, models, settlement] = [world.manager, world.models, world.settlement];
    for (const threshold of [0, 1, 17]) {
      await expect(factory.deploy(manager, models, settlement, threshold, 1n, []))
        .to.be.revertedWithCustomError(world.quorumEvidence, "BadThreshold")
        .withArgs(threshold, 2, 16);
    }
    const incomplete: Parameters<typeof factory.deploy>[] = [
      [ZeroAddress, models, settlement, 2, 1n, []],
      [manager, ZeroAddress, settlement, 2, 1n, []],
      [manager, models, ZeroAddress, 2, 1n, []],
      [manager, models, settlement, 2, 0n, []],
      [manager, models, settlement, 2, 1n, [{ signer: ZeroAddress, owner: member.owner.address }]],
      [manager, models, settlement, 2, 1n, [{ signer: other, owner: ZeroAddress }]],
    ];
    for (const args of incomplete) {
      await expect(factory.deploy(...args)).to.be.revertedWithCustomError(
        world.quorumEvidence,
        "ZeroArgument",
      );
    }
    const seats = (await Promise.all([0, 1, 2, 3].map(memberAt))).map(({ key, owner }) => ({
      signer: key.address,
      owner: owner.address,
    }));
    await expect(factory.deploy(manager, models, settlement, 2, 1n, seats))
      .to.be.revertedWithCustomError(world.quorumEvidence, "CommitteeFull")
      .withArgs(3);
  });

  it("has founders that count as soon as they have staked", async () => {
    const [a, b] = [await memberAt(0), await memberAt(1)];
    const { quorumEvidence } = await deployMeantime(connection, {
      quorumThreshold: 2,
      quorumStakeWei: 5n,
      quorumFounders: [a, b].map(({ key, owner }) => [key.address, owner.address]),
    });
    expect(await quorumEvidence.THRESHOLD()).to.equal(2);
    expect(await quorumEvidence.members()).to.deep.equal([a.key.address, b.key.address]);
    expect(await quorumEvidence.isActive(a.key.address)).to.equal(false);
    await quorumEvidence.stakeFor(a.key.address, { value: 5n });
    expect(await quorumEvidence.isActive(a.key.address)).to.equal(true);
    expect(await quorumEvidence.activeCount()).to.equal(1);
  });
});

describe("A committee that lost its quorum", () => {
  it("I-14 I-55 lets the operator void a challenge when the guardian took the quorum away after the commit", async () => {
    const { world, batch } = await challenged();
    const [a, b, c] = world.committee;
    for (const { key } of [a, b]) {
      await world.quorumEvidence.removeSigner(key.address);
      await expectNotFaulted(world, batch);
    }
    await expect(world.quorumEvidence.removeSigner(c.key.address))
      .to.emit(world.quorumEvidence, "QuorumLost")
      .withArgs((await time.latest()) + 1);

    const { claim, claimId } = claimAt(batch, 0);
    await expect(
      world.settlement
        .connect(world.operator)
        .voidChallenge(batch.batchId, claim, 0, world.challenger.address),
    )
      .to.emit(world.settlement, "ClaimVoided")
      .withArgs(batch.batchId, claimId, world.challenger.address, 0);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Voided);
    expect(await world.settlement.creditOf(world.challenger.address, ZeroAddress)).to.equal(
      CHALLENGE_BOND_WEI,
    );
    const { stakeWei, suspended } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect([stakeWei, suspended]).to.deep.equal([10n ** 18n, false]);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await world.settlement.release([batch.header]);
    const { lockedWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect(lockedWei).to.equal(0);
  });

  it("I-55 voids for claims served up to the loss, not for those served after it", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [a, b, c] = world.committee;
    for (const { key } of [a, b]) await world.quorumEvidence.removeSigner(key.address);
    const lostAt = (await time.latest()) + 100;
    await time.setNextBlockTimestamp(lostAt - 1);
    const before = await commitBatch(world, "window", { nonce: 1n });
    const same = await buildBatch(world, "window", { nonce: 2n });
    await time.setNextBlockTimestamp(lostAt);
    await inOneBlock(
      () => world.settlement.connect(world.sender).commit(same.header),
      () => world.quorumEvidence.removeSigner(c.key.address),
    );
    await time.setNextBlockTimestamp(lostAt + 1);
    const times = { servedAt: BigInt(lostAt) + 1n, commitBy: BigInt(lostAt) + 600n };
    const after = await commitBatch(world, "window", { nonce: 3n, claims: times });
    expect(await world.quorumEvidence.faultedAt(world.modelId)).to.equal(lostAt);
    for (const batch of [before, same, after]) await challengeClaim(world, batch, 0);
    for (const batch of [before, same]) await voidChallenge(world, batch);
    await expectNotFaulted(world, after);
  });

  it("I-55 is not for a liar to bring about: neither resignations nor slashings void anything", async () => {
    const { world, batch } = await challenged();
    const [a, b, c] = world.committee;
    for (const { key, owner } of [a, b, c]) {
      await world.quorumEvidence.connect(owner).resign(key.address);
      await expectNotFaulted(world, batch);
    }
    // A removal after the quorum is gone takes none away.
    await world.quorumEvidence.removeSigner(world.committee[3].key.address);
    await expectNotFaulted(world, batch);
    // The guardian can still refund.
    await expect(
      world.settlement.voidChallenge(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address),
    ).to.emit(world.settlement, "ClaimVoided");
  });

  it("I-55 is none while a quorum stays, or when the removed did not count", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [a, b] = world.committee;
    for (const { key, owner } of [a, b]) await world.quorumEvidence.connect(owner).resign(key.address);
    const [pending, poor] = [await memberAt(5), await memberAt(6)];
    await addSigners(world, [pending, poor]);
    await world.quorumEvidence.stakeFor(pending.key.address, { value: MIN_STAKE_WEI });
    for (const { key } of [pending, poor]) await world.quorumEvidence.removeSigner(key.address);
    expect(await world.quorumEvidence.faultedAt(world.modelId)).to.equal(0);
  });

  it("I-55 voids nothing while another kind of evidence can answer", async () => {
    const world = await withQuorumPolicy(await loadFixture(deployQuorumWorld), {
      answerKinds: QUORUM | EVIDENCE_KINDS.zk,
    });
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    for (const { key } of world.committee) await world.quorumEvidence.removeSigner(key.address);
    expect(await world.quorumEvidence.faultedAt(world.modelId)).to.not.equal(0);
    await expectNotFaulted(world, batch);
  });

  it("R-06 voids before the deadline and rejects from it on, never both", async () => {
    for (const offset of [-1, 0, 1]) {
      const { world, batch } = await challenged();
      for (const { key } of world.committee) await world.quorumEvidence.removeSigner(key.address);
      const { deadline } = await world.settlement.leafOf(batch.batchId, 0);
      const { claim } = claimAt(batch, 0);
      await time.setNextBlockTimestamp(Number(deadline) + offset);
      if (offset < 0) {
        await expect(
          world.settlement.resolve(batch.batchId, claim, 0, world.challenger.address),
        ).to.be.revertedWithCustomError(world.settlement, "TooEarly");
        continue;
      }
      await expect(voidChallenge(world, batch)).to.be.revertedWithCustomError(world.settlement, "TooLate");
      await world.settlement.resolve(batch.batchId, claim, 0, world.challenger.address);
      const { stakeWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
      expect(stakeWei).to.equal(10n ** 18n - CLAIM_BOND_WEI);
    }
    const { world, batch } = await challenged();
    for (const { key } of world.committee) await world.quorumEvidence.removeSigner(key.address);
    const { deadline } = await world.settlement.leafOf(batch.batchId, 0);
    await time.setNextBlockTimestamp(Number(deadline) - 1);
    await voidChallenge(world, batch);
  });
});

describe("A signer's exit", () => {
  it("I-54 gives the stake back to the owner from exitAt on: not at t-1, at t, once", async () => {
    const world = await loadFixture(deployQuorumWorld);
    const [resigned, removed] = world.committee;
    const quorum = world.quorumEvidence;
    await quorum.connect(resigned.owner).resign(resigned.key.address);
    const exitAt = (await time.latest()) + EXIT_SECONDS;
    await quorum.removeSigner(removed.key.address);
    expect((await quorum.signerOf(resigned.key.address)).exitAt).to.equal(exitAt);

    await time.setNextBlockTimestamp(exitAt - 1);
    await expect(quorum.completeExit(resigned.key.address))
      .to.be.revertedWithCustomError(quorum, "NotExitable")
      .withArgs(resigned.key.address, exitAt);
    await time.setNextBlockTimestamp(exitAt);
    await expect(quorum.connect(world.stranger).completeExit(resigned.key.address))
      .to.emit(quorum, "SignerExited")
      .withArgs(resigned.key.address, resigned.owner.address, MIN_STAKE_WEI);
    await time.setNextBlockTimestamp(exitAt + 1);
    await quorum.completeExit(removed.key.address);
    for (const gone of [resigned, removed]) {
      expect((await quorum.signerOf(gone.key.address)).standing).to.equal(STANDING.Exited);
      await expect(quorum.completeExit(gone.key.address)).to.be.revertedWithCustomError(
        quorum,
        "NotExitable",
      );
      await expect(
        quorum.connect(gone.owner).withdraw(ZeroAddress, gone.owner.address),
      ).to.changeEtherBalances(ethers, [quorum, gone.owner], [-MIN_STAKE_WEI, MIN_STAKE_WEI]);
    }
  });

  it("is for signers that are gone", async () => {
    const world = await loadFixture(deployQuorumWorld);
    for (const signer of [world.committee[0].key.address, world.stranger.address]) {
      await expect(world.quorumEvidence.completeExit(signer))
        .to.be.revertedWithCustomError(world.quorumEvidence, "NotExitable")
        .withArgs(signer, 0);
    }
  });
});

/** A committed batch whose first claim is challenged, under the policy that takes the committee's word alone. */
async function challenged(): Promise<{ world: QuorumWorld; batch: Batch }> {
  const world = await loadFixture(deployQuorumWorld);
  const batch = await commitBatch(world, "window");
  await challengeClaim(world, batch, 0);
  return { world, batch };
}

async function answer(
  world: QuorumWorld,
  batch: Batch,
  evidence: string,
  beneficiary: string = world.prover.address,
  index = 0,
) {
  const { claim } = claimAt(batch, index);
  return world.settlement.answer(
    batch.batchId,
    claim,
    index,
    world.challenger.address,
    QUORUM,
    beneficiary,
    evidence,
  );
}

async function expectRefused(
  world: QuorumWorld,
  batch: Batch,
  evidence: string,
  error: string,
  args: (string | number)[] = [],
): Promise<void> {
  const refusal = expect(answer(world, batch, evidence)).to.be.revertedWithCustomError(
    world.quorumEvidence,
    error,
  );
  await (args.length === 0 ? refusal : refusal.withArgs(...args));
  expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Challenged);
}

async function voidChallenge(world: QuorumWorld, batch: Batch) {
  return world.settlement
    .connect(world.operator)
    .voidChallenge(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address);
}

async function expectNotFaulted(world: QuorumWorld, batch: Batch): Promise<void> {
  await expect(voidChallenge(world, batch))
    .to.be.revertedWithCustomError(world.settlement, "NotFaulted")
    .withArgs(claimAt(batch, 0).claimId);
}

interface SignedVerdict {
  signer: string;
  signature: Hex;
}

async function ascendingSignatures(
  world: QuorumWorld,
  batch: Batch,
): Promise<[SignedVerdict, SignedVerdict, SignedVerdict]> {
  const { claimId } = claimAt(batch, 0);
  const [first, second, third] = world.committee
    .map((member) => ({
      signer: member.key.address,
      signature: signVerdict(world, member, claimId, world.prover.address),
    }))
    .sort((a, b) => (BigInt(a.signer) < BigInt(b.signer) ? -1 : 1));
  if (!first || !second || !third) throw new Error("a committee has three members at least");
  return [first, second, third];
}
