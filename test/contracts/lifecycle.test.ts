// SPDX-License-Identifier: MIT
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import { answerClaim, resolveClaim } from "./disputes.ts";
import {
  type Batch,
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
  policyFor,
  signBatch,
  signClaim,
  type World,
} from "./fixture.ts";
import { revelation } from "./openings.ts";
import { keepPromise, promiseClaim, reportOmission } from "./promises.ts";

const { loadFixture, time } = networkHelpers;

describe("An honest operator", () => {
  it("I-08 R-14 loses nothing to challenges, demands and reports at the last moment, answered at the last", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, operator, challenger, prover } = world;
    const batch = await commitBatch(world, "window", { count: 6 });
    const finalAt = await settlement.finalAt(batch.batchId);
    await time.setNextBlockTimestamp(finalAt - 6n);
    for (const index of [0, 1, 2]) await challengeClaim(world, batch, index);
    for (const index of [3, 4, 5]) {
      await settlement.connect(challenger).demandReveal(batch.header, index, { value: CHALLENGE_BOND_WEI });
    }
    for (const index of [0, 1, 2, 3, 4, 5]) {
      const { deadline } = await settlement.leafOf(batch.batchId, index);
      await time.setNextBlockTimestamp(deadline - 1n);
      if (index < 3) await answerClaim(world, batch, index);
      else await settlement.reveal(...revelation(batch, index));
    }
    for (const index of [3, 4, 5]) {
      await challengeClaim(world, batch, index);
      await answerClaim(world, batch, index);
    }
    const receipt = await promiseClaim(world);
    const { header } = await keepPromise(world, receipt);
    await reportOmission(world, receipt);
    const { answerBy } = await receipts.omissionOf(receipt.claimId);
    await time.setNextBlockTimestamp(answerBy - 1n);
    await receipts.answerOmission(receipt.claim, header, 0, []);

    for (const index of batch.claims.keys()) {
      expect(await settlement.statusOf(...memberOf(batch, index))).to.equal(STATUS.Final);
    }
    await settlement.release([batch.header]);
    const { stakeWei, suspended } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect([stakeWei, suspended]).to.deep.equal([10n ** 18n, false]);
    expect(await settlement.creditOf(operator.address, ZeroAddress)).to.equal(3n * CHALLENGE_BOND_WEI);
    expect(await settlement.creditOf(prover.address, ZeroAddress)).to.equal(6n * CHALLENGE_BOND_WEI);
    expect(await receipts.creditOf(operator.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(0);
  });
});

describe("Open claims", () => {
  it("I-09 R-47 R-53 keep their terms through every setter, registration and closing", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger, prover } = world;
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    await challengeClaim(world, batch, 1);
    const before = await viewOf(world, batch);
    await changeEverything(world);
    expect(await viewOf(world, batch)).to.deep.equal(before);

    await answerClaim(world, batch, 0);
    expect(await settlement.creditOf(prover.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
    await time.increase(PROVE_WINDOW_SECONDS + 60);
    await resolveClaim(world, batch, 1);
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(
      CHALLENGE_BOND_WEI + (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n,
    );
    await time.increaseTo(await settlement.finalAt(batch.batchId));
    await expect(settlement.release([batch.header]))
      .to.emit(settlement, "BatchReleased")
      .withArgs(batch.batchId, world.operator.address, 3n * CLAIM_BOND_WEI);
  });
});

describe("Final claims", () => {
  for (const way of ["by the clock", "by an enclave", "by an answer after the clock"] as const) {
    it(`I-18 R-08 R-54 stay final whatever anybody calls: ${way}`, async () => {
      const world = await loadFixture(deployWorld);
      const batch = await finalBatch(world, way);
      await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
      const at = BigInt(await time.latest()) + 1n;
      for (const attempt of await attacksOn(world, batch)) {
        expect(await outcomeAt(at, attempt), attempt.name).to.not.equal("done");
      }
      await world.settlement.release([batch.header]);
      for (const seconds of [1, PROVE_WINDOW_SECONDS, 100 * 24 * 3600]) {
        await time.increase(seconds);
        expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
      }
    });
  }
});

async function finalBatch(world: World, way: string): Promise<Batch> {
  const { settlement } = world;
  const batch = await commitBatch(world, way === "by an enclave" ? "tee" : "window");
  const finalAt = await settlement.finalAt(batch.batchId);
  if (way === "by an enclave") await settlement.attestBatch(batch.header, await signBatch(world, batch));
  else await time.setNextBlockTimestamp(finalAt - 1n);
  if (way === "by an answer after the clock") {
    await challengeClaim(world, batch, 0);
    const { deadline } = await settlement.leafOf(batch.batchId, 0);
    await time.setNextBlockTimestamp(deadline - 1n);
    await answerClaim(world, batch, 0);
  }
  if (way === "by the clock") await time.increaseTo(finalAt);
  expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Final);
  return batch;
}

/** Everything that could move a claim, by whoever may do most. */
async function attacksOn(world: World, batch: Batch): Promise<Attempt[]> {
  const { settlement, admin, challenger, prover } = world;
  const { header, batchId } = batch;
  const member = memberOf(batch, 0);
  const { claim, claimId } = claimAt(batch, 0);
  const signature = await signClaim(world, claimId, prover.address);
  const evidence = [EVIDENCE_KINDS.tee, prover.address, signature];
  const dispute = [batchId, claim, 0, challenger.address];
  const value = CHALLENGE_BOND_WEI;
  const by = { contract: settlement, from: admin };
  return [
    { ...by, name: "challenge", args: member, value },
    { ...by, name: "demandReveal", args: [header, 0], value },
    { ...by, name: "prove", args: [...member, ...evidence] },
    { ...by, name: "answer", args: [...dispute, ...evidence] },
    { ...by, name: "resolve", args: dispute },
    { ...by, name: "voidChallenge", args: dispute },
    { ...by, name: "disprove", args: [...member, challenger.address, claimId, prover.address, "0x"] },
    { ...by, name: "reveal", args: revelation(batch, 0) },
    { ...by, name: "resolveDemand", args: [header, 0, challenger.address] },
    { ...by, name: "attestBatch", args: [header, await signBatch(world, batch)] },
    { ...by, name: "reopenBatch", args: [header] },
    { ...by, name: "reopenClaim", args: [...member, EVIDENCE_KINDS.tee] },
    { ...by, name: "lengthenChallengeWindow", args: [header, BigInt(await time.latest()) + 100n] },
    { ...by, name: "lengthenDeadline", args: [header, 0, BigInt(await time.latest()) + 100n] },
    { ...by, name: "commit", args: [header] },
  ];
}

async function changeEverything(world: World): Promise<void> {
  const { settlement, policies, models, operator, sender, policyIds } = world;
  const policy = await policyFor(world, "window");
  await policies.register({ ...policy, claimBondWei: 2n * CLAIM_BOND_WEI, challengerBps: 1000 });
  await policies.disallowEvidence(EVIDENCE_KINDS.zk, policy.zkEvidence);
  await policies.disallowEvidence(EVIDENCE_KINDS.tee, policy.teeEvidence);
  await models.retire(world.modelId);
  await settlement.closePolicy(policyIds.window);
  await settlement.pauseCommits((await time.latest()) + 1000);
  await settlement.connect(operator).setLockable(ZeroAddress, 1);
  await settlement.connect(operator).setSender(sender.address, [policyIds.window], false);
  await settlement.connect(operator).unbond(ZeroAddress, 1n);
}

async function viewOf({ settlement }: World, batch: Batch): Promise<unknown[]> {
  const leaves = await Promise.all(batch.claims.map((_, index) => settlement.leafOf(batch.batchId, index)));
  const statuses = await Promise.all(
    batch.claims.map((_, index) => settlement.statusOf(...memberOf(batch, index))),
  );
  return [await settlement.batchOf(batch.batchId), leaves, statuses];
}
