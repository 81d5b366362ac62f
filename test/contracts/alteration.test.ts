// SPDX-License-Identifier: MIT
import { claimId } from "@meantime/sdk/claim";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { STATUS } from "@meantime/sdk/status";
import { expect } from "chai";
import { dataSlice, hexlify, type Interface, toBeHex } from "ethers";
import { type Attempt, outcomeAt } from "./clock.ts";
import {
  type Batch,
  batchOf,
  buildBatch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  claimAt,
  commitBatch,
  deployWorld,
  memberOf,
  networkHelpers,
  signBatch,
  signClaim,
  type World,
  wordOf,
} from "./fixture.ts";
import { commitInferences } from "./inferences.ts";
import { disputeOf, revelation } from "./openings.ts";
import { ANSWER_SECONDS, promiseClaim, reportAttempt, reportableFrom, reportOmission } from "./promises.ts";
import { infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;

/** A call that passes as it stands, and the places of its arguments none of which may be altered. */
interface Target {
  attempt: Attempt;
  bound: number[];
  /** When to try it; the next second where not given. */
  at?: bigint;
}

const MEMBER = [0, 1, 2, 3];
const DISPUTE = [0, 1, 2, 3];

const TARGETS: Record<string, (world: World) => Promise<Target>> = {
  challenge: async (world) => bonded(world, "challenge", await member(world), MEMBER),
  demandReveal: async (world) => {
    const { header } = await commitBatch(world, "window");
    // Another index is another demand.
    return bonded(world, "demandReveal", [header, 1], [0]);
  },
  prove: async (world) => {
    const batch = await commitBatch(world, "window");
    const { prover } = world;
    const signature = await signClaim(world, claimAt(batch, 1).claimId, prover.address);
    const evidence = [EVIDENCE_KINDS.tee, prover.address, signature];
    return on(world, "prove", [...memberOf(batch, 1), ...evidence], [...MEMBER, 4, 5, 6]);
  },
  answer: async (world) => {
    const batch = await challenged(world);
    const { prover } = world;
    const signature = await signClaim(world, claimAt(batch, 1).claimId, prover.address);
    const evidence = [EVIDENCE_KINDS.tee, prover.address, signature];
    return on(world, "answer", [...disputeOf(world, batch, 1), ...evidence], [...DISPUTE, 4, 5, 6]);
  },
  resolve: async (world) => {
    const batch = await challenged(world);
    const { deadline } = await world.settlement.leafOf(batch.batchId, 1);
    return { ...on(world, "resolve", [...disputeOf(world, batch, 1)], DISPUTE), at: deadline };
  },
  disprove: disproof,
  voidChallenge: async (world) => {
    const args = disputeOf(world, await challenged(world), 1);
    return on(world, "voidChallenge", [...args], DISPUTE);
  },
  reveal: async (world) => {
    const batch = await demanded(world);
    return on(world, "reveal", [...revelation(batch, 1)], MEMBER);
  },
  resolveDemand: async (world) => {
    const batch = await demanded(world);
    const { deadline } = await world.settlement.leafOf(batch.batchId, 1);
    const args = [batch.header, 1, world.challenger.address];
    return { ...on(world, "resolveDemand", args, [0, 1, 2]), at: deadline };
  },
  attestBatch: async (world) => {
    const batch = await commitBatch(world, "tee");
    return on(world, "attestBatch", [batch.header, await signBatch(world, batch)], [0, 1]);
  },
  reopenBatch: async (world) => {
    const batch = await commitBatch(world, "teeThenWindow");
    await world.settlement.attestBatch(batch.header, await signBatch(world, batch));
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
    return on(world, "reopenBatch", [batch.header], [0]);
  },
  reopenClaim: async (world) => {
    const batch = await commitBatch(world, "window");
    const { prover } = world;
    const signature = await signClaim(world, claimAt(batch, 1).claimId, prover.address);
    await world.settlement.prove(...memberOf(batch, 1), EVIDENCE_KINDS.tee, prover.address, signature);
    await world.enclaveEvidence.markCompromised(world.enclaveKeyId, 1);
    return on(world, "reopenClaim", [...memberOf(batch, 1), EVIDENCE_KINDS.tee], MEMBER);
  },
  record: async (world) => {
    const args = await member(world);
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    return on(world, "record", args, MEMBER);
  },
  requireStatus: async (world) =>
    on(world, "requireStatus", [...(await member(world)), STATUS.Committed], MEMBER),
  release: async (world) => {
    const { header } = await commitBatch(world, "window");
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    return on(world, "release", [[header]], [0]);
  },
  lengthenChallengeWindow: async (world) => {
    const { header, batchId } = await commitBatch(world, "window");
    const finalAt = await world.settlement.finalAt(batchId);
    return on(world, "lengthenChallengeWindow", [header, finalAt + 9n], [0]);
  },
  lengthenDeadline: async (world) => {
    const { header, batchId } = await challenged(world);
    const { deadline } = await world.settlement.leafOf(batchId, 1);
    return on(world, "lengthenDeadline", [header, 1, deadline + 9n], [0, 1]);
  },
  reportOmission: async (world) => {
    const receipt = await promiseClaim(world);
    return { attempt: reportAttempt(world, receipt), bound: [0, 1], at: reportableFrom(receipt) };
  },
  answerOmission: async (world) => {
    const { claims } = await buildBatch(world, "window", { count: 3 });
    const batch = batchOf(world, claims);
    const [, claim, index, proof] = memberOf(batch, 1);
    await world.settlement.connect(world.operator).commit(batch.header);
    await reportOmission(world, await promiseClaim(world, claim));
    return onReceipts(world, "answerOmission", [claim, batch.header, index, proof], [0, 1, 2, 3]);
  },
  resolveOmission: async (world) => {
    const receipt = await promiseClaim(world);
    await reportOmission(world, receipt);
    await time.increase(ANSWER_SECONDS);
    const target = onReceipts(world, "resolveOmission", [receipt.claim], [0]);
    return { ...target, attempt: { ...target.attempt, from: world.challenger } };
  },
  reportEquivocation: async (world) => {
    const a = await promiseClaim(world, { outputHash: wordOf(1n) });
    const b = await promiseClaim(world, { ...a.claim, outputHash: wordOf(2n) });
    const args = [a.claim, a.signature, b.claim, b.signature];
    return onReceipts(world, "reportEquivocation", args, [0, 1, 2, 3]);
  },
};

after(stopProver);

describe("Altered arguments", () => {
  for (const [name, targetOf] of Object.entries(TARGETS)) {
    it(`R-02 R-03 are refused in every field: ${name}`, async () => {
      const world = await loadFixture(deployWorld);
      const { attempt, bound, at } = await targetOf(world);
      const when = at ?? BigInt(await time.latest()) + 1n;
      expect(await outcomeAt(when, attempt)).to.equal("done");
      let tried = 0;
      for (const place of bound) {
        for (const [field, altered] of alterations(attempt.args[place])) {
          const args = attempt.args.map((arg, other) => (other === place ? altered : arg));
          expect(await outcomeAt(when, { ...attempt, args }), `argument ${place} ${field}`).to.not.equal(
            "done",
          );
          tried++;
        }
      }
      expect(tried).to.be.at.least(8);
    });
  }

  it("R-02 belong to no batch: a view knows nothing of them", async () => {
    const world = await loadFixture(deployWorld);
    const args = await member(world);
    const { settlement } = world;
    for (const place of MEMBER) {
      for (const [field, altered] of alterations(args[place])) {
        const changed = args.map((arg, other) => (other === place ? altered : arg)) as typeof args;
        expect(await settlement.statusOf(...changed), `${place} ${field}`).to.equal(STATUS.Unknown);
        expect(await settlement.inclusionOf(...changed), `${place} ${field}`).to.equal(0);
      }
    }
    expect(await settlement.inclusionOf(...args)).to.equal(await time.latest());
  });
});

describe("Bits beyond a field's type", () => {
  // Word by word: which bits of a header and of a claim are not free.
  const NARROW = {
    batchIdOf: { error: "DirtyHeader", bits: { 0: 160, 5: 32, 6: 64, 7: 64 } },
    claimIdOf: { error: "DirtyClaim", bits: { 2: 160, 3: 160, 7: 64, 8: 64 } },
  } as const;

  for (const [name, { error, bits }] of Object.entries(NARROW)) {
    it(`R-02 R-04 give no second name to the same content: ${name}`, async () => {
      const world = await loadFixture(deployWorld);
      const { settlement } = world;
      const [header, claim] = await member(world);
      const content = name === "batchIdOf" ? header : claim;
      const data = (settlement.interface as Interface).encodeFunctionData(name, [content]);
      const to = await settlement.getAddress();
      for (const [word, width] of Object.entries(bits)) {
        for (const bit of [width, 255]) {
          await expect(world.stranger.call({ to, data: flipBit(data, Number(word), bit) }), `${word}:${bit}`)
            .to.be.revertedWithCustomError(settlement, error)
            .withArgs();
        }
        const inside = await world.stranger.call({ to, data: flipBit(data, Number(word), width - 1) });
        expect(inside).to.not.equal(await world.stranger.call({ to, data }));
      }
    });
  }

  it("R-02 stop a challenge that could never be resolved", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger } = world;
    const data = settlement.interface.encodeFunctionData("challenge", await member(world));
    const requesterWord = 8 + 3;
    const to = await settlement.getAddress();
    await expect(
      challenger.call({ to, data: flipBit(data, requesterWord, 160), value: CHALLENGE_BOND_WEI }),
    ).to.be.revertedWithCustomError(settlement, "DirtyClaim");
    await challenger.call({ to, data, value: CHALLENGE_BOND_WEI });
  });
});

/** Every way to alter a value a little, by what is altered: a field, an element, or the value itself. */
function alterations(value: unknown): [string, unknown][] {
  if (Array.isArray(value)) {
    const elements = value.flatMap((element, at) =>
      alterations(element).map(([field, altered]): [string, unknown] => [
        `${at}.${field}`,
        value.map((other, place) => (place === at ? altered : other)),
      ]),
    );
    return typeof value[0] === "string" ? [...elements, ["one more", [...value, value[0]]]] : elements;
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([field, inner]) =>
      alterations(inner).map(([, altered]): [string, unknown] => [field, { ...value, [field]: altered }]),
    );
  }
  if (typeof value === "string") return [["last digit", alterHex(value)]];
  return typeof value === "bigint" ? [["value", value + 1n]] : [["value", Number(value) + 1]];
}

function alterHex(hex: string): string {
  // By a middle digit: the last byte of an id is read as flags, and a signature ends in its recovery bit.
  const at = Math.floor(hex.length / 2);
  return `${hex.slice(0, at)}${hex[at] === "1" ? "2" : "1"}${hex.slice(at + 1)}`.toLowerCase();
}

function flipBit(data: string, word: number, bit: number): string {
  const start = 4 + word * 32;
  const flipped = BigInt(dataSlice(data, start, start + 32)) ^ (1n << BigInt(bit));
  return hexlify(
    `${dataSlice(data, 0, start)}${toBeHex(flipped, 32).slice(2)}${data.slice(2 + 2 * (start + 32))}`,
  );
}

async function member(world: World): Promise<ReturnType<typeof memberOf>> {
  return memberOf(await commitBatch(world, "window"), 1);
}

async function challenged(world: World): Promise<Batch> {
  const batch = await commitBatch(world, "window");
  await challengeClaim(world, batch, 1);
  return batch;
}

async function demanded(world: World): Promise<Batch> {
  const batch = await commitBatch(world, "window");
  const { settlement, challenger } = world;
  await settlement.connect(challenger).demandReveal(batch.header, 1, { value: CHALLENGE_BOND_WEI });
  return batch;
}

async function disproof(world: World): Promise<Target> {
  const truth = infer(60);
  const lie = { ...truth, outputHash: wordOf((BigInt(truth.outputHash) + 1n) % 10n) };
  const batch = await commitInferences(world, "window", [lie, lie]);
  await challengeClaim(world, batch, 1);
  const { challenger, prover } = world;
  const twin = { ...claimAt(batch, 1).claim, outputHash: truth.outputHash };
  const proof = await proveClaim(truth, claimId(world.domain, twin), prover.address);
  const args = [...memberOf(batch, 1), challenger.address, truth.outputHash, prover.address, proof];
  return on(world, "disprove", args, [...MEMBER, 4, 5, 6, 7]);
}

function on({ settlement, admin }: World, name: string, args: readonly unknown[], bound: number[]): Target {
  return { attempt: { contract: settlement, from: admin, name, args }, bound };
}

function onReceipts({ receipts, admin }: World, name: string, args: unknown[], bound: number[]): Target {
  return { attempt: { contract: receipts, from: admin, name, args }, bound };
}

function bonded(world: World, name: string, args: readonly unknown[], bound: number[]): Target {
  const { attempt } = on(world, name, args, bound);
  return { attempt: { ...attempt, value: CHALLENGE_BOND_WEI }, bound };
}
