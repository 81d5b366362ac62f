// SPDX-License-Identifier: MIT
import type { Claim } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import type { Receipt } from "@meantime/sdk/receipt";
import { expect } from "chai";
import { id, Wallet, ZeroAddress } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import {
  asAddress,
  CHALLENGER_BPS,
  CLAIM_BOND_WEI,
  deployWorld,
  networkHelpers,
  REQUESTER_BPS,
  type World,
  wordOf,
} from "./fixture.ts";
import { GRACE_SECONDS, promiseClaim, REPORT_WINDOW_SECONDS, signedBy } from "./promises.ts";

const { loadFixture, time } = networkHelpers;
const PENALTY_PAID_BPS = 2500n;
const PAID_WEI = (CLAIM_BOND_WEI * PENALTY_PAID_BPS) / 10_000n;
const REPORTER_WEI = (PAID_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
const REQUESTER_WEI = (PAID_WEI * BigInt(REQUESTER_BPS)) / 10_000n;

describe("Receipts: equivocation", () => {
  it("R-11 costs a claim bond at once, without a bond of the reporter's", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, receipts, operator, stranger, requester } = world;
    const [a, b] = await twoAnswers(world);
    await expect(receipts.connect(stranger).reportEquivocation(...reportOf(a, b)))
      .to.emit(receipts, "EquivocationReported")
      .withArgs(operator.address, a.claimId, b.claimId, stranger.address)
      .to.emit(settlement, "OperatorPenalised")
      .withArgs(
        ...[operator.address, a.claim.policyId, stranger.address],
        ...[REPORTER_WEI, REQUESTER_WEI, CLAIM_BOND_WEI - REPORTER_WEI - REQUESTER_WEI],
      );
    expect(await settlement.creditOf(stranger.address, ZeroAddress)).to.equal(REPORTER_WEI);
    expect(await settlement.creditOf(requester.address, ZeroAddress)).to.equal(REQUESTER_WEI);
    const { stakeWei, suspended } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect([stakeWei, suspended]).to.deep.equal([10n ** 18n - CLAIM_BOND_WEI, true]);
  });

  it("R-19 costs it once for each request, in either order and for any further answer", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts } = world;
    const [a, b] = await twoAnswers(world);
    const c = await promiseClaim(world, { outputHash: wordOf(3n) });
    await receipts.reportEquivocation(...reportOf(a, b));
    for (const pair of [reportOf(a, b), reportOf(b, a), reportOf(a, c)]) {
      await expect(receipts.reportEquivocation(...pair)).to.be.revertedWithCustomError(
        receipts,
        "AlreadyReported",
      );
    }
  });

  it("R-41 a stolen key is worth one claim bond of a policy, however many pairs it signs, and is revoked", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, settlement, operator, receiptKey } = world;
    const [a, b] = await twoAnswers(world);
    const other = await twoAnswers(world, { requestId: id("another") as Hex });
    const underZk = await twoAnswers(world, {
      ...{ requestId: id("a third") as Hex, policyId: world.policyIds.zk },
    });
    await expect(receipts.reportEquivocation(...reportOf(a, b)))
      .to.emit(receipts, "ReceiptKeyRevoked")
      .withArgs(operator.address, receiptKey.address, (until: bigint) => until > a.claim.servedAt);
    const revokedAt = BigInt(await time.latest());
    expect((await receipts.receiptKeyOf(operator.address, receiptKey.address)).validUntil).to.equal(
      revokedAt,
    );
    for (const pair of [reportOf(...other), reportOf(other[1], other[0])]) {
      await expect(receipts.reportEquivocation(...pair))
        .to.be.revertedWithCustomError(receipts, "KeyConvicted")
        .withArgs(operator.address, receiptKey.address, a.claim.policyId);
    }
    await expect(receipts.reportEquivocation(...reportOf(...underZk))).not.to.emit(
      receipts,
      "ReceiptKeyRevoked",
    );
    const { stakeWei } = await settlement.operatorOf(operator.address, ZeroAddress);
    expect(stakeWei).to.equal(10n ** 18n - 2n * CLAIM_BOND_WEI);
  });

  it("R-11 another key of the operator is convicted by itself, and once", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, operator } = world;
    const second = new Wallet(id("a second key"));
    await receipts.connect(operator).addReceiptKey(second.address);
    const [a, b] = await twoAnswers(world);
    const [c, d] = await twoAnswers(world, { requestId: id("another") as Hex });
    const [e, f] = await twoAnswers(world, { requestId: id("a third") as Hex });
    await receipts.reportEquivocation(...reportOf(a, b));
    await receipts.reportEquivocation(...reportOf(signedBy(world, c, second), d));
    await expect(receipts.reportEquivocation(...reportOf(signedBy(world, e, second), f)))
      .to.be.revertedWithCustomError(receipts, "KeyConvicted")
      .withArgs(operator.address, second.address, a.claim.policyId);
  });

  it("R-02 is two outputs for one request: any other two claims are none", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts } = world;
    const [a] = await twoAnswers(world);
    const others: Partial<Claim>[] = [
      {},
      { servedAt: a.claim.servedAt + 1n },
      { outputHash: wordOf(2n), requester: asAddress(world.stranger.address) },
      { outputHash: wordOf(2n), requestId: id("another") as Hex },
      { outputHash: wordOf(2n), modelId: `${a.claim.modelId.slice(0, -4)}0007` as Hex },
      { outputHash: wordOf(2n), inputHash: wordOf(77n) },
      { outputHash: wordOf(2n), operator: asAddress(world.stranger.address) },
    ];
    for (const overrides of others) {
      const b = await promiseClaim(world, { ...a.claim, ...overrides });
      await expect(receipts.reportEquivocation(...reportOf(a, b)), Object.keys(overrides).join())
        .to.be.revertedWithCustomError(receipts, "NoEquivocation")
        .withArgs(a.claimId, b.claimId);
    }
  });

  it("is found across policies and times: one request has one answer", async () => {
    const world = await loadFixture(deployWorld);
    const a = await promiseClaim(world, { outputHash: wordOf(1n) });
    const servedAt = a.claim.servedAt + 5n;
    const b = await promiseClaim(world, {
      ...a.claim,
      ...{ outputHash: wordOf(2n), policyId: world.policyIds.zk, servedAt, commitBy: servedAt + 60n },
    });
    await time.increase(10);
    await expect(world.receipts.reportEquivocation(...reportOf(b, a)))
      .to.emit(world.settlement, "OperatorPenalised")
      .withArgs(
        ...[world.operator.address, world.policyIds.zk, world.admin.address],
        ...[REPORTER_WEI, REQUESTER_WEI, CLAIM_BOND_WEI - REPORTER_WEI - REQUESTER_WEI],
      );
  });

  it("R-41 needs a binding signature of both", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts, operator } = world;
    const [a, b] = await twoAnswers(world);
    const thief = new Wallet(id("thief"));
    for (const pair of [
      reportOf(signedBy(world, a, thief), b),
      reportOf(a, signedBy(world, b, thief)),
      [a.claim, b.signature, b.claim, a.signature] as const,
    ]) {
      await expect(receipts.reportEquivocation(...pair)).to.be.revertedWithCustomError(receipts, "NotSigned");
    }
    await receipts.markCompromised(operator.address, world.receiptKey.address, b.claim.servedAt);
    await expect(receipts.reportEquivocation(...reportOf(a, b))).to.be.revertedWithCustomError(
      receipts,
      "NotSigned",
    );
  });

  it("R-07 needs two receipts that bind: none beyond the horizon", async () => {
    const world = await loadFixture(deployWorld);
    const { receipts } = world;
    const [a] = await twoAnswers(world);
    const far = await promiseClaim(world, {
      ...{ ...a.claim, outputHash: wordOf(9n) },
      commitBy: a.claim.servedAt + 86_401n,
    });
    for (const pair of [reportOf(a, far), reportOf(far, a)]) {
      await expect(receipts.reportEquivocation(...pair))
        .to.be.revertedWithCustomError(receipts, "VoidReceipt")
        .withArgs(far.claimId);
    }
  });

  it("R-06 is reported within the report window of both receipts", async () => {
    const world = await loadFixture(deployWorld);
    const servedAt = BigInt(await time.latest()) + 1000n;
    const early = await promiseClaim(world, { outputHash: wordOf(1n), servedAt, commitBy: servedAt + 60n });
    const late = await promiseClaim(world, {
      ...early.claim,
      outputHash: wordOf(2n),
      commitBy: servedAt + 600n,
    });
    const attempt = (pair: [Receipt, Receipt]): Attempt => {
      const args = reportOf(...pair);
      return { contract: world.receipts, from: world.stranger, name: "reportEquivocation", args };
    };
    const until = early.claim.commitBy + GRACE_SECONDS + REPORT_WINDOW_SECONDS;
    for (const [at, outcome] of [
      [servedAt - 1n, "NotReportable"],
      [servedAt, "done"],
      [until - 1n, "done"],
      [until, "NotReportable"],
      [until + 1n, "NotReportable"],
    ] as const) {
      for (const pair of [
        [early, late],
        [late, early],
      ] as [Receipt, Receipt][]) {
        expect(await outcomeAt(at, attempt(pair)), `${at - servedAt}`).to.equal(outcome);
      }
    }
  });
});

/** Two receipts with different answers to one request. */
async function twoAnswers(world: World, overrides: Partial<Claim> = {}): Promise<[Receipt, Receipt]> {
  const a = await promiseClaim(world, { outputHash: wordOf(1n), ...overrides });
  return [a, await promiseClaim(world, { ...a.claim, outputHash: wordOf(2n) })];
}

function reportOf(a: Receipt, b: Receipt) {
  return [a.claim, a.signature, b.claim, b.signature] as const;
}
