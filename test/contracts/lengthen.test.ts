// SPDX-License-Identifier: MIT
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { AbiCoder, keccak256 } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import { answerClaim, attemptOn } from "./disputes.ts";
import {
  ATTESTED_WINDOW_SECONDS,
  type Batch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  commitBatch,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  signBatch,
  type World,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;
const DAY_SECONDS = 24 * 3600;
const MAX_LENGTHENING_SECONDS = BigInt(3 * DAY_SECONDS);
const MAX_LOAD_SECONDS = BigInt(DAY_SECONDS);
const CHALLENGE_WINDOW = BigInt(CHALLENGE_WINDOW_SECONDS);
const COUNTER_MASK = 0xfffffn;
const DISPUTED_OFFSET = 212n;
const PROVE_WINDOW = BigInt(PROVE_WINDOW_SECONDS);

describe("Settlement: longer challenge windows", () => {
  it("R-07 R-51 never get shorter, and at most three days longer than the policy says", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const batch = await commitBatch(world, "window");
    const finalAt = await settlement.finalAt(batch.batchId);
    const max = finalAt + MAX_LENGTHENING_SECONDS;
    const at = finalAt - 10n;
    for (const [wanted, outcome] of [
      [finalAt - 1n, "BadDeadline"],
      [finalAt, "BadDeadline"],
      [finalAt + 1n, "done"],
      [max, "done"],
      [max + 1n, "BadDeadline"],
    ] as const) {
      expect(await outcomeAt(at, lengthenWindow(world, batch, wanted)), `${wanted - finalAt}`).to.equal(
        outcome,
      );
    }
    await expect(settlement.lengthenChallengeWindow(batch.header, max))
      .to.emit(settlement, "ChallengeWindowLengthened")
      .withArgs(batch.batchId, max);
    expect(await settlement.finalAt(batch.batchId)).to.equal(max);
    await expect(settlement.lengthenChallengeWindow(batch.header, max + 1n))
      .to.be.revertedWithCustomError(settlement, "BadDeadline")
      .withArgs(max + 1n, max);
  });

  it("R-06 R-54 can be lengthened until their end, not at it", async () => {
    const world = await loadFixture(deployWorld);
    const batch = await commitBatch(world, "window");
    const finalAt = await world.settlement.finalAt(batch.batchId);
    const lengthen = lengthenWindow(world, batch, finalAt + 100n);
    expect(await outcomeAt(finalAt - 1n, lengthen)).to.equal("done");
    expect(await outcomeAt(finalAt, lengthen)).to.equal("BatchFinal");
    expect(await outcomeAt(finalAt + 1n, lengthen)).to.equal("BatchFinal");
  });

  it("R-06 keep claims challengeable and bonds locked to the new second", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, stranger } = world;
    const batch = await commitBatch(world, "window");
    const finalAt = (await settlement.finalAt(batch.batchId)) + 1000n;
    await settlement.lengthenChallengeWindow(batch.header, finalAt);
    const { challenge } = attemptOn(world, batch, 0);
    const release: Attempt = {
      contract: settlement,
      from: stranger,
      name: "release",
      args: [[batch.header]],
    };
    expect(await outcomeAt(finalAt - 1n, challenge)).to.equal("done");
    expect(await outcomeAt(finalAt - 1n, release)).to.equal("BatchOpen");
    expect(await outcomeAt(finalAt, challenge)).to.equal("WrongStatus");
    expect(await outcomeAt(finalAt, release)).to.equal("done");
  });

  it("count from the commit also where an attestation has shortened the window", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const batch = await commitBatch(world, "teeThenWindow");
    const committedAt = BigInt(await time.latest());
    await settlement.attestBatch(batch.header, await signBatch(world, batch));
    const attestedAt = BigInt(await time.latest());
    expect(await settlement.finalAt(batch.batchId)).to.equal(attestedAt + BigInt(ATTESTED_WINDOW_SECONDS));
    const max = committedAt + CHALLENGE_WINDOW + MAX_LENGTHENING_SECONDS;
    expect(await outcomeAt(attestedAt + 5n, lengthenWindow(world, batch, max + 1n))).to.equal("BadDeadline");
    await settlement.lengthenChallengeWindow(batch.header, max);
  });
});

describe("Settlement: longer deadlines", () => {
  it("R-07 R-13 R-51 never get shorter, nor longer than was known at the commit", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const batch = await commitBatch(world, "window");
    const committedAt = BigInt(await time.latest());
    await challengeClaim(world, batch, 0);
    await settlement.connect(world.challenger).demandReveal(batch.header, 1, { value: CHALLENGE_BOND_WEI });
    const max = committedAt + CHALLENGE_WINDOW + PROVE_WINDOW + MAX_LOAD_SECONDS + MAX_LENGTHENING_SECONDS;
    for (const index of [0, 1]) {
      const { deadline } = await settlement.leafOf(batch.batchId, index);
      for (const [wanted, outcome] of [
        [deadline - 1n, "BadDeadline"],
        [deadline, "BadDeadline"],
        [deadline + 1n, "done"],
        [max, "done"],
        [max + 1n, "BadDeadline"],
      ] as const) {
        const lengthen = lengthenDeadline(world, batch, index, wanted);
        expect(await outcomeAt(deadline - 5n, lengthen), `${index}: ${wanted - deadline}`).to.equal(outcome);
      }
      expect(await outcomeAt(deadline - 1n, lengthenDeadline(world, batch, index, max))).to.equal("done");
      expect(await outcomeAt(deadline, lengthenDeadline(world, batch, index, max))).to.equal("TooLate");
      expect(await outcomeAt(deadline + 1n, lengthenDeadline(world, batch, index, max))).to.equal("TooLate");
    }
  });

  it("R-06 keep the claim answerable to the new second, by the same challenger's tag", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const batch = await commitBatch(world, "window");
    await challengeClaim(world, batch, 0);
    const { deadline, tag } = await settlement.leafOf(batch.batchId, 0);
    const longer = deadline + 500n;
    await expect(settlement.lengthenDeadline(batch.header, 0, longer))
      .to.emit(settlement, "DeadlineLengthened")
      .withArgs(batch.batchId, 0, longer);
    expect(await settlement.leafOf(batch.batchId, 0)).to.deep.equal([1, 0, longer, tag]);
    const { resolve } = attemptOn(world, batch, 0);
    expect(await outcomeAt(longer - 1n, resolve)).to.equal("TooEarly");
    expect(await outcomeAt(longer, resolve)).to.equal("done");
    await time.setNextBlockTimestamp(longer - 1n);
    await answerClaim(world, batch, 0);
  });

  it("exist for open disputes alone", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const batch = await commitBatch(world, "window");
    await expect(settlement.lengthenDeadline(batch.header, 0, 2n ** 40n - 1n))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(batch.batchId, STATUS.Committed);
    await challengeClaim(world, batch, 0);
    await answerClaim(world, batch, 0);
    await expect(settlement.lengthenDeadline(batch.header, 0, 2n ** 40n - 1n))
      .to.be.revertedWithCustomError(settlement, "WrongStatus")
      .withArgs(batch.batchId, STATUS.Attested);
  });
});

describe("Settlement: prove windows under load", () => {
  it("R-14 R-16 grow by a minute for every dispute already open in the batch, and shrink again", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger } = world;
    const batch = await commitBatch(world, "window", { count: 6 });
    const windowOf = async (index: number): Promise<bigint> =>
      (await settlement.leafOf(batch.batchId, index)).deadline - BigInt(await time.latest());
    for (const [index, minutes] of [
      [0, 0n],
      [1, 1n],
      [2, 2n],
    ] as const) {
      await challengeClaim(world, batch, index);
      expect(await windowOf(index)).to.equal(PROVE_WINDOW + 60n * minutes);
    }
    await settlement.connect(challenger).demandReveal(batch.header, 3, { value: CHALLENGE_BOND_WEI });
    expect(await windowOf(3)).to.equal(PROVE_WINDOW + 180n);
    await answerClaim(world, batch, 0);
    await answerClaim(world, batch, 1);
    await challengeClaim(world, batch, 4);
    expect(await windowOf(4)).to.equal(PROVE_WINDOW + 120n);
    const other = await commitBatch(world, "window", { nonce: 2n });
    await challengeClaim(world, other, 0);
    expect((await settlement.leafOf(other.batchId, 0)).deadline).to.equal(
      BigInt(await time.latest()) + PROVE_WINDOW,
    );
  });

  it("R-13 grow by a day at most", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const batch = await commitBatch(world, "window");
    for (const [open, loadSeconds] of [
      [1439n, 1439n * 60n],
      [1440n, MAX_LOAD_SECONDS],
      [1441n, MAX_LOAD_SECONDS],
      [65_535n, MAX_LOAD_SECONDS],
    ] as const) {
      await setOpenDisputes(world, batch, open);
      const { challenge } = attemptOn(world, batch, 0);
      const restore = await networkHelpers.takeSnapshot();
      await settlement
        .connect(world.challenger)
        .challenge(...memberOf(batch, 0), { value: challenge.value ?? 0n });
      const { deadline } = await settlement.leafOf(batch.batchId, 0);
      expect(deadline - BigInt(await time.latest()), `${open} open`).to.equal(PROVE_WINDOW + loadSeconds);
      await restore.restore();
    }
  });
});

// 1,440 real disputes would take a minute: the counter is written where the contract keeps it.
async function setOpenDisputes({ settlement }: World, { batchId }: Batch, open: bigint): Promise<void> {
  const address = await settlement.getAddress();
  for (let slot = 0; slot < 32; slot++) {
    const key = keccak256(AbiCoder.defaultAbiCoder().encode(["bytes32", "uint256"], [batchId, slot]));
    const word = BigInt(await ethers.provider.getStorage(address, key));
    if (word === 0n) continue;
    const cleared = word & ~(COUNTER_MASK << DISPUTED_OFFSET);
    await networkHelpers.setStorageAt(address, key, cleared | (open << DISPUTED_OFFSET));
    expect((await settlement.batchOf(batchId)).disputed).to.equal(open);
    return;
  }
  throw new Error("the batches are kept elsewhere");
}

function lengthenWindow({ settlement, admin }: World, { header }: Batch, finalAt: bigint): Attempt {
  return { contract: settlement, from: admin, name: "lengthenChallengeWindow", args: [header, finalAt] };
}

function lengthenDeadline(
  { settlement, admin }: World,
  { header }: Batch,
  index: number,
  deadline: bigint,
): Attempt {
  return { contract: settlement, from: admin, name: "lengthenDeadline", args: [header, index, deadline] };
}
