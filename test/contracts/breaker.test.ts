// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { provingContext } from "@meantime/sdk/evidence";
import { encodeVerificationKey, verificationKeyId, verifyGroth16 } from "@meantime/sdk/groth16";
import type { Hex } from "@meantime/sdk/hex";
import { modelEntry, modelId } from "@meantime/sdk/model";
import { EVIDENCE_KINDS, policyId } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { digitModelUrl } from "../../scripts/chain/models.ts";
import {
  asAddress,
  type Batch,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  policyFor,
  signClaim,
  type World,
  wordOf,
} from "./fixture.ts";
import { forgeProof, type TrappedKey, toyKey, trapdoorOf, withoutContribution } from "./forgery.ts";
import { commitInferences } from "./inferences.ts";
import { infer, proveClaim, spec, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;
const { zk: ZK, tee: TEE } = EVIDENCE_KINDS;
const STAKE_WEI = 10n ** 18n;
const INPUT_HASH = wordOf(1234n);

after(stopProver);

/** A protocol in which challenges are answered by proofs of the digit model's key alone, whose trapdoor is known. */
interface BreakableWorld extends World {
  digit: TrappedKey;
  keyId: Hex;
}

describe("A key whose trapdoor is known", () => {
  it("R-49 proves falsehoods: the committed development setup is no secret, as SECURITY.md says", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const inference = infer(1);
    const lie = { ...inference, outputHash: wordOf((BigInt(inference.outputHash) + 1n) % 10n) };
    const batch = await commitInferences(world, "zk", [lie]);
    const { claim, claimId } = claimAt(batch, 0);
    const ctx = provingContext(claimId, asAddress(world.prover.address));
    const signals = [BigInt(claim.inputHash), BigInt(claim.outputHash), ctx];
    const proof = await forgeProof(world.digit, signals);
    expect(verifyGroth16(world.digit.key, signals, proof)).to.equal(true);
    await world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, proof);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
  });
});

describe("The canary", () => {
  it("R-49 trips a key's breaker once, for anybody who proves two outputs of one input by it", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const evidence = world.groth16Evidence.connect(world.stranger);
    expect(await evidence.faultedAt(world.modelId)).to.equal(0);
    await expect(evidence.tripBreaker(world.keyId, INPUT_HASH, ...(await contradiction(world.digit))))
      .to.emit(evidence, "BreakerTripped")
      .withArgs(world.keyId, INPUT_HASH, wordOf(1n), wordOf(2n));
    expect(await evidence.trippedAt(world.keyId)).to.equal(await time.latest());
    expect(await evidence.faultedAt(world.modelId)).to.equal(await time.latest());
    await expect(evidence.tripBreaker(world.keyId, INPUT_HASH, ...(await contradiction(world.digit))))
      .to.be.revertedWithCustomError(evidence, "AlreadyTripped")
      .withArgs(world.keyId);
  });

  it("R-49 takes an honest proof and a forged one as well", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const inference = infer(2);
    const claimId = wordOf(99n);
    const honest = {
      outputHash: inference.outputHash,
      ctx: provingContext(claimId, asAddress(world.prover.address)),
      proof: await proveClaim(inference, claimId, world.prover.address),
    };
    const falsehood = wordOf((BigInt(inference.outputHash) + 1n) % 10n);
    const forged = await side(world.digit, inference.inputHash, falsehood);
    await world.groth16Evidence.tripBreaker(world.keyId, inference.inputHash, honest, forged);
  });

  it("R-49 is tripped by nothing less: one output, another input, a proof that does not hold, a key nobody knows", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const evidence = world.groth16Evidence;
    const [a, b] = await contradiction(world.digit);
    const same = await side(world.digit, INPUT_HASH, wordOf(1n), 8n);
    const elsewhere = await side(world.digit, wordOf(4321n), wordOf(2n));
    for (const [name, first, second] of [
      ["one output", a, same],
      ["the same proof", a, a],
      ["another input", a, elsewhere],
      ["another input first", elsewhere, a],
      ["another ctx", a, { ...b, ctx: b.ctx + 1n }],
      ["another output", { ...a, outputHash: wordOf(3n) }, b],
    ] as const) {
      await expect(evidence.tripBreaker(world.keyId, INPUT_HASH, first, second), name)
        .to.be.revertedWithCustomError(evidence, "NoContradiction")
        .withArgs(world.keyId);
    }
    await expect(evidence.tripBreaker(world.keyId, INPUT_HASH, a, { ...b, proof: "0x" }))
      .to.be.revertedWithCustomError(evidence, "ProofLength")
      .withArgs(0);
    await expect(evidence.tripBreaker(wordOf(1n), INPUT_HASH, a, b))
      .to.be.revertedWithCustomError(evidence, "KeyUnknown")
      .withArgs(wordOf(1n));
    expect(await evidence.trippedAt(world.keyId)).to.equal(0);
  });

  it("R-38 is not tripped by starving it of gas", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const call = [world.keyId, INPUT_HASH, ...(await contradiction(world.digit))] as const;
    const needed = await world.groth16Evidence.tripBreaker.estimateGas(...call);
    for (let percent = 20n; percent < 100n; percent += 10n) {
      const limit = (needed * percent) / 100n;
      await expect(world.groth16Evidence.tripBreaker(...call, { gasLimit: limit }), `${limit}`).to.be.revert(
        ethers,
      );
    }
    expect(await world.groth16Evidence.trippedAt(world.keyId)).to.equal(0);
  });
});

describe("A tripped key", () => {
  it("R-49 makes nothing final early any more, and takes back nothing that is final", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const [early, late] = [infer(3), infer(4)];
    const batch = await commitInferences(world, "zk", [early, late]);
    const proofs = await Promise.all(
      [early, late].map((inference, at) =>
        proveClaim(inference, claimAt(batch, at).claimId, world.prover.address),
      ),
    );
    await world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, proofs[0] ?? "0x");
    await trip(world);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
    await expect(world.settlement.prove(...memberOf(batch, 1), ZK, world.prover.address, proofs[1] ?? "0x"))
      .to.be.revertedWithCustomError(world.settlement, "EvidenceRejected")
      .withArgs(ZK);
  });

  it("R-49 disproves nothing any more", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const inference = infer(5);
    const lie = { ...inference, outputHash: wordOf((BigInt(inference.outputHash) + 1n) % 10n) };
    const batch = await commitInferences(world, "window", [lie]);
    const { claim } = claimAt(batch, 0);
    const twinId = (await world.settlement.claimIdOf({
      ...claim,
      outputHash: inference.outputHash,
    })) as Hex;
    const proof = await proveClaim(inference, twinId, world.prover.address);
    const disprove = () =>
      world.settlement.disprove(
        ...memberOf(batch, 0),
        ...([ZeroAddress, inference.outputHash, world.prover.address, proof] as const),
      );
    const snapshot = await networkHelpers.takeSnapshot();
    await disprove();
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
    await snapshot.restore();

    await trip(world);
    await expect(disprove()).to.be.revertedWithCustomError(world.settlement, "EvidenceRejected").withArgs(ZK);
    const { stakeWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect(stakeWei).to.equal(STAKE_WEI);
  });

  it("R-49 lets the optimistic path go on: at the end of its window a claim is final", async () => {
    const world = await loadFixture(deployBreakableWorld);
    await trip(world);
    const batch = await commitBatch(world, "zk");
    const finalAt = Number(await world.settlement.finalAt(batch.batchId));
    expect(finalAt).to.equal((await time.latest()) + CHALLENGE_WINDOW_SECONDS);
    await time.increaseTo(finalAt - 1);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    await time.increaseTo(finalAt);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
    await world.settlement.release([batch.header]);
  });

  it("I-14 costs nobody a bond: open challenges that proofs alone could answer can be voided", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const before = await commitBatch(world, "window", { nonce: 1n });
    await challengeClaim(world, before, 0);
    await expectNotFaulted(world, before, 0);
    const served = await buildBatch(world, "window", { nonce: 2n });
    await trip(world);
    // Also a challenge that was opened after it, and of a claim that was served before and committed after it.
    await challengeClaim(world, before, 1);
    await world.settlement.connect(world.sender).commit(served.header);
    await challengeClaim(world, served, 0);
    for (const [batch, index] of [
      [before, 0],
      [before, 1],
      [served, 0],
    ] as const) {
      await expect(voidChallenge(world, batch, index))
        .to.emit(world.settlement, "ClaimVoided")
        .withArgs(batch.batchId, claimAt(batch, index).claimId, world.challenger.address, index);
      expect(await world.settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Voided);
    }
    expect(await world.settlement.creditOf(world.challenger.address, ZeroAddress)).to.equal(
      3n * CHALLENGE_BOND_WEI,
    );
    const { stakeWei, suspended } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect([stakeWei, suspended]).to.deep.equal([STAKE_WEI, false]);

    await time.increase(CHALLENGE_WINDOW_SECONDS + PROVE_WINDOW_SECONDS);
    expect(await world.settlement.statusOf(...memberOf(before, 0))).to.equal(STATUS.Voided);
    await world.settlement.release([before.header, served.header]);
    const { lockedWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect(lockedWei).to.equal(0);
  });

  it("I-14 excuses nobody who serves on without a way to answer", async () => {
    const world = await loadFixture(deployBreakableWorld);
    await trip(world);
    await time.increase(1);
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    await expectNotFaulted(world, batch, 0);
  });

  it("R-08 R-49 takes back what the key proved, where it is not final: it can be challenged again", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const batch = await commitBatch(world, "window");
    const { claim, claimId } = claimAt(batch, 0);
    const ctx = provingContext(claimId, asAddress(world.prover.address));
    const forged = await forgeProof(world.digit, [BigInt(claim.inputHash), BigInt(claim.outputHash), ctx]);
    await world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, forged);
    await expect(world.settlement.reopenClaim(...memberOf(batch, 0), ZK))
      .to.be.revertedWithCustomError(world.settlement, "NotCompromised")
      .withArgs(claimId, 0);
    await trip(world);
    await expect(world.settlement.connect(world.stranger).reopenClaim(...memberOf(batch, 0), ZK))
      .to.emit(world.settlement, "ClaimReopened")
      .withArgs(batch.batchId, claimId, 0, ZK, await world.settlement.finalAt(batch.batchId));
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    await challengeClaim(world, batch, 0);
    await expect(world.settlement.reopenClaim(...memberOf(batch, 1), ZK))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(claimAt(batch, 1).claimId, STATUS.Committed);
  });

  it("R-06 I-14 leaves the choice between voiding and rejecting to the clock: t-1, t, t+1", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const batch = await commitBatch(world, "window");
    for (const index of [0, 1, 2]) {
      await time.setNextBlockTimestamp((await time.latest()) + 1);
      await challengeClaim(world, batch, index);
    }
    await trip(world);
    const deadlines = await Promise.all(
      [0, 1, 2].map(async (index) => (await world.settlement.leafOf(batch.batchId, index)).deadline),
    );
    for (const [index, offset] of [-1n, 0n, 1n].entries()) {
      await time.setNextBlockTimestamp((deadlines[index] ?? 0n) + offset);
      const { claim } = claimAt(batch, index);
      if (offset < 0n) await voidChallenge(world, batch, index);
      else {
        await expect(voidChallenge(world, batch, index)).to.be.revertedWithCustomError(
          world.settlement,
          "TooLate",
        );
        await world.settlement.resolve(batch.batchId, claim, index, world.challenger.address);
      }
    }
  });

  it("I-14 excuses nobody whom an enclave could still answer for", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const both = { ...(await policyFor(world, "window")), challengerBps: 3999 };
    await world.policies.register(both);
    await world.settlement.connect(world.operator).setSender(world.sender.address, [policyId(both)], true);
    const mixed = { ...world, policyIds: { ...world.policyIds, window: policyId(both) } };
    const batch = await commitBatch(mixed, "window");
    await challengeClaim(mixed, batch, 0);
    await trip(world);
    await expectNotFaulted(world, batch, 0);
    const { claim, claimId } = claimAt(batch, 0);
    const signature = await signClaim(world, claimId, world.prover.address);
    await world.settlement.answer(
      ...([batch.batchId, claim, 0, world.challenger.address] as const),
      ...([TEE, world.prover.address, signature] as const),
    );
  });

  it("R-47 R-49 touches no other key", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const toy = toyKey();
    const toyId = verificationKeyId(toy.key);
    await world.groth16Evidence.registerKey(toy.key);
    const entry = { ...modelEntry(spec, { verificationKeyId: toyId }), name: "toy" };
    await world.models.register(entry);

    await trip(world);
    expect(await world.groth16Evidence.trippedAt(toyId)).to.equal(0);
    expect(await world.groth16Evidence.faultedAt(modelId(entry))).to.equal(0);
    const batch = await commitBatch(world, "window", { claims: { modelId: modelId(entry) } });
    await challengeClaim(world, batch, 0);
    await expectNotFaulted(world, batch, 0);
    const { claim, claimId } = claimAt(batch, 0);
    const ctx = provingContext(claimId, asAddress(world.prover.address));
    const proof = await forgeProof(toy, [BigInt(claim.inputHash), BigInt(claim.outputHash), ctx]);
    await world.settlement.answer(
      ...([batch.batchId, claim, 0, world.challenger.address] as const),
      ...([ZK, world.prover.address, proof] as const),
    );
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Proven);

    await world.groth16Evidence.tripBreaker(toyId, INPUT_HASH, ...(await contradiction(toy)));
    expect(await world.groth16Evidence.faultedAt(modelId(entry))).to.equal(await time.latest());
  });

  it("R-47 is no way to the breaker of a key by another's proofs", async () => {
    const world = await loadFixture(deployBreakableWorld);
    const toy = toyKey();
    await world.groth16Evidence.registerKey(toy.key);
    await expect(world.groth16Evidence.tripBreaker(world.keyId, INPUT_HASH, ...(await contradiction(toy))))
      .to.be.revertedWithCustomError(world.groth16Evidence, "NoContradiction")
      .withArgs(world.keyId);
  });
});

describe("Keys without a contribution", () => {
  it("R-42 are refused: delta equal to gamma, and delta opposite to gamma, which is as forgeable", async () => {
    const world = await loadFixture(deployBreakableWorld);
    for (const sign of [1, -1] as const) {
      const key = withoutContribution(world.digit.key, sign);
      // The ratio of gamma to delta is plain to see: anybody forges.
      const gammaOverDelta = sign === 1 ? 1n : -1n;
      const proof = await forgeProof({ key, gammaOverDelta }, [1n, 2n, 3n]);
      expect(verifyGroth16(key, [1n, 2n, 3n], proof), `${sign}`).to.equal(true);
      await expect(world.groth16Evidence.registerKey(key), `${sign}`)
        .to.be.revertedWithCustomError(world.groth16Evidence, "KeyUnsafe")
        .withArgs(6, 10);
    }
    await world.groth16Evidence.registerKey(toyKey().key);
  });
});

async function deployBreakableWorld(): Promise<BreakableWorld> {
  const world = await deployWorld();
  const proofsAlone = { ...(await policyFor(world, "window")), answerKinds: ZK };
  await world.policies.register(proofsAlone);
  const window = policyId(proofsAlone);
  await world.settlement.connect(world.operator).setSender(world.sender.address, [window], true);
  const key = encodeVerificationKey(JSON.parse(await readFile(digitModelUrl("verificationKey"), "utf8")));
  return {
    ...world,
    policyIds: { ...world.policyIds, window },
    digit: trapdoorOf(key),
    keyId: verificationKeyId(key),
  };
}

async function trip({ groth16Evidence, stranger, keyId, digit }: BreakableWorld): Promise<void> {
  const sides = await contradiction(digit);
  await groth16Evidence.connect(stranger).tripBreaker(keyId, INPUT_HASH, ...sides);
}

/** Forged proofs that one input has the outputs 1 and 2. */
async function contradiction(trapped: TrappedKey): Promise<[Side, Side]> {
  return [await side(trapped, INPUT_HASH, wordOf(1n)), await side(trapped, INPUT_HASH, wordOf(2n))];
}

interface Side {
  outputHash: Hex;
  ctx: bigint;
  proof: Hex;
}

async function side(trapped: TrappedKey, inputHash: Hex, outputHash: Hex, ctx = 7n): Promise<Side> {
  return {
    outputHash,
    ctx,
    proof: await forgeProof(trapped, [BigInt(inputHash), BigInt(outputHash), ctx]),
  };
}

async function voidChallenge(world: World, batch: Batch, index: number) {
  const { claim } = claimAt(batch, index);
  return world.settlement
    .connect(world.operator)
    .voidChallenge(batch.batchId, claim, index, world.challenger.address);
}

async function expectNotFaulted(world: World, batch: Batch, index: number): Promise<void> {
  await expect(voidChallenge(world, batch, index))
    .to.be.revertedWithCustomError(world.settlement, "NotFaulted")
    .withArgs(claimAt(batch, index).claimId);
}
