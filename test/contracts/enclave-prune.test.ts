// SPDX-License-Identifier: MIT
import { enclaveKeyId } from "@meantime/sdk/enclave-keys";
import type { Hex } from "@meantime/sdk/hex";
import { expect } from "chai";
import { crl, PLATFORM_CA, ROOT, SERIALS } from "../../relayer/src/attest/simulated/pki/intel.ts";
import { loadFixture, networkHelpers } from "../enclave/chain.ts";
import { enter, outcomeOf } from "../enclave/dcap-world.ts";
import {
  allow,
  deployRegistryWorld,
  HOUR_SECONDS,
  IMAGE,
  intelCall,
  intelImage,
  intelPolicy,
  keyOf,
  NITRO_POLICY,
  nitroCall,
  type RegistryWorld,
} from "../enclave/registry-world.ts";

const { time, mine } = networkHelpers;
const KEY = keyOf("one");
const ID = enclaveKeyId(KEY);
const TDX = intelImage();
const LAPSE = { PlatformRevoked: 1, MeasurementRemoved: 2, PolicyTightened: 3, Expired: 4 } as const;
const LEAF_SECONDS = 3 * HOUR_SECONDS;
/** More than Intel's longest list that is known had. */
const MANY_SERIALS = Array.from({ length: 400 }, (_, place) => (1n << 150n) + BigInt(place));

describe("Pruning of enclaves' keys", function () {
  this.timeout(600_000);

  it("leaves keys alone that attest, that are revoked, that are gone, and that never were", async () => {
    const world = await withIntelKey();
    expect(await outcomeOf(world.registry.prune(ID))).to.equal("EnclaveKeyNotPrunable");
    const unknown = enclaveKeyId(keyOf("nobody's"));
    expect(await outcomeOf(world.registry.prune(unknown))).to.equal("EnclaveKeyUnknown");
    await world.registry.revoke(ID);
    expect(await outcomeOf(world.registry.prune(ID))).to.equal("EnclaveKeyAlreadyRevoked");
  });

  it("I-65 I-66 makes room where a key has run out, not a second before, and the key can come back", async () => {
    const world = await loadFixture(deployRegistryWorld);
    await world.registry.registerNitro(...(await nitroCall(world, KEY)));
    const { expiresAt } = await world.registry.enclaveKeyOf(ID);
    await time.increaseTo(expiresAt - 1n);
    expect(await outcomeOf(world.registry.prune.staticCall(ID))).to.equal("EnclaveKeyNotPrunable");
    await time.increaseTo(expiresAt);
    await expectPruned(world, LAPSE.Expired);
    expect(await outcomeOf(world.registry.prune(ID))).to.equal("EnclaveKeyNotPrunable");
    expect(await world.registry.lastRevokedAt(IMAGE)).to.equal(0);
    expect((await world.registry.enclaveKeyOf(ID)).revokedAt).to.equal(0);
    expect(Number(expiresAt)).to.be.at.most((await time.latest()) + LEAF_SECONDS);
  });

  it("I-66 makes room where the measurement was removed, also once it is back", async () => {
    for (const isBack of [false, true]) {
      const world = await withIntelKey();
      await world.registry.removeMeasurement(TDX);
      if (isBack) await allow(world, TDX, intelPolicy("tdx"));
      await expectPruned(world, LAPSE.MeasurementRemoved);
      if (!isBack) await allow(world, TDX, intelPolicy("tdx"));
      await mine();
      await world.registry.registerIntel(...(await intelCall(world, KEY)));
      const { isCounted, platformId } = await world.registry.enclaveKeyOf(ID);
      expect(isCounted).to.equal(true);
      expect(await world.registry.keysOnPlatform(platformId)).to.equal(1);
    }
  });

  it("makes room where the list asks for a newer evaluation or another status", async () => {
    for (const tighter of [{ minEvaluationNumber: 21 }, { statuses: 0b10000 }]) {
      const world = await withIntelKey();
      await world.registry.tightenMeasurement(TDX, { ...intelPolicy("tdx"), ...tighter });
      const tightenedAt = await time.latest();
      await expectPruned(world, LAPSE.PolicyTightened);
      expect(await world.registry.lastRevokedAt(TDX)).to.equal(tightenedAt);
    }
  });

  it("I-63 I-65 revokes a key whose platform is on Intel's list, however long, and excuses nobody by it", async () => {
    const world = await withIntelKey();
    const newer = { thisUpdate: await time.latest() };
    await enter(world.collateral, "enterCrl", crl(PLATFORM_CA, [...MANY_SERIALS, SERIALS.pck], newer));
    expect(await isActive(world), "nobody has taken notice yet").to.equal(true);
    const sent = await expectPruned(world, LAPSE.PlatformRevoked);
    expect(sent < 200_000n, `${sent}`).to.equal(true);
    expect(await isActive(world)).to.equal(false);
    expect(await world.registry.lastRevokedAt(TDX)).to.equal(0);
    expect(await outcomeOf(world.registry.prune(ID))).to.equal("EnclaveKeyAlreadyRevoked");
    await mine();
    const again = world.registry.registerIntel(...(await intelCall(world, KEY)));
    expect(await outcomeOf(again)).to.equal("PckRevoked");
    // Although Intel takes it back.
    await enter(world.collateral, "enterCrl", crl(PLATFORM_CA, [], { thisUpdate: await time.latest() }));
    const call = await intelCall(world, KEY);
    expect(await outcomeOf(world.registry.registerIntel(...call))).to.equal("EnclaveKeyAlreadyRevoked");
  });

  it("I-65 leaves it to the guardian to excuse operators: a mark does, also after anybody pruned", async () => {
    const world = await withIntelKey();
    const attestedAt = await time.latest();
    await enter(world.collateral, "enterCrl", crl(PLATFORM_CA, [SERIALS.pck], { thisUpdate: attestedAt }));
    await expectPruned(world, LAPSE.PlatformRevoked);
    await world.registry.markCompromised(ID, attestedAt);
    const markedAt = await time.latest();
    expect(await world.registry.lastRevokedAt(TDX)).to.equal(markedAt);
    // Once: an earlier mark is no other loss of means.
    await world.registry.markCompromised(ID, attestedAt - 1);
    expect(await world.registry.lastRevokedAt(TDX)).to.equal(markedAt);
  });

  it("revokes a key whose platform's authority the root has revoked", async () => {
    const world = await withIntelKey();
    const newer = { thisUpdate: await time.latest() };
    await enter(world.collateral, "enterCrl", crl(ROOT, [...MANY_SERIALS, SERIALS.platformCa], newer));
    await expectPruned(world, LAPSE.PlatformRevoked);
  });

  it("revokes a key under a Nitro certificate that was revoked, wherever it stands in the chain", async () => {
    for (const place of [0, 1, 2, 3]) {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.registerNitro(...(await nitroCall(world, KEY)));
      const verified = await world.nitro.queryFilter(world.nitro.filters.CertificateVerified());
      const certificate = verified[place];
      if (!certificate) throw new Error(`no certificate ${place} was verified`);
      const { issuer, serial } = certificate.args;
      await world.nitro.revoke(issuer, serial + 1n);
      expect(await outcomeOf(world.registry.prune(ID))).to.equal("EnclaveKeyNotPrunable");
      await world.nitro.revoke(issuer, serial);
      await expectPruned(world, LAPSE.PlatformRevoked);
    }
  });

  it("comes before everything else where the platform was revoked: the key never comes back", async () => {
    const world = await withIntelKey();
    await world.registry.removeMeasurement(TDX);
    await enter(
      world.collateral,
      "enterCrl",
      crl(PLATFORM_CA, [SERIALS.pck], { thisUpdate: await time.latest() }),
    );
    await expectPruned(world, LAPSE.PlatformRevoked);
  });

  it("I-66 costs the same however many keys there are", async () => {
    const world = await withIntelKey();
    await world.registry.removeMeasurement(TDX);
    const alone = await world.registry.prune.estimateGas(ID);
    await allow(world, TDX, intelPolicy("tdx"));
    for (const label of ["two", "three"]) {
      await mine();
      await world.registry.registerIntel(...(await intelCall(world, keyOf(label))));
    }
    await allow(world, IMAGE, NITRO_POLICY);
    await world.registry.removeMeasurement(TDX);
    expect((await world.registry.prune.estimateGas(ID)) <= alone + 3000n).to.equal(true);
  });
});

async function withIntelKey(): Promise<RegistryWorld> {
  const world = await loadFixture(deployRegistryWorld);
  await world.registry.registerIntel(...(await intelCall(world, KEY)));
  return world;
}

/** Has a stranger prune the key, for this reason. @returns the gas */
async function expectPruned({ registry, stranger }: RegistryWorld, lapse: number): Promise<bigint> {
  const { platformId } = await registry.enclaveKeyOf(ID);
  const before = await registry.keysOnPlatform(platformId);
  const sent = registry.connect(stranger).prune(ID);
  await expect(sent).to.emit(registry, "EnclaveKeyPruned").withArgs(ID, lapse);
  expect(await registry.keysOnPlatform(platformId)).to.equal(before - 1n);
  return (await (await sent).wait())?.gasUsed ?? 0n;
}

async function isActive({ registry }: RegistryWorld): Promise<boolean> {
  const none: Hex = `0x${"00".repeat(32)}`;
  return (await registry.activeMeasurementOf(ID)).measurement !== none;
}
