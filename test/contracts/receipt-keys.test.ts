// SPDX-License-Identifier: MIT
import { expect } from "chai";
import { Wallet, ZeroAddress } from "ethers";
import { inOneBlock, UNESTIMATED } from "./blocks.ts";
import { outcomeAt } from "./clock.ts";
import { deployWorld, networkHelpers, type World } from "./fixture.ts";
import { promiseClaim, reportAttempt, reportableFrom } from "./promises.ts";

const { loadFixture, time } = networkHelpers;
const FOR_EVER = 2n ** 40n - 1n;

describe("Receipts: keys", () => {
  it("R-55 I-19 bind from the second they were added until the second they were revoked, exclusive", async () => {
    const world = await loadFixture(deployWorld);
    const key = Wallet.createRandom();
    const validFrom = BigInt(await time.latest()) + 100n;
    await time.setNextBlockTimestamp(validFrom);
    await world.receipts.connect(world.operator).addReceiptKey(key.address);
    await time.setNextBlockTimestamp(validFrom + 50n);
    await world.receipts.connect(world.operator).revokeReceiptKey(key.address);
    const validUntil = validFrom + 50n;
    expect(await intervalOf(world, key)).to.deep.equal([validFrom, validUntil]);
    for (const [servedAt, outcome] of [
      [validFrom - 1n, "NotSigned"],
      [validFrom, "done"],
      [validUntil - 1n, "done"],
      [validUntil, "NotSigned"],
      [validUntil + 1n, "NotSigned"],
    ] as const) {
      const receipt = await promiseClaim(world, { servedAt, commitBy: servedAt + 600n }, key);
      const at = reportableFrom(receipt);
      expect(await outcomeAt(at, reportAttempt(world, receipt)), `${servedAt - validFrom}`).to.equal(outcome);
    }
  });

  it("R-51 R-55 I-19 stop binding where the guardian's mark begins, and nothing before", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, operator, receiptKey } = world;
    const [validFrom] = await intervalOf(world, receiptKey);
    await time.increase(1000);
    const since = (validFrom ?? 0n) + 500n;
    await expect(receipts.markCompromised(operator.address, receiptKey.address, since))
      .to.emit(receipts, "ReceiptKeyCompromised")
      .withArgs(operator.address, receiptKey.address, since);
    expect(await intervalOf(world, receiptKey)).to.deep.equal([validFrom, since]);
    for (const [servedAt, outcome] of [
      [since - 1n, "done"],
      [since, "NotSigned"],
    ] as const) {
      const receipt = await promiseClaim(world, { servedAt, commitBy: servedAt + 600n });
      expect(await outcomeAt(reportableFrom(receipt), reportAttempt(world, receipt))).to.equal(outcome);
    }
  });

  it("R-53 keep a mark that can be moved back in time, not forth, and never lies in the future", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, operator, receiptKey } = world;
    await time.increase(1000);
    const now = BigInt(await time.latest());
    const mark = (since: bigint) => receipts.markCompromised(operator.address, receiptKey.address, since);
    await expect(mark(0n)).to.be.revertedWithCustomError(receipts, "BadCompromise");
    await expect(mark(now + 100n))
      .to.be.revertedWithCustomError(receipts, "BadCompromise")
      .withArgs(now + 100n);
    await mark(now - 10n);
    for (const since of [now - 9n, now - 10n]) {
      await expect(mark(since)).to.be.revertedWithCustomError(receipts, "BadCompromise").withArgs(since);
    }
    await mark(now - 11n);
    expect((await intervalOf(world, receiptKey))[1]).to.equal(now - 11n);
    await expect(receipts.markCompromised(operator.address, world.stranger.address, now))
      .to.be.revertedWithCustomError(receipts, "ReceiptKeyNotActive")
      .withArgs(operator.address, world.stranger.address);
    await expect(
      receipts.connect(operator).markCompromised(operator.address, receiptKey.address, 1n),
    ).to.be.revertedWithCustomError(receipts, "AccessManagedUnauthorized");
  });

  it("R-55 bind nothing when added and revoked in one second", async () => {
    const world = await loadFixture(deployWorld);
    const key = Wallet.createRandom();
    const receipts = world.receipts.connect(world.operator);
    const done = await inOneBlock(
      () => receipts.addReceiptKey(key.address, UNESTIMATED),
      () => receipts.revokeReceiptKey(key.address, UNESTIMATED),
    );
    expect(done).to.deep.equal([true, true]);
    const now = BigInt(await time.latest());
    expect(await intervalOf(world, key)).to.deep.equal([now, now]);
  });

  it("R-17 I-19 are all revoked when the operator begins to unbond, also one added in that second before it, and none after", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, operator, receiptKey } = world;
    const [validFrom] = await intervalOf(world, receiptKey);
    const [fresh, next] = [Wallet.createRandom(), Wallet.createRandom()];
    const done = await inOneBlock(
      () => receipts.connect(operator).addReceiptKey(fresh.address, UNESTIMATED),
      () => settlement.connect(operator).unbond(ZeroAddress, 1n, UNESTIMATED),
      () => receipts.connect(operator).addReceiptKey(next.address, UNESTIMATED),
    );
    expect(done).to.deep.equal([true, true, true]);
    const now = BigInt(await time.latest());
    expect(await settlement.keyEpochOf(operator.address)).to.equal(1);
    expect(await settlement.epochEndedAt(operator.address, 0)).to.equal(now);
    expect(await settlement.epochEndedAt(operator.address, 1)).to.equal(0);
    expect(await intervalOf(world, receiptKey)).to.deep.equal([validFrom, now]);
    expect(await intervalOf(world, fresh)).to.deep.equal([now, now]);
    expect(await intervalOf(world, next)).to.deep.equal([now, FOR_EVER]);
    await expect(receipts.connect(operator).addReceiptKey(receiptKey.address))
      .to.be.revertedWithCustomError(receipts, "ReceiptKeyKnown")
      .withArgs(operator.address, receiptKey.address);
  });

  it("R-55 keep an earlier revocation when the operator unbonds later", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, operator, receiptKey } = world;
    await receipts.connect(operator).revokeReceiptKey(receiptKey.address);
    const interval = await intervalOf(world, receiptKey);
    await time.increase(100);
    await settlement.connect(operator).unbond(ZeroAddress, 1n);
    expect(await intervalOf(world, receiptKey)).to.deep.equal(interval);
  });
});

async function intervalOf(
  { receipts, operator }: World,
  { address }: { address: string },
): Promise<bigint[]> {
  return [...(await receipts.receiptKeyOf(operator.address, address))];
}
