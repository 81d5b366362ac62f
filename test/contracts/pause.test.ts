// SPDX-License-Identifier: MIT
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import { answerClaim, rejectFirst } from "./disputes.ts";
import {
  type Batch,
  buildBatch,
  challengeClaim,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  type World,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;
const DAY_SECONDS = 24 * 3600;
const MAX_PAUSE_SECONDS = 7 * DAY_SECONDS;
const COOLDOWN_SECONDS = 7 * DAY_SECONDS + 3600;

describe("Settlement: pause of commits", () => {
  it("R-06 R-52 stops commits until its end, exclusive", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const until = BigInt(await time.latest()) + 1000n;
    await expect(settlement.pauseCommits(until)).to.emit(settlement, "CommitsPaused").withArgs(until);
    const pausedAt = await time.latest();
    expect(await settlement.pauseOf()).to.deep.equal([pausedAt, until]);
    const commit = commitOf(world, await buildBatch(world, "window"));
    expect(await outcomeAt(until - 1n, commit)).to.equal("CommitPaused");
    expect(await outcomeAt(until, commit)).to.equal("done");
    expect(await outcomeAt(until + 1n, commit)).to.equal("done");
  });

  it("R-07 R-52 lasts a week at most, and a moment at least", async () => {
    const world = await loadFixture(deployWorld);
    const now = BigInt(await time.latest()) + 100n;
    const pause = (until: bigint) => outcomeAt(now, pauseOf(world, until));
    expect(await pause(now - 1n)).to.equal("BadPause");
    expect(await pause(now)).to.equal("BadPause");
    expect(await pause(now + 1n)).to.equal("done");
    expect(await pause(now + BigInt(MAX_PAUSE_SECONDS))).to.equal("done");
    expect(await pause(now + BigInt(MAX_PAUSE_SECONDS) + 1n)).to.equal("BadPause");
  });

  it("R-52 cannot be had again before a report window and an hour have gone by", async () => {
    const world = await loadFixture(deployWorld);
    const until = (await time.latest()) + 1000;
    await world.settlement.pauseCommits(until);
    const again = (at: number) => outcomeAt(at, pauseOf(world, BigInt(at + 10)));
    expect(await again(until - 1)).to.equal("BadPause");
    expect(await again(until + COOLDOWN_SECONDS - 1)).to.equal("BadPause");
    expect(await again(until + COOLDOWN_SECONDS)).to.equal("done");
    expect(await again(until + COOLDOWN_SECONDS + 1)).to.equal("done");
  });

  it("R-52 counts the cool-down from when a pause was ended early", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement } = world;
    const until = (await time.latest()) + 1000;
    await settlement.pauseCommits(until);
    const [from] = await settlement.pauseOf();
    await expect(settlement.resumeCommits()).to.emit(settlement, "CommitsResumed");
    const resumedAt = await time.latest();
    expect(await settlement.pauseOf()).to.deep.equal([from, resumedAt]);
    await commitBatch(world, "window");
    const at = resumedAt + COOLDOWN_SECONDS;
    expect(await outcomeAt(at - 1, pauseOf(world, BigInt(at + 10)))).to.equal("BadPause");
    expect(await outcomeAt(at, pauseOf(world, BigInt(at + 10)))).to.equal("done");
  });

  it("can be ended only while it lasts", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, admin } = world;
    await expect(settlement.resumeCommits()).to.be.revertedWithCustomError(settlement, "BadPause");
    const until = (await time.latest()) + 1000;
    await settlement.pauseCommits(until);
    const resume: Attempt = { contract: settlement, from: admin, name: "resumeCommits", args: [] };
    expect(await outcomeAt(until - 1, resume)).to.equal("done");
    expect(await outcomeAt(until, resume)).to.equal("BadPause");
  });

  it("R-51 R-52 stops nothing but commits: disputes, answers, releases and exits go on", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, operator, challenger } = world;
    const batch = await rejectFirst(world);
    await settlement.pauseCommits((await time.latest()) + MAX_PAUSE_SECONDS);
    await challengeClaim(world, batch, 1);
    await answerClaim(world, batch, 1);
    expect(await settlement.statusOf(...memberOf(batch, 1))).to.equal(STATUS.Attested);
    await settlement.connect(challenger).withdraw(ZeroAddress, challenger);
    await settlement.connect(operator).unbond(ZeroAddress, 1n);
    await time.increaseTo(await settlement.finalAt(batch.batchId));
    await settlement.release([batch.header]);
  });
});

function pauseOf({ settlement, admin }: World, until: bigint): Attempt {
  return { contract: settlement, from: admin, name: "pauseCommits", args: [until] };
}

function commitOf({ settlement, sender }: World, { header }: Batch): Attempt {
  return { contract: settlement, from: sender, name: "commit", args: [header] };
}
