// SPDX-License-Identifier: MIT

import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import {
  ATTESTED_WINDOW_SECONDS,
  CHALLENGE_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  signBatch,
  signClaim,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

describe("Settlement: enclave evidence", () => {
  it("makes a whole batch final at once under the rule tee", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "tee");
    await expect(
      world.settlement.connect(world.stranger).attestBatch(batch.header, await signBatch(world, batch)),
    )
      .to.emit(world.settlement, "BatchAttested")
      .withArgs(batch.batchId, (await time.latest()) + 1, 1);
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
    await expect(
      thief.answer(
        batch.batchId,
        claim,
        0,
        world.challenger.address,
        EVIDENCE_KINDS.tee,
        world.stranger.address,
        signature,
      ),
    )
      .to.be.revertedWithCustomError(world.settlement, "EvidenceRejected")
      .withArgs(EVIDENCE_KINDS.tee);
    await thief.answer(
      batch.batchId,
      claim,
      0,
      world.challenger.address,
      EVIDENCE_KINDS.tee,
      world.prover.address,
      signature,
    );
    expect(await world.settlement.creditOf(world.prover.address, ZeroAddress)).to.equal(CHALLENGE_BOND_WEI);
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
    await expect(
      world.settlement.answer(
        batch.batchId,
        claim,
        0,
        world.challenger.address,
        4,
        world.prover.address,
        "0x",
      ),
    )
      .to.be.revertedWithCustomError(world.settlement, "EvidenceKindNotAccepted")
      .withArgs(world.policyIds.window, 4);
    const signature = await signClaim(world, claimAt(batch, 0).claimId, ZeroAddress);
    await expect(
      world.settlement.answer(
        batch.batchId,
        claim,
        0,
        world.challenger.address,
        EVIDENCE_KINDS.tee,
        ZeroAddress,
        signature,
      ),
    ).to.be.revertedWithCustomError(world.settlement, "ZeroArgument");
  });
});
