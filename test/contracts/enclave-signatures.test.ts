// SPDX-License-Identifier: MIT
import {
  enclaveKeyId,
  encodeEnclaveEvidence,
  encodeEnclavePublicKey,
  signDigestP256,
} from "@meantime/sdk/enclave-keys";
import { batchAttestationDigest, claimAttestationDigest } from "@meantime/sdk/evidence";
import { bytesToHex, type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { signDigest } from "@meantime/sdk/signature";
import { expect } from "chai";
import { id } from "ethers";
import { loadFixture, networkHelpers } from "../enclave/chain.ts";
import { outcomeOf } from "../enclave/dcap-world.ts";
import { intelCall, intelImage, keyOf } from "../enclave/registry-world.ts";
import {
  attestedWorld,
  CLAIM_ID,
  claimOf,
  domainOf,
  evidenceOf,
  type SignatureWorld,
} from "../enclave/signature-world.ts";

const { mine } = networkHelpers;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const NO_MAGIC = "0x00000000";
const SECP = keyOf("one");
const P256 = keyOf("one", "p256");
const HEADER = {
  ...{ operator: ZERO_ADDRESS, policyId: ZERO_HASH, root: ZERO_HASH, dataRoot: ZERO_HASH },
  ...{ count: 1, oldestServedAt: 0, nonce: 0 },
};

describe("Signatures of enclaves", function () {
  this.timeout(600_000);

  it("I-67 of both curves vouch for one claim, and for a batch", async () => {
    const world = await loadFixture(attestedWorld);
    for (const [key, source] of [
      [SECP, 1n],
      [P256, 2n],
    ] as const) {
      expect(await vouched(world, await evidenceOf(world, key))).to.deep.equal([true, source]);
      const batchId = id("a batch") as Hex;
      const digest = batchAttestationDigest(await domainOf(world), batchId, world.modelId);
      const signature = key === P256 ? signDigestP256(key.secret, digest) : signDigest(key.secret, digest);
      const header = { ...HEADER, modelId: world.modelId };
      const [magic, by] = await world.registry.checkBatch(
        header,
        batchId,
        encodeEnclaveEvidence(key, signature),
      );
      expect([magic !== NO_MAGIC, by]).to.deep.equal([true, source]);
    }
  });

  it("I-67 of P-256 may have s in either half, and are the same evidence", async () => {
    const world = await loadFixture(attestedWorld);
    const evidence = await evidenceOf(world, P256);
    const s = BigInt(`0x${evidence.slice(66, 130)}`);
    expect(await vouched(world, withS(evidence, ORDER - s))).to.deep.equal(await vouched(world, evidence));
  });

  it("of P-256 are refused with r or s of 0, n, above n, of another message and of another key", async () => {
    const world = await loadFixture(attestedWorld);
    const evidence = await evidenceOf(world, P256);
    const r = BigInt(evidence.slice(0, 66));
    const s = BigInt(`0x${evidence.slice(66, 130)}`);
    for (const wrong of [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n, s + 1n, r]) {
      expect(await vouched(world, withS(evidence, wrong)), `s ${wrong}`).to.deep.equal([false, 0n]);
      const withR = `${word(wrong === r ? s : wrong)}${evidence.slice(66)}` as Hex;
      expect(await vouched(world, withR), `r ${wrong}`).to.deep.equal([false, 0n]);
    }
    const other = await evidenceOf(world, P256, id("another claim") as Hex);
    expect(await vouched(world, other)).to.deep.equal([false, 0n]);
    // A right signature by a key that nobody attested: no source.
    expect(await vouched(world, await evidenceOf(world, keyOf("nobody's", "p256")))).to.deep.equal([
      false,
      0n,
    ]);
  });

  it("of P-256 are refused with a key off the curve, beyond the field, or at infinity", async () => {
    const world = await loadFixture(attestedWorld);
    const evidence = await evidenceOf(world, P256);
    for (const [x, y] of [
      [P256.x, P256.y + 1n],
      [P256.x, PRIME - P256.y],
      [0n, 0n],
      [PRIME, P256.y],
      [2n ** 256n - 1n, P256.y],
      [SECP.x, SECP.y],
    ] as const) {
      const wrong = `${evidence.slice(0, 130)}${word(x).slice(2)}${word(y).slice(2)}` as Hex;
      expect(await vouched(world, wrong)).to.deep.equal([false, 0n]);
    }
  });

  it("I-67 of one kind are none of the other", async () => {
    const world = await loadFixture(attestedWorld);
    const digest = claimAttestationDigest(await domainOf(world), CLAIM_ID, ZERO_ADDRESS);
    // By the same secret on the other curve, whose key nobody attested.
    const secp = signDigest(P256.secret, digest);
    await world.registry.revoke(enclaveKeyId(SECP));
    expect(await vouched(world, secp)).to.deep.equal([false, 1n]);
    const coordinates = bytesToHex(encodeEnclavePublicKey(SECP)).slice(4);
    const mixed = `${signDigestP256(P256.secret, digest)}${coordinates}` as Hex;
    expect(await vouched(world, mixed)).to.deep.equal([false, 0n]);
    for (const length of [0, 64, 66, 96, 127, 129]) {
      const call = world.registry.check(claimOf(world), CLAIM_ID, ZERO_ADDRESS, `0x${"11".repeat(length)}`);
      expect(await outcomeOf(call), `${length}`).to.equal("ECDSAInvalidSignatureLength");
    }
  });

  it("vouch for no model of another measurement, whatever is allowed", async () => {
    const world = await loadFixture(attestedWorld);
    const claim = { ...claimOf(world), modelId: world.otherModelId };
    for (const key of [SECP, P256]) {
      const [magic] = await world.registry.check(claim, CLAIM_ID, ZERO_ADDRESS, await evidenceOf(world, key));
      expect(magic).to.equal(NO_MAGIC);
    }
    const unknown = { ...claim, modelId: id("nobody's model") };
    const call = world.registry.check(unknown, CLAIM_ID, ZERO_ADDRESS, await evidenceOf(world, SECP));
    expect(await outcomeOf(call)).to.equal("ModelNotMeasured");
  });

  it("I-61 count by what is known when they are used: of the measurement, of the key", async () => {
    const world = await loadFixture(attestedWorld);
    const evidence = await evidenceOf(world, P256);
    await world.registry.removeMeasurement(intelImage());
    expect(await vouched(world, evidence)).to.deep.equal([false, 2n]);
    expect(await world.registry.faultedAt(world.modelId)).to.equal(await networkHelpers.time.latest());
    expect(await world.registry.faultedAt(world.otherModelId)).to.equal(0);
  });

  it("cost less for a model that is remembered, and mean the same", async () => {
    const world = await loadFixture(attestedWorld);
    const evidence = await evidenceOf(world, SECP);
    const before = await world.registry.check.estimateGas(claimOf(world), CLAIM_ID, ZERO_ADDRESS, evidence);
    await world.registry.connect(world.stranger).rememberModel(world.modelId);
    const after = await world.registry.check.estimateGas(claimOf(world), CLAIM_ID, ZERO_ADDRESS, evidence);
    expect(after < before).to.equal(true);
    expect(await vouched(world, evidence)).to.deep.equal([true, 1n]);
    expect(await outcomeOf(world.registry.rememberModel(ZERO_HASH))).to.equal("ModelNotMeasured");
    await mine();
    await world.registry.registerIntel(...(await intelCall(world, SECP)));
    expect(await vouched(world, evidence)).to.deep.equal([true, 1n]);
  });
});

async function vouched(world: SignatureWorld, evidence: Hex): Promise<[boolean, bigint]> {
  const [magic, source] = await world.registry.check(claimOf(world), CLAIM_ID, ZERO_ADDRESS, evidence);
  return [magic !== NO_MAGIC, source];
}

function withS(evidence: Hex, s: bigint): Hex {
  return `${evidence.slice(0, 66)}${word(s).slice(2)}${evidence.slice(130)}` as Hex;
}

function word(value: bigint): Hex {
  return `0x${value.toString(16).padStart(64, "0")}`;
}
