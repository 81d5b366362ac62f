// SPDX-License-Identifier: MIT
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { answerClaim, resolveClaim } from "./disputes.ts";
import {
  type Batch,
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
  REQUESTER_BPS,
  type RuleName,
  signBatch,
  signClaim,
  type World,
} from "./fixture.ts";
import { disputeOf, revelation } from "./openings.ts";
import { drawsFrom, isDone } from "./walk.ts";

const { loadFixture, time } = networkHelpers;
const STEPS = 300;
const CLAIMS = 3;
const RULES: RuleName[] = ["window", "teeThenWindow", "tee"];
const SHARE_WEI = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
const COMPENSATION_WEI = (CLAIM_BOND_WEI * BigInt(REQUESTER_BPS)) / 10_000n;
const LEAF = { challenged: 1n, rejected: 3n, demanded: 5n } as const;

/** A world, what was committed in it, and what the invariants have to remember. */
interface History {
  world: World;
  batches: Batch[];
  statuses: Map<string, Seen>;
  burntWei: bigint;
}

/** A claim's status, and the highest step of the ladder it stood on. */
interface Seen {
  status: number;
  highest: number;
}

type Action = (history: History, batch: Batch, index: number) => Promise<unknown>;

const ACTIONS: Record<string, Action> = {
  challenge: ({ world }, batch, index) => challengeClaim(world, batch, index),
  answer: ({ world }, batch, index) => answerClaim(world, batch, index),
  resolve: async (history, batch, index) => {
    await resolveClaim(history.world, batch, index);
    history.burntWei += CLAIM_BOND_WEI - SHARE_WEI - COMPENSATION_WEI;
  },
  voidChallenge: ({ world }, batch, index) =>
    world.settlement.voidChallenge(...disputeOf(world, batch, index)),
  demandReveal: ({ world: { settlement, challenger } }, batch, index) =>
    settlement.connect(challenger).demandReveal(batch.header, index, { value: CHALLENGE_BOND_WEI }),
  reveal: ({ world }, batch, index) => world.settlement.reveal(...revelation(batch, index)),
  resolveDemand: async (history, batch, index) => {
    const { settlement, challenger } = history.world;
    await settlement.resolveDemand(batch.header, index, challenger.address);
    history.burntWei += CLAIM_BOND_WEI - SHARE_WEI;
  },
  prove: async ({ world }, batch, index) => {
    const { settlement, prover } = world;
    const signature = await signClaim(world, claimAt(batch, index).claimId, prover.address);
    return settlement.prove(...memberOf(batch, index), EVIDENCE_KINDS.tee, prover.address, signature);
  },
  attestBatch: async ({ world }, batch) =>
    world.settlement.attestBatch(batch.header, await signBatch(world, batch)),
  lengthen: async ({ world: { settlement } }, { header, batchId }) =>
    settlement.lengthenChallengeWindow(header, (await settlement.finalAt(batchId)) + 60n),
  release: ({ world }, { header }) => world.settlement.release([header]),
  commit: commitNext,
  withdraw: ({ world: { settlement, challenger } }) =>
    settlement.connect(challenger).withdraw(ZeroAddress, challenger),
  unbond: ({ world: { settlement, operator } }) => settlement.connect(operator).unbond(ZeroAddress, 1000n),
};

const RARELY = ["unbond", "attestBatch", "lengthen", "voidChallenge"];
/** What a step draws from: what ends a dispute more often than what is rarely refused. */
const NAMES = [
  ...Object.keys(ACTIONS).filter((name) => !RARELY.includes(name)),
  ...["answer", "answer", "reveal", "reveal", "demandReveal", "resolveDemand", "resolve", "release"],
  ...["wait", "wait"],
];

/** What every walk must have done at least once, to prove anything. */
const FLOOR = ["challenge", "answer", "resolve", "demandReveal", "reveal", "prove", "release", "commit"];

describe("Histories", () => {
  it("R-08 R-10 R-17 R-19 I-01 I-02 I-03 I-04 I-05 I-06 I-10 I-12 I-18 hold after every step of random walks", async () => {
    const done = new Map<string, number>();
    for (const seed of ["first walk", "second walk"]) await walk(seed, done);
    for (const name of FLOOR) {
      expect(done.get(name) ?? 0, `${name} in ${JSON.stringify([...done])}`).to.be.at.least(1);
    }
  });
});

async function walk(seed: string, done: Map<string, number>): Promise<void> {
  const history: History = {
    ...{ world: await loadFixture(deployWorld), batches: [], statuses: new Map(), burntWei: 0n },
  };
  const draw = drawsFrom(seed);
  await commitNext(history);
  for (let step = 0; step < STEPS; step++) {
    const name = (draw(20) === 0 ? RARELY[draw(RARELY.length)] : NAMES[draw(NAMES.length)]) ?? "wait";
    if (name === "commit" && history.batches.length > step / 30) continue;
    const batch = history.batches[history.batches.length - 1 - draw(Math.min(3, history.batches.length))];
    if (!batch) throw new Error("no batch");
    if (name === "wait") await time.increase(1 + draw(1200));
    else if (!(await isDone(() => ACTIONS[name]?.(history, batch, draw(CLAIMS))))) continue;
    done.set(name, (done.get(name) ?? 0) + 1);
    await checkLedger(history, `${seed} ${step} ${name}`);
    await checkStatuses(history, `${seed} ${step} ${name}`);
  }
}

async function commitNext({ world, batches }: History): Promise<void> {
  const rule = RULES[batches.length % RULES.length] ?? "window";
  const owner = { ...world, sender: world.operator };
  batches.push(await commitBatch(owner, rule, { count: CLAIMS, nonce: BigInt(batches.length + 1) }));
}

async function checkLedger({ world, batches, burntWei }: History, step: string): Promise<void> {
  const { settlement, operator, challenger, requester, prover } = world;
  let lockedWei = 0n;
  let bondsWei = 0n;
  for (const batch of batches) {
    const word = await settlement.batchOf(batch.batchId);
    const leaves = await Promise.all(batch.claims.map((_, index) => settlement.leafOf(batch.batchId, index)));
    const inState = (...states: bigint[]) =>
      BigInt(leaves.filter(({ state }) => states.includes(state)).length);
    expect(word.disputed, `${step}: disputed`).to.equal(inState(LEAF.challenged, LEAF.demanded));
    expect(word.rejected, `${step}: rejected`).to.equal(inState(LEAF.rejected));
    if (word.released) expect(word.disputed, `${step}: released under a dispute`).to.equal(0);
    else lockedWei += (BigInt(batch.claims.length) - word.rejected) * CLAIM_BOND_WEI;
    bondsWei += word.disputed * CHALLENGE_BOND_WEI;
  }
  const account = await settlement.operatorOf(operator.address, ZeroAddress);
  expect(account.lockedWei, `${step}: locked`).to.equal(lockedWei);
  expect(account.lockedWei <= account.stakeWei, `${step}: more locked than staked`).to.equal(true);
  let owedWei = account.stakeWei + account.unbondingWei + bondsWei + burntWei;
  for (const { address } of [operator, challenger, requester, prover]) {
    owedWei += await settlement.creditOf(address, ZeroAddress);
  }
  expect(await ethers.provider.getBalance(settlement), `${step}: balance`).to.equal(owedWei);
}

async function checkStatuses({ world, batches, statuses }: History, step: string): Promise<void> {
  for (const batch of batches) {
    const { released } = await world.settlement.batchOf(batch.batchId);
    for (const [index] of batch.claims.entries()) {
      const key = `${batch.batchId}${index}`;
      const status = Number(await world.settlement.statusOf(...memberOf(batch, index)));
      const before = statuses.get(key) ?? { status: STATUS.Committed, highest: STATUS.Committed };
      const where = `${step}: claim ${index} from ${before.status} to ${status}`;
      expect(mayFollow(before, status), where).to.equal(true);
      if (released)
        expect([STATUS.Final, STATUS.Rejected, STATUS.Voided] as number[], where).to.include(status);
      const highest = status <= STATUS.Final ? Math.max(before.highest, status) : before.highest;
      statuses.set(key, { status, highest });
    }
  }
}

/** I-04: the ladder is only climbed; a challenge leads back to the ladder, no lower, or off it for ever. */
function mayFollow({ status, highest }: Seen, next: number): boolean {
  if (status === STATUS.Rejected || status === STATUS.Voided || status === STATUS.Final)
    return next === status;
  if (next <= STATUS.Final) return next >= highest;
  if (next === STATUS.Challenged) return status === STATUS.Challenged || status <= STATUS.Attested;
  return status === STATUS.Challenged;
}
