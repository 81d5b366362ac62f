// SPDX-License-Identifier: MIT
import { enclaveKeyId, nitridingUserData } from "@meantime/sdk/enclave-keys";
import { bytesToHex, concatBytes, type Hex, hexToBytes, keccak256, ZERO_HASH } from "@meantime/sdk/hex";
import { expect } from "chai";
import { id } from "ethers";
import * as cbor from "../../relayer/src/attest/simulated/pki/cbor.ts";
import { NOW } from "../../relayer/src/attest/simulated/pki/intel.ts";
import { chainOf, type Entry } from "../../relayer/src/attest/simulated/pki/nitro.ts";
import { onChain } from "../../scripts/chain/simulated-nitro.ts";
import { ethers, loadFixture, networkHelpers } from "../enclave/chain.ts";
import { outcomeOf } from "../enclave/dcap-world.ts";
import {
  allow,
  type Binding,
  bindingFor,
  DAY_SECONDS,
  deployRegistryWorld,
  HOUR_SECONDS,
  IMAGE,
  type IntelCase,
  intelCall,
  intelImage,
  keyOf,
  MAX_KEYS_PER_PLATFORM,
  NITRO_POLICY,
  type NitroCase,
  nitroCall,
  nitroImage,
  pcrsOf,
  type RegistryWorld,
  type TestKey,
} from "../enclave/registry-world.ts";

const { time, mine } = networkHelpers;
const KEY = keyOf("one");
/** The latest block's hash is known from the next one on. */
const NEXT_BLOCK = { blockTag: "pending" };
const INSTANCE = keccak256(new TextEncoder().encode("i-0123456789abcdef0"));
const LEAF_SECONDS = 3 * HOUR_SECONDS;

describe("Keys of enclaves", function () {
  this.timeout(600_000);

  describe("enter", () => {
    it("I-60 by a Nitro document, whoever sends it, and attest until its certificates run out", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const call = await nitroCall(world, KEY);
      const sent = world.registry.connect(world.stranger).registerNitro(...call);
      await expect(sent)
        .to.emit(world.registry, "EnclaveKeyRegistered")
        .withArgs(
          ...[enclaveKeyId(KEY), IMAGE, INSTANCE, 1, NOW + LEAF_SECONDS],
          ...[[0, KEY.x, KEY.y], keccak256(call[3] as Hex)],
        );
      expect(await active(world, KEY)).to.deep.equal([IMAGE, 1n]);
      const entry = await world.registry.enclaveKeyOf(enclaveKeyId(KEY));
      expect([
        entry.blockNumber,
        entry.attestedAt,
        entry.platform,
        entry.kind,
        entry.isCounted,
      ]).to.deep.equal([BigInt(Number(call[1])), BigInt(await time.latest()), 0n, 0n, true]);
    });

    for (const tee of ["tdx", "sgx"] as const) {
      it(`I-60 by a quote of ${tee}, of both curves`, async () => {
        const world = await loadFixture(deployRegistryWorld);
        for (const [place, key] of [KEY, keyOf("one", "p256")].entries()) {
          await world.registry.registerIntel(...(await intelCall(world, key, { tee })));
          expect(await active(world, key)).to.deep.equal([intelImage({ tee }), BigInt(place + 1)]);
        }
        const entry = await world.registry.enclaveKeyOf(enclaveKeyId(KEY));
        expect([entry.evaluationNumber, entry.status, entry.platform]).to.deep.equal([
          20n,
          0n,
          tee === "sgx" ? 1n : 2n,
        ]);
        expect(entry.expiresAt).to.equal(NOW + 29 * DAY_SECONDS);
      });
    }

    it("with nitriding's user data, and with the key in the document or not", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const { userData, ...binding } = await bindingFor(world, KEY, IMAGE);
      const wrapped = nitridingUserData(id("a TLS key") as Hex, userData);
      expect(await nitroOutcome(world, KEY, { userData: wrapped })).to.equal("done");
      const sec1 = concatBytes(Uint8Array.of(4), hexToBytes(word(KEY.x)), hexToBytes(word(KEY.y)));
      const named = { publicKey: sec1, binding: { ...binding, userData } };
      expect(await nitroOutcome(world, KEY, named)).to.equal("done");
    });

    it("under the id and the binding that the SDK makes", async () => {
      const world = await loadFixture(deployRegistryWorld);
      for (const key of [KEY, keyOf("one", "p256")]) {
        const { blockNumber, userData } = await bindingFor(world, key, IMAGE);
        expect(await world.registry.keyIdOf(onChain(key))).to.equal(enclaveKeyId(key));
        await mine();
        expect(await world.registry.bindingOf(onChain(key), IMAGE, blockNumber)).to.equal(userData);
      }
    });

    it("for the PCRs that the list names beside the image's three", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const measurement = nitroImage("image", [0, 1, 2, 8]);
      await allow(world, measurement, { ...NITRO_POLICY, pcrs: 0x107 });
      expect(await nitroOutcome(world, KEY, { measurement })).to.equal("done");
      const unsigned = pcrsOf("image").map(([pcr, value]): [number, Uint8Array] => [
        pcr,
        pcr === 8 ? new Uint8Array(48) : value,
      ]);
      for (const pcrs of [unsigned, unsigned.filter(([pcr]) => pcr !== 8)]) {
        expect(await nitroOutcome(world, KEY, { measurement, pcrs })).to.equal("PcrMissing");
      }
      expect(await nitroOutcome(world, KEY, { image: "other", measurement })).to.equal("MeasurementWrong");
    });
  });

  describe("are refused, as Nitro's and as Intel's", () => {
    refuses("I-60 when the document was made for another chain", "NotBound", { chainId: 1n });
    refuses("I-60 when it was made for another registry", "NotBound", { registry: `0x${"ab".repeat(20)}` });
    refuses("when it names another hash of the block", "NotBound", { hash: id("another fork") as Hex });

    it("I-60 when it was made for another measurement that the same image satisfies", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const signed = nitroImage("image", [0, 1, 2, 8]);
      await allow(world, signed, { ...NITRO_POLICY, pcrs: 0x107 });
      const binding = await bindingFor(world, KEY, signed);
      expect(await nitroOutcome(world, KEY, { binding })).to.equal("NotBound");
      expect(await nitroOutcome(world, KEY, { binding, measurement: signed })).to.equal("done");
    });

    it("I-60 I-67 when it was made for another key, or another curve's of the same place", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const bindings = await bothBindings(world, KEY);
      expect(await bothOutcomes(world, keyOf("two"), { bindings })).to.deep.equal(["NotBound", "NotBound"]);
      // A point of one curve is none of the other: the kind cannot be exchanged, in a binding or beside it.
      const exchanged = { ...KEY, kind: "p256" } as const;
      expect(await bothOutcomes(world, exchanged, { isHinted: false })).to.deep.equal([
        "KeyNotOnCurve",
        "KeyNotOnCurve",
      ]);
    });

    it("I-60 when its block is this one, to come, or more than 256 back", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const now = await ethers.provider.getBlockNumber();
      for (const ahead of [1, 2, 1000]) {
        const bindings = await bothBindings(world, KEY, { blockNumber: now + ahead });
        const outcomes = await bothOutcomes(world, KEY, { bindings, isHinted: false });
        expect(outcomes).to.deep.equal(["BindingBlock", "BindingBlock"]);
      }
      const bindings = await bothBindings(world, KEY);
      // A call is made in the block after the last one.
      await mine(255, { interval: 1 });
      expect(await bothOutcomes(world, KEY, { bindings })).to.deep.equal(["done", "done"]);
      await mine(1, { interval: 1 });
      expect(await bothOutcomes(world, KEY, { bindings, isHinted: false })).to.deep.equal([
        "BindingBlock",
        "BindingBlock",
      ]);
    });

    it("when its block is older than the list allows", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.tightenMeasurement(IMAGE, { ...NITRO_POLICY, maxBlockAge: 5 });
      const binding = await bindingFor(world, KEY, IMAGE);
      await mine(4, { interval: 1 });
      expect(await nitroOutcome(world, KEY, { binding })).to.equal("done");
      await mine(1, { interval: 1 });
      expect(await nitroOutcome(world, KEY, { binding })).to.equal("BindingBlock");
    });

    it("I-60 when the measurement is another than the list's, or of another kind of platform", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const tdx = intelImage();
      const cases: [string, string][] = [
        [await nitroOutcome(world, KEY, { image: "other", measurement: IMAGE }), "MeasurementWrong"],
        [await nitroOutcome(world, KEY, { image: "other", isHinted: false }), "MeasurementNotAllowed"],
        [await nitroOutcome(world, KEY, { measurement: tdx, isHinted: false }), "MeasurementNotAllowed"],
        [await intelOutcome(world, KEY, { measurement: IMAGE }), "MeasurementNotAllowed"],
        [await intelOutcome(world, KEY, { measurement: ZERO_HASH }), "MeasurementNotAllowed"],
        [await intelOutcome(world, KEY, { tee: "sgx", measurement: tdx }), "PlatformWrong"],
        [await intelOutcome(world, KEY, { report: [[136, "01"]], measurement: tdx }), "MeasurementWrong"],
      ];
      for (const [outcome, expected] of cases) expect(outcome).to.equal(expected);
    });

    it("I-60 in debug mode, whatever the list says", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const pcrs = pcrsOf("image").map(([pcr]): [number, Uint8Array] => [pcr, new Uint8Array(48)]);
      expect(await nitroOutcome(world, KEY, { pcrs })).to.equal("DebugEnclave");
      for (const debug of [
        { tee: "tdx", report: [[120, "0100001000000000"]] },
        { tee: "sgx", report: [[48, "07"]] },
      ] as IntelCase[]) {
        const tee = debug.tee ?? "tdx";
        const measurement = intelImage(debug);
        await allow(world, measurement, { ...NITRO_POLICY, pcrs: 0, platform: tee === "sgx" ? 1 : 2 });
        expect(await intelOutcome(world, KEY, debug)).to.equal("DebugEnclave");
      }
    });

    it("when the point is not on its curve, is zero, or beyond the field", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const field = 2n ** 256n - 2n ** 32n - 977n;
      for (const wrong of [
        { ...KEY, y: KEY.y + 1n },
        { ...KEY, x: 0n, y: 0n },
        { ...KEY, x: KEY.x + field < 2n ** 256n ? KEY.x + field : field },
        { ...keyOf("one", "p256"), y: 1n },
        { ...keyOf("one", "p256"), kind: "secp256k1" as const },
        { ...keyOf("one", "p256"), x: 0n, y: 0n },
      ]) {
        expect(await bothOutcomes(world, wrong, { isHinted: false })).to.deep.equal([
          "KeyNotOnCurve",
          "KeyNotOnCurve",
        ]);
      }
    });

    it("I-60 when the document says more or less than the binding", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const binding = await bindingFor(world, KEY, IMAGE);
      const bound = hexToBytes(binding.userData);
      const tls = hexToBytes(id("a TLS key"));
      const head = Uint8Array.of(0x12, 0x20);
      for (const userData of [
        null,
        new Uint8Array(),
        bound.slice(1),
        concatBytes(bound, Uint8Array.of(0)),
        concatBytes(bound, bound),
        // The binding as the hash of the TLS key, which whoever runs nitriding does not choose, is none.
        concatBytes(head, bound, head, tls),
        concatBytes(head, tls, Uint8Array.of(0x11, 0x20), bound),
        concatBytes(Uint8Array.of(0x12, 0x21), tls, head, bound),
        concatBytes(head, tls, head, bound, Uint8Array.of(0)),
        new Uint8Array(68),
      ]) {
        const outcome = await nitroOutcome(world, KEY, { binding, userData });
        expect(outcome, userData === null ? "null" : bytesToHex(userData)).to.equal("NotBound");
      }
      // What others choose is no binding.
      expect(await nitroOutcome(world, KEY, { binding, userData: null, nonce: bound })).to.equal("NotBound");
      const hex = binding.userData.slice(2);
      for (const reportData of [`${"00".repeat(32)}${hex}`, `${hex}${"00".repeat(31)}01`, hex + hex]) {
        expect(await intelOutcome(world, KEY, { binding, reportData })).to.equal("NotBound");
      }
    });

    it("when the document names a public key, and another one or in another form", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const other = keyOf("two");
      const coordinates = (key: TestKey) => concatBytes(hexToBytes(word(key.x)), hexToBytes(word(key.y)));
      for (const publicKey of [
        concatBytes(Uint8Array.of(4), coordinates(other)),
        coordinates(KEY),
        concatBytes(Uint8Array.of(KEY.y % 2n === 0n ? 2 : 3), hexToBytes(word(KEY.x))),
        Uint8Array.of(4),
      ]) {
        expect(await nitroOutcome(world, KEY, { publicKey })).to.equal("OtherPublicKey");
      }
    });

    it("when a Nitro document is an hour old, or of more than five minutes to come", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const now = (await time.latest()) * 1000;
      // The chain's clock goes on between the document and the call; to the second it is tested with the verifier.
      for (const [ageSeconds, outcome] of [
        [HOUR_SECONDS / 2, "done"],
        [HOUR_SECONDS + 1, "DocumentAge"],
        [-290, "done"],
        [-HOUR_SECONDS, "DocumentAge"],
      ] as const) {
        const document = { timestampMs: now - ageSeconds * 1000 };
        expect(await nitroOutcome(world, KEY, document), `${ageSeconds}`).to.equal(outcome);
      }
    });

    it("I-60 when a certificate above was revoked, and when one ran out", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const leafExpired = chainOf({ leaf: { notAfter: NOW - 1 } });
      expect(await nitroOutcome(world, KEY, { chain: leafExpired })).to.equal("ChainNotValid");
      const [regional] = await world.nitro.queryFilter(world.nitro.filters.CertificateVerified());
      if (!regional) throw new Error("no certificate was verified");
      await world.nitro.revoke(regional.args.issuer, regional.args.serial);
      expect(await nitroOutcome(world, keyOf("two"))).to.equal("ChainRevoked");
    });
  });

  describe("attest", () => {
    it("I-62 to the second: at t-1, not at t and t+1", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.registerNitro(...(await nitroCall(world, KEY)));
      for (const [offset, expected] of [
        [-1, IMAGE],
        [0, ZERO_HASH],
        [1, ZERO_HASH],
      ] as const) {
        await time.increaseTo(NOW + LEAF_SECONDS + offset);
        expect(await active(world, KEY), `${offset}`).to.deep.equal([expected, 1n]);
      }
    });

    it("I-62 no longer than the list allows, where certificates last longer", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.tightenMeasurement(IMAGE, { ...NITRO_POLICY, maxKeySeconds: 600 });
      await world.registry.registerNitro(...(await nitroCall(world, KEY)));
      const at = await time.latest();
      expect((await world.registry.enclaveKeyOf(enclaveKeyId(KEY))).expiresAt).to.equal(at + 600);
    });

    it("not at all where the certificate ends in the very second of the document", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const end = (await time.latest()) + 100;
      const call = await nitroCall(world, KEY, { chain: chainOf({ leaf: { notAfter: end } }) });
      await time.setNextBlockTimestamp(end);
      expect(await outcomeOf(world.registry.registerNitro(...call))).to.equal("AttestationExpired");
    });
  });

  describe("are renewed", () => {
    it("by a newer document, under the same number, on the same platform", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.registerIntel(...(await intelCall(world, KEY)));
      const before = await world.registry.enclaveKeyOf(enclaveKeyId(KEY));
      await time.increase(DAY_SECONDS);
      await world.registry.registerIntel(...(await intelCall(world, KEY)));
      const after = await world.registry.enclaveKeyOf(enclaveKeyId(KEY));
      expect([after.number, after.expiresAt]).to.deep.equal([before.number, before.expiresAt]);
      expect(after.attestedAt > before.attestedAt).to.equal(true);
      expect(await world.registry.keysOnPlatform(after.platformId)).to.equal(1);
    });

    it("I-63 by no document twice, nor by an older one", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const older = await intelCall(world, KEY);
      await mine();
      const newer = await intelCall(world, KEY);
      await world.registry.registerIntel(...newer);
      for (const call of [newer, older]) {
        expect(await outcomeOf(world.registry.registerIntel(...call))).to.equal("EnclaveKeyNotNewer");
      }
      const nitro = await nitroCall(world, keyOf("two"));
      await world.registry.registerNitro(...nitro);
      expect(await outcomeOf(world.registry.registerNitro(...nitro))).to.equal("EnclaveKeyNotNewer");
    });

    it("I-63 for no other measurement, and on no other kind of platform", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.registerNitro(...(await nitroCall(world, KEY)));
      await allow(world, nitroImage("other"), NITRO_POLICY);
      expect(await nitroOutcome(world, KEY, { image: "other" })).to.equal("EnclaveKeyKnown");
      expect(await intelOutcome(world, KEY)).to.equal("EnclaveKeyKnown");
    });

    it("I-63 never once revoked, by whomever and for whatever reason", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.registerIntel(...(await intelCall(world, KEY)));
      await world.registry.revoke(enclaveKeyId(KEY));
      expect(await active(world, KEY)).to.deep.equal([ZERO_HASH, 1n]);
      expect(await intelOutcome(world, KEY)).to.equal("EnclaveKeyAlreadyRevoked");
      await time.increase(DAY_SECONDS);
      expect(await intelOutcome(world, KEY)).to.equal("EnclaveKeyAlreadyRevoked");
      expect(await outcomeOf(world.registry.revoke(enclaveKeyId(KEY)))).to.equal("EnclaveKeyAlreadyRevoked");
    });

    it("by no document that would shorten what a live key has, but by any once it has run out", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.registerNitro(...(await nitroCall(world, KEY)));
      const chain = chainOf({ leaf: { notAfter: NOW + HOUR_SECONDS } });
      expect(await nitroOutcome(world, KEY, { chain })).to.equal("EnclaveKeyNotExtended");
      await time.increaseTo(NOW + LEAF_SECONDS);
      const later = chainOf({ leaf: { notAfter: NOW + LEAF_SECONDS + 60 } });
      expect(await nitroOutcome(world, KEY, { chain: later })).to.equal("done");
    });

    it("also after the list has shortened every key's time", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.registerIntel(...(await intelCall(world, KEY)));
      const policy = { ...NITRO_POLICY, platform: 2, pcrs: 0, statuses: 0b10001, maxKeySeconds: 600 };
      await world.registry.tightenMeasurement(intelImage(), policy);
      await time.increase(300);
      expect(await intelOutcome(world, KEY)).to.equal("done");
    });
  });

  describe("are counted by platform", () => {
    it("I-66 up to the limit: one more is refused until one is gone", async () => {
      const world = await loadFixture(deployRegistryWorld);
      const labels = Array.from({ length: MAX_KEYS_PER_PLATFORM }, (_, place) => `number ${place}`);
      for (const label of labels) {
        await world.registry.registerIntel(...(await intelCall(world, keyOf(label))));
      }
      expect(await intelOutcome(world, KEY)).to.equal("PlatformFull");
      // SGX and TDX of one processor are one platform; an instance of AWS's is another.
      expect(await intelOutcome(world, KEY, { tee: "sgx" })).to.equal("PlatformFull");
      expect(await nitroOutcome(world, KEY)).to.equal("done");
      expect(await intelOutcome(world, keyOf("number 0"))).to.equal("done");
      await world.registry.revoke(enclaveKeyId(keyOf("number 0")));
      expect(await intelOutcome(world, KEY)).to.equal("done");
    });

    it("where they were attested last", async () => {
      const world = await loadFixture(deployRegistryWorld);
      await world.registry.registerNitro(...(await nitroCall(world, KEY)));
      await world.registry.registerNitro(
        ...(await nitroCall(world, KEY, { alterEntries: onInstance("i-2") })),
      );
      expect(await world.registry.keysOnPlatform(INSTANCE)).to.equal(0);
      const moved = keccak256(new TextEncoder().encode("i-2"));
      expect(await world.registry.keysOnPlatform(moved)).to.equal(1);
      expect((await world.registry.enclaveKeyOf(enclaveKeyId(KEY))).platformId).to.equal(moved);
      await world.registry.revoke(enclaveKeyId(KEY));
      expect(await world.registry.keysOnPlatform(moved)).to.equal(0);
    });
  });
});

type BindingChanges = Parameters<typeof bindingFor>[3];

function refuses(what: string, error: string, changes: BindingChanges): void {
  it(what, async () => {
    const world = await loadFixture(deployRegistryWorld);
    const bindings = await bothBindings(world, KEY, changes);
    expect(await bothOutcomes(world, KEY, { bindings })).to.deep.equal([error, error]);
  });
}

/** What Nitro's document and what Intel's have to say. */
interface Bindings {
  nitro: Binding;
  intel: Binding;
}

async function bothBindings(
  world: RegistryWorld,
  key: Omit<TestKey, "secret">,
  changes?: BindingChanges,
): Promise<Bindings> {
  return {
    nitro: await bindingFor(world, key, IMAGE, changes),
    intel: await bindingFor(world, key, intelImage(), changes),
  };
}

async function bothOutcomes(
  world: RegistryWorld,
  key: Omit<TestKey, "secret">,
  { isHinted = true, bindings }: { isHinted?: boolean; bindings?: Bindings } = {},
): Promise<string[]> {
  const [forNitro, forIntel] = bindings
    ? [{ binding: bindings.nitro }, { binding: bindings.intel }]
    : [{}, {}];
  return [
    await nitroOutcome(world, key, { ...forNitro, isHinted }),
    await intelOutcome(world, key, forIntel),
  ];
}

async function nitroOutcome(
  world: RegistryWorld,
  key: Omit<TestKey, "secret">,
  changes: NitroCase = {},
): Promise<string> {
  return outcomeOf(
    world.registry.registerNitro.staticCall(...(await nitroCall(world, key, changes)), NEXT_BLOCK),
  );
}

async function intelOutcome(
  world: RegistryWorld,
  key: Omit<TestKey, "secret">,
  changes: IntelCase = {},
): Promise<string> {
  return outcomeOf(
    world.registry.registerIntel.staticCall(...(await intelCall(world, key, changes)), NEXT_BLOCK),
  );
}

async function active({ registry }: RegistryWorld, key: TestKey): Promise<[string, bigint]> {
  const [measurement, number] = await registry.activeMeasurementOf(enclaveKeyId(key));
  return [measurement, number];
}

function onInstance(instance: string): (entries: Entry[]) => Entry[] {
  return (entries) =>
    entries.map(([name, value]) =>
      name === "module_id" ? [name, cbor.text(`${instance}-enc0123`)] : [name, value],
    );
}

function word(value: bigint): Hex {
  return `0x${value.toString(16).padStart(64, "0")}`;
}
