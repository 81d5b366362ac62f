// SPDX-License-Identifier: MIT
import { claimId } from "@meantime/sdk/claim";
import type { Hex } from "@meantime/sdk/hex";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { answerClaim, resolveClaim } from "./disputes.ts";
import {
  asAddress,
  type Batch,
  CHALLENGE_BOND_WEI,
  CHALLENGE_WINDOW_SECONDS,
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
  REQUESTER_BPS,
  type World,
  wordOf,
} from "./fixture.ts";
import { disputeOf, revelation } from "./openings.ts";
import { ANSWER_SECONDS, keepPromise, promiseClaim, reportOmission } from "./promises.ts";
import { infer, proveClaim, stopProver } from "./proofs.ts";

const { loadFixture, time } = networkHelpers;

const ROLES = ["operator", "challenger", "prover", "requester"] as const;
const STAKE_WEI = 10n ** 18n;
const BOND = CHALLENGE_BOND_WEI;
const SHARE = (CLAIM_BOND_WEI * BigInt(CHALLENGER_BPS)) / 10_000n;
const COMPENSATION = (CLAIM_BOND_WEI * BigInt(REQUESTER_BPS)) / 10_000n;
const BURN = CLAIM_BOND_WEI - SHARE - COMPENSATION;
// Of a penalty for a receipt a quarter is split.
const PENALTY_SHARE = SHARE / 4n;
const PENALTY_COMPENSATION = COMPENSATION / 4n;
const PENALTY_BURN = CLAIM_BOND_WEI - PENALTY_SHARE - PENALTY_COMPENSATION;

type Role = (typeof ROLES)[number];

/** One row of the bond table: what happens, who paid a bond in, and what everybody's account gains or loses by it. */
interface Row {
  name: string;
  play(world: World): Promise<unknown>;
  depositor?: Role;
  gains: Partial<Record<Role, bigint>>;
  burntWei?: bigint;
}

const LOSS = -CLAIM_BOND_WEI;
const TRUTH = infer(40);
const LIE = wordOf((BigInt(TRUTH.outputHash) + 1n) % 10n);
const proofs = new Map<string, Promise<Hex>>();

const TABLE: Row[] = [
  { name: "final by the clock", play: finalByClock, gains: {} },
  { name: "proven unasked", play: proveUnasked, gains: {} },
  { name: "challenged and answered", play: answered, depositor: "challenger", gains: { prover: BOND } },
  {
    ...{ name: "challenged and not answered", play: unanswered, depositor: "challenger", burntWei: BURN },
    gains: { operator: LOSS, challenger: BOND + SHARE, requester: COMPENSATION },
  },
  {
    ...{ name: "disproven", play: (world) => disprove(world, false), burntWei: BURN },
    gains: { operator: LOSS, prover: SHARE, requester: COMPENSATION },
  },
  {
    name: "challenged and disproven",
    ...{ play: (world) => disprove(world, true), depositor: "challenger", burntWei: BURN },
    gains: { operator: LOSS, challenger: BOND, prover: SHARE, requester: COMPENSATION },
  },
  { name: "voided", play: voided, depositor: "challenger", gains: { challenger: BOND } },
  { name: "demanded and revealed", play: revealed, depositor: "challenger", gains: { operator: BOND } },
  {
    ...{
      name: "demanded and withheld",
      play: withheld,
      depositor: "challenger",
      burntWei: BURN + COMPENSATION,
    },
    gains: { operator: LOSS, challenger: BOND + SHARE },
  },
  { name: "omission refuted", play: refuted, depositor: "challenger", gains: { operator: BOND } },
  {
    ...{ name: "omission upheld", play: upheld, depositor: "challenger", burntWei: PENALTY_BURN },
    gains: { operator: LOSS, challenger: BOND + PENALTY_SHARE, requester: PENALTY_COMPENSATION },
  },
  { name: "omission voided", play: omissionVoided, depositor: "challenger", gains: { challenger: BOND } },
  {
    ...{ name: "equivocated", play: equivocated, burntWei: PENALTY_BURN },
    gains: { operator: LOSS, challenger: PENALTY_SHARE, requester: PENALTY_COMPENSATION },
  },
];

after(stopProver);

describe("Bond table, under every collision of roles", () => {
  it("R-11 knows all fifteen of them", () => {
    expect(new Set(casts().map(String)).size).to.equal(15);
  });

  for (const { name, play, depositor, gains, burntWei = 0n } of TABLE) {
    it(`R-10 R-11 R-12 I-01 I-06 I-21 ${name}`, async () => {
      for (const cast of casts()) {
        const plain = await loadFixture(deployWorld);
        const world = { ...plain, ...actorsOf(plain, cast) };
        const actors = [...new Set(ROLES.map((role) => world[role].address))];
        await play(world);

        let accountsWei = 0n;
        for (const actor of actors) {
          const roles = ROLES.filter((role) => world[role].address === actor);
          const gainWei = roles.reduce((sum, role) => sum + (gains[role] ?? 0n), 0n);
          const beforeWei = roles.includes("operator") ? STAKE_WEI : 0n;
          const accountWei = await accountOf(world, actor);
          expect(accountWei - beforeWei, `${cast}: ${roles}`).to.equal(gainWei);
          accountsWei += accountWei;

          // Whoever lost a claim bond has lost at least the burnt share, whatever else it played.
          const depositWei = depositor && roles.includes(depositor) ? BOND : 0n;
          if (burntWei !== 0n && roles.includes("operator")) {
            expect(gainWei - depositWei, `${cast}: net`).to.be.at.most(-burntWei);
          }
        }
        const held = (await balanceOf(world.settlement)) + (await balanceOf(world.receipts));
        expect(held - accountsWei, `${cast}: burnt`).to.equal(burntWei);
      }
    });
  }
});

/** Every way to give four roles to at most four people: for each role, the first role played by the same person. */
function casts(): number[][] {
  return ROLES.reduce<number[][]>(
    (all, _, role) => all.flatMap((cast) => [...new Set([...cast, role])].map((person) => [...cast, person])),
    [[]],
  );
}

function actorsOf(world: World, cast: number[]): Record<Role, HardhatEthersSigner> {
  const people = ROLES.map((role) => world[role]);
  const actorOf = (role: number): HardhatEthersSigner => {
    const actor = people[cast[role] ?? role];
    if (!actor) throw new RangeError(`no actor for role ${role}`);
    return actor;
  };
  return { operator: actorOf(0), challenger: actorOf(1), prover: actorOf(2), requester: actorOf(3) };
}

async function accountOf({ settlement, receipts }: World, account: string): Promise<bigint> {
  const { stakeWei, unbondingWei } = await settlement.operatorOf(account, ZeroAddress);
  const credits = [
    await settlement.creditOf(account, ZeroAddress),
    await receipts.creditOf(account, ZeroAddress),
  ];
  return credits.reduce((sum, creditWei) => sum + creditWei, stakeWei + unbondingWei);
}

async function balanceOf(contract: { getAddress(): Promise<string> }): Promise<bigint> {
  return ethers.provider.getBalance(await contract.getAddress());
}

async function commitOne(world: World, outputHash = TRUTH.outputHash): Promise<Batch> {
  const claims = { requester: asAddress(world.requester.address), inputHash: TRUTH.inputHash, outputHash };
  return commitBatch(world, "window", { count: 1, claims });
}

async function finalByClock(world: World): Promise<void> {
  const batch = await commitOne(world);
  await time.increase(CHALLENGE_WINDOW_SECONDS);
  await world.settlement.release([batch.header]);
}

async function proveUnasked(world: World): Promise<void> {
  const batch = await commitOne(world);
  const proof = await proofFor(world, claimAt(batch, 0).claimId);
  await world.settlement.prove(...memberOf(batch, 0), 1, world.prover.address, proof);
}

async function answered(world: World): Promise<void> {
  const batch = await commitOne(world);
  await challengeClaim(world, batch, 0);
  await answerClaim(world, batch, 0);
}

async function unanswered(world: World): Promise<void> {
  const batch = await commitOne(world);
  await challengeClaim(world, batch, 0);
  await time.increase(PROVE_WINDOW_SECONDS);
  await resolveClaim(world, batch, 0);
}

async function disprove(world: World, challenged: boolean): Promise<void> {
  const batch = await commitOne(world, LIE);
  if (challenged) await challengeClaim(world, batch, 0);
  const twin = { ...claimAt(batch, 0).claim, outputHash: TRUTH.outputHash };
  const proof = await proofFor(world, claimId(world.domain, twin));
  const { challenger, prover } = world;
  await world.settlement
    .connect(world.stranger)
    .disprove(...memberOf(batch, 0), challenger.address, TRUTH.outputHash, prover.address, proof);
}

async function voided(world: World): Promise<void> {
  const batch = await commitOne(world);
  await challengeClaim(world, batch, 0);
  await world.settlement.voidChallenge(...disputeOf(world, batch, 0));
}

async function demanded(world: World): Promise<Batch> {
  const batch = await commitOne(world);
  await world.settlement.connect(world.challenger).demandReveal(batch.header, 0, { value: BOND });
  return batch;
}

async function revealed(world: World): Promise<void> {
  const batch = await demanded(world);
  await world.settlement.reveal(...revelation(batch, 0));
}

async function withheld(world: World): Promise<void> {
  const batch = await demanded(world);
  await time.increase(PROVE_WINDOW_SECONDS);
  await world.settlement.resolveDemand(batch.header, 0, world.challenger.address);
}

async function refuted(world: World): Promise<void> {
  const receipt = await promiseClaim(world, { requester: asAddress(world.requester.address) });
  const { header } = await keepPromise(world, receipt);
  await reportOmission(world, receipt);
  await world.receipts.answerOmission(receipt.claim, header, 0, []);
}

async function upheld(world: World): Promise<void> {
  const receipt = await promiseClaim(world, { requester: asAddress(world.requester.address) });
  await reportOmission(world, receipt);
  await time.increase(ANSWER_SECONDS);
  await world.receipts.connect(world.challenger).resolveOmission(receipt.claim);
}

async function omissionVoided(world: World): Promise<void> {
  const receipt = await promiseClaim(world, { requester: asAddress(world.requester.address) });
  await reportOmission(world, receipt);
  await world.receipts.markCompromised(world.operator.address, world.receiptKey.address, 1n);
  await time.increase(ANSWER_SECONDS);
  await world.receipts.connect(world.challenger).resolveOmission(receipt.claim);
}

async function equivocated(world: World): Promise<void> {
  const requester = asAddress(world.requester.address);
  const a = await promiseClaim(world, { requester, outputHash: wordOf(1n) });
  const b = await promiseClaim(world, { ...a.claim, outputHash: wordOf(2n) });
  await world.receipts
    .connect(world.challenger)
    .reportEquivocation(a.claim, a.signature, b.claim, b.signature);
}

// The fixture starts from one snapshot, so equal casts have equal claim ids, and their proofs are made once.
async function proofFor(world: World, id: Hex): Promise<Hex> {
  const key = `${id}${world.prover.address}`;
  const proof = proofs.get(key) ?? proveClaim(TRUTH, id, world.prover.address);
  proofs.set(key, proof);
  return proof;
}
