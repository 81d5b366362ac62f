// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES, type Policy, policyId } from "@meantime/sdk/policy";
import { expect } from "chai";
import { id, ZeroAddress, ZeroHash } from "ethers";
import { deployMeantime } from "../../scripts/chain/deployment.ts";
import { allowanceOf } from "../../scripts/chain/simulated-nitro.ts";
import { connection, deployWorld, networkHelpers, policyFor, wordOf } from "./fixture.ts";

const { loadFixture, time } = networkHelpers;
const MIN_WINDOW_SECONDS = 300;

describe("PolicyRegistry", () => {
  it("names a policy by its content and gives the content back", async () => {
    const world = await loadFixture(deployWorld);
    const policy: Policy = {
      ...(await policyFor(world, "teeAndZk")),
      challengerBps: 1234,
      requesterBps: 4321,
    };
    const expected = policyId(policy);
    await expect(world.policies.register(policy)).to.emit(world.policies, "PolicyRegistered");
    const { policy: stored, registeredAt } = await world.policies.policyOf(expected);
    expect(registeredAt).to.equal(await time.latest());
    for (const field of Object.keys(policy) as (keyof Policy)[]) {
      expect(String(stored[field]).toLowerCase(), field).to.equal(String(policy[field]).toLowerCase());
    }
    await expect(world.policies.register(policy))
      .to.be.revertedWithCustomError(world.policies, "PolicyKnown")
      .withArgs(expected);
  });

  it("R-07 R-15 bounds every window: one second inside passes, one outside does not", async () => {
    const world = await loadFixture(deployWorld);
    const day = 24 * 3600;
    const bounds = [
      { field: "challengeWindowSeconds", min: MIN_WINDOW_SECONDS, max: 14 * day },
      { field: "proveWindowSeconds", min: MIN_WINDOW_SECONDS, max: 7 * day },
    ] as const;
    for (const { field, min, max } of bounds) {
      for (const seconds of [min, max]) {
        await world.policies.register({ ...(await policyFor(world, "window")), [field]: seconds });
      }
      for (const seconds of [0, min - 1, max + 1, 2 ** 32 - 1]) {
        await expect(world.policies.register({ ...(await policyFor(world, "window")), [field]: seconds }))
          .to.be.revertedWithCustomError(world.policies, "WindowOutOfBounds")
          .withArgs(seconds, min, max);
      }
    }
  });

  it("has a second window under teeThenWindow alone", async () => {
    const world = await loadFixture(deployWorld);
    const policy = await policyFor(world, "teeThenWindow");
    for (const attestedWindowSeconds of [MIN_WINDOW_SECONDS - 1, policy.challengeWindowSeconds + 1]) {
      await expect(world.policies.register({ ...policy, attestedWindowSeconds }))
        .to.be.revertedWithCustomError(world.policies, "WindowOutOfBounds")
        .withArgs(attestedWindowSeconds, MIN_WINDOW_SECONDS, policy.challengeWindowSeconds);
    }
    await expect(
      world.policies.register({ ...(await policyFor(world, "tee")), attestedWindowSeconds: 600 }),
    ).to.be.revertedWithCustomError(world.policies, "WindowOutOfBounds");
  });

  it("R-12 keeps the burn at its minimum and something for the challenger", async () => {
    const world = await loadFixture(deployWorld);
    const policy = await policyFor(world, "window");
    await world.policies.register({ ...policy, challengerBps: 1000, requesterBps: 7_000 });
    for (const [challengerBps, requesterBps] of [
      [0, 4000],
      [999, 4000],
      [1000, 7001],
      [8001, 0],
      [65_535, 65_535],
    ]) {
      await expect(world.policies.register({ ...policy, challengerBps, requesterBps } as Policy))
        .to.be.revertedWithCustomError(world.policies, "BadSplit")
        .withArgs(challengerBps, requesterBps);
    }
  });

  it("R-07 R-16 bounds both bonds, and a challenge never costs more than the claim bond", async () => {
    const world = await loadFixture(deployWorld);
    const policy = await policyFor(world, "window");
    const minWei = 10n ** 9n;
    const maxWei = 2n ** 88n - 1n;
    for (const [claimBondWei, challengeBondWei] of [
      [minWei, minWei],
      [maxWei, maxWei],
      [maxWei, minWei],
    ] as const) {
      await world.policies.register({ ...policy, claimBondWei, challengeBondWei });
    }
    await expect(world.policies.register({ ...policy, claimBondWei: minWei - 1n }))
      .to.be.revertedWithCustomError(world.policies, "BondOutOfBounds")
      .withArgs(minWei - 1n, minWei, maxWei);
    for (const challengeBondWei of [minWei - 1n, policy.claimBondWei + 1n]) {
      await expect(world.policies.register({ ...policy, challengeBondWei }))
        .to.be.revertedWithCustomError(world.policies, "BondOutOfBounds")
        .withArgs(challengeBondWei, minWei, policy.claimBondWei);
    }
  });

  it("refuses a policy whose challenges nobody could answer, or whose rule has no evidence", async () => {
    const world = await loadFixture(deployWorld);
    const policy = await policyFor(world, "window");
    for (const answerKinds of [0, 4, 7, 255]) {
      await expect(world.policies.register({ ...policy, answerKinds }))
        .to.be.revertedWithCustomError(world.policies, "BadAnswerKinds")
        .withArgs(answerKinds);
    }
    const noZk = { ...policy, zkEvidence: ZeroAddress as Hex, answerKinds: EVIDENCE_KINDS.tee };
    const noTee = { ...policy, teeEvidence: ZeroAddress as Hex, answerKinds: EVIDENCE_KINDS.zk };
    await expect(world.policies.register({ ...noZk, answerKinds: EVIDENCE_KINDS.zk }))
      .to.be.revertedWithCustomError(world.policies, "BadAnswerKinds")
      .withArgs(EVIDENCE_KINDS.zk);
    for (const rule of ["zk", "teeAndZk", "teeOrZk"] as const) {
      await expect(world.policies.register({ ...noZk, rule: EVIDENCE_RULES[rule] }))
        .to.be.revertedWithCustomError(world.policies, "RuleNeedsEvidence")
        .withArgs(EVIDENCE_KINDS.zk);
    }
    for (const rule of ["tee", "teeThenWindow", "teeAndZk", "teeOrZk"] as const) {
      await expect(world.policies.register({ ...noTee, rule: EVIDENCE_RULES[rule] }))
        .to.be.revertedWithCustomError(world.policies, "RuleNeedsEvidence")
        .withArgs(EVIDENCE_KINDS.tee);
    }
    await world.policies.register(noZk);
    await world.policies.register(noTee);
  });

  it("R-43 takes evidence contracts from the governed list alone, each for its kind, and only contracts", async () => {
    const world = await loadFixture(deployWorld);
    const policy = await policyFor(world, "window");
    for (const zkEvidence of [world.stranger.address, policy.teeEvidence]) {
      await expect(world.policies.register({ ...policy, zkEvidence: zkEvidence as Hex }))
        .to.be.revertedWithCustomError(world.policies, "EvidenceNotAllowed")
        .withArgs(EVIDENCE_KINDS.zk, (value: string) => value.toLowerCase() === zkEvidence.toLowerCase());
    }
    for (const [field, kind] of [
      ["teeEvidence", EVIDENCE_KINDS.tee],
      ["quorumEvidence", EVIDENCE_KINDS.quorum],
    ] as const) {
      await expect(world.policies.register({ ...policy, [field]: policy.zkEvidence }))
        .to.be.revertedWithCustomError(world.policies, "EvidenceNotAllowed")
        .withArgs(kind, (value: string) => value.toLowerCase() === policy.zkEvidence);
    }
    const call = world.policies.interface.encodeFunctionData("allowEvidence", [1, world.stranger.address]);
    await world.manager.schedule(world.policies, call, 0);
    await time.increase(24 * 3600 + 1);
    await expect(world.manager.execute(world.policies, call)).to.be.revertedWithCustomError(
      world.policies,
      "EvidenceNotAllowed",
    );
  });

  it("R-47 lets old policies keep evidence that new ones may no longer name", async () => {
    const world = await loadFixture(deployWorld);
    const policy = await policyFor(world, "window");
    await world.policies.disallowEvidence(EVIDENCE_KINDS.zk, policy.zkEvidence);
    await expect(world.policies.register({ ...policy, challengerBps: 1000 })).to.be.revertedWithCustomError(
      world.policies,
      "EvidenceNotAllowed",
    );
    expect(await world.policies.isEvidenceAllowed(EVIDENCE_KINDS.zk, policy.zkEvidence)).to.equal(false);
    const { zkEvidence } = await world.policies.termsOf(world.policyIds.window);
    expect(zkEvidence.toLowerCase()).to.equal(policy.zkEvidence);
  });

  it("gives settlement the terms of a known policy alone, every field in its place", async () => {
    const world = await loadFixture(deployWorld);
    const terms = await world.policies.termsOf(world.policyIds.teeThenWindow);
    const policy = await policyFor(world, "teeThenWindow");
    expect(terms.commitTerms).to.equal(
      policy.claimBondWei |
        (BigInt(policy.challengeWindowSeconds) << 96n) |
        (BigInt(policy.attestedWindowSeconds) << 128n) |
        (BigInt(policy.rule) << 160n),
    );
    expect(terms.disputeTerms).to.equal(
      policy.claimBondWei |
        (policy.challengeBondWei << 96n) |
        (BigInt(policy.proveWindowSeconds) << 184n) |
        (BigInt(policy.challengerBps) << 216n) |
        (BigInt(policy.requesterBps) << 232n),
    );
    expect(terms.teeEvidence.toLowerCase()).to.equal(policy.teeEvidence);
    expect([terms.bondToken, terms.quorumEvidence]).to.deep.equal([ZeroAddress, ZeroAddress]);
    await expect(world.policies.termsOf(wordOf(5n)))
      .to.be.revertedWithCustomError(world.policies, "PolicyUnknown")
      .withArgs(wordOf(5n));
  });
});

describe("ModelRegistry", () => {
  it("gives a model's content back and registers it once", async () => {
    const world = await loadFixture(deployWorld);
    const { model, registeredAt } = await world.models.modelOf(world.modelId);
    expect(model.name).to.equal("tiny_mlp");
    expect(registeredAt).to.not.equal(0);
    expect(model.measurement).to.equal(world.measurement);
    await expect(
      world.models.register({
        name: model.name,
        version: model.version,
        specHash: model.specHash,
        inputScheme: model.inputScheme,
        outputScheme: model.outputScheme,
        verificationKeyId: model.verificationKeyId,
        measurement: model.measurement,
        reexecutable: model.reexecutable,
      }),
    )
      .to.be.revertedWithCustomError(world.models, "ModelKnown")
      .withArgs(world.modelId);
  });

  it("refuses a model that nothing could prove", async () => {
    const world = await loadFixture(deployWorld);
    const model = {
      name: "m",
      version: 1,
      specHash: id("spec"),
      inputScheme: id("in"),
      outputScheme: id("out"),
      verificationKeyId: id("key"),
      measurement: ZeroHash,
      reexecutable: false,
    };
    for (const gap of [{ name: "" }, { specHash: ZeroHash }, { verificationKeyId: ZeroHash }]) {
      await expect(world.models.register({ ...model, ...gap })).to.be.revertedWithCustomError(
        world.models,
        "ModelIncomplete",
      );
    }
    await world.models.register(model);
    const kinds = { verificationKeyId: ZeroHash, measurement: ZeroHash, reexecutable: true };
    const reexecuted = { ...model, ...kinds };
    const modelId = await world.models.register.staticCall(reexecuted);
    expect(modelId.slice(-2)).to.equal("04");
    await world.models.register(reexecuted);
    expect(await world.models.isReexecutable(modelId)).to.equal(true);
    expect(await world.models.outputSchemeOf(modelId)).to.equal(model.outputScheme);
  });

  it("retires a model once, and only a known one", async () => {
    const world = await loadFixture(deployWorld);
    await expect(world.models.retire(world.modelId)).to.emit(world.models, "ModelRetired");
    await expect(world.models.retire(world.modelId)).to.be.revertedWithCustomError(
      world.models,
      "ModelAlreadyRetired",
    );
    await expect(world.models.retire(wordOf(5n))).to.be.revertedWithCustomError(world.models, "ModelUnknown");
  });
});

describe("Governance", () => {
  it("R-51 lets nobody but the role use a restricted function", async () => {
    const world = await loadFixture(deployWorld);
    const policies = world.policies.connect(world.stranger);
    const models = world.models.connect(world.stranger);
    const enclaves = world.enclaveEvidence.connect(world.stranger);
    const allowance = await allowanceOf(world, "another image");
    const calls = [
      () => policies.allowEvidence(1, world.settlement),
      () => policies.disallowEvidence(1, world.groth16Evidence),
      () => models.retire(world.modelId),
      () => enclaves.allowMeasurement(...allowance),
      () => enclaves.tightenMeasurement(allowance[0], allowance[2]),
      () => enclaves.removeMeasurement(world.measurement),
      () => enclaves.revoke(world.enclaveKeyId),
      () => enclaves.markCompromised(world.enclaveKeyId, 1),
      () => world.nitroVerifier.connect(world.stranger).revoke(world.measurement, 1),
    ];
    for (const call of calls) {
      await expect(call())
        .to.be.revertedWithCustomError(world.policies, "AccessManagedUnauthorized")
        .withArgs(world.stranger.address);
    }
  });

  it("leaves nobody in administration without a delay, whoever deployed", async () => {
    const ADMIN_ROLE = 0n;
    const world = await loadFixture(deployWorld);
    expect(await world.manager.hasRole(ADMIN_ROLE, world.admin.address)).to.deep.equal([true, 2 * 24 * 3600]);

    const successor = world.stranger.address;
    const { manager } = await deployMeantime(connection, { admin: successor, adminDelaySeconds: 7 });
    expect(await manager.hasRole(ADMIN_ROLE, successor)).to.deep.equal([true, 7]);
    expect((await manager.hasRole(ADMIN_ROLE, world.admin.address)).isMember).to.equal(false);
  });

  it("delays what adds trust, for the curator and for the administrator, and not what removes it", async () => {
    const world = await loadFixture(deployWorld);
    const enclaves = world.enclaveEvidence;
    const args = await allowanceOf(world, "another image");
    const call = enclaves.interface.encodeFunctionData("allowMeasurement", [...args]);
    await expect(world.manager.execute(enclaves, call)).to.be.revertedWithCustomError(
      world.manager,
      "AccessManagerNotScheduled",
    );
    await world.manager.schedule(enclaves, call, 0);
    const scheduledAt = await time.latest();
    await time.setNextBlockTimestamp(scheduledAt + 24 * 3600 - 1);
    await expect(world.manager.execute(enclaves, call)).to.be.revertedWithCustomError(
      world.manager,
      "AccessManagerNotReady",
    );
    await time.setNextBlockTimestamp(scheduledAt + 24 * 3600);
    await world.manager.execute(enclaves, call);

    await expect(world.manager.grantRole(1n, world.stranger.address, 0)).to.be.revertedWithCustomError(
      world.manager,
      "AccessManagerNotScheduled",
    );
    await enclaves.removeMeasurement(args[0]);
  });
});
