// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { policyId } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { MaxUint256, ZeroAddress } from "ethers";
import type { MintableToken } from "../../types/ethers-contracts/index.ts";
import { answerClaim, resolveClaim } from "./disputes.ts";
import {
  asAddress,
  type Batch,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  CHALLENGER_BPS,
  CLAIM_BOND_WEI,
  claimAt,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  policyFor,
  REQUESTER_BPS,
  type World,
} from "./fixture.ts";
import { ANSWER_SECONDS, promiseClaim, reportableFrom } from "./promises.ts";

const { loadFixture, time } = networkHelpers;
const STAKE_WEI = 100n * CLAIM_BOND_WEI;
const PURSE_WEI = 2n * 10n ** 18n;
const SHARE_WEI = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
const REQUESTER_WEI = (CLAIM_BOND_WEI * BigInt(REQUESTER_BPS)) / 10_000n;

/** A world with a policy whose bonds are paid in a plain token. */
interface TokenWorld {
  world: World;
  token: MintableToken;
  tokenAddress: string;
  policyId: Hex;
}

describe("Settlement: bonds in a token", () => {
  it("R-26 locks, slashes and pays them in the token alone, and keeps exactly the burn", async () => {
    const tokenWorld = await loadFixture(deployTokenWorld);
    const { world, token, tokenAddress } = tokenWorld;
    const { settlement, operator, challenger, requester } = world;
    const batch = await commitTokenBatch(tokenWorld);
    expect((await settlement.operatorOf(operator.address, tokenAddress)).lockedWei).to.equal(
      4n * CLAIM_BOND_WEI,
    );
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).lockedWei).to.equal(0);
    await expect(settlement.connect(challenger).challenge(...memberOf(batch, 0))).to.changeTokenBalances(
      ethers,
      token,
      [challenger, settlement],
      [-CHALLENGE_BOND_WEI, CHALLENGE_BOND_WEI],
    );
    await time.increase(PROVE_WINDOW_SECONDS);
    await resolveClaim(world, batch, 0);
    expect(await settlement.creditOf(challenger.address, tokenAddress)).to.equal(
      CHALLENGE_BOND_WEI + SHARE_WEI,
    );
    expect(await settlement.creditOf(challenger.address, ZeroAddress)).to.equal(0);
    expect((await settlement.operatorOf(operator.address, tokenAddress)).suspended).to.equal(true);
    expect((await settlement.operatorOf(operator.address, ZeroAddress)).suspended).to.equal(false);

    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await settlement.release([batch.header]);
    await settlement.connect(operator).unbond(tokenAddress, STAKE_WEI - CLAIM_BOND_WEI);
    await time.increase(30 * 24 * 3600);
    await settlement.connect(operator).completeUnbonding(tokenAddress, operator);
    await expect(settlement.connect(challenger).withdraw(tokenAddress, challenger))
      .to.emit(settlement, "Withdrawn")
      .withArgs(challenger.address, tokenAddress, challenger.address, CHALLENGE_BOND_WEI + SHARE_WEI);
    await settlement.connect(requester).withdraw(tokenAddress, requester);
    expect(await token.balanceOf(requester)).to.equal(REQUESTER_WEI);
    expect(await token.balanceOf(settlement)).to.equal(CLAIM_BOND_WEI - SHARE_WEI - REQUESTER_WEI);
  });

  it("R-26 pays an answer's beneficiary in the token", async () => {
    const tokenWorld = await loadFixture(deployTokenWorld);
    const { world, tokenAddress } = tokenWorld;
    const batch = await commitTokenBatch(tokenWorld);
    await world.settlement.connect(world.challenger).challenge(...memberOf(batch, 0));
    await answerClaim(world, batch, 0);
    expect(await world.settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Attested);
    expect(await world.settlement.creditOf(world.prover.address, tokenAddress)).to.equal(CHALLENGE_BOND_WEI);
  });

  it("takes no ether where bonds are paid in a token, nor tokens that the challenger has not allowed", async () => {
    const tokenWorld = await loadFixture(deployTokenWorld);
    const { world, token } = tokenWorld;
    const { settlement, challenger } = world;
    const batch = await commitTokenBatch(tokenWorld);
    const call = settlement.connect(challenger);
    for (const value of [1n, CHALLENGE_BOND_WEI]) {
      await expect(call.challenge(...memberOf(batch, 0), { value }))
        .to.be.revertedWithCustomError(settlement, "WrongPayment")
        .withArgs(value, 0);
      await expect(call.demandReveal(batch.header, 0, { value }))
        .to.be.revertedWithCustomError(settlement, "WrongPayment")
        .withArgs(value, 0);
    }
    await token.connect(challenger).approve(settlement, CHALLENGE_BOND_WEI - 1n);
    await expect(call.challenge(...memberOf(batch, 0))).to.be.revertedWithCustomError(
      token,
      "ERC20InsufficientAllowance",
    );
    expect(await settlement.statusOf(...memberOf(batch, 0))).to.equal(STATUS.Committed);
  });

  it("R-17 covers no claim of one token by stake of another", async () => {
    const tokenWorld = await loadFixture(deployTokenWorld);
    const { world, tokenAddress } = tokenWorld;
    const { settlement, operator } = world;
    await settlement.connect(operator).unbond(tokenAddress, STAKE_WEI);
    await expect(commitTokenBatch(tokenWorld))
      .to.be.revertedWithCustomError(settlement, "InsufficientStake")
      .withArgs(operator.address, 0, 4n * CLAIM_BOND_WEI);
  });

  it("holds report bonds in the token, too, and penalises in it", async () => {
    const tokenWorld = await loadFixture(deployTokenWorld);
    const { world, token, tokenAddress } = tokenWorld;
    const { settlement, receipts, challenger } = world;
    await receipts.connect(world.operator).acceptPolicies([tokenWorld.policyId]);
    const receipt = await promiseClaim(world, { policyId: tokenWorld.policyId });
    await token.connect(challenger).approve(receipts, CHALLENGE_BOND_WEI);
    await time.setNextBlockTimestamp(reportableFrom(receipt));
    await receipts.connect(challenger).reportOmission(receipt.claim, receipt.signature);
    expect(await token.balanceOf(receipts)).to.equal(CHALLENGE_BOND_WEI);
    await time.increase(ANSWER_SECONDS);
    await receipts.connect(challenger).resolveOmission(receipt.claim);
    expect(await settlement.creditOf(challenger.address, tokenAddress)).to.equal(SHARE_WEI / 4n);
    await receipts.connect(challenger).withdraw(tokenAddress, challenger);
    expect(await token.balanceOf(receipts)).to.equal(0);
    expect(await token.balanceOf(challenger)).to.equal(PURSE_WEI);
  });
});

describe("PolicyRegistry: bond tokens", () => {
  it("R-26 are taken from the governed list alone, which keeps every token's place", async () => {
    const { world, token, tokenAddress } = await loadFixture(deployTokenWorld);
    const { policies, settlement, operator } = world;
    const policy = { ...(await policyFor(world, "zk")), bondToken: asAddress(tokenAddress) };
    expect(await policies.tokenIndexOf(token)).to.equal(1);
    await expect(policies.disallowBondToken(token))
      .to.emit(policies, "BondTokenSet")
      .withArgs(tokenAddress, 1, false);
    expect(await policies.isBondTokenAllowed(token)).to.equal(false);
    await expect(policies.register(policy))
      .to.be.revertedWithCustomError(policies, "BondTokenNotAllowed")
      .withArgs(tokenAddress);
    expect(await policies.tokenIndexOf(token)).to.equal(1);
    // What names it already goes on.
    await settlement.connect(operator).stakeToken(operator.address, token, 1n);

    await scheduleToken(world, tokenAddress);
    expect(await policies.tokenIndexOf(token)).to.equal(1);
    await policies.register(policy);
    const second = await ethers.deployContract("MintableToken", ["Plain", "PLN"]);
    await scheduleToken(world, await second.getAddress());
    expect(await policies.tokenIndexOf(second)).to.equal(2);
    await expect(scheduleToken(world, world.stranger.address)).to.be.revertedWithCustomError(
      policies,
      "BondTokenNotAllowed",
    );
  });

  it("R-26 are the only tokens that can be staked", async () => {
    const { world } = await loadFixture(deployTokenWorld);
    const { settlement, operator } = world;
    const unlisted = await ethers.deployContract("MintableToken", ["Plain", "PLN"]);
    for (const token of [await unlisted.getAddress(), ZeroAddress]) {
      await expect(settlement.connect(operator).stakeToken(operator.address, token, 1n))
        .to.be.revertedWithCustomError(settlement, "TokenNotAllowed")
        .withArgs(token);
    }
  });
});

async function deployTokenWorld(): Promise<TokenWorld> {
  const world = await deployWorld();
  const { settlement, policies, operator, challenger } = world;
  const token = await ethers.deployContract("MintableToken", ["Plain", "PLN"]);
  const tokenAddress = await token.getAddress();
  await scheduleToken(world, tokenAddress);
  for (const { address } of [operator, challenger]) await token.mint(address, PURSE_WEI);
  for (const holder of [operator, challenger]) await token.connect(holder).approve(settlement, MaxUint256);
  const policy = { ...(await policyFor(world, "window")), bondToken: asAddress(tokenAddress) };
  await policies.register(policy);
  await settlement.connect(operator).stakeToken(operator.address, token, STAKE_WEI);
  return { world, token, tokenAddress, policyId: policyId(policy) };
}

async function scheduleToken({ manager, policies }: World, token: string): Promise<void> {
  const call = policies.interface.encodeFunctionData("allowBondToken", [token]);
  await manager.schedule(policies, call, 0);
  await time.increase(24 * 3600 + 1);
  await manager.execute(policies, call);
}

async function commitTokenBatch({ world, policyId }: TokenWorld): Promise<Batch> {
  const batch = batchOf(world, (await buildBatch(world, "window", { claims: { policyId } })).claims);
  await world.settlement.connect(world.operator).commit(batch.header);
  expect(claimAt(batch, 0).claim.policyId).to.equal(policyId);
  return batch;
}
