// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import type { Receipt } from "@meantime/sdk/receipt";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { type BaseContract, type Interface, id, Wallet, ZeroAddress } from "ethers";
import type { Reenterer } from "../../types/ethers-contracts/index.ts";
import {
  asAddress,
  type Batch,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  claimAt,
  deployWorld,
  ethers,
  memberOf,
  networkHelpers,
  PROVE_WINDOW_SECONDS,
  signBatch,
  signClaim,
  type World,
  wordOf,
} from "./fixture.ts";
import { revelation } from "./openings.ts";
import { ANSWER_SECONDS, promiseClaim, reportableFrom } from "./promises.ts";

const { loadFixture, takeSnapshot, time } = networkHelpers;
const UNBONDING_SECONDS = 30 * 24 * 3600;
const STAKE_WEI = 10n ** 17n;

/** Claims of the open batch, by what can be done to them. */
const AT = { quiet: 0, answerable: 1, resolvable: 2, hidden: 3, demanded: 4, withheld: 5 } as const;

/** An account that calls back when it is paid, and something to do for every function there is. */
interface Stage {
  world: World;
  account: Reenterer;
  /** The account's address. */
  who: string;
  open: Batch;
  final: Batch;
  own: Batch;
  promised: Record<"reportable" | "answerable" | "resolvable", Receipt>;
  answers: [Receipt, Receipt];
  proven: Hex;
  answered: Hex;
  attested: Hex;
}

interface PreparedCall {
  target: BaseContract;
  value: bigint;
  data: string;
}

type Calls = Record<string, (stage: Stage) => { args: readonly unknown[]; value?: bigint }>;

const SETTLEMENT_CALLS: Calls = {
  stake: ({ who }) => ({ args: [who], value: 5n }),
  stakeToken: ({ who }) => ({ args: [who, ZeroAddress, 5n] }),
  unbond: () => ({ args: [ZeroAddress, 5n] }),
  completeUnbonding: ({ who }) => ({ args: [ZeroAddress, who] }),
  setSender: ({ world }) => ({ args: [world.stranger.address, [world.policyIds.tee], true] }),
  setLockable: () => ({ args: [ZeroAddress, 77] }),
  resume: () => ({ args: [ZeroAddress] }),
  withdraw: ({ who }) => ({ args: [ZeroAddress, who] }),
  commit: ({ own }) => ({ args: [own.header] }),
  release: ({ final }) => ({ args: [[final.header]] }),
  challenge: ({ open }) => ({ args: memberOf(open, AT.quiet), value: CHALLENGE_BOND_WEI }),
  prove: ({ open, who, proven }) => ({
    args: [...memberOf(open, AT.quiet), EVIDENCE_KINDS.tee, who, proven],
  }),
  answer: (stage) => ({ args: [...dispute(stage, AT.answerable), ...answerOf(stage)] }),
  resolve: (stage) => ({ args: dispute(stage, AT.resolvable) }),
  disprove: ({ open, who }) => ({
    args: [...memberOf(open, AT.quiet), who, wordOf(8n), who, `0x${"00".repeat(256)}`],
  }),
  voidChallenge: (stage) => ({ args: dispute(stage, AT.answerable) }),
  demandReveal: ({ open }) => ({ args: [open.header, AT.hidden], value: CHALLENGE_BOND_WEI }),
  reveal: ({ open }) => ({ args: revelation(open, AT.demanded) }),
  resolveDemand: ({ open, who }) => ({ args: [open.header, AT.withheld, who] }),
  attestBatch: ({ open, attested }) => ({ args: [open.header, attested] }),
  reopenBatch: ({ open }) => ({ args: [open.header] }),
  reopenClaim: ({ open }) => ({ args: [...memberOf(open, AT.quiet), 2] }),
  record: ({ final }) => ({ args: memberOf(final, 0) }),
  pauseCommits: () => ({ args: [2n ** 40n - 1n] }),
  resumeCommits: () => ({ args: [] }),
  closePolicy: ({ world }) => ({ args: [world.policyIds.tee] }),
  lengthenChallengeWindow: ({ open }) => ({ args: [open.header, 2n ** 40n - 1n] }),
  lengthenDeadline: ({ open }) => ({ args: [open.header, AT.answerable, 2n ** 40n - 1n] }),
  penalise: ({ world, who }) => ({ args: [world.policyIds.window, world.operator.address, who, who] }),
  setAuthority: ({ who }) => ({ args: [who] }),
};

const RECEIPTS_CALLS: Calls = {
  withdraw: ({ who }) => ({ args: [ZeroAddress, who] }),
  addReceiptKey: () => ({ args: [Wallet.createRandom().address] }),
  revokeReceiptKey: ({ world }) => ({ args: [world.receiptKey.address] }),
  markCompromised: ({ world }) => ({ args: [world.operator.address, world.receiptKey.address, 1] }),
  acceptPolicies: () => ({ args: [[id("a policy")]] }),
  announce: ({ world, who }) => ({ args: [who, world.policyIds.tee, "https://node.example"] }),
  reportOmission: ({ promised: { reportable } }) => ({
    args: [reportable.claim, reportable.signature],
    value: CHALLENGE_BOND_WEI,
  }),
  answerOmission: ({ world, promised: { answerable } }) => ({
    args: [answerable.claim, batchOf(world, [answerable.claim]).header, 0, []],
  }),
  resolveOmission: ({ promised: { resolvable } }) => ({ args: [resolvable.claim] }),
  reportEquivocation: ({ answers: [a, b] }) => ({ args: [a.claim, a.signature, b.claim, b.signature] }),
  setAuthority: ({ who }) => ({ args: [who] }),
};

/** Functions that pay ether to whom the caller says. */
const PAYMENTS = ["settlement.withdraw", "settlement.completeUnbonding", "receipts.withdraw"] as const;

/** Calls that must come through inside a payment: were they refused, the test would prove nothing. */
const PASSING = [
  ...["stake", "unbond", "setSender", "setLockable", "commit", "release", "challenge", "prove", "answer"],
  ...["resolve", "demandReveal", "reveal", "resolveDemand", "attestBatch", "record"],
  ...[
    "acceptPolicies",
    "addReceiptKey",
    "announce",
    "reportOmission",
    "answerOmission",
    "resolveOmission",
    "reportEquivocation",
  ],
];

describe("Reentrancy", () => {
  it("R-25 is tried on every function that changes state", async () => {
    const { settlement, receipts } = await loadFixture(deployWorld);
    expect(Object.keys(SETTLEMENT_CALLS).sort()).to.deep.equal(changingFunctions(settlement.interface));
    expect(Object.keys(RECEIPTS_CALLS).sort()).to.deep.equal(changingFunctions(receipts.interface));
  });

  for (const payment of PAYMENTS) {
    it(`R-25 I-01 gains nothing: a call inside ${payment} does what it does after it`, async () => {
      const stage = await loadFixture(setStage);
      const start = await takeSnapshot();
      for (const [contract, calls] of [
        ["settlement", SETTLEMENT_CALLS],
        ["receipts", RECEIPTS_CALLS],
      ] as const) {
        for (const [name, callOf] of Object.entries(calls)) {
          const target = stage.world[contract];
          const { args, value = 0n } = callOf(stage);
          const data = (target.interface as Interface).encodeFunctionData(name, args);
          const call = { target, value, data };
          const again = `${contract}.${name}` === payment;

          await stage.account.prepare([call]);
          await pay(stage, payment);
          const inside = (await stage.account.outcomes())[0]?.done;
          const balancesInside = await moneyOf(stage);
          await start.restore();

          await pay(stage, payment);
          const after = await succeeds(stage, call);
          expect(inside, `${contract}.${name}`).to.equal(after);
          expect(balancesInside, `${contract}.${name}`).to.deep.equal(await moneyOf(stage));
          if (again) expect(inside).to.equal(false);
          if (PASSING.includes(name)) expect(inside, `${contract}.${name} passes`).to.equal(true);
          await start.restore();
        }
      }
    });

    it(`R-25 shows no half-done state: views inside ${payment} say what they say after it`, async () => {
      const stage = await loadFixture(setStage);
      const { settlement, receipts, operator, receiptKey } = stage.world;
      const views: [BaseContract, string, readonly unknown[]][] = [
        [settlement, "creditOf", [stage.who, ZeroAddress]],
        [receipts, "creditOf", [stage.who, ZeroAddress]],
        [settlement, "operatorOf", [stage.who, ZeroAddress]],
        [settlement, "statusOf", memberOf(stage.open, AT.quiet)],
        [settlement, "statusOf", memberOf(stage.open, AT.answerable)],
        [settlement, "requireStatus", [...memberOf(stage.final, 0), STATUS.Final]],
        [settlement, "inclusionOf", memberOf(stage.open, AT.quiet)],
        [settlement, "batchOf", [stage.open.batchId]],
        [settlement, "leafOf", [stage.open.batchId, AT.answerable]],
        [settlement, "finalAt", [stage.open.batchId]],
        [settlement, "recordedOutputOf", [claimAt(stage.final, 1).claimId]],
        [receipts, "omissionOf", [stage.promised.resolvable.claimId]],
        [receipts, "receiptKeyOf", [operator.address, receiptKey.address]],
      ];
      const calls = views.map(([target, name, args]) => ({
        ...{ target, value: 0n },
        data: target.interface.encodeFunctionData(name, args),
      }));
      await settlement.record(...memberOf(stage.final, 1));
      await stage.account.prepare(calls);
      await pay(stage, payment);
      const outcomes = await stage.account.outcomes();
      expect(outcomes.length).to.equal(calls.length);
      for (const [at, { target, data }] of calls.entries()) {
        const later = await ethers.provider.call({ to: await target.getAddress(), data });
        expect(outcomes[at]?.done, views[at]?.[1]).to.equal(true);
        expect(outcomes[at]?.result, views[at]?.[1]).to.equal(later);
      }
    });
  }
});

async function setStage(): Promise<Stage> {
  const world = await deployWorld();
  const { settlement, receipts, operator, receiptKey } = world;
  const account = await ethers.deployContract("Reenterer");
  await world.stranger.sendTransaction({ to: account, value: 10n ** 18n });
  const who = await account.getAddress();
  const act = async (target: BaseContract, name: string, args: readonly unknown[], value = 0n) =>
    account.run(target, (target.interface as Interface).encodeFunctionData(name, args), { value });

  await act(settlement, "stake", [who], STAKE_WEI);
  await act(settlement, "unbond", [ZeroAddress, STAKE_WEI / 2n]);
  // A credit in each contract: a rejected claim's, and an upheld report's.
  const lost = await commitAs(world, { nonce: 10n });
  await act(settlement, "challenge", memberOf(lost, 0), CHALLENGE_BOND_WEI);
  const omitted = await promiseClaim(world, { requestId: id("omitted") as Hex });
  await time.setNextBlockTimestamp(reportableFrom(omitted));
  await act(receipts, "reportOmission", [omitted.claim, omitted.signature], CHALLENGE_BOND_WEI);
  await time.increase(ANSWER_SECONDS);
  await act(receipts, "resolveOmission", [omitted.claim]);
  await settlement.resolve(lost.batchId, claimAt(lost, 0).claim, 0, who);
  await time.increase(UNBONDING_SECONDS);

  const final = await commitAs(world, { nonce: 11n });
  const resolvable = await promiseClaim(world, { requestId: id("resolvable") as Hex });
  await time.setNextBlockTimestamp(reportableFrom(resolvable));
  await act(receipts, "reportOmission", [resolvable.claim, resolvable.signature], CHALLENGE_BOND_WEI);
  await time.increase(ANSWER_SECONDS - BigInt(CHALLENGE_WINDOW_SECONDS));
  const reportable = await promiseClaim(world, { commitBy: BigInt(await time.latest()) + 1n });
  const answerable = await promiseClaim(world, {
    requestId: id("answerable") as Hex,
    commitBy: BigInt(await time.latest()) + 1n,
  });
  await settlement.connect(operator).commit(batchOf(world, [answerable.claim]).header);
  await time.increase(CHALLENGE_WINDOW_SECONDS + 10);
  await act(receipts, "reportOmission", [answerable.claim, answerable.signature], CHALLENGE_BOND_WEI);

  const open = await commitAs(world, { nonce: 12n, count: 6 });
  await act(settlement, "challenge", memberOf(open, AT.resolvable), CHALLENGE_BOND_WEI);
  await act(settlement, "demandReveal", [open.header, AT.withheld], CHALLENGE_BOND_WEI);
  await time.increase(PROVE_WINDOW_SECONDS + 60);
  await act(settlement, "challenge", memberOf(open, AT.answerable), CHALLENGE_BOND_WEI);
  await act(settlement, "demandReveal", [open.header, AT.demanded], CHALLENGE_BOND_WEI);

  const a = await promiseClaim(world, { outputHash: wordOf(1n) });
  const b = await promiseClaim(world, { ...a.claim, outputHash: wordOf(2n) });
  const ownClaims = { operator: asAddress(who) };
  expect(await receipts.receiptKeyOf(operator.address, receiptKey.address)).to.not.deep.equal([0n, 0n]);
  return {
    ...{ world, account, who, open, final, answers: [a, b] },
    own: await buildBatch(world, "window", { claims: ownClaims, nonce: 13n }),
    promised: { reportable, answerable, resolvable },
    proven: await signClaim(world, claimAt(open, AT.quiet).claimId, who),
    answered: await signClaim(world, claimAt(open, AT.answerable).claimId, who),
    attested: await signBatch(world, open),
  };
}

/** Commits in the operator's own name: it is suspended, and its senders with it. */
async function commitAs(world: World, options: { nonce: bigint; count?: number }): Promise<Batch> {
  const batch = await buildBatch(world, "window", options);
  await world.settlement.connect(world.operator).commit(batch.header);
  return batch;
}

function dispute({ open, who }: Stage, index: number): readonly unknown[] {
  return [open.batchId, claimAt(open, index).claim, index, who];
}

function answerOf(stage: Stage): readonly unknown[] {
  return [EVIDENCE_KINDS.tee, stage.who, stage.answered];
}

async function pay({ world, account, who }: Stage, payment: (typeof PAYMENTS)[number]): Promise<void> {
  const [contract, name] = payment.split(".") as ["settlement" | "receipts", string];
  const target: BaseContract = world[contract];
  await account.run(target, target.interface.encodeFunctionData(name, [ZeroAddress, who]));
}

/** Makes the call out of a payment of nothing, so that its value comes out of the account's own purse. */
async function succeeds({ world, account }: Stage, call: PreparedCall): Promise<boolean> {
  await account.prepare([call]);
  await world.stranger.sendTransaction({ to: account, value: 0n });
  return (await account.outcomes())[0]?.done ?? false;
}

/** Everybody's money: what the contracts hold and owe, and what the account has. */
async function moneyOf({ world, account, who }: Stage): Promise<bigint[]> {
  const { settlement, receipts, operator, requester } = world;
  const money: bigint[] = [];
  for (const holder of [settlement, receipts, account]) money.push(await ethers.provider.getBalance(holder));
  for (const { address: owner } of [{ address: who }, operator, requester]) {
    money.push(await settlement.creditOf(owner, ZeroAddress), await receipts.creditOf(owner, ZeroAddress));
    const { stakeWei, lockedWei, unbondingWei } = await settlement.operatorOf(owner, ZeroAddress);
    money.push(stakeWei, lockedWei, unbondingWei);
  }
  return money;
}

function changingFunctions({ fragments }: Interface): string[] {
  const names: string[] = [];
  for (const fragment of fragments) {
    if (fragment.type !== "function") continue;
    const { name, constant } = fragment as unknown as { name: string; constant: boolean };
    if (!constant) names.push(name);
  }
  return names.sort();
}
