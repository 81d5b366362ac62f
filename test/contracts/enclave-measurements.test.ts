// SPDX-License-Identifier: MIT
import { enclaveKeyId } from "@meantime/sdk/enclave-keys";
import { ZERO_HASH } from "@meantime/sdk/hex";
import { expect } from "chai";
import { loadFixture, networkHelpers } from "../enclave/chain.ts";
import { outcomeOf } from "../enclave/dcap-world.ts";
import {
  allow,
  DAY_SECONDS,
  deployEmptyRegistry,
  deployRegistryWorld,
  IMAGE,
  intelCall,
  intelImage,
  intelPolicy,
  keyOf,
  NITRO_POLICY,
  type RegistryWorld,
  type Terms,
} from "../enclave/registry-world.ts";

const { time, mine } = networkHelpers;
const KEY = keyOf("one");
const ID = enclaveKeyId(KEY);
const TDX = intelImage();
const TERMS = intelPolicy("tdx");
const OUT_OF_DATE = 4;

describe("The list of enclaves' measurements", function () {
  this.timeout(600_000);

  it("takes terms that make sense, for its kind of platform, and no others", async () => {
    const world = await loadFixture(deployEmptyRegistry);
    const refused: [string, Terms][] = [
      ["Nitro without PCR2", { ...NITRO_POLICY, pcrs: 0b11 }],
      ["Nitro with another status", { ...NITRO_POLICY, statuses: 0b11 }],
      ["Nitro with an evaluation", { ...NITRO_POLICY, minEvaluationNumber: 1 }],
      ["TDX with PCRs", { ...TERMS, pcrs: 7 }],
      ["TDX without a status", { ...TERMS, statuses: 0 }],
      ["TDX, revoked", { ...TERMS, statuses: 0b1000001 }],
      ["TDX with a status that there is not", { ...TERMS, statuses: 1 << 9 }],
      ["no block", { ...TERMS, maxBlockAge: 0 }],
      ["257 blocks", { ...TERMS, maxBlockAge: 257 }],
      ["no time", { ...TERMS, maxKeySeconds: 0 }],
      ["more than 90 days", { ...TERMS, maxKeySeconds: 90 * DAY_SECONDS + 1 }],
    ];
    for (const [what, terms] of refused) {
      const outcome = await outcomeOf(world.registry.allowMeasurement(TDX, 0, terms));
      expect(outcome, what).to.equal("BadMeasurementPolicy");
    }
    expect(await outcomeOf(world.registry.allowMeasurement(ZERO_HASH, 0, TERMS))).to.equal(
      "BadMeasurementPolicy",
    );
    await world.registry.allowMeasurement(TDX, 0, { ...TERMS, maxKeySeconds: 90 * DAY_SECONDS });
    const other = { ...TERMS, platform: 1 };
    expect(await outcomeOf(world.registry.allowMeasurement(TDX, 0, other)), "another platform").to.equal(
      "BadMeasurementPolicy",
    );
  });

  it("is read as it was written", async () => {
    const world = await loadFixture(deployRegistryWorld);
    const { policy, isAllowed, revision, lastRevokedAt } = await world.registry.measurementEntryOf(TDX);
    const expected = Object.fromEntries(Object.entries(TERMS).map(([name, value]) => [name, BigInt(value)]));
    for (const [name, value] of Object.entries(expected)) {
      expect(policy[name as keyof Terms], name).to.equal(value);
    }
    expect([isAllowed, revision, lastRevokedAt]).to.deep.equal([true, 0n, 0n]);
  });

  it("I-61 I-63 takes their force from all keys of what it drops, at once, and for good", async () => {
    const world = await withKey();
    await world.registry.removeMeasurement(TDX);
    const removedAt = await time.latest();
    expect(await isActive(world)).to.equal(false);
    expect(await world.registry.lastRevokedAt(TDX)).to.equal(removedAt);
    expect(await outcomeOf(world.registry.removeMeasurement(TDX))).to.equal("MeasurementNotAllowed");
    expect(await attested(world)).to.equal("MeasurementNotAllowed");

    // Back on the list, a key has to be attested anew.
    await allow(world, TDX, TERMS);
    expect(await isActive(world)).to.equal(false);
    expect(await attested(world)).to.equal("done");
    expect(await isActive(world)).to.equal(true);
    expect((await world.registry.activeMeasurementOf(ID)).number).to.equal(1);
    expect(await world.registry.lastRevokedAt(TDX)).to.equal(removedAt);
  });

  it("I-64 lets nothing that was announced before the guardian's last act undo it", async () => {
    const world = await loadFixture(deployRegistryWorld);
    await world.registry.tightenMeasurement(TDX, { ...TERMS, maxBlockAge: 100 });
    expect(await outcomeOf(world.registry.allowMeasurement(TDX, 0, TERMS))).to.equal("MeasurementRevision");
    await world.registry.allowMeasurement(TDX, 1, TERMS);
    await world.registry.removeMeasurement(TDX);
    expect(await outcomeOf(world.registry.allowMeasurement(TDX, 1, TERMS))).to.equal("MeasurementRevision");
    await world.registry.allowMeasurement(TDX, 2, TERMS);
  });

  it("I-64 is tightened and never loosened by the guardian", async () => {
    const world = await loadFixture(deployRegistryWorld);
    const now = { ...TERMS, minEvaluationNumber: 19, maxBlockAge: 100, maxKeySeconds: DAY_SECONDS };
    await world.registry.tightenMeasurement(TDX, now);
    for (const looser of [
      { ...now, statuses: now.statuses | 0b10 },
      { ...now, minEvaluationNumber: 18 },
      { ...now, maxBlockAge: 101 },
      { ...now, maxKeySeconds: DAY_SECONDS + 1 },
      { ...now, platform: 1 },
    ]) {
      expect(await outcomeOf(world.registry.tightenMeasurement(TDX, looser))).to.equal(
        "BadMeasurementPolicy",
      );
    }
    expect(await outcomeOf(world.registry.tightenMeasurement(ZERO_HASH, now))).to.equal(
      "MeasurementNotAllowed",
    );
    // The evaluation falls for nobody, a removal between or not.
    await world.registry.removeMeasurement(TDX);
    expect(await outcomeOf(world.registry.allowMeasurement(TDX, 2, TERMS))).to.equal("BadMeasurementPolicy");
    await world.registry.allowMeasurement(TDX, 2, { ...TERMS, minEvaluationNumber: 19 });
  });

  it("I-61 ends keys of a status, or of documents, that it does not take any more", async () => {
    for (const tighter of [
      { ...TERMS, statuses: 1 << OUT_OF_DATE },
      { ...TERMS, minEvaluationNumber: 21 },
    ]) {
      const world = await withKey();
      await world.registry.tightenMeasurement(TDX, tighter);
      expect(await isActive(world)).to.equal(false);
      expect(await world.registry.lastRevokedAt(TDX)).to.equal(await time.latest());
      expect(["TcbStatusNotAllowed", "QuoteDocumentTooOld"]).to.include(await attested(world));
    }
  });

  it("keeps keys of the very evaluation that it asks for", async () => {
    const world = await withKey();
    await world.registry.tightenMeasurement(TDX, { ...TERMS, minEvaluationNumber: 20 });
    expect(await isActive(world)).to.equal(true);
    expect(await attested(world)).to.equal("done");
  });

  it("I-61 I-62 ends keys at the time that it grants now: at t-1 they attest, at t and t+1 not", async () => {
    const world = await withKey();
    const attestedAt = Number((await world.registry.enclaveKeyOf(ID)).attestedAt);
    await world.registry.tightenMeasurement(TDX, { ...TERMS, maxKeySeconds: 1000 });
    for (const [offset, expected] of [
      [-1, true],
      [0, false],
      [1, false],
    ] as const) {
      await time.increaseTo(attestedAt + 1000 + offset);
      expect(await isActive(world), `${offset}`).to.equal(expected);
    }
  });

  it("I-65 does not count as a loss of means what touches new keys alone", async () => {
    const world = await withKey();
    await world.registry.tightenMeasurement(TDX, { ...TERMS, maxBlockAge: 5 });
    expect(await world.registry.lastRevokedAt(TDX)).to.equal(0);
    expect(await isActive(world)).to.equal(true);
  });

  it("is nobody's to change but the roles'", async () => {
    const world = await loadFixture(deployRegistryWorld);
    const registry = world.registry.connect(world.stranger);
    for (const attempt of [
      registry.allowMeasurement(IMAGE, 0, NITRO_POLICY),
      registry.tightenMeasurement(IMAGE, NITRO_POLICY),
      registry.removeMeasurement(IMAGE),
      registry.revoke(ID),
      registry.markCompromised(ID, 1),
    ]) {
      expect(await outcomeOf(attempt)).to.equal("AccessManagedUnauthorized");
    }
  });
});

async function withKey(): Promise<RegistryWorld> {
  const world = await loadFixture(deployRegistryWorld);
  expect(await attested(world)).to.equal("done");
  expect(await isActive(world)).to.equal(true);
  return world;
}

async function attested(world: RegistryWorld): Promise<string> {
  await mine();
  return outcomeOf(world.registry.registerIntel(...(await intelCall(world, KEY))));
}

async function isActive({ registry }: RegistryWorld): Promise<boolean> {
  return (await registry.activeMeasurementOf(ID)).measurement === TDX;
}
