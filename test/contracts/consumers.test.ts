// SPDX-License-Identifier: MIT
import { claimId } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import { ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, policyId } from "@meantime/sdk/policy";
import { type InferenceRequest, REQUEST_STATES, requestId } from "@meantime/sdk/request";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import type { EscrowedPayout, GatedLiquidation } from "../../types/ethers-contracts/index.ts";
import {
  asAddress,
  type Batch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  claimAt,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  policyFor,
  signBatch,
  signClaim,
  wordOf,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { revelation } from "./openings.ts";
import { type Inference, infer, proveClaim, stopProver } from "./proofs.ts";
import {
  type Answer,
  attest,
  callOf,
  commitAnswer,
  deployRequestWorld,
  FEE_WEI,
  LIFETIME_SECONDS,
  type RequestWorld,
  voidAnswer,
} from "./requests-fixture.ts";

const { loadFixture, time } = networkHelpers;

const COLLATERAL_WEI = 10n ** 18n;
const LOAN_WEI = 6n * 10n ** 17n;
const MAX_AGE_SECONDS = 2 * CHALLENGE_WINDOW_SECONDS;
const RISKY = infer(7);
const SAFE = otherLabel(RISKY);
// The requester's share of the fixture's claim bond: 40 % of 0.01 ether.
const COVER_WEI = 4n * 10n ** 15n;

describe("Consumers", () => {
  after(stopProver);

  describe("GatedLiquidation: R-25 collateral moves on a final inference of the latest data, and on nothing else", () => {
    it("by the clock: not before the last second of the window, and then for anybody", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const positionId = await lendOn(world, market, RISKY);
      const batch = await commitInferences(world, "window", [RISKY]);
      await world.settlement.reveal(...revelation(batch, 0));
      const finalAt = Number(await world.settlement.finalAt(batch.batchId));
      await time.setNextBlockTimestamp(finalAt - 1);
      await expect(market.liquidate(positionId, ...memberOf(batch, 0)))
        .to.be.revertedWithCustomError(world.settlement, "StatusTooLow")
        .withArgs(claimAt(batch, 0).claimId, STATUS.Committed, STATUS.Final);
      await time.setNextBlockTimestamp(finalAt);
      await expect(market.connect(world.stranger).liquidate(positionId, ...memberOf(batch, 0)))
        .to.emit(market, "Liquidated")
        .withArgs(positionId, claimAt(batch, 0).claimId);
      await expect(
        market.connect(world.prover).withdraw(ZERO_ADDRESS, world.prover.address),
      ).to.changeEtherBalance(ethers, world.prover, COLLATERAL_WEI);
      await expect(market.liquidate(positionId, ...memberOf(batch, 0)))
        .to.be.revertedWithCustomError(market, "NotLent")
        .withArgs(positionId);
    });

    it("R-36 not by what nobody vouched for and nobody could look at, although the clock made it final", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const positionId = await lendOn(world, market, RISKY);
      const hidden = await commitInferences(world, "window", [RISKY], 1n);
      const shown = await commitInferences(world, "window", [RISKY], 2n);
      await world.settlement.reveal(...revelation(shown, 0));
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      expect(await world.settlement.statusOf(...memberOf(hidden, 0))).to.equal(STATUS.Final);
      await expect(market.liquidate(positionId, ...memberOf(hidden, 0)))
        .to.be.revertedWithCustomError(market, "NeverShown")
        .withArgs(claimAt(hidden, 0).claimId);
      await market.liquidate(positionId, ...memberOf(shown, 0));
    });

    it("by the clock unshown, when an enclave vouches for the batch or the claim", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const { settlement, prover } = world;
      const first = await lendOn(world, market, RISKY);
      const second = await lendOn(world, market, RISKY);
      const batch = await commitInferences(world, "window", [RISKY], 3n);
      await settlement.attestBatch(batch.header, await signBatch(world, batch));
      const own = await commitInferences(world, "window", [RISKY], 4n);
      const signature = await signClaim(world, claimAt(own, 0).claimId, prover.address);
      await settlement.prove(...memberOf(own, 0), EVIDENCE_KINDS.tee, prover.address, signature);
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await market.liquidate(first, ...memberOf(batch, 0));
      await market.liquidate(second, ...memberOf(own, 0));
    });

    it("R-26 not by the word of an enclave that turned out compromised, although it was final by then", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const { settlement, prover, enclaveEvidence, enclaveKeyId } = world;
      const positionId = await lendOn(world, market, RISKY);
      const batch = await commitInferences(world, "window", [RISKY], 3n);
      await settlement.attestBatch(batch.header, await signBatch(world, batch));
      const attestedAt = await time.latest();
      const own = await commitInferences(world, "window", [RISKY], 4n);
      const signature = await signClaim(world, claimAt(own, 0).claimId, prover.address);
      await settlement.prove(...memberOf(own, 0), EVIDENCE_KINDS.tee, prover.address, signature);
      const vouchedAt = await time.latest();
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await enclaveEvidence.markCompromised(enclaveKeyId, vouchedAt + 1);
      await market.liquidate.staticCall(positionId, ...memberOf(own, 0));
      await enclaveEvidence.markCompromised(enclaveKeyId, vouchedAt);
      await expect(market.liquidate(positionId, ...memberOf(own, 0)))
        .to.be.revertedWithCustomError(market, "NeverShown")
        .withArgs(claimAt(own, 0).claimId);
      await market.liquidate.staticCall(positionId, ...memberOf(batch, 0));
      await enclaveEvidence.markCompromised(enclaveKeyId, attestedAt);
      await expect(market.liquidate(positionId, ...memberOf(batch, 0))).to.be.revertedWithCustomError(
        market,
        "NeverShown",
      );
    });

    it("by a real proof, at once, under a policy whose rule is satisfied by one", async () => {
      const { world } = await loadFixture(deployMarket);
      const market = await deployMarketUnder(world, world.policyIds.zk);
      const positionId = await lendOn(world, market, RISKY);
      const batch = await commitInferences(world, "zk", [RISKY]);
      await expect(market.liquidate(positionId, ...memberOf(batch, 0))).to.be.revertedWithCustomError(
        world.settlement,
        "StatusTooLow",
      );
      const { prover } = world;
      const proof = await proveClaim(RISKY, claimAt(batch, 0).claimId, prover.address);
      await world.settlement.prove(...memberOf(batch, 0), EVIDENCE_KINDS.zk, prover.address, proof);
      await market.liquidate(positionId, ...memberOf(batch, 0));
      expect(await market.creditOf(prover.address, ZERO_ADDRESS)).to.equal(COLLATERAL_WEI);
    });

    it("not by a judgement of other data, of earlier data, too old, or of another mind", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const early = await commitInferences(world, "window", [RISKY], 1n);
      const positionId = await lendOn(world, market, RISKY);
      const wrong = await commitInferences(world, "window", [infer(8), { ...RISKY, outputHash: SAFE }], 2n);
      const right = await commitInferences(world, "window", [RISKY], 3n);
      const foreign = await commitInferences(world, "tee", [RISKY], 4n);
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      const refuses = async (batch: Batch, index: number, error: string) =>
        expect(market.liquidate(positionId, ...memberOf(batch, index))).to.be.revertedWithCustomError(
          market,
          error,
        );
      await refuses(wrong, 0, "WrongInput");
      await refuses(wrong, 1, "NotLiquidatable");
      await refuses(early, 0, "Stale");
      await refuses(foreign, 0, "ForeignClaim");

      const servedAt = Number(claimAt(right, 0).claim.servedAt);
      await time.setNextBlockTimestamp(servedAt + MAX_AGE_SECONDS + 1);
      await refuses(right, 0, "Stale");
      await market.connect(world.challenger).assess(positionId, RISKY.inputHash);
      await refuses(right, 0, "Stale");
    });

    it("at the last second of its age, and each claim once", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const first = await lendOn(world, market, RISKY);
      const second = await lendOn(world, market, RISKY);
      const batch = await commitInferences(world, "window", [RISKY, { ...RISKY }]);
      for (const index of [0, 1]) await world.settlement.reveal(...revelation(batch, index));
      const servedAt = Number(claimAt(batch, 0).claim.servedAt);
      await time.setNextBlockTimestamp(servedAt + MAX_AGE_SECONDS);
      await market.liquidate(first, ...memberOf(batch, 0));
      await time.setNextBlockTimestamp(servedAt + MAX_AGE_SECONDS + 1);
      await expect(market.liquidate(second, ...memberOf(batch, 1))).to.be.revertedWithCustomError(
        market,
        "Stale",
      );
    });

    it("a claim that liquidated one position does not liquidate its twin", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const first = await lendOn(world, market, RISKY);
      const second = await lendOn(world, market, RISKY);
      const batch = await commitInferences(world, "window", [RISKY, RISKY]);
      for (const index of [0, 1]) await world.settlement.reveal(...revelation(batch, index));
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await market.liquidate(first, ...memberOf(batch, 0));
      await expect(market.liquidate(second, ...memberOf(batch, 0)))
        .to.be.revertedWithCustomError(market, "ClaimUsed")
        .withArgs(claimAt(batch, 0).claimId);
      await market.liquidate(second, ...memberOf(batch, 1));
    });

    it("R-10 a loan paid back returns the collateral, and the balance is what is owed throughout", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const { requester, prover } = world;
      const positionId = await lendOn(world, market, RISKY);
      expect(await ethers.provider.getBalance(market)).to.equal(COLLATERAL_WEI + LOAN_WEI);
      expect(await market.creditOf(requester.address, ZERO_ADDRESS)).to.equal(LOAN_WEI);
      await market.connect(requester).repay(positionId, { value: LOAN_WEI });
      expect(await market.creditOf(prover.address, ZERO_ADDRESS)).to.equal(LOAN_WEI);
      await market.connect(requester).withdraw(ZERO_ADDRESS, requester.address);
      await market.connect(prover).withdraw(ZERO_ADDRESS, prover.address);
      expect(await ethers.provider.getBalance(market)).to.equal(0n);
    });

    it("lets nobody assess but the assessor, nor lend or repay what is not there", async () => {
      const { world, market } = await loadFixture(deployMarket);
      const positionId = await lendOn(world, market, RISKY);
      await expect(market.connect(world.prover).assess(positionId, wordOf(1n)))
        .to.be.revertedWithCustomError(market, "NotAssessor")
        .withArgs(world.prover.address);
      await expect(market.connect(world.challenger).assess(99, wordOf(1n)))
        .to.be.revertedWithCustomError(market, "NotLent")
        .withArgs(99);
      for (const position of [positionId, 99n]) {
        await expect(market.lend(position, { value: LOAN_WEI }))
          .to.be.revertedWithCustomError(market, "NotOffered")
          .withArgs(position);
      }
      await expect(market.repay(positionId, { value: LOAN_WEI - 1n }))
        .to.be.revertedWithCustomError(market, "WrongPayment")
        .withArgs(LOAN_WEI - 1n, LOAN_WEI);
      await expect(market.repay(99)).to.be.revertedWithCustomError(market, "NotLent").withArgs(99);
    });

    it("does not move what was never assessed, although a final claim names the empty input", async () => {
      const { world, market } = await loadFixture(deployMarket);
      await market.connect(world.requester).offer(LOAN_WEI, { value: COLLATERAL_WEI });
      await market.connect(world.prover).lend(1, { value: LOAN_WEI });
      const batch = await commitInferences(world, "window", [{ ...RISKY, inputHash: ZERO_HASH }]);
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await expect(market.liquidate(1, ...memberOf(batch, 0))).to.be.revertedWithCustomError(market, "Stale");
    });
  });

  describe("EscrowedPayout: pays at Attested, and survives what comes later", () => {
    it("pays the payee as soon as an enclave has vouched for a yes, and not before", async () => {
      const { world, escrow, asked } = await loadFixture(deployEscrow);
      const answer = await commitAnswer(world, "teeThenWindow", asked);
      await expect(world.requests.fulfil(...callOf(answer))).to.be.revertedWithCustomError(
        world.requests,
        "AnswerTooLow",
      );
      await expect(escrow.payOut()).to.be.revertedWithCustomError(escrow, "NotPayable").withArgs(0);
      await attest(world, answer);
      await world.requests.fulfil(...callOf(answer));
      await expect(escrow.payOut()).to.emit(escrow, "PaidOut").withArgs(world.stranger.address, COVER_WEI);
      await expectPaid(world, escrow, "stranger", COVER_WEI);
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await world.requests.settle(...callOf(answer));
      expect(await world.requests.creditOf(world.operator.address, ZERO_ADDRESS)).to.equal(FEE_WEI);
      expect(await escrow.outcome()).to.equal(1);
    });

    it("gives the payout back on a no", async () => {
      const { world, escrow, asked } = await loadFixture(deployEscrow);
      const answer = await commitAnswer(world, "teeThenWindow", asked, { outputHash: SAFE });
      await attest(world, answer);
      await world.requests.fulfil(...callOf(answer));
      // Not before it is final: were it rejected, the payer would have its share of the bond as well.
      await expect(escrow.payOut()).to.be.revertedWithCustomError(escrow, "NotPayable");
      await time.increase(CHALLENGE_WINDOW_SECONDS);
      await world.requests.settle(...callOf(answer));
      await escrow.payOut();
      await expectPaid(world, escrow, "requester", COVER_WEI);
    });

    it("I-47 a lie paid out on and then disproven by a real proof leaves the payer whole", async () => {
      const { world, escrow, asked } = await loadFixture(deployLyingEscrow);
      const { settlement, requests, requester, prover, stranger } = world;
      const answer = await commitAnswer(world, "teeThenWindow", asked, { outputHash: SAFE });
      await attest(world, answer);
      await requests.fulfil(...callOf(answer));
      await escrow.payOut();
      await expectPaid(world, escrow, "stranger", COVER_WEI);

      const twinId = claimId(world.domain, { ...answer.claim, outputHash: RISKY.outputHash });
      const proof = await proveClaim(RISKY, twinId, prover.address);
      await settlement.disprove(
        ...memberOf(answer.batch, answer.index),
        ZERO_ADDRESS,
        RISKY.outputHash,
        prover.address,
        proof,
      );
      await requests.settle(...callOf(answer));
      expect(await escrow.outcome()).to.equal(3);
      await expect(escrow.connect(stranger).recover()).to.changeEtherBalance(
        ethers,
        requester,
        COVER_WEI + FEE_WEI,
      );
      await expect(escrow.payOut()).to.be.revertedWithCustomError(escrow, "NotPayable").withArgs(3);
      expect(await ethers.provider.getBalance(escrow)).to.equal(0n);
    });

    it("rejected before the payee took it: the payer has payout, share and fee", async () => {
      const { world, escrow, asked } = await loadFixture(deployEscrow);
      const answer = await approve(world, asked);
      const { settlement, challenger, requester } = world;
      const [, claim, index] = memberOf(answer.batch, answer.index);
      await settlement
        .connect(challenger)
        .challenge(...memberOf(answer.batch, index), { value: CHALLENGE_BOND_WEI });
      await time.increase(PROVE_WINDOW_SECONDS);
      await settlement.resolve(answer.batch.batchId, claim, index, challenger.address);
      await world.requests.settle(...callOf(answer));
      await escrow.payOut();
      await expect(escrow.recover()).to.changeEtherBalance(ethers, requester, COVER_WEI + FEE_WEI);
      await expectPaid(world, escrow, "requester", COVER_WEI);
    });

    it("voided: what was paid stays paid, what was not goes back, the fee in either case", async () => {
      for (const early of [true, false]) {
        const { world, escrow, asked } = await loadFixture(deployEscrow);
        const answer = await approve(world, asked);
        if (early) await escrow.payOut();
        await voidAnswer(world, answer);
        await world.requests.settle(...callOf(answer));
        if (!early) await escrow.payOut();
        await expect(escrow.recover()).to.changeEtherBalance(ethers, world.requester, FEE_WEI);
        await expectPaid(world, escrow, early ? "stranger" : "requester", COVER_WEI);
      }
    });

    it("without an answer in time, the payer has payout and fee, from the second on that it expires", async () => {
      const { world, escrow, asked } = await loadFixture(deployEscrow);
      await time.setNextBlockTimestamp(Number(asked.request.expiresAt) - 1);
      await expect(escrow.payOut()).to.be.revertedWithCustomError(escrow, "NotPayable").withArgs(0);
      await time.increaseTo(asked.request.expiresAt);
      await expect(escrow.payOut()).to.be.revertedWithCustomError(escrow, "NotPayable").withArgs(0);
      await world.requests.expire(asked.request);
      expect((await world.requests.stateOf(asked.requestId)).state).to.equal(REQUEST_STATES.Expired);
      await escrow.payOut();
      await expect(escrow.recover()).to.changeEtherBalance(ethers, world.requester, FEE_WEI);
      await expectPaid(world, escrow, "requester", COVER_WEI);
    });

    it("I-47 is not made where a bond would not cover the payout", async () => {
      const world = await loadFixture(deployRequestWorld);
      const factory = await ethers.getContractFactory("EscrowedPayout", world.requester);
      await expect(makeEscrow(world, { payoutWei: COVER_WEI + 1n }))
        .to.be.revertedWithCustomError(factory, "PayoutNotCovered")
        .withArgs(COVER_WEI + 1n, COVER_WEI);
      const shown = { ...(await policyFor(world, "teeThenWindow")), publicData: true };
      await world.policies.register(shown);
      const byEnclavesAlone = {
        ...(await policyFor(world, "teeThenWindow")),
        answerKinds: EVIDENCE_KINDS.tee,
      };
      await world.policies.register(byEnclavesAlone);
      for (const policy of [policyId(shown), policyId(byEnclavesAlone), wordOf(3n)]) {
        await expect(makeEscrow(world, { policy, payoutWei: 1n }))
          .to.be.revertedWithCustomError(factory, "PayoutNotCovered")
          .withArgs(1, 0);
      }
      await expect(makeEscrow(world, { payee: ZERO_ADDRESS })).to.be.revertedWithCustomError(
        factory,
        "ZeroArgument",
      );
    });

    it("listens to the requests contract alone", async () => {
      const { world, escrow, asked } = await loadFixture(deployEscrow);
      await expect(
        escrow.connect(world.stranger).onInference(asked.requestId, STATUS.Final, wordOf(1n), "0x"),
      )
        .to.be.revertedWithCustomError(escrow, "NotRequests")
        .withArgs(world.stranger.address);
    });
  });
});

async function deployMarket() {
  const world = await deployRequestWorld();
  return { world, market: await deployMarketUnder(world, world.policyIds.window) };
}

/** The challenger is the assessor, the requester borrows, the prover lends. */
async function deployMarketUnder(world: RequestWorld, policy: Hex): Promise<GatedLiquidation> {
  return ethers.deployContract("GatedLiquidation", [
    await world.settlement.getAddress(),
    world.modelId,
    policy,
    RISKY.outputHash,
    world.challenger.address,
    MAX_AGE_SECONDS,
  ]);
}

async function lendOn(world: RequestWorld, market: GatedLiquidation, data: Inference): Promise<bigint> {
  await market.connect(world.requester).offer(LOAN_WEI, { value: COLLATERAL_WEI });
  const positionId = await market.positionCount();
  await market.connect(world.prover).lend(positionId, { value: LOAN_WEI });
  await market.connect(world.challenger).assess(positionId, data.inputHash);
  return positionId;
}

interface EscrowTerms {
  payoutWei?: bigint;
  policy?: Hex;
  payee?: string;
  approved?: Hex;
}

/** The requester pays, the stranger is paid; a yes is what the model says truly, where `approved` is not another. */
async function makeEscrow(world: RequestWorld, terms: EscrowTerms = {}): Promise<EscrowedPayout> {
  const payoutWei = terms.payoutWei ?? COVER_WEI;
  const factory = await ethers.getContractFactory("EscrowedPayout", world.requester);
  return factory.deploy(
    await world.requests.getAddress(),
    world.modelId,
    terms.policy ?? world.policyIds.teeThenWindow,
    terms.payee ?? world.stranger.address,
    payoutWei,
    terms.approved ?? RISKY.outputHash,
    RISKY.inputHash,
    "0x1234",
    (await time.latest()) + LIFETIME_SECONDS,
    { value: payoutWei + FEE_WEI },
  );
}

async function deployEscrow() {
  return escrowIn(await deployRequestWorld(), {});
}

async function deployLyingEscrow() {
  return escrowIn(await deployRequestWorld(), { approved: SAFE });
}

async function escrowIn(world: RequestWorld, terms: EscrowTerms) {
  const escrow = await makeEscrow(world, terms);
  const [event] = await world.requests.queryFilter(world.requests.filters.InferenceRequested());
  if (!event) throw new Error("the escrow has not asked");
  const [requester, modelId, policy, operator, inputHash, feeWei, minStatus, expiresAt, gasLimit, nonce] =
    event.args.request;
  const request: InferenceRequest = {
    requester: asAddress(requester),
    modelId: modelId as Hex,
    policyId: policy as Hex,
    operator: asAddress(operator),
    inputHash: inputHash as Hex,
    feeWei,
    minStatus: Number(minStatus),
    expiresAt,
    callbackGasLimit: Number(gasLimit),
    nonce,
  };
  const asked = { request, requestId: requestId(world.requestsDomain, request) };
  expect(await escrow.REQUEST_ID()).to.equal(asked.requestId);
  return { world, escrow, asked };
}

async function approve(world: RequestWorld, asked: { request: InferenceRequest; requestId: Hex }) {
  const answer: Answer = await commitAnswer(world, "teeThenWindow", asked);
  await attest(world, answer);
  await world.requests.fulfil(...callOf(answer));
  return answer;
}

async function expectPaid(
  world: RequestWorld,
  escrow: EscrowedPayout,
  name: "requester" | "stranger",
  payoutWei: bigint,
): Promise<void> {
  const account = world[name];
  await expect(escrow.connect(account).withdraw(ZERO_ADDRESS, account.address)).to.changeEtherBalance(
    ethers,
    account,
    payoutWei,
  );
}

/** A label that the model did not give. */
function otherLabel({ outputHash }: Inference): Hex {
  return wordOf((BigInt(outputHash) + 1n) % 10n);
}
