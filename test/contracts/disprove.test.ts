// SPDX-License-Identifier: MIT
import { claimId } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES, policyId } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import { resolveClaim } from "./disputes.ts";
import {
  type Batch,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGER_BPS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  policyFor,
  REQUESTER_BPS,
  signBatch,
  type World,
  wordOf,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { type Inference, infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;
const SHARE_WEI = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
const REQUESTER_WEI = (CLAIM_BOND_WEI * BigInt(REQUESTER_BPS)) / 10_000n;

after(stopProver);

/** A batch of two lies about one input, and the proof of what is true instead of the first. */
interface Lie {
  world: World;
  batch: Batch;
  truth: Inference;
  proof: Hex;
}

describe("Settlement: disproof", () => {
  it("R-11 rejects a lie at once without a bond, sent by anybody, to the beneficiary's profit", async () => {
    const { world, batch, truth, proof } = await loadFixture(deployLie);
    const { settlement, operator, prover, requester, stranger } = world;
    await expect(settlement.connect(stranger).disprove(...disproof(world, batch, 0, truth, proof)))
      .to.emit(settlement, "ClaimDisproven")
      .withArgs(batch.batchId, claimAt(batch, 0).claimId, prover.address, truth.outputHash)
      .to.emit(settlement, "ClaimRejected")
      .withArgs(
        ...[batch.batchId, claimAt(batch, 0).claimId, operator.address, 0, prover.address],
        ...[SHARE_WEI, REQUESTER_WEI, CLAIM_BOND_WEI - SHARE_WEI - REQUESTER_WEI],
      );
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Rejected);
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Committed);
    expect(await settlement.creditOf(prover.address, ZeroAddress)).to.equal(SHARE_WEI);
    expect(await settlement.creditOf(requester.address, ZeroAddress)).to.equal(REQUESTER_WEI);
    const { touched, disputed, rejected } = await settlement.batchOf(batch.batchId);
    expect([touched, disputed, rejected]).to.deep.equal([1n, 0n, 1n]);
    const { stakeWei, lockedWei } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect([stakeWei, lockedWei]).to.deep.equal([10n ** 18n - CLAIM_BOND_WEI, CLAIM_BOND_WEI]);
  });

  it("R-11 gives a challenger that was there first its bond back, and nothing more", async () => {
    const { world, batch, truth, proof } = await loadFixture(deployLie);
    const { settlement, challenger, prover } = world;
    await challengeClaim(world, batch, 0);
    await settlement.disprove(...disproof(world, batch, 0, truth, proof));
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    expect(await settlement.creditOf(prover.address, ZeroAddress)).to.equal(SHARE_WEI);
    expect((await settlement.batchOf(batch.batchId)).disputed).to.equal(0);
    await expect(resolveClaim(world, batch, 0)).to.be.revertedWithCustomError(settlement, "NotDisputedBy");
  });

  it("R-41 pays nobody else for it: neither beneficiary nor challenger can be swapped", async () => {
    const { world, batch, truth, proof } = await loadFixture(deployLie);
    const { settlement, stranger } = world;
    const thief = settlement.connect(stranger);
    await expect(
      thief.disprove(...disproof(world, batch, 0, truth, proof, { beneficiary: stranger.address })),
    )
      .to.be.revertedWithCustomError(settlement, "EvidenceRejected")
      .withArgs(EVIDENCE_KINDS.zk);
    await expect(
      thief.disprove(...disproof(world, batch, 0, truth, proof, { beneficiary: ZeroAddress })),
    ).to.be.revertedWithCustomError(settlement, "ZeroArgument");
    await challengeClaim(world, batch, 0);
    await expect(thief.disprove(...disproof(world, batch, 0, truth, proof, { challenger: stranger.address })))
      .to.be.revertedWithCustomError(settlement, "NotDisputedBy")
      .withArgs(batch.batchId, 0, stranger.address);
  });

  it("R-41 takes no proof for another claim, nor one of the claim's own id, nor of the same output", async () => {
    const { world, batch, truth, proof } = await loadFixture(deployLie);
    const { settlement, prover } = world;
    const own = await proveClaim(truth, claimAt(batch, 0).claimId, prover.address);
    for (const [index, evidence] of [
      [1, proof],
      [0, own],
    ] as const) {
      await expect(settlement.disprove(...disproof(world, batch, index, truth, evidence)))
        .to.be.revertedWithCustomError(settlement, "EvidenceRejected")
        .withArgs(EVIDENCE_KINDS.zk);
    }
    const { outputHash } = claimAt(batch, 0).claim;
    await expect(settlement.disprove(...disproof(world, batch, 0, { ...truth, outputHash }, proof)))
      .to.be.revertedWithCustomError(settlement, "SameOutput")
      .withArgs(outputHash);
  });

  it("R-06 R-08 is possible until the clock makes the claim final, or its challenge ends", async () => {
    const { world, batch, truth, proof } = await loadFixture(deployLie);
    const attempt: Attempt = {
      contract: world.settlement,
      from: world.stranger,
      name: "disprove",
      args: disproof(world, batch, 0, truth, proof),
    };
    const finalAt = await world.settlement.finalAt(batch.batchId);
    expect(await outcomeAt(finalAt - 1n, attempt)).to.equal("done");
    expect(await outcomeAt(finalAt, attempt)).to.equal("WrongStatus");
    expect(await outcomeAt(finalAt + 1n, attempt)).to.equal("WrongStatus");

    await time.setNextBlockTimestamp(finalAt - 1n);
    await challengeClaim(world, batch, 0);
    const proveBy = finalAt - 1n + BigInt(PROVE_WINDOW_SECONDS);
    expect(await outcomeAt(finalAt, attempt)).to.equal("done");
    expect(await outcomeAt(proveBy - 1n, attempt)).to.equal("done");
    expect(await outcomeAt(proveBy, attempt)).to.equal("TooLate");
    expect(await outcomeAt(proveBy + 1n, attempt)).to.equal("TooLate");
  });

  it("R-08 comes too late for a claim that is Proven, Rejected or Voided", async () => {
    const { world, batch, truth, proof } = await loadFixture(deployLie);
    const { settlement, prover } = world;
    const honest = await commitInferences(world, "window", [truth], 2n);
    const own = await proveClaim(truth, claimAt(honest, 0).claimId, prover.address);
    await settlement.prove(...memberOf(honest, 0), EVIDENCE_KINDS.zk, prover.address, own);
    const other = { ...truth, outputHash: claimAt(batch, 0).claim.outputHash };
    await expect(settlement.disprove(...disproof(world, honest, 0, other, proof)))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(claimAt(honest, 0).claimId, STATUS.Proven);

    await challengeClaim(world, batch, 1);
    const { claim, claimId: voided } = claimAt(batch, 1);
    await settlement.voidChallenge(batch.batchId, claim, 1, world.challenger.address);
    await expect(settlement.disprove(...disproof(world, batch, 1, truth, proof)))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(voided, STATUS.Voided);

    await settlement.disprove(...disproof(world, batch, 0, truth, proof));
    await expect(settlement.disprove(...disproof(world, batch, 0, truth, proof)))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(claimAt(batch, 0).claimId, STATUS.Rejected);
  });

  it("R-38 I-15 rejects nothing by a disproof that was starved of gas, at any gas limit", async () => {
    const { world, batch, truth, proof } = await loadFixture(deployLie);
    const { settlement } = world;
    const call = disproof(world, batch, 0, truth, proof);
    const needed = await settlement.disprove.estimateGas(...call);
    for (let percent = 20n; percent < 100n; percent += 5n) {
      const gasLimit = (needed * percent) / 100n;
      await expect(settlement.disprove(...call, { gasLimit }), `${gasLimit}`).to.be.revert(ethers);
    }
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
    await settlement.disprove(...call);
  });

  it("beats an enclave's signature, but not one that has made the claim final", async () => {
    const world = await loadFixture(deployWorld);
    const truth = infer(21);
    for (const [nonce, rule] of (["tee", "teeThenWindow"] as const).entries()) {
      const batch = await commitInferences(world, rule, [lieAbout(truth)], BigInt(nonce + 1));
      await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
      const proof = await proveTwin(world, batch, truth);
      const disprove = world.settlement.disprove(...disproof(world, batch, 0, truth, proof));
      if (rule === "teeThenWindow") await expect(disprove).to.emit(world.settlement, "ClaimDisproven");
      else await expect(disprove).to.be.revertedWithCustomError(world.settlement, "WrongStatus");
    }
  });

  it("works wherever the policy names a proof system, also where a proof cannot answer a challenge", async () => {
    const world = await loadFixture(deployWorld);
    const truth = infer(22);
    const base = { ...(await policyFor(world, "window")), answerKinds: EVIDENCE_KINDS.tee };
    for (const policy of [base, { ...base, zkEvidence: ZeroAddress as Hex, rule: EVIDENCE_RULES.tee }]) {
      await world.policies.register(policy);
      const { inputHash, outputHash } = lieAbout(truth);
      const claims = { policyId: policyId(policy), inputHash, outputHash };
      const batch = batchOf(world, (await buildBatch(world, "window", { count: 1, claims })).claims);
      await world.settlement.connect(world.operator).commit(batch.header);
      const proof = await proveTwin(world, batch, truth);
      const disprove = world.settlement.disprove(...disproof(world, batch, 0, truth, proof));
      if (policy === base) await expect(disprove).to.emit(world.settlement, "ClaimDisproven");
      else await expect(disprove).to.be.revertedWithCustomError(world.settlement, "EvidenceKindNotAccepted");
    }
  });
});

async function deployLie(): Promise<Lie> {
  const world = await deployWorld();
  const truth = infer(20);
  const batch = await commitInferences(world, "window", [lieAbout(truth), lieAbout(truth)]);
  return { world, batch, truth, proof: await proveTwin(world, batch, truth) };
}

function lieAbout(truth: Inference): Inference {
  return { ...truth, outputHash: wordOf((BigInt(truth.outputHash) + 1n) % 10n) };
}

async function proveTwin(world: World, batch: Batch, truth: Inference): Promise<Hex> {
  const twin = { ...claimAt(batch, 0).claim, outputHash: truth.outputHash };
  return proveClaim(truth, claimId(world.domain, twin), world.prover.address);
}

function disproof(
  world: World,
  batch: Batch,
  index: number,
  { outputHash }: Inference,
  evidence: Hex,
  { challenger = world.challenger.address, beneficiary = world.prover.address } = {},
) {
  return [...memberOf(batch, index), challenger, outputHash, beneficiary, evidence] as const;
}
