// SPDX-License-Identifier: MIT
// Bonds in tokens of every temper: each is moved exactly or refused, and no token's trouble reaches another or ether.
import { type Policy, policyId } from "@meantime/sdk/policy";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { Interface, ZeroAddress } from "ethers";
import type {
  BlacklistingToken,
  FalseReturningToken,
  FeeToken,
  HookReenterer,
  MintableToken,
  RebasingToken,
} from "../../types/ethers-contracts/index.ts";
import {
  asAddress,
  type Batch,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGER_BPS,
  CLAIM_BOND_WEI,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  policyFor,
  REQUESTER_BPS,
  type World,
} from "./fixture.ts";

const { loadFixture, time } = networkHelpers;

const STAKE_WEI = 10n * CLAIM_BOND_WEI;
const CHALLENGER_WEI = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n + CHALLENGE_BOND_WEI;
const REQUESTER_WEI = (CLAIM_BOND_WEI * BigInt(REQUESTER_BPS)) / 10_000n;
const BURNT_WEI = CLAIM_BOND_WEI + CHALLENGE_BOND_WEI - CHALLENGER_WEI - REQUESTER_WEI;
const UNBONDING_SECONDS = 30 * 24 * 3600;
const CURATOR_DELAY_SECONDS = 24 * 3600;

const HOOKS = new Interface(["function setHooked(bool)"]);

const TOKENS: Record<string, unknown[]> = {
  MintableToken: ["Plain", "PLAIN"],
  NoReturnToken: [],
  FalseReturningToken: [],
  NoZeroTransferToken: [],
  BlacklistingToken: [],
  FeeToken: [],
  RebasingToken: [],
  HookedToken: [],
};

/** Any of the tokens, with the levers that some of them have. */
type Token = MintableToken &
  Pick<BlacklistingToken, "setBlacklisted"> &
  Pick<FalseReturningToken, "setStuck"> &
  Pick<FeeToken, "setFee"> &
  Pick<RebasingToken, "rebase">;

/** A world with a policy whose bonds are paid in a token. */
interface TokenWorld extends World {
  token: Token;
  tokenAddress: string;
  settlementAddress: string;
  receiptsAddress: string;
  policy: Policy;
}

for (const name of Object.keys(TOKENS)) {
  describe(`Token tempers: ${name}`, () => {
    const deploy = { [name]: async () => deployTokenWorld(name) }[name] as () => Promise<TokenWorld>;

    it("R-26 R-10 I-01 carries a claim from stake to rejection, to the last unit", async () => {
      const world = await loadFixture(deploy);
      await stakeTokens(world);
      const batch = await rejectedBatch(world);
      expect(await world.settlement.creditOf(world.challenger.address, world.tokenAddress)).to.equal(
        CHALLENGER_WEI,
      );
      expect(await world.settlement.creditOf(world.requester.address, world.tokenAddress)).to.equal(
        REQUESTER_WEI,
      );

      expect(await withdrawnBy(world, world.challenger)).to.equal(CHALLENGER_WEI);
      expect(await withdrawnBy(world, world.requester)).to.equal(REQUESTER_WEI);
      await time.increase(3600);
      await world.settlement.release([batch.header]);
      await world.settlement.connect(world.operator).unbond(world.tokenAddress, STAKE_WEI - CLAIM_BOND_WEI);
      await time.increase(UNBONDING_SECONDS);
      await world.settlement
        .connect(world.operator)
        .completeUnbonding(world.tokenAddress, world.operator.address);
      expect(await world.token.balanceOf(world.operator.address)).to.equal(STAKE_WEI - CLAIM_BOND_WEI);
      expect(await world.token.balanceOf(world.settlementAddress)).to.equal(BURNT_WEI);
    });

    it("R-26 takes no ether beside the token, and no token that the payer does not have", async () => {
      const world = await loadFixture(deploy);
      await stakeTokens(world);
      const batch = await commitInToken(world);
      await expect(
        world.settlement
          .connect(world.challenger)
          .challenge(...memberOf(batch, 0), { value: CHALLENGE_BOND_WEI }),
      )
        .to.be.revertedWithCustomError(world.settlement, "WrongPayment")
        .withArgs(CHALLENGE_BOND_WEI, 0n);
      await expect(world.settlement.connect(world.challenger).challenge(...memberOf(batch, 0))).to.revert(
        ethers,
      );
      expect(await world.token.balanceOf(world.settlementAddress)).to.equal(STAKE_WEI);
    });
  });
}

describe("Token tempers: the list", () => {
  it("R-26 stakes no token that was never listed, and ether not as a token", async () => {
    const world = await loadFixture(deployWorld);
    const token = await ethers.deployContract("MintableToken", ["Plain", "PLAIN"]);
    for (const address of [await token.getAddress(), ZeroAddress]) {
      await expect(world.settlement.stakeToken(world.operator.address, address, 1n))
        .to.be.revertedWithCustomError(world.settlement, "TokenNotAllowed")
        .withArgs(address);
    }
  });

  it("R-53 R-26 keeps a delisted token's policies, stakes and payments as they were", async () => {
    const world = await loadFixture(deployPlainWorld);
    await stakeTokens(world);
    const batch = await commitInToken(world);
    await world.policies.disallowBondToken(world.tokenAddress);
    await stakeTokens(world);
    await challengeInToken(world, batch, 0);
    await time.increase(PROVE_WINDOW_SECONDS);
    await resolve(world, batch, 0);
    expect(await withdrawnBy(world, world.challenger)).to.equal(CHALLENGER_WEI);
    await expect(world.policies.register({ ...world.policy, claimBondWei: CLAIM_BOND_WEI + 1n }))
      .to.be.revertedWithCustomError(world.policies, "BondTokenNotAllowed")
      .withArgs(world.tokenAddress);
  });
});

describe("Token tempers: fees", () => {
  it("R-26 refuses a deposit of which not everything arrives", async () => {
    const world = await loadFixture(deployFeeWorld);
    await world.token.setFee(1n);
    await fund(world, world.stranger.address, STAKE_WEI);
    await world.token.connect(world.stranger).approve(world.settlementAddress, STAKE_WEI);
    const feeWei = STAKE_WEI / 10_000n;
    await expect(
      world.settlement
        .connect(world.stranger)
        .stakeToken(world.operator.address, world.tokenAddress, STAKE_WEI),
    )
      .to.be.revertedWithCustomError(world.settlement, "InexactTransfer")
      .withArgs(world.tokenAddress, STAKE_WEI, STAKE_WEI - feeWei);
    expect(await world.token.balanceOf(world.settlementAddress)).to.equal(0n);
  });

  it("R-26 lets a fee that comes later cost the recipient alone", async () => {
    const world = await loadFixture(deployFeeWorld);
    await stakeTokens(world);
    await rejectedBatch(world);
    const beforeWei = await world.token.balanceOf(world.settlementAddress);
    await world.token.setFee(100n);
    expect(await withdrawnBy(world, world.challenger)).to.equal((CHALLENGER_WEI * 99n) / 100n);
    expect(await world.token.balanceOf(world.settlementAddress)).to.equal(beforeWei - CHALLENGER_WEI);
    expect(await world.settlement.creditOf(world.requester.address, world.tokenAddress)).to.equal(
      REQUESTER_WEI,
    );
  });
});

describe("Token tempers: lies", () => {
  it("R-26 takes a returned false for a failure, both ways, and forgets nothing", async () => {
    const world = await loadFixture(deployFalseWorld);
    await stakeTokens(world);
    await rejectedBatch(world);
    await world.token.setStuck(true);
    await expect(
      world.settlement.connect(world.challenger).withdraw(world.tokenAddress, world.challenger.address),
    ).to.be.revertedWithCustomError(world.settlement, "SafeERC20FailedOperation");
    await fund(world, world.stranger.address, 1n);
    await world.token.connect(world.stranger).approve(world.settlementAddress, 1n);
    await expect(
      world.settlement.connect(world.stranger).stakeToken(world.operator.address, world.tokenAddress, 1n),
    ).to.be.revertedWithCustomError(world.settlement, "SafeERC20FailedOperation");
    await world.token.setStuck(false);
    expect(await withdrawnBy(world, world.challenger)).to.equal(CHALLENGER_WEI);
  });
});

describe("Token tempers: blacklists", () => {
  it("R-22 R-26 lets a blacklisted recipient block itself alone, and be paid elsewhere", async () => {
    const world = await loadFixture(deployBlacklistWorld);
    await stakeTokens(world);
    const batch = await commitInToken(world);
    await challengeInToken(world, batch, 0);
    await world.token.setBlacklisted(world.challenger.address, true);
    await time.increase(PROVE_WINDOW_SECONDS);
    await resolve(world, batch, 0);

    await expect(
      world.settlement.connect(world.challenger).withdraw(world.tokenAddress, world.challenger.address),
    ).to.be.revertedWithCustomError(world.token, "Blacklisted");
    expect(await withdrawnBy(world, world.requester)).to.equal(REQUESTER_WEI);
    await world.settlement.connect(world.challenger).withdraw(world.tokenAddress, world.stranger.address);
    expect(await world.token.balanceOf(world.stranger.address)).to.equal(CHALLENGER_WEI);
  });

  it("R-22 R-26 goes on in ether when the token blacklists the protocol itself", async () => {
    const world = await loadFixture(deployBlacklistWorld);
    await stakeTokens(world);
    const batch = await commitInToken(world);
    await challengeInToken(world, batch, 0);
    await world.token.setBlacklisted(world.settlementAddress, true);
    await time.increase(PROVE_WINDOW_SECONDS);
    await resolve(world, batch, 0);
    await expect(
      world.settlement.connect(world.challenger).withdraw(world.tokenAddress, world.stranger.address),
    ).to.be.revertedWithCustomError(world.token, "Blacklisted");
    await expectEtherRoundTrip(world);

    await world.token.setBlacklisted(world.settlementAddress, false);
    expect(await withdrawnBy(world, world.challenger)).to.equal(CHALLENGER_WEI);
  });
});

describe("Token tempers: rebasing", () => {
  it("R-26 lets a token that shrinks fail its own last creditors, and nobody in ether or in another token", async () => {
    const world = await loadFixture(deployRebasingWorld);
    const other = await listToken(world, "MintableToken", ["Other", "OTHER"]);
    await other.mint(world.stranger.address, STAKE_WEI);
    await other.connect(world.stranger).approve(world.settlementAddress, STAKE_WEI);
    await world.settlement
      .connect(world.stranger)
      .stakeToken(world.stranger.address, await other.getAddress(), STAKE_WEI);
    await stakeTokens(world);
    await rejectedBatch(world);
    const etherWei = await ethers.provider.getBalance(world.settlementAddress);

    await world.token.rebase(500n);
    expect(await withdrawnBy(world, world.requester)).to.equal(REQUESTER_WEI);
    const restWei: bigint = await world.token.balanceOf(world.settlementAddress);
    expect(restWei).to.be.lessThan(CHALLENGER_WEI);
    await expect(
      world.settlement.connect(world.challenger).withdraw(world.tokenAddress, world.challenger.address),
    ).to.be.revertedWithCustomError(world.token, "Insufficient");
    expect(await world.settlement.creditOf(world.challenger.address, world.tokenAddress)).to.equal(
      CHALLENGER_WEI,
    );

    expect(await ethers.provider.getBalance(world.settlementAddress)).to.equal(etherWei);
    await expectEtherRoundTrip(world);
    await world.settlement.connect(world.stranger).unbond(await other.getAddress(), STAKE_WEI);
    await time.increase(UNBONDING_SECONDS);
    await world.settlement
      .connect(world.stranger)
      .completeUnbonding(await other.getAddress(), world.stranger.address);
    expect(await other.balanceOf(world.stranger.address)).to.equal(STAKE_WEI);
  });

  it("R-26 gives what a token grew by to nobody", async () => {
    const world = await loadFixture(deployRebasingWorld);
    await stakeTokens(world);
    await rejectedBatch(world);
    await world.token.rebase(20_000n);
    expect(await withdrawnBy(world, world.challenger)).to.equal(CHALLENGER_WEI);
    expect(await world.settlement.creditOf(world.challenger.address, world.tokenAddress)).to.equal(0n);
  });
});

describe("Token tempers: hooks", () => {
  it("R-25 lets no call from a sender's hook move tokens again", async () => {
    const world = await loadFixture(deployHookedWorld);
    await stakeTokens(world);
    const batch = await commitInToken(world);
    const attacker = await deployAttacker(world, 3n * CHALLENGE_BOND_WEI);
    const { settlement, tokenAddress } = world;
    const calls = [
      settlement.interface.encodeFunctionData("challenge", memberOf(batch, 1)),
      settlement.interface.encodeFunctionData("demandReveal", [batch.header, 2]),
      settlement.interface.encodeFunctionData("stakeToken", [world.operator.address, tokenAddress, 1n]),
      settlement.interface.encodeFunctionData("challenge", memberOf(batch, 0)),
      settlement.interface.encodeFunctionData("withdraw", [tokenAddress, attacker.address]),
      settlement.interface.encodeFunctionData("completeUnbonding", [tokenAddress, attacker.address]),
      settlement.interface.encodeFunctionData("resolve", [
        batch.batchId,
        claimAt(batch, 0).claim,
        0,
        attacker.address,
      ]),
      settlement.interface.encodeFunctionData("commit", [batch.header]),
      settlement.interface.encodeFunctionData("release", [[batch.header]]),
    ];
    await attacker.contract.arm(
      calls.map((data) => ({ target: world.settlementAddress, valueWei: 0n, data })),
    );
    await attacker.contract.act(
      world.settlementAddress,
      0n,
      settlement.interface.encodeFunctionData("challenge", memberOf(batch, 0)),
    );

    const errors = (await attacker.contract.outcomes()).map(({ done, result }) =>
      done ? "done" : settlement.interface.parseError(result)?.name,
    );
    expect(errors).to.deep.equal([
      "TokenReentered",
      "TokenReentered",
      "TokenReentered",
      "WrongStatus",
      "NothingToWithdraw",
      "NothingToWithdraw",
      "TooEarly",
      "NotSenderOf",
      "BatchOpen",
    ]);
    expect(await world.token.balanceOf(world.settlementAddress)).to.equal(STAKE_WEI + CHALLENGE_BOND_WEI);
    expect((await settlement.batchOf(batch.batchId)).disputed).to.equal(1n);
  });

  it("R-25 refuses a deposit in the middle of which the payer deposits once more by hand", async () => {
    const world = await loadFixture(deployHookedWorld);
    await stakeTokens(world);
    const batch = await commitInToken(world);
    const attacker = await deployAttacker(world, 3n * CHALLENGE_BOND_WEI);
    const transfer = world.token.interface.encodeFunctionData("transfer", [world.settlementAddress, 1n]);
    await attacker.contract.arm([{ target: world.tokenAddress, valueWei: 0n, data: transfer }]);
    await expect(
      attacker.contract.act(
        world.settlementAddress,
        0n,
        world.settlement.interface.encodeFunctionData("challenge", memberOf(batch, 0)),
      ),
    ).to.be.revertedWithCustomError(world.settlement, "InexactTransfer");
    expect(await world.token.balanceOf(world.settlementAddress)).to.equal(STAKE_WEI);
  });

  it("R-25 R-19 pays a receiver with a hook once, and shows it a credit of zero meanwhile", async () => {
    const world = await loadFixture(deployHookedWorld);
    await stakeTokens(world);
    const batch = await commitInToken(world);
    const attacker = await deployAttacker(world, CHALLENGE_BOND_WEI);
    const { settlement, settlementAddress, tokenAddress } = world;
    await attacker.contract.act(
      settlementAddress,
      0n,
      settlement.interface.encodeFunctionData("challenge", memberOf(batch, 0)),
    );
    await time.increase(PROVE_WINDOW_SECONDS);
    await settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, attacker.address);

    const withdraw = settlement.interface.encodeFunctionData("withdraw", [tokenAddress, attacker.address]);
    const creditOf = settlement.interface.encodeFunctionData("creditOf", [attacker.address, tokenAddress]);
    await attacker.contract.arm(
      [withdraw, creditOf].map((data) => ({ target: settlementAddress, valueWei: 0n, data })),
    );
    await attacker.contract.act(settlementAddress, 0n, withdraw);
    const [again, credit] = await attacker.contract.outcomes();
    expect(again?.done).to.equal(false);
    expect(settlement.interface.parseError(again?.result ?? "0x")?.name).to.equal("NothingToWithdraw");
    expect(BigInt(credit?.result ?? -1)).to.equal(0n);
    expect(await world.token.balanceOf(attacker.address)).to.equal(CHALLENGER_WEI);
  });

  it("R-25 keeps Settlement and Receipts apart when a hook goes from one to the other", async () => {
    const world = await loadFixture(deployHookedWorld);
    await stakeTokens(world);
    const batch = await commitInToken(world);
    const attacker = await deployAttacker(world, 2n * CHALLENGE_BOND_WEI);
    const withdraw = world.receipts.interface.encodeFunctionData("withdraw", [
      world.tokenAddress,
      attacker.address,
    ]);
    await attacker.contract.arm([{ target: world.receiptsAddress, valueWei: 0n, data: withdraw }]);
    await attacker.contract.act(
      world.settlementAddress,
      0n,
      world.settlement.interface.encodeFunctionData("challenge", memberOf(batch, 0)),
    );
    const [outcome] = await attacker.contract.outcomes();
    expect(world.receipts.interface.parseError(outcome?.result ?? "0x")?.name).to.equal("NothingToWithdraw");
    expect(await world.token.balanceOf(world.receiptsAddress)).to.equal(0n);
  });

  it("R-25 R-19 pays ether once to a receiver that asks again while it is paid", async () => {
    const world = await loadFixture(deployWorld);
    const settlementAddress = await world.settlement.getAddress();
    const batch = await commitBatch(world, "window");
    const contract = (await ethers.deployContract("HookReenterer")) as unknown as HookReenterer;
    const address = await contract.getAddress();
    const challenge = world.settlement.interface.encodeFunctionData("challenge", memberOf(batch, 0));
    await contract.act(settlementAddress, CHALLENGE_BOND_WEI, challenge, { value: CHALLENGE_BOND_WEI });
    await time.increase(PROVE_WINDOW_SECONDS);
    await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, address);

    const withdraw = world.settlement.interface.encodeFunctionData("withdraw", [ZeroAddress, address]);
    const creditOf = world.settlement.interface.encodeFunctionData("creditOf", [address, ZeroAddress]);
    await contract.arm(
      [withdraw, creditOf].map((data) => ({ target: settlementAddress, valueWei: 0n, data })),
    );
    await contract.act(settlementAddress, 0n, withdraw);
    const [again, credit] = await contract.outcomes();
    expect(again?.done).to.equal(false);
    expect(BigInt(credit?.result ?? -1)).to.equal(0n);
    expect(await ethers.provider.getBalance(address)).to.equal(CHALLENGER_WEI);
  });
});

// Fixtures are told apart by their function, so each world has one of its own.
async function deployPlainWorld(): Promise<TokenWorld> {
  return deployTokenWorld("MintableToken");
}

async function deployFeeWorld(): Promise<TokenWorld> {
  return deployTokenWorld("FeeToken");
}

async function deployFalseWorld(): Promise<TokenWorld> {
  return deployTokenWorld("FalseReturningToken");
}

async function deployBlacklistWorld(): Promise<TokenWorld> {
  return deployTokenWorld("BlacklistingToken");
}

async function deployRebasingWorld(): Promise<TokenWorld> {
  return deployTokenWorld("RebasingToken");
}

async function deployHookedWorld(): Promise<TokenWorld> {
  return deployTokenWorld("HookedToken");
}

async function deployTokenWorld(name: string): Promise<TokenWorld> {
  const world = await deployWorld();
  const token = await listToken(world, name, TOKENS[name] ?? []);
  const tokenAddress = await token.getAddress();
  const policy = { ...(await policyFor(world, "window")), bondToken: asAddress(tokenAddress) };
  await world.policies.register(policy);
  await world.settlement.connect(world.operator).setSender(world.sender.address, [policyId(policy)], true);
  return {
    ...world,
    ...{ token, tokenAddress, policy },
    settlementAddress: await world.settlement.getAddress(),
    receiptsAddress: await world.receipts.getAddress(),
  };
}

/** Deploys a token and puts it on the list the way a curator has to. */
async function listToken({ manager, policies }: World, name: string, args: unknown[]): Promise<Token> {
  const token = (await ethers.deployContract(name, args)) as unknown as Token;
  const call = policies.interface.encodeFunctionData("allowBondToken", [await token.getAddress()]);
  await manager.schedule(await policies.getAddress(), call, 0);
  await time.increase(CURATOR_DELAY_SECONDS + 1);
  await manager.execute(await policies.getAddress(), call);
  return token;
}

async function fund(world: TokenWorld, account: string, amountWei: bigint): Promise<void> {
  await world.token.mint(account, amountWei);
}

async function stakeTokens(world: TokenWorld): Promise<void> {
  await fund(world, world.operator.address, STAKE_WEI);
  const token = world.token.connect(world.operator);
  await token.approve(world.settlementAddress, STAKE_WEI);
  await world.settlement
    .connect(world.operator)
    .stakeToken(world.operator.address, world.tokenAddress, STAKE_WEI);
}

async function commitInToken(world: TokenWorld): Promise<Batch> {
  const { claims } = await buildBatch(world, "window", { claims: { policyId: policyId(world.policy) } });
  const batch = batchOf(world, claims);
  await world.settlement.connect(world.sender).commit(batch.header);
  return batch;
}

async function challengeInToken(world: TokenWorld, batch: Batch, index: number): Promise<void> {
  await fund(world, world.challenger.address, CHALLENGE_BOND_WEI);
  const token = world.token.connect(world.challenger);
  await token.approve(world.settlementAddress, CHALLENGE_BOND_WEI);
  await world.settlement.connect(world.challenger).challenge(...memberOf(batch, index));
}

async function resolve(world: TokenWorld, batch: Batch, index: number): Promise<void> {
  const { claim } = claimAt(batch, index);
  await world.settlement.resolve(batch.batchId, claim, index, world.challenger.address);
}

async function rejectedBatch(world: TokenWorld): Promise<Batch> {
  const batch = await commitInToken(world);
  await challengeInToken(world, batch, 0);
  await time.increase(PROVE_WINDOW_SECONDS);
  await resolve(world, batch, 0);
  return batch;
}

/** Withdraws an account's credit to itself; says by how much its balance grew. */
async function withdrawnBy(world: TokenWorld, account: HardhatEthersSigner): Promise<bigint> {
  const beforeWei: bigint = await world.token.balanceOf(account.address);
  await world.settlement.connect(account).withdraw(world.tokenAddress, account.address);
  const afterWei: bigint = await world.token.balanceOf(account.address);
  return afterWei - beforeWei;
}

/** A claim with an ether bond is challenged, rejected and paid out. */
async function expectEtherRoundTrip(world: World): Promise<void> {
  const batch = await commitBatch(world, "window", { nonce: 77n });
  await challengeClaim(world, batch, 0);
  await time.increase(PROVE_WINDOW_SECONDS);
  await world.settlement.resolve(batch.batchId, claimAt(batch, 0).claim, 0, world.challenger.address);
  await expect(
    world.settlement.connect(world.challenger).withdraw(ZeroAddress, world.challenger.address),
  ).to.changeEtherBalance(ethers, world.challenger, CHALLENGER_WEI);
}

interface Attacker {
  contract: HookReenterer;
  address: string;
}

/** A challenger whose hook the token calls. */
async function deployAttacker(world: TokenWorld, fundsWei: bigint): Promise<Attacker> {
  const contract = (await ethers.deployContract("HookReenterer")) as unknown as HookReenterer;
  const address = await contract.getAddress();
  await fund(world, address, fundsWei);
  for (const data of [
    world.token.interface.encodeFunctionData("approve", [world.settlementAddress, fundsWei]),
    HOOKS.encodeFunctionData("setHooked", [true]),
  ]) {
    await contract.act(world.tokenAddress, 0n, data);
  }
  return { contract, address };
}
