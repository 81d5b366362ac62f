// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  enclaveKeyBinding,
  enclaveKeyId,
  enclaveKeyIdOf,
  enclaveSignerOf,
  encodeEnclaveEvidence,
  encodeEnclavePublicKey,
  intelMeasurement,
  intelReportData,
  nitridingUserData,
  nitroMeasurement,
  parseEnclavePublicKey,
  pcrSet,
  signDigestP256,
} from "@meantime/sdk/enclave-keys";
import { bytesToHex, type Hex, keccak256 } from "@meantime/sdk/hex";
import { signDigest } from "@meantime/sdk/signature";
import { p256 } from "@noble/curves/nist.js";
import { AbiCoder, computeAddress, id, SigningKey } from "ethers";

const SECRET = id("a key of an enclave") as Hex;
const SECP256K1 = parseEnclavePublicKey(
  "secp256k1",
  Buffer.from(new SigningKey(SECRET).publicKey.slice(2), "hex"),
);
const P256 = parseEnclavePublicKey("p256", p256.getPublicKey(Buffer.from(SECRET.slice(2), "hex")));
const DIGEST = id("what was attested") as Hex;
const DOMAIN = { chainId: 31337n, enclaveEvidence: `0x${"ab".repeat(20)}` as Hex };
const BLOCK = { number: 77n, hash: id("a block") as Hex };
const PCRS = new Map([0, 1, 2, 8].map((pcr) => [pcr, new Uint8Array(48).fill(pcr + 1)]));

describe("Enclaves' keys, off chain", () => {
  it("are read from SEC1 points, compressed or not, and from nothing else", () => {
    for (const key of [SECP256K1, P256]) {
      const sec1 = encodeEnclavePublicKey(key);
      assert.equal(sec1.length, 65);
      assert.deepEqual(parseEnclavePublicKey(key.kind, sec1), key);
    }
    for (const kind of ["secp256k1", "p256"] as const) {
      const other = encodeEnclavePublicKey(kind === "p256" ? SECP256K1 : P256);
      for (const wrong of [other, new Uint8Array(65), new Uint8Array(), Uint8Array.of(0)]) {
        assert.throws(() => parseEnclavePublicKey(kind, wrong), { code: "MT-SDK-660" });
      }
    }
  });

  it("have ids of their own for each kind, an address being enough for one", () => {
    assert.equal(enclaveKeyId(SECP256K1), enclaveKeyIdOf(computeAddress(SECRET) as Hex));
    assert.notEqual(enclaveKeyId(P256), enclaveKeyId({ ...P256, kind: "secp256k1" }));
    assert.notEqual(enclaveKeyId(P256), enclaveKeyId({ ...P256, y: P256.y + 1n }));
    const handle = keccak256(encodeEnclavePublicKey(P256).subarray(1));
    assert.equal(
      enclaveKeyId(P256),
      encoded(
        ["bytes32", "uint8", "bytes32"],
        [id("MeantimeEnclaveKey(uint8 kind,bytes32 handle)"), 1, handle],
      ),
    );
  });

  it("are bound to chain, registry, key, kind, measurement and block", () => {
    const binding = enclaveKeyBinding(DOMAIN, P256, DIGEST, BLOCK);
    const typehash = id(
      "MeantimeEnclaveBinding(uint256 chainId,address enclaves,uint8 kind,uint256 x,uint256 y,bytes32 measurement,uint256 blockNumber,bytes32 blockHash)",
    );
    const types = [
      "bytes32",
      "uint256",
      "address",
      "uint8",
      "uint256",
      "uint256",
      "bytes32",
      "uint256",
      "bytes32",
    ];
    const { chainId, enclaveEvidence } = DOMAIN;
    assert.equal(
      binding,
      encoded(types, [
        ...[typehash, chainId, enclaveEvidence, 1, P256.x, P256.y, DIGEST],
        ...[BLOCK.number, BLOCK.hash],
      ]),
    );
    const others = [
      enclaveKeyBinding({ ...DOMAIN, chainId: 1n }, P256, DIGEST, BLOCK),
      enclaveKeyBinding({ ...DOMAIN, enclaveEvidence: `0x${"ac".repeat(20)}` }, P256, DIGEST, BLOCK),
      enclaveKeyBinding(DOMAIN, { ...P256, kind: "secp256k1" }, DIGEST, BLOCK),
      enclaveKeyBinding(DOMAIN, { ...P256, x: 1n }, DIGEST, BLOCK),
      enclaveKeyBinding(DOMAIN, P256, BLOCK.hash, BLOCK),
      enclaveKeyBinding(DOMAIN, P256, DIGEST, { ...BLOCK, number: 78n }),
      enclaveKeyBinding(DOMAIN, P256, DIGEST, { ...BLOCK, hash: DIGEST }),
    ];
    assert.equal(new Set([binding, ...others]).size, 8);
    assert.throws(() => enclaveKeyBinding(DOMAIN, P256, DIGEST, { ...BLOCK, hash: "0x12" }), {
      code: "MT-SDK-002",
    });
  });

  it("travel in report data of 64 bytes, and in nitriding's 68", () => {
    assert.equal(bytesToHex(intelReportData(DIGEST)), `${DIGEST}${"00".repeat(32)}`);
    assert.equal(
      bytesToHex(nitridingUserData(BLOCK.hash, DIGEST)),
      `0x1220${BLOCK.hash.slice(2)}1220${DIGEST.slice(2)}`,
    );
  });

  it("give evidence of 65 bytes, or of 128 with the key", () => {
    const plain = signDigest(SECRET, DIGEST);
    assert.equal(encodeEnclaveEvidence(SECP256K1, plain), plain);
    const signature = signDigestP256(SECRET, DIGEST);
    const evidence = encodeEnclaveEvidence(P256, signature);
    assert.equal(evidence, `${signature}${bytesToHex(encodeEnclavePublicKey(P256)).slice(4)}`);
    assert.ok(
      p256.verify(bytesOf(signature), bytesOf(DIGEST), encodeEnclavePublicKey(P256), { prehash: false }),
    );
    for (const secret of ["0x12", `0x${"00".repeat(32)}`, `0x${"ff".repeat(32)}`] as Hex[]) {
      assert.throws(() => signDigestP256(secret, DIGEST), { code: "MT-SDK-105" });
    }
    assert.throws(() => encodeEnclaveEvidence(P256, plain), { code: "MT-SDK-002" });
    assert.throws(() => encodeEnclaveEvidence(SECP256K1, signature), { code: "MT-SDK-002" });
  });

  it("are found again from the evidence, and are nobody's for another digest", () => {
    const other = id("what was not attested") as Hex;
    for (const [key, signature] of [
      [SECP256K1, signDigest(SECRET, DIGEST)],
      [P256, signDigestP256(SECRET, DIGEST)],
    ] as const) {
      const evidence = encodeEnclaveEvidence(key, signature);
      assert.equal(enclaveSignerOf(DIGEST, evidence), enclaveKeyId(key));
      assert.notEqual(enclaveSignerOf(other, evidence), enclaveKeyId(key));
    }
    const signature = signDigestP256(SECRET, DIGEST);
    const s = p256.Point.Fn.ORDER - BigInt(`0x${signature.slice(66)}`);
    const twin = `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}` as Hex;
    assert.equal(enclaveSignerOf(DIGEST, encodeEnclaveEvidence(P256, twin)), enclaveKeyId(P256));
    for (const junk of [`0x${"00".repeat(128)}`, `0x${"ff".repeat(128)}`] as const) {
      assert.equal(enclaveSignerOf(DIGEST, junk), undefined);
    }
    assert.throws(() => enclaveSignerOf(DIGEST, "0x1234"), { code: "MT-SDK-101" });
  });
});

describe("Measurements of enclaves, off chain", () => {
  it("are of the selected PCRs, in ascending order, the set among what is hashed", () => {
    assert.equal(pcrSet(), 7);
    assert.equal(pcrSet([0, 1, 2, 8, 31]), 0x80000107);
    const hashes = [0, 1, 2, 8].map((pcr) => keccak256(PCRS.get(pcr) ?? new Uint8Array()));
    const typehash = id("MeantimeNitroMeasurement(uint32 pcrs,bytes32[] hashes)");
    const types = ["bytes32", "uint32", "bytes32", "bytes32", "bytes32", "bytes32"];
    assert.equal(nitroMeasurement(PCRS, [8, 2, 1, 0]), encoded(types, [typehash, 0x107, ...hashes]));
    assert.notEqual(nitroMeasurement(PCRS), nitroMeasurement(PCRS, [0, 1, 2, 8]));
  });

  it("are refused where a PCR is absent, zero or not one, and without the image's three", () => {
    for (const selected of [[0, 1], [0, 1, 2, 32], [0, 1, 2, -1], [0, 1, 2, 0.5], [], [0, 1, 2, 9]]) {
      assert.throws(() => nitroMeasurement(PCRS, selected), { code: "MT-SDK-661" });
    }
    const debug = new Map(PCRS).set(1, new Uint8Array(48));
    assert.throws(() => nitroMeasurement(debug), { code: "MT-SDK-661" });
  });

  it("differ between the kinds of a platform", () => {
    const [sgx, tdx] = [intelMeasurement("sgx", DIGEST), intelMeasurement("tdx", DIGEST)];
    assert.notEqual(sgx, tdx);
    const typehash = id("MeantimeIntelMeasurement(uint8 platform,bytes32 report)");
    assert.equal(tdx, encoded(["bytes32", "uint8", "bytes32"], [typehash, 2, DIGEST]));
  });
});

function encoded(types: string[], values: unknown[]): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode(types, values) as Hex);
}

function bytesOf(hex: Hex): Uint8Array {
  return Buffer.from(hex.slice(2), "hex");
}
