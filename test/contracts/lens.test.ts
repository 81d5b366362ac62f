// SPDX-License-Identifier: MIT

import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroHash } from "ethers";
import {
  ATTESTED_WINDOW_SECONDS,
  type Batch,
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
  type World,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;
const { zk: ZK, tee: TEE } = EVIDENCE_KINDS;

interface Gap {
  status: number;
  servedAt: bigint;
  committedAt: number;
  evidenceAt: number;
  finalAt: number;
  openSeconds: bigint;
}

after(stopProver);

describe("The trust gap", () => {
  it("of an untouched claim is open until the clock ends it, and is then what it was", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const committedAt = await time.latest();
    const { servedAt } = claimAt(batch, 0).claim;
    const finalAt = committedAt + CHALLENGE_WINDOW_SECONDS;
    for (const at of [finalAt - 1, finalAt, finalAt + 1000]) {
      await time.increaseTo(at);
      await expectGap(world, batch, 0, {
        ...{ status: at < finalAt ? STATUS.Committed : STATUS.Final, servedAt, committedAt, evidenceAt: 0 },
        ...{ finalAt, openSeconds: BigInt(Math.min(at, finalAt)) - servedAt },
      });
    }
  });

  it("is closed by an enclave at once, or by its shorter window", async () => {
    const world = await loadFixture(deployWorld);
    for (const [rule, windowSeconds] of [
      ["tee", 0],
      ["teeThenWindow", ATTESTED_WINDOW_SECONDS],
    ] as const) {
      const batch = await commitBatch(world, rule);
      await time.increase(100);
      await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
      const evidenceAt = await time.latest();
      await expectGap(world, batch, 1, { evidenceAt, finalAt: evidenceAt + windowSeconds });
    }
  });

  it("is closed by a proof, by the later of two kinds where both are needed, and not by the wrong kind", async () => {
    const world = await loadFixture(deployWorld);
    const inference = infer(4);
    for (const rule of ["zk", "teeAndZk", "teeOrZk", "tee"] as const) {
      const batch = await commitInferences(world, rule, [inference]);
      await time.increase(50);
      const proof = await proveClaim(inference, claimAt(batch, 0).claimId, world.prover.address);
      await world.settlement.prove(...memberOf(batch, 0), ZK, world.prover.address, proof);
      const provenAt = await time.latest();
      const closesAlone = rule === "zk" || rule === "teeOrZk";
      const byClock = Number(await world.settlement.finalAt(batch.batchId));
      await expectGap(world, batch, 0, { evidenceAt: provenAt, finalAt: closesAlone ? provenAt : byClock });
      if (rule === "zk") continue;

      await time.increase(50);
      await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
      const attestedAt = await time.latest();
      const finalAt = rule === "teeOrZk" ? provenAt : attestedAt;
      await expectGap(world, batch, 0, { evidenceAt: attestedAt, finalAt });
    }
  });

  it("is open without an end in sight while disputed, ends late with a late answer, and is none once rejected", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const byClock = Number(await world.settlement.finalAt(batch.batchId));
    for (const [offset, index] of [
      [2, 0],
      [1, 1],
    ] as const) {
      await time.setNextBlockTimestamp(byClock - offset);
      await challengeClaim(world, batch, index);
    }
    await expectGap(world, batch, 0, { status: STATUS.Challenged, finalAt: 0 });

    await time.setNextBlockTimestamp(byClock + 100);
    const { claim, claimId } = claimAt(batch, 0);
    const signature = await signClaim(world, claimId, world.prover.address);
    await world.settlement.answer(
      ...([batch.batchId, claim, 0, world.challenger.address] as const),
      ...([TEE, world.prover.address, signature] as const),
    );
    await expectGap(world, batch, 0, { status: STATUS.Final, finalAt: byClock + 100 });

    await time.increase(PROVE_WINDOW_SECONDS + 60);
    const { claim: lie } = claimAt(batch, 1);
    await world.settlement.resolve(batch.batchId, lie, 1, world.challenger.address);
    await expectGap(world, batch, 1, { status: STATUS.Rejected, finalAt: 0, openSeconds: 0n });
  });

  it("of a revealed claim ends with the window that its revelation left", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const byClock = Number(await world.settlement.finalAt(batch.batchId));
    await time.setNextBlockTimestamp(byClock - 1);
    await world.settlement.connect(world.stranger).demandReveal(batch.header, 2, { value: 5n * 10n ** 15n });
    await expectGap(world, batch, 2, { status: STATUS.Challenged, finalAt: 0 });
    const opening = { proof: [], input: "0x", salt: ZeroHash, output: "0x" };
    await world.settlement.reveal(...memberOf(batch, 2), opening);
    const finalAt = (await time.latest()) + PROVE_WINDOW_SECONDS;
    await expectGap(world, batch, 2, { status: STATUS.Committed, evidenceAt: 0, finalAt });
  });

  it("of a claim that is nowhere is none", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const [header, claim, , proof] = memberOf(batch, 0);
    const gap = await world.lens.trustGapOf(header, claim, 1, proof);
    expect([...gap]).to.deep.equal([0n, 0n, 0n, 0n, 0n, 0n]);
  });
});

describe("The lens", () => {
  it("says whether a dispute is open, about what and by whom", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const { claimId } = claimAt(batch, 0);
    const { lens, challenger, stranger } = world;
    expect(await lens.isDisputedBy(batch.batchId, 0, claimId, challenger)).to.equal(false);
    await challengeClaim(world, batch, 0);
    expect(await lens.isDisputedBy(batch.batchId, 0, claimId, challenger)).to.equal(true);
    expect(await lens.isDisputedBy(batch.batchId, 0, claimId, stranger)).to.equal(false);
    expect(await lens.isDisputedBy(batch.batchId, 0, claimAt(batch, 1).claimId, challenger)).to.equal(false);
    expect(await lens.isDisputedBy(batch.batchId, 0, ZeroHash, challenger)).to.equal(false);

    await world.settlement.connect(stranger).demandReveal(batch.header, 1, { value: 5n * 10n ** 15n });
    expect(await lens.isDisputedBy(batch.batchId, 1, ZeroHash, stranger)).to.equal(true);
    expect(await lens.isDisputedBy(batch.batchId, 1, claimAt(batch, 1).claimId, stranger)).to.equal(false);
    expect(await lens.SETTLEMENT()).to.equal(await world.settlement.getAddress());
  });
});

async function expectGap(world: World, batch: Batch, index: number, expected: Partial<Gap>): Promise<void> {
  const gap = await world.lens.trustGapOf(...memberOf(batch, index));
  for (const [name, value] of Object.entries(expected)) expect(gap[name as keyof Gap], name).to.equal(value);
}
