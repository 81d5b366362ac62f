// SPDX-License-Identifier: MIT

import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_RULES } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { id, ZeroAddress } from "ethers";
import {
  ATTESTED_WINDOW_SECONDS,
  asAddress,
  batchOf,
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
  signBatch,
  wordOf,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

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
      ...[committedAt, attestedAt, attestedAt + ATTESTED_WINDOW_SECONDS, 0],
      ...[1, 1, 1, 0, false, EVIDENCE_RULES.teeThenWindow],
    ]);
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address);
    await world.settlement.release([batch.header]);
    expect(await world.settlement.batchOf(batch.batchId)).to.deep.equal([
      ...[committedAt, attestedAt, attestedAt + ATTESTED_WINDOW_SECONDS, 0],
      ...[1, 1, 0, 1, true, EVIDENCE_RULES.teeThenWindow],
    ]);
    expect((await world.settlement.batchOf(wordOf(1n))).committedAt).to.equal(0);
    expect(await world.settlement.POLICIES()).to.equal(await world.policies.getAddress());
    const libraries = {
      Setbacks: await ethers.deployContract("Setbacks"),
      TermsCopy: await ethers.deployContract("TermsCopy"),
    };
    for (const args of [
      [ZeroAddress, world.policies],
      [world.manager, ZeroAddress],
    ]) {
      await expect(ethers.deployContract("Settlement", args, { libraries })).to.be.revertedWithCustomError(
        world.settlement,
        "ZeroArgument",
      );
    }
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

  it("R-30 I-17 knows a claim at its own index alone, in trees of every shape", async () => {
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

  it("R-17 I-17 gives one position to one claim: two claims cannot share a bond", async () => {
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

  it("R-30 R-31 R-33 follows a proof to the root of a tree of this size, neither shorter nor longer", async () => {
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

function alter(value: string | number | bigint): string | number | bigint {
  if (typeof value === "string") return `${value.slice(0, -1)}${value.endsWith("1") ? "2" : "1"}`;
  return typeof value === "bigint" ? value + 1n : value + 1;
}
