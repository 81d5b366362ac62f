// SPDX-License-Identifier: MIT
import { EVIDENCE_KINDS, EVIDENCE_RULES, policyId } from "@meantime/sdk/policy";
import { type StatusName, statusName } from "@meantime/sdk/status";
import { expect } from "chai";
import { type Derivation, type DerivedClaim, startDerivation } from "./derivation.ts";
import {
  type Batch,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  memberOf,
  networkHelpers,
  policyFor,
  type RuleName,
} from "./fixture.ts";
import { ACT, deployHostileWorld, type HostileWorld } from "./hostile-fixture.ts";
import { disputeOf, revelation } from "./openings.ts";
import { drawsFrom, isDone } from "./walk.ts";

const { loadFixture, mine, time } = networkHelpers;
const STEPS = 120;
const WALK_MILLISECONDS = 300_000;
const CLAIMS = 2;
/** Batches that a step acts on and looks at. */
const RECENT = 3;
const BATCH_EVERY_STEPS = 8;
/** Actions that a step tries. */
const DRAWS = 8;
const KINDS = Object.values(EVIDENCE_KINDS);
const ENDED: readonly StatusName[] = ["Final", "Rejected", "Voided"];
const RULES = Object.keys(EVIDENCE_RULES) as RuleName[];

/** A world, what was committed in it, and since when claims are final by the contract's own answers. */
interface Walk {
  world: HostileWorld;
  batches: Batch[];
  derivation: Derivation;
  finalAt: Map<string, number>;
  /** When claims will be final, as it was last looked into. */
  expected: Map<string, number>;
  /** As the contract told them last. */
  statuses: Map<string, StatusName>;
  draw: (bound: number) => number;
  /** The kind of the evidence that is brought next. */
  kindOf(): number;
}

type Action = (walk: Walk, batch: Batch, index: number) => Promise<unknown>;

const ACTIONS: Record<string, Action> = {
  challenge: ({ world }, batch, index) => challengeClaim(world, batch, index),
  answer: ({ world, kindOf }, batch, index) => {
    const { settlement, prover } = world;
    return settlement.answer(...disputeOf(world, batch, index), kindOf(), prover.address, "0x");
  },
  resolve: ({ world }, batch, index) => world.settlement.resolve(...disputeOf(world, batch, index)),
  voidChallenge: ({ world }, batch, index) =>
    world.settlement.voidChallenge(...disputeOf(world, batch, index)),
  disprove: ({ world: { settlement, challenger, prover } }, batch, index) => {
    const truth = batch.claims[(index + 1) % CLAIMS]?.outputHash ?? "0x";
    const call = [...memberOf(batch, index), challenger.address, truth, prover.address, "0x"] as const;
    return settlement.disprove(...call);
  },
  demandReveal: ({ world: { settlement, challenger } }, batch, index) =>
    settlement.connect(challenger).demandReveal(batch.header, index, { value: CHALLENGE_BOND_WEI }),
  reveal: ({ world }, batch, index) => world.settlement.reveal(...revelation(batch, index)),
  resolveDemand: ({ world: { settlement, challenger } }, batch, index) =>
    settlement.resolveDemand(batch.header, index, challenger.address),
  prove: ({ world: { settlement, prover }, kindOf }, batch, index) =>
    settlement.prove(...memberOf(batch, index), kindOf(), prover.address, "0x"),
  attestBatch: ({ world }, { header }) => world.settlement.attestBatch(header, "0x"),
  reopenBatch: ({ world }, { header }) => world.settlement.reopenBatch(header),
  reopenClaim: ({ world, kindOf }, batch, index) =>
    world.settlement.reopenClaim(...memberOf(batch, index), kindOf()),
  lengthen: async ({ world: { settlement } }, { header, batchId }) =>
    settlement.lengthenChallengeWindow(header, (await settlement.finalAt(batchId)) + 60n),
  lengthenDeadline: async ({ world: { settlement } }, { header, batchId }, index) => {
    const { deadline } = await settlement.leafOf(batchId, index);
    return settlement.lengthenDeadline(header, index, deadline + 60n);
  },
};

/** How often a step draws an action, by whether the claim it is about is in dispute. */
const WEIGHTS = {
  open: {
    ...{ challenge: 2, demandReveal: 2, reveal: 2, prove: 3, attestBatch: 2, disprove: 1, lengthen: 1 },
    ...{ reopenClaim: 2, reopenBatch: 1 },
  },
  disputed: {
    ...{ answer: 3, reveal: 3, resolve: 1, resolveDemand: 1, attestBatch: 1, disprove: 1 },
    ...{ voidChallenge: 1, lengthenDeadline: 1, wait: 1 },
  },
};
const NAMES = { open: drawnFrom(WEIGHTS.open), disputed: drawnFrom(WEIGHTS.disputed) };

const { zk, tee, quorum } = EVIDENCE_KINDS;
/** What walks seldom come upon: actions on one claim, with the kind of evidence. */
const HISTORIES: [string, RuleName, [string, number?][]][] = [
  ["shown unasked, and its batch attested", "teeThenWindow", [["reveal"], ["attestBatch"]]],
  ["demanded, its batch attested, and shown", "tee", [["demandReveal"], ["attestBatch"], ["reveal"]]],
  ["challenged, its batch attested, and answered", "tee", [["challenge"], ["attestBatch"], ["answer", zk]]],
  ["judged by a committee, and its batch attested", "teeOrZk", [["prove", quorum], ["attestBatch"]]],
  ["proven, and its batch attested", "tee", [["prove", zk], ["attestBatch"]]],
  ["attested with its batch, and proven", "zk", [["attestBatch"], ["prove", zk]]],
  ["attested, proven, and its batch attested", "teeAndZk", [["prove", tee], ["prove", zk], ["attestBatch"]]],
  [
    "attested, reopened, and attested again",
    "window",
    [
      ["prove", tee],
      ["reopenClaim", tee],
      ["prove", tee],
    ],
  ],
];
const STEP_SECONDS = 60;

describe("Derived status", () => {
  const done = new Map<string, number>();
  for (const seed of ["a walk", "another walk", "a third walk"]) {
    it(`is the contract's, and final from the contract's second on, of the ledger, the index and the audit: ${seed}`, () =>
      walk(seed, done)).timeout(WALK_MILLISECONDS);
  }

  for (const [what, rule, steps] of HISTORIES) {
    it(`is the contract's of a claim that was ${what}`, () => follow(rule, steps));
  }

  it("was compared after everything that can happen to a claim", () => {
    for (const name of Object.keys(ACTIONS)) {
      expect(done.get(name) ?? 0, `${name} in ${JSON.stringify([...done])}`).to.be.at.least(2);
    }
  });
});

async function follow(rule: RuleName, steps: readonly [string, number?][]): Promise<void> {
  const state = await start();
  try {
    await commitNext(state, rule);
    await state.derivation.follow();
    for (const [name, kind] of [...steps, ["wait"] as const]) {
      const [batch] = state.batches;
      if (!batch) throw new Error("no batch");
      const at = (await time.latest()) + (name === "wait" ? CHALLENGE_WINDOW_SECONDS * 2 : STEP_SECONDS);
      await lookAhead(state, at, `before ${name}`);
      await time.setNextBlockTimestamp(at);
      await (ACTIONS[name] ?? (() => mine()))({ ...state, kindOf: () => kind ?? 0 }, batch, 0);
      await state.derivation.follow();
      await lookAround(state, at, name);
    }
  } finally {
    await state.derivation.close();
  }
}

/** A protocol without batches, and readers that know it. */
async function start(seed = ""): Promise<Walk> {
  const world = await loadFixture(deployPolicies);
  const derivation = await startDerivation(world);
  const draw = drawsFrom(seed);
  const kindOf = () => KINDS[draw(KINDS.length)] ?? 0;
  return {
    ...{ world, derivation, draw, kindOf, batches: [] },
    ...{ finalAt: new Map(), expected: new Map(), statuses: new Map() },
  };
}

async function walk(seed: string, done: Map<string, number>): Promise<void> {
  const state = await start(seed);
  try {
    for (let step = 0; step < STEPS; step++) {
      const at = await nextTime(state);
      await lookAhead(state, at, `${seed}, before step ${step}`);
      await time.setNextBlockTimestamp(at);
      const name = await actOnce(state, step);
      done.set(name, (done.get(name) ?? 0) + 1);
      await state.derivation.follow();
      await lookAround(state, at, `${seed}, step ${step}, ${name}`);
    }
  } finally {
    await state.derivation.close();
  }
}

async function deployPolicies(): Promise<HostileWorld> {
  const world = await deployHostileWorld();
  const { hostile, hostileAddress } = world;
  await hostile.setAct(ACT.Accept);
  // Whatever it accepts can be taken back.
  await hostile.setClaims(1, 1, 1);
  const policyIds = { ...world.policyIds };
  for (const rule of RULES) {
    const policy = {
      ...(await policyFor(world, rule)),
      ...{ answerKinds: 7, zkEvidence: hostileAddress, teeEvidence: hostileAddress },
      quorumEvidence: hostileAddress,
    };
    policyIds[rule] = policyId(policy);
    const { registeredAt } = await world.policies.policyOf(policyIds[rule]);
    if (registeredAt === 0n) await world.policies.register(policy);
  }
  return { ...world, policyIds };
}

async function commitNext({ world, batches }: Walk, rule?: RuleName): Promise<void> {
  const next = rule ?? RULES[batches.length % RULES.length] ?? "window";
  const batch = await buildBatch(world, next, { count: CLAIMS, nonce: BigInt(batches.length + 1) });
  await world.settlement.connect(world.operator).commit(batch.header);
  batches.push(batch);
}

/** Does the first of some draws that the contract does not refuse, in a block of its own. */
async function actOnce(state: Walk, step: number): Promise<string> {
  const { batches, draw } = state;
  const open = recent(state).flatMap((batch) =>
    batch.claims.flatMap((_, index) => {
      const status = state.statuses.get(keyOf(batch, index)) ?? "Unknown";
      return ENDED.includes(status) ? [] : [{ batch, index, status }];
    }),
  );
  if (open.length === 0 || batches.length < step / BATCH_EVERY_STEPS) {
    await commitNext(state);
    return "commit";
  }
  for (let attempt = 0; attempt < DRAWS; attempt++) {
    const claim = open[draw(open.length)];
    const names = claim?.status === "Challenged" ? NAMES.disputed : NAMES.open;
    const name = names[draw(names.length)];
    const act = name && ACTIONS[name];
    if (claim && act && (await isDone(() => act(state, claim.batch, claim.index)))) return name;
  }
  await mine();
  return "wait";
}

/** Often just before, at or after a moment at which something ends. */
async function nextTime({ world, derivation, draw, ...state }: Walk): Promise<number> {
  const now = await time.latest();
  const soon = now + 1 + draw(240);
  if (draw(4) !== 0) return soon;
  const ends: number[] = [];
  for (const { batchId } of recent(state)) {
    for (let index = 0; index < CLAIMS; index++) {
      const { finalAt } = (await derivation.claim(batchId, index)).at(now).ledger;
      const { deadline } = await world.settlement.leafOf(batchId, index);
      ends.push(finalAt ?? 0, Number(deadline));
    }
  }
  const near = ends.map((end) => end - 1 + draw(3)).filter((end) => end > now);
  return near.length === 0 ? soon : Math.min(...near);
}

/** What will be if nothing happens: the second before `at`, and the seconds around the one that makes claims final. */
async function lookAhead(state: Walk, at: number, where: string): Promise<void> {
  const now = await time.latest();
  for (const batch of recent(state)) {
    for (let index = 0; index < CLAIMS; index++) {
      const derived = await state.derivation.claim(batch.batchId, index);
      const { finalAt } = derived.at(now).ledger;
      const isDue = finalAt !== null && (finalAt <= at || hasChanged(state, batch, index, finalAt));
      const ahead = isDue ? [finalAt - 1, finalAt, finalAt + 1] : [];
      for (const when of new Set([...ahead, at - 1])) {
        if (when <= now) continue;
        await time.setNextBlockTimestamp(when);
        const status = await statusOf(state, batch, index, "pending");
        // The seconds before and after it are looked at too, so that this is the contract's word.
        if (status === "Final" && when === finalAt && when < at) noteFinal(state, batch, index, when);
        compare(derived, status, when, `${where}: ${index} at ${when}`);
      }
    }
  }
}

/** Whether another moment is told than the one that was looked at last. */
function hasChanged({ expected }: Walk, batch: Batch, index: number, finalAt: number): boolean {
  const key = keyOf(batch, index);
  const isNew = expected.get(key) !== finalAt;
  expected.set(key, finalAt);
  return isNew;
}

async function lookAround(state: Walk, at: number, where: string): Promise<void> {
  for (const batch of recent(state)) {
    for (let index = 0; index < CLAIMS; index++) {
      const derived = await state.derivation.claim(batch.batchId, index);
      const status = await statusOf(state, batch, index, "latest");
      compare(derived, status, at, `${where}: ${index} now`);
      state.statuses.set(keyOf(batch, index), status);
      if (status !== "Final") continue;
      const known = noteFinal(state, batch, index, at);
      const { ledger, index: indexed, audit } = derived.at(at);
      const told = [ledger.finalAt, indexed.finalAt, audit.finalAt];
      expect(told, `${where}: ${index} is final since`).to.deep.equal([known, known, known]);
    }
  }
}

/** The first moment counts: it was not final a second earlier. */
function noteFinal({ finalAt }: Walk, batch: Batch, index: number, at: number): number {
  const key = keyOf(batch, index);
  const known = finalAt.get(key) ?? at;
  finalAt.set(key, known);
  return known;
}

function compare(derived: DerivedClaim, status: StatusName, at: number, where: string): void {
  const { ledger, index, audit } = derived.at(at);
  const told = { ledger: ledger.status, index: index.status, audit: audit.status };
  expect(told, where).to.deep.equal({ ledger: status, index: status, audit: status });
}

async function statusOf(
  { world }: Walk,
  batch: Batch,
  index: number,
  blockTag: "pending" | "latest",
): Promise<StatusName> {
  const status = await world.settlement.statusOf(...memberOf(batch, index), { blockTag });
  return statusName(status) ?? "Unknown";
}

function recent({ batches }: Pick<Walk, "batches">): Batch[] {
  return batches.slice(-RECENT);
}

function drawnFrom(weights: Record<string, number>): string[] {
  return Object.entries(weights).flatMap(([name, weight]) => Array<string>(weight).fill(name));
}

function keyOf({ batchId }: Batch, index: number): string {
  return `${batchId} ${index}`;
}
