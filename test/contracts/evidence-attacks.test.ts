// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { type Interface, ZeroAddress } from "ethers";
import {
  type Batch,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  claimAt,
  commitBatch,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  wordOf,
} from "./fixture.ts";
import { ACT, deployHostileWorld, type HostileWorld, withHostilePolicy } from "./hostile-fixture.ts";

const { loadFixture, time } = networkHelpers;
const { zk: ZK, tee: TEE, quorum: QUORUM } = EVIDENCE_KINDS;
const GAS_LIMIT = 16_000_000n;
const SOURCE = 7;

describe("Evidence contracts that misbehave", () => {
  for (const [act, error] of [
    ["WrongMagic", "EvidenceRejected"],
    ["DirtyMagic", undefined],
    ["DirtySource", undefined],
    ["NoData", undefined],
    ["HalfData", undefined],
    ["HugeData", "EvidenceRejected"],
    ["Revert", "CallFailed"],
    ["HugeRevert", undefined],
    ["BurnGas", undefined],
  ] as const) {
    it(`R-38 R-43 move nothing: ${act}`, async () => {
      const { world, batch } = await challenged();
      await world.hostile.setAct(ACT[act]);
      const before = await stateOf(world, batch);
      for (const [name, call] of evidenceCalls(world, batch)) {
        const attempt = expect(call(), name);
        if (error === undefined) await attempt.to.be.revert(ethers);
        else if (error === "CallFailed") await attempt.to.be.revertedWithCustomError(world.hostile, error);
        else await attempt.to.be.revertedWithCustomError(world.settlement, error);
      }
      expect(await stateOf(world, batch)).to.deep.equal(before);
    });
  }

  it("R-38 would move all of it, did they return their magic value: the attempts above fail for no other reason", async () => {
    const { world, batch } = await challenged();
    for (const [name, call] of evidenceCalls(world, batch)) {
      const snapshot = await networkHelpers.takeSnapshot();
      const before = await stateOf(world, batch);
      await call();
      expect(await stateOf(world, batch), name).to.not.deep.equal(before);
      await snapshot.restore();
    }
  });

  it("R-43 hold up neither rejection nor withdrawal: what needs no evidence asks for none", async () => {
    const { world, batch } = await challenged();
    await world.hostile.setAct(ACT.BurnGas);
    await time.increase(PROVE_WINDOW_SECONDS);
    const { claim } = claimAt(batch, 0);
    await world.settlement.resolve(batch.batchId, claim, 0, world.challenger.address);
    await world.settlement.connect(world.challenger).withdraw(ZeroAddress, world.challenger.address);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await world.settlement.release([batch.header]);
  });

  it("R-25 see the state before their verdict, in every view: nothing is written yet", async () => {
    const { world, batch } = await challenged();
    const { settlement, hostile } = world;
    const { claim, claimId } = claimAt(batch, 0);
    const { interface: abi } = settlement;
    const views: [string, string][] = [
      ["statusOf", abi.encodeFunctionData("statusOf", memberOf(batch, 0))],
      ["leafOf", abi.encodeFunctionData("leafOf", [batch.batchId, 0])],
      ["creditOf", abi.encodeFunctionData("creditOf", [world.prover.address, ZeroAddress])],
      ["finalAt", abi.encodeFunctionData("finalAt", [batch.batchId])],
      ["inclusionOf", abi.encodeFunctionData("inclusionOf", memberOf(batch, 0))],
    ];
    await hostile.setAct(ACT.Peek);
    for (const [name, call] of views) {
      const snapshot = await networkHelpers.takeSnapshot();
      const word = (await ethers.provider.call({ to: settlement, data: call })).slice(0, 66);
      await hostile.setCall(settlement, call, word);
      await settlement.answer(
        ...([batch.batchId, claim, 0, world.challenger.address] as const),
        ...([QUORUM, world.prover.address, "0x"] as const),
      );
      // The views have moved on since, where the answer changed what they say.
      expect(await settlement.statusOf(...memberOf(batch, 0)), name).to.equal(STATUS.Attested);
      await snapshot.restore();
    }
    const demand = abi.encodeFunctionData("requireStatus", [...memberOf(batch, 0), STATUS.Attested]);
    await hostile.setCall(settlement, demand, wordOf(0n));
    await expect(
      settlement.answer(
        ...([batch.batchId, claim, 0, world.challenger.address] as const),
        ...([QUORUM, world.prover.address, "0x"] as const),
      ),
      claimId,
    ).to.be.revertedWithCustomError(settlement, "EvidenceRejected");
  });

  it("R-25 cannot call back into any function of Settlement that writes", async () => {
    const { world, batch, calls } = await reentrant();
    const { settlement, hostile } = world;
    expect(calls.map(({ name }) => name).sort()).to.deep.equal(writingFunctions(settlement.interface));

    for (const { name, data, valueWei = 0n, live = true } of calls) {
      // Outside of a check the very same call succeeds: it is the STATICCALL that it fails on.
      const snapshot = await networkHelpers.takeSnapshot();
      const outside = hostile.execute(settlement, data, { value: valueWei });
      if (live) await outside;
      else await expect(outside, name).to.be.revertedWithCustomError(hostile, "CallFailed");
      await snapshot.restore();
    }

    const before = await stateOf(world, batch);
    await hostile.setAct(ACT.Reenter);
    for (const { name, data } of calls) {
      await hostile.setCall(settlement, data, wordOf(0n));
      for (const [entry, call] of evidenceCalls(world, batch)) {
        await expect(call(), `${name} within ${entry}`).to.be.revertedWithCustomError(
          settlement,
          "EvidenceRejected",
        );
      }
    }
    expect(await stateOf(world, batch)).to.deep.equal(before);
    // A call that writes nothing goes through, so the checks above did run.
    await hostile.setCall(settlement, settlement.interface.encodeFunctionData("pauseOf"), wordOf(0n));
    await evidenceCalls(world, batch)[0]?.[1]();
  });

  it("R-25 cannot use up what an honest check would need: the caller chooses its gas", async () => {
    const { world, batch } = await challenged();
    await world.hostile.setAct(ACT.BurnGas);
    const burnt = world.settlement.answer(
      ...([batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address] as const),
      ...([QUORUM, world.prover.address, "0x", { gasLimit: 200_000n }] as const),
    );
    await expect(burnt).to.be.revert(ethers);
    await world.hostile.setAct(ACT.Accept);
    await evidenceCalls(world, batch)[0]?.[1]();
  });

  it("I-14 can at worst void by a false fault, which costs nobody a bond, and not while an honest kind can answer", async () => {
    const { world, batch } = await challenged();
    await world.hostile.setClaims(2n ** 40n - 1n, 0, 0);
    await world.settlement
      .connect(world.operator)
      .voidChallenge(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address);
    expect(await world.settlement.creditOf(world.challenger.address, ZeroAddress)).to.equal(
      CHALLENGE_BOND_WEI,
    );
    const { stakeWei } = await world.settlement.operatorOf(world.operator.address, ZeroAddress);
    expect(stakeWei).to.equal(10n ** 18n);

    const zkEvidence = (await world.groth16Evidence.getAddress()).toLowerCase() as Hex;
    const mixed = await withHostilePolicy(world, { zkEvidence, answerKinds: ZK | QUORUM });
    const other = await commitBatch(mixed, "window", { nonce: 9n });
    await challengeClaim(mixed, other, 0);
    await expect(
      world.settlement
        .connect(world.operator)
        .voidChallenge(other.batchId, claimAt(other, 0).claim, 0, world.challenger.address),
    ).to.be.revertedWithCustomError(world.settlement, "NotFaulted");
  });

  it("can take back by a false mark what they said themselves, and only before it is final", async () => {
    const world = await loadFixture(deployHostileWorld);
    await world.hostile.setClaims(0, 1, SOURCE);
    const batch = await commitBatch(world, "window");
    await world.settlement.prove(...memberOf(batch, 0), TEE, world.prover.address, "0x");
    await world.settlement.prove(...memberOf(batch, 1), QUORUM, world.prover.address, "0x");
    await world.settlement.reopenClaim(...memberOf(batch, 0), TEE);
    await expect(world.settlement.reopenClaim(...memberOf(batch, 1), TEE))
      .to.be.revertedWithCustomError(world.settlement, "NotCompromised")
      .withArgs(claimAt(batch, 1).claimId, 0);
    await world.settlement.prove(...memberOf(batch, 2), TEE, world.prover.address, "0x");
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await expect(world.settlement.reopenClaim(...memberOf(batch, 2), TEE))
      .to.be.revertedWithCustomError(world.settlement, "WrongStatus")
      .withArgs(claimAt(batch, 2).claimId, STATUS.Final);
  });

  it("R-43 get on the list by telling what they are, and by nothing else", async () => {
    const world = await loadFixture(deployHostileWorld);
    // XORs of selectors, as ERC-165 defines them.
    const evidenceId = interfaceIdOf(world.groth16Evidence.interface, [
      ...["check", "faultedAt", "compromisedSince"],
    ]);
    const lie = async (kind: number, interfaceId = "0x00000000") =>
      (await ethers.deployContract("LyingInterfaces", [kind, interfaceId])).getAddress();
    const honest = await lie(4, evidenceId);
    const listings: [string, number, string, boolean][] = [
      ["everything", QUORUM, await lie(0), false],
      ["nothing", QUORUM, await lie(1), false],
      ["no data", QUORUM, await lie(2), false],
      ["a revert", QUORUM, await lie(3), false],
      ["no code", QUORUM, world.stranger.address, false],
      ["claims alone, as an enclave", TEE, honest, false],
      ["claims alone, as a proof", ZK, honest, true],
      ["claims alone, as a committee", QUORUM, honest, true],
      ["no kind", 0, honest, false],
      ["two kinds", ZK | QUORUM, honest, false],
      ["an unknown kind", 8, honest, false],
    ];
    for (const [, kind, evidence] of listings) {
      await world.manager.schedule(world.policies, allowCall(world, kind, evidence), 0);
    }
    await time.increase(24 * 3600);
    for (const [name, kind, evidence, allowed] of listings) {
      const listing = world.manager.execute(world.policies, allowCall(world, kind, evidence));
      if (allowed) await listing;
      else {
        await expect(listing, name)
          .to.be.revertedWithCustomError(world.policies, "EvidenceNotAllowed")
          .withArgs(kind, evidence);
      }
      expect(await world.policies.isEvidenceAllowed(kind, evidence), name).to.equal(allowed);
    }
  });

  it("R-43 move nothing once listed, where they have no such function", async () => {
    const world = await loadFixture(deployHostileWorld);
    const evidenceId = interfaceIdOf(world.groth16Evidence.interface, [
      ...["check", "faultedAt", "compromisedSince"],
    ]);
    const liar = await (await ethers.deployContract("LyingInterfaces", [4, evidenceId])).getAddress();
    await world.manager.schedule(world.policies, allowCall(world, QUORUM, liar), 0);
    await time.increase(24 * 3600);
    await world.manager.execute(world.policies, allowCall(world, QUORUM, liar));
    const deceived = await withHostilePolicy(world, {
      quorumEvidence: liar.toLowerCase() as Hex,
      answerKinds: QUORUM,
    });
    const batch = await commitBatch(deceived, "window");
    await challengeClaim(deceived, batch, 0);
    const { claim } = claimAt(batch, 0);
    const challenger = world.challenger.address;
    await expect(
      world.settlement.answer(batch.batchId, claim, 0, challenger, QUORUM, challenger, "0x"),
    ).to.be.revert(ethers);
    await expect(
      world.settlement.connect(world.operator).voidChallenge(batch.batchId, claim, 0, challenger),
    ).to.be.revert(ethers);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Challenged);
  });
});

/** A batch whose first claim is challenged, under a policy that asks the hostile contract for everything. */
async function challenged(): Promise<{ world: HostileWorld; batch: Batch }> {
  const world = await loadFixture(deployHostileWorld);
  const batch = await commitBatch(world, "window");
  await challengeClaim(world, batch, 0);
  return { world, batch };
}

/** Every call that asks an evidence contract for its verdict. */
function evidenceCalls(world: HostileWorld, batch: Batch): [string, () => Promise<unknown>][] {
  const { settlement, prover, challenger, stranger } = world;
  const { claim } = claimAt(batch, 0);
  const caller = settlement.connect(stranger);
  const gas = { gasLimit: GAS_LIMIT };
  return [
    ...[ZK, TEE, QUORUM].map((kind): [string, () => Promise<unknown>] => [
      `answer ${kind}`,
      () =>
        caller.answer(
          ...([batch.batchId, claim, 0, challenger.address] as const),
          ...([kind, prover.address, "0x", gas] as const),
        ),
    ]),
    ["prove", () => caller.prove(...memberOf(batch, 3), TEE, prover.address, "0x", gas)],
    [
      "disprove",
      () =>
        caller.disprove(
          ...memberOf(batch, 3),
          ...([challenger.address, wordOf(9n), prover.address, "0x", gas] as const),
        ),
    ],
    ["attestBatch", () => caller.attestBatch(batch.header, "0x", gas)],
  ];
}

/** All that evidence could move. */
async function stateOf({ settlement, ...world }: HostileWorld, batch: Batch) {
  const accounts = [world.operator, world.challenger, world.requester, world.prover, world.stranger];
  return {
    batch: await settlement.batchOf(batch.batchId),
    leaves: await Promise.all(batch.claims.map((_, index) => settlement.leafOf(batch.batchId, index))),
    statuses: await Promise.all(
      batch.claims.map((_, index) => settlement.statusOf(...memberOf(batch, index))),
    ),
    operator: await settlement.operatorOf(world.operator.address, ZeroAddress),
    credits: await Promise.all(accounts.map(({ address }) => settlement.creditOf(address, ZeroAddress))),
    balanceWei: await ethers.provider.getBalance(settlement),
  };
}

interface Reentry {
  name: string;
  data: string;
  valueWei?: bigint;
  /** Whether the hostile contract could make this call by itself in the state that the test has built. */
  live?: boolean;
}

/** A state in which the hostile contract, a guardian and an operator too, could call nearly everything. */
async function reentrant(): Promise<{ world: HostileWorld; batch: Batch; calls: Reentry[] }> {
  const world = await loadFixture(deployHostileWorld);
  const { settlement, hostile, hostileAddress, stranger, challenger, operator } = world;
  await settlement.stake(hostileAddress, { value: 10n ** 18n });
  await hostile.setClaims(0, 1, SOURCE);
  const old = await commitBatch(world, "window", { nonce: 100n });
  await settlement.connect(challenger).challenge(...memberOf(old, 0), { value: CHALLENGE_BOND_WEI });
  await settlement.connect(challenger).demandReveal(old.header, 1, { value: CHALLENGE_BOND_WEI });
  const settled = await commitBatch(world, "window", { nonce: 101n });
  await time.increase(CHALLENGE_WINDOW_SECONDS);

  const batch = await commitBatch(world, "window", { nonce: 102n, count: 5 });
  await challengeClaim(world, batch, 0);
  await challengeClaim(world, batch, 1);
  await settlement.connect(challenger).demandReveal(batch.header, 2, { value: CHALLENGE_BOND_WEI });
  const vouched = await commitBatch(world, "window", { nonce: 103n });
  await settlement.prove(...memberOf(vouched, 0), TEE, hostileAddress, "0x");
  await settlement.attestBatch(vouched.header, "0x");
  await challengeClaim(world, vouched, 1);
  await settlement.answer(
    ...([vouched.batchId, claimAt(vouched, 1).claim, 1, challenger.address] as const),
    ...([QUORUM, hostileAddress, "0x"] as const),
  );
  const { claims } = await buildBatch(world, "window");
  const own = batchOf(
    world,
    claims.map((claim) => ({ ...claim, operator: hostileAddress })),
  );
  const soon = await time.latest();
  const { interface: abi } = settlement;
  const bond = { valueWei: CHALLENGE_BOND_WEI };
  const opening = { proof: [], input: "0x", salt: wordOf(0n), output: "0x" };
  const dispute = [batch.batchId, claimAt(batch, 1).claim, 1, challenger.address] as const;
  const calls: Reentry[] = [
    call("commit", [own.header]),
    call("release", [[settled.header]]),
    call("prove", [...memberOf(batch, 4), QUORUM, hostileAddress, "0x"]),
    call("attestBatch", [batch.header, "0x"]),
    call("reopenBatch", [vouched.header]),
    call("reopenClaim", [...memberOf(vouched, 0), TEE]),
    call("challenge", [...memberOf(batch, 4)], bond),
    call("answer", [...dispute, QUORUM, hostileAddress, "0x"]),
    call("resolve", [old.batchId, claimAt(old, 0).claim, 0, challenger.address]),
    call("disprove", [...memberOf(batch, 4), challenger.address, wordOf(9n), hostileAddress, "0x"]),
    call("voidChallenge", [...dispute]),
    call("demandReveal", [batch.header, 4], bond),
    call("reveal", [...memberOf(batch, 2), opening]),
    call("resolveDemand", [old.header, 1, challenger.address]),
    call("record", [...memberOf(settled, 0)]),
    call("pauseCommits", [soon + 3600]),
    call("closePolicy", [world.policyIds.window]),
    call("lengthenChallengeWindow", [batch.header, soon + CHALLENGE_WINDOW_SECONDS + 3600]),
    call("lengthenDeadline", [batch.header, 1, soon + 2 * PROVE_WINDOW_SECONDS]),
    call("stake", [operator.address], { valueWei: 1n }),
    call("unbond", [ZeroAddress, 1n]),
    call("setSender", [stranger.address, [world.policyIds.window], true]),
    call("setLockable", [ZeroAddress, 5000]),
    call("withdraw", [ZeroAddress, stranger.address]),
    call("resumeCommits", [], { live: false }),
    call("resume", [ZeroAddress], { live: false }),
    call("stakeToken", [operator.address, hostileAddress, 1n], { live: false }),
    call("completeUnbonding", [ZeroAddress, stranger.address], { live: false }),
    call("penalise", [world.policyIds.window, operator.address, hostileAddress, hostileAddress], {
      live: false,
    }),
    call("setAuthority", [hostileAddress], { live: false }),
  ];
  return { world, batch, calls };

  function call(name: string, args: readonly unknown[], rest: Partial<Reentry> = {}): Reentry {
    return { name, data: (abi as Interface).encodeFunctionData(name, args), ...rest };
  }
}

function writingFunctions(abi: Interface): string[] {
  const names: string[] = [];
  abi.forEachFunction(({ name, stateMutability }) => {
    if (stateMutability === "nonpayable" || stateMutability === "payable") names.push(name);
  });
  return names.sort();
}

function interfaceIdOf(abi: Interface, names: string[]): string {
  const id = names.reduce((all, name) => all ^ BigInt(abi.getFunction(name)?.selector ?? 0n), 0n);
  return `0x${id.toString(16).padStart(8, "0")}`;
}

function allowCall({ policies }: HostileWorld, kind: number, evidence: string): string {
  return policies.interface.encodeFunctionData("allowEvidence", [kind, evidence]);
}
