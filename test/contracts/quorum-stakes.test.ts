// SPDX-License-Identifier: MIT
import type { Claim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { errorNameOf } from "./errors.ts";
import { buildBatch, claimAt, ethers, networkHelpers, wordOf } from "./fixture.ts";
import {
  addSigners,
  deployQuorumWorld,
  EXIT_SECONDS,
  type Member,
  MIN_STAKE_WEI,
  memberAt,
  type QuorumWorld,
  signVerdict,
  THRESHOLD,
  verdictOf,
} from "./quorum-fixture.ts";

const { loadFixture, time } = networkHelpers;
const REPORTER_WEI = MIN_STAKE_WEI / 5n;
const BURN_WEI = MIN_STAKE_WEI - REPORTER_WEI;
const SLASHED = 4n;
const DAY_SECONDS = 24 * 3600;

describe("Contradicting verdicts", () => {
  it("I-56 cost a signer its whole stake and its place: a fifth to the reporter, the rest burnt", async () => {
    const { world, right, wrong } = await contradiction();
    const [liar] = world.committee;
    const [a, b] = [
      await verdictOf(world, liar, right),
      await verdictOf(world, liar, wrong, liar.owner.address),
    ];
    await world.quorumEvidence.stakeFor(liar.key.address, { value: MIN_STAKE_WEI });
    const [claimIdA, claimIdB] = await Promise.all(
      [right, wrong].map((claim) => world.settlement.claimIdOf(claim)),
    );
    await expect(world.quorumEvidence.connect(world.stranger).reportContradiction(a, b))
      .to.emit(world.quorumEvidence, "SignerSlashed")
      .withArgs(
        liar.key.address,
        world.stranger.address,
        claimIdA,
        claimIdB,
        2n * REPORTER_WEI,
        2n * BURN_WEI,
      );

    const { stakeWei, standing } = await world.quorumEvidence.signerOf(liar.key.address);
    expect([stakeWei, standing]).to.deep.equal([0n, SLASHED]);
    expect(await world.quorumEvidence.isActive(liar.key.address)).to.equal(false);
    expect(await world.quorumEvidence.members()).to.not.include(liar.key.address);
    expect(await world.quorumEvidence.creditOf(world.stranger.address, ZeroAddress)).to.equal(
      2n * REPORTER_WEI,
    );
    // Being slashed takes the quorum from nobody: see I-55.
    for (const member of world.committee.slice(1, THRESHOLD)) await slash(world, member, right, wrong);
    expect(await world.quorumEvidence.activeCount()).to.equal(THRESHOLD - 1);
    expect(await world.quorumEvidence.faultedAt(world.modelId)).to.equal(0);
  });

  it("R-19 are reported once: neither again, nor the other way round, nor by other claims", async () => {
    const { world, right, wrong } = await contradiction();
    const [liar] = world.committee;
    const other = { ...wrong, outputHash: wordOf(9n) };
    const [a, b, c] = await Promise.all([right, wrong, other].map((claim) => verdictOf(world, liar, claim)));
    if (!a || !b || !c) throw new Error("three verdicts were signed");
    await world.quorumEvidence.reportContradiction(a, b);
    for (const [first, second] of [
      [a, b],
      [b, a],
      [b, c],
    ] as const) {
      await expect(world.quorumEvidence.reportContradiction(first, second))
        .to.be.revertedWithCustomError(world.quorumEvidence, "NothingAtStake")
        .withArgs(liar.key.address);
    }
    await expect(world.quorumEvidence.completeExit(liar.key.address)).to.be.revertedWithCustomError(
      world.quorumEvidence,
      "NotExitable",
    );
    await expectConserved(world, BURN_WEI);
  });

  it("I-57 are none when model, input or output agree or differ otherwise, so that no honest signer is slashed", async () => {
    const { world, right } = await contradiction();
    const [honest] = world.committee;
    const pairs: [string, Partial<Claim>][] = [
      ["the same claim", {}],
      ["the same answer to another requester", { requester: wordOf(5n).slice(0, 42) as Hex }],
      ["another request", { requestId: wordOf(77n) }],
      ["another input", { inputHash: wordOf(4242n), outputHash: wordOf(9n) }],
      ["another model", { modelId: `0x${"cd".repeat(31)}07`, outputHash: wordOf(9n) }],
    ];
    const a = await verdictOf(world, honest, right);
    for (const [name, change] of pairs) {
      const b = await verdictOf(world, honest, { ...right, ...change });
      await expect(world.quorumEvidence.reportContradiction(a, b), name).to.be.revertedWithCustomError(
        world.quorumEvidence,
        "NoContradiction",
      );
    }
  });

  it("I-57 are none about a model that is not re-executable: it may have two outputs", async () => {
    const { world, right } = await contradiction();
    const modelId = `0x${"cd".repeat(31)}07` as Hex;
    const [a, b] = await Promise.all(
      [wordOf(1n), wordOf(2n)].map((outputHash) =>
        verdictOf(world, world.committee[0], { ...right, modelId, outputHash }),
      ),
    );
    if (!a || !b) throw new Error("two verdicts were signed");
    await expect(world.quorumEvidence.reportContradiction(a, b))
      .to.be.revertedWithCustomError(world.quorumEvidence, "ModelNotReexecutable")
      .withArgs(modelId);
  });

  it("I-57 need two signatures of one signer over these very claims and beneficiaries", async () => {
    const { world, right, wrong } = await contradiction();
    const [first, second] = world.committee;
    const a = await verdictOf(world, first, right);
    const b = await verdictOf(world, first, wrong);
    const bySecond = await verdictOf(world, second, wrong);
    await expect(world.quorumEvidence.reportContradiction(a, bySecond))
      .to.be.revertedWithCustomError(world.quorumEvidence, "SignersDiffer")
      .withArgs(first.key.address, second.key.address);
    const altered = [
      { ...b, beneficiary: world.stranger.address },
      { ...b, claim: { ...wrong, outputHash: wordOf(8n) } },
      { ...b, signature: signVerdict(world, first, wordOf(1n), world.prover.address) },
      {
        ...b,
        signature: signVerdict(
          world,
          first,
          (await world.settlement.claimIdOf(wrong)) as Hex,
          world.prover.address,
          { chainId: 1n },
        ),
      },
    ];
    for (const forged of altered) {
      await expect(world.quorumEvidence.reportContradiction(a, forged)).to.be.revertedWithCustomError(
        world.quorumEvidence,
        "SignersDiffer",
      );
    }
    await expect(
      world.quorumEvidence.reportContradiction(a, { ...b, signature: "0x" }),
    ).to.be.revertedWithCustomError(world.quorumEvidence, "ECDSAInvalidSignatureLength");
    const foreign = await memberAt(5);
    await expect(slash(world, foreign, right, wrong))
      .to.be.revertedWithCustomError(world.quorumEvidence, "NothingAtStake")
      .withArgs(foreign.key.address);
  });

  it("I-54 can be reported before exitAt, not from it on; a removed signer answers like one that resigned", async () => {
    const { world, right, wrong } = await contradiction();
    const [early, resigned, removed] = world.committee;
    const quorum = world.quorumEvidence;
    for (const { key, owner } of [early, resigned]) await quorum.connect(owner).resign(key.address);
    await quorum.removeSigner(removed.key.address);
    const exitAt = Number((await quorum.signerOf(resigned.key.address)).exitAt);
    await time.setNextBlockTimestamp(exitAt - 2);
    await slash(world, early, right, wrong);
    await time.setNextBlockTimestamp(exitAt);
    await expect(slash(world, resigned, right, wrong))
      .to.be.revertedWithCustomError(quorum, "NothingAtStake")
      .withArgs(resigned.key.address);
    await networkHelpers.mine();
    await quorum.completeExit(resigned.key.address);
    await expect(slash(world, resigned, right, wrong)).to.be.revertedWithCustomError(
      quorum,
      "NothingAtStake",
    );
    await expectConserved(world, BURN_WEI);
  });

  it("I-54 can be reported of a removed signer in the last second before its exit", async () => {
    const { world, right, wrong } = await contradiction();
    const [removed] = world.committee;
    await world.quorumEvidence.removeSigner(removed.key.address);
    const { exitAt } = await world.quorumEvidence.signerOf(removed.key.address);
    await time.setNextBlockTimestamp(exitAt - 1n);
    await slash(world, removed, right, wrong);
    await time.setNextBlockTimestamp(exitAt);
    await expect(world.quorumEvidence.completeExit(removed.key.address)).to.be.revertedWithCustomError(
      world.quorumEvidence,
      "NotExitable",
    );
  });

  it("R-11 R-12 I-56 never pay, whoever reports: the signer, its owner, the guardian, another signer", async () => {
    const { world, right, wrong } = await contradiction();
    const [liar, other] = world.committee;
    const itself = liar.key.connect(ethers.provider);
    await networkHelpers.setBalance(itself.address, 10n ** 18n);
    for (const reporter of [itself, liar.owner, world.admin, other.owner, world.operator]) {
      const snapshot = await networkHelpers.takeSnapshot();
      const [a, b] = [await verdictOf(world, liar, right), await verdictOf(world, liar, wrong)];
      await world.quorumEvidence.connect(reporter).reportContradiction(a, b);
      expect(await world.quorumEvidence.creditOf(reporter.address, ZeroAddress)).to.equal(REPORTER_WEI);
      await expect(world.quorumEvidence.connect(liar.owner).resign(liar.key.address))
        .to.be.revertedWithCustomError(world.quorumEvidence, "NotMember")
        .withArgs(liar.key.address);
      await expectConserved(world, BURN_WEI);
      await snapshot.restore();
    }
  });

  it("cost a pending signer its stake too, and one that never staked its place", async () => {
    const { world, right, wrong } = await contradiction();
    const [a, b] = world.committee;
    for (const { key } of [a, b]) await world.quorumEvidence.removeSigner(key.address);
    const [pending, poor] = [await memberAt(5), await memberAt(6)];
    await addSigners(world, [pending, poor]);
    await world.quorumEvidence.stakeFor(pending.key.address, { value: MIN_STAKE_WEI });
    for (const liar of [pending, poor]) await slash(world, liar, right, wrong);
    expect(await world.quorumEvidence.members()).to.have.lengthOf(3);
    await expectConserved(world, BURN_WEI);
  });

  it("I-58 expose a signer of each pair of quorums that answered one input in two ways", async () => {
    const { world, right, wrong } = await contradiction();
    const [a, b, c, d, e] = world.committee;
    for (const [first, second] of [
      [
        [a, b, c],
        [c, d, e],
      ],
      [
        [a, d, e],
        [b, c, d],
      ],
      [
        [a, b, c],
        [a, b, c],
      ],
    ] as const) {
      const both = first.filter((member) => (second as readonly Member[]).includes(member));
      expect(both.length).to.be.greaterThan(0);
      const snapshot = await networkHelpers.takeSnapshot();
      for (const member of both) await slash(world, member, right, wrong);
      await snapshot.restore();
    }
  });
});

describe("The committee's money", () => {
  it("I-51 R-10 is conserved through random histories of stakes, exits, slashings and withdrawals", async () => {
    for (const seed of [1, 2, 3]) await playHistory(seed);
  });

  it("R-22 blocks nobody else when a recipient refuses ether", async () => {
    const { world } = await contradiction();
    const [a, b] = world.committee;
    const quorum = world.quorumEvidence;
    for (const { key, owner } of [a, b]) await quorum.connect(owner).resign(key.address);
    await time.increase(EXIT_SECONDS);
    for (const { key } of [a, b]) await quorum.completeExit(key.address);
    const refusing = await world.models.getAddress();
    await expect(quorum.connect(a.owner).withdraw(ZeroAddress, refusing))
      .to.be.revertedWithCustomError(quorum, "PaymentFailed")
      .withArgs(refusing, MIN_STAKE_WEI);
    await quorum.connect(b.owner).withdraw(ZeroAddress, b.owner.address);
    await quorum.connect(a.owner).withdraw(ZeroAddress, a.owner.address);
    await expect(
      quorum.connect(a.owner).withdraw(ZeroAddress, a.owner.address),
    ).to.be.revertedWithCustomError(quorum, "NothingToWithdraw");
    await expectConserved(world, 0n);
  });
});

/** Random moves, legal or not; after each the books must balance and the committee keep its size. */
async function playHistory(seed: number): Promise<void> {
  const { world, right, wrong } = await contradiction();
  const quorum = world.quorumEvidence;
  const random = generator(seed);
  const done = { stake: 0, resign: 0, remove: 0, exit: 0, slash: 0, withdraw: 0 };
  const all = [...world.committee, await memberAt(5), await memberAt(6), await memberAt(7)];
  let burntWei = 0n;
  for (let step = 0; step < 120; step++) {
    const member = all[random(all.length)];
    if (!member) throw new RangeError("no such member");
    const { stakeWei } = await quorum.signerOf(member.key.address);
    const moves: [keyof typeof done, () => Promise<unknown>][] = [
      ["stake", () => quorum.stakeFor(member.key.address, { value: 1n + BigInt(random(10 ** 9)) })],
      ["resign", () => quorum.connect(member.owner).resign(member.key.address)],
      ["remove", () => quorum.removeSigner(member.key.address)],
      ["exit", () => quorum.completeExit(member.key.address)],
      [
        "slash",
        async () => {
          await slash(world, member, right, wrong);
          burntWei += stakeWei - stakeWei / 5n;
        },
      ],
      ["withdraw", () => quorum.connect(member.owner).withdraw(ZeroAddress, member.owner.address)],
      ["withdraw", () => quorum.connect(world.stranger).withdraw(ZeroAddress, world.stranger.address)],
    ];
    const [name, move] = moves[random(step % 10 === 0 ? moves.length : 2 + random(moves.length - 2))] ?? [];
    if (!name || !move) throw new RangeError("no such move");
    if (await succeeds(move)) done[name]++;
    if (step % 12 === 0) await time.increase(10 * DAY_SECONDS);
    if (step % 15 === 0) await succeeds(() => addSigners(world, [all[5 + random(3)] ?? member]));
    await expectConserved(world, burntWei, all);
    expect((await quorum.members()).length).to.be.lessThanOrEqual(2 * THRESHOLD - 1);
  }
  for (const [name, times] of Object.entries(done))
    expect(times, `${name}, seed ${seed}`).to.be.greaterThan(0);
}

async function succeeds(move: () => Promise<unknown>): Promise<boolean> {
  try {
    await move();
    return true;
  } catch (error) {
    // Illegal moves are refused by an error of the contracts, not by accident.
    expect(errorNameOf(error), String(error)).to.be.a("string");
    return false;
  }
}

/** Two claims about one input of the digit model that cannot both be right. */
async function contradiction(): Promise<{ world: QuorumWorld; right: Claim; wrong: Claim }> {
  const world = await loadFixture(deployQuorumWorld);
  const { claim: right } = claimAt(await buildBatch(world, "window"), 0);
  return { world, right, wrong: { ...right, outputHash: wordOf(7n), requestId: wordOf(3n) } };
}

async function slash(world: QuorumWorld, liar: Member, right: Claim, wrong: Claim) {
  const [a, b] = [await verdictOf(world, liar, right), await verdictOf(world, liar, wrong)];
  return world.quorumEvidence.connect(world.stranger).reportContradiction(a, b);
}

/** Balance = stakes + credits + what was burnt. */
async function expectConserved(
  world: QuorumWorld,
  burntWei: bigint,
  members: readonly Member[] = world.committee,
): Promise<void> {
  const quorum = world.quorumEvidence;
  const accounts = new Set([
    ...members.flatMap(({ key, owner }) => [key.address, owner.address]),
    ...[world.admin, world.operator, world.stranger, world.prover].map(({ address }) => address),
  ]);
  const signers = new Set([...members.map(({ key }) => key.address), ...(await quorum.members())]);
  const stakes = await Promise.all([...signers].map((signer) => quorum.signerOf(signer)));
  const credits = await Promise.all([...accounts].map((account) => quorum.creditOf(account, ZeroAddress)));
  const owedWei = [...stakes.map(({ stakeWei }) => stakeWei), ...credits].reduce((sum, wei) => sum + wei, 0n);
  expect(await ethers.provider.getBalance(quorum)).to.equal(owedWei + burntWei);
}

/** A small linear congruential generator: the same history for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = BigInt(seed);
  return (below) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) % 2n ** 64n;
    return Number((state >> 33n) % BigInt(below));
  };
}
