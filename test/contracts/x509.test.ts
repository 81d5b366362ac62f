// SPDX-License-Identifier: MIT
import { X509Certificate } from "node:crypto";
import { INTEL_ROOT_CERTIFICATE } from "@meantime/sdk/dcap/intel-root";
import { hexToBytes } from "@meantime/sdk/hex";
import { p384 } from "@noble/curves/nist.js";
import { expect } from "chai";
import { keccak256, toUtf8Bytes, ZeroHash } from "ethers";
import { oid, sequence } from "../../relayer/src/attest/simulated/pki/der.ts";
import {
  authorityCertificate,
  crl,
  PCK,
  PLATFORM_CA,
  pckCertificate,
  rootCertificate,
} from "../../relayer/src/attest/simulated/pki/intel.ts";
import { ECDSA_WITH_SHA384 } from "../../relayer/src/attest/simulated/pki/keys.ts";
import { ethers, networkHelpers } from "./fixture.ts";

const { loadFixture } = networkHelpers;

const P256 = (8n << 248n) | 0x2a8648ce3d030107n;
const P384 = (5n << 248n) | 0x2b81040022n;
const SHA256 = (8n << 248n) | 0x2a8648ce3d040302n;
const SHA384 = (8n << 248n) | 0x2a8648ce3d040303n;
const SGX_OID = (9n << 248n) | 0x2a864886f84d010d01n;

const P384_SIGNATURE = new Uint8Array(96).fill(0xf1, 0, 48).fill(0x1f, 48);
const P384_SUBJECT = {
  ...PCK,
  key: { ...PCK.key, point: p384.getPublicKey(new Uint8Array(48).fill(3), false).slice(1) },
};
const P384_CERTIFICATE = pckCertificate(
  {},
  {
    subject: P384_SUBJECT,
    keyAlgorithm: sequence(oid("1.2.840.10045.2.1"), oid("1.3.132.0.34")),
    algorithm: ECDSA_WITH_SHA384,
    alterSignature: () => P384_SIGNATURE,
  },
);

const deployReader = () => ethers.deployContract("DerReader");

describe("X.509 reader", () => {
  const certificates: [string, Uint8Array, bigint, bigint][] = [
    ["Intel's root", hexToBytes(INTEL_ROOT_CERTIFICATE), P256, SHA256],
    ["an authority", authorityCertificate(PLATFORM_CA), P256, SHA256],
    ["a platform", pckCertificate(), P256, SHA256],
    ["a certificate on P-384", P384_CERTIFICATE, P384, SHA384],
  ];
  for (const [what, der, curve, algorithm] of certificates) {
    it(`reads of ${what} what Node reads`, async () => {
      const reader = await loadFixture(deployReader);
      const expected = new X509Certificate(der);
      const [read, , key, vendor] = await reader.getFunction("readCertificate")(der, SGX_OID);
      expect(read.curve).to.equal(curve);
      expect(read.signatureAlgorithm).to.equal(algorithm);
      expect(read.serial).to.equal(BigInt(`0x${expected.serialNumber}`));
      expect(read.notBefore).to.equal(BigInt(Date.parse(expected.validFrom) / 1000));
      expect(read.notAfter).to.equal(BigInt(Date.parse(expected.validTo) / 1000));
      expect(read.isCa).to.equal(expected.ca);
      const point = expected.publicKey
        .export({ type: "spki", format: "der" })
        .subarray(curve === P256 ? -64 : -96);
      expect(key).to.equal(`0x${point.toString("hex")}`);
      const commonName = /CN=(.*)/.exec(expected.subject)?.[1] ?? "";
      expect(read.subjectCommonName).to.equal(keccak256(toUtf8Bytes(commonName)));
      expect(read.subject === read.issuer).to.equal(expected.subject === expected.issuer);
      expect(vendor.length > 2).to.equal(commonName.includes("Certificate"));
      for (const id of [read.subjectKeyId, read.authorityKeyId]) expect(id).to.not.equal(ZeroHash);
    });
  }

  it("reads r and s of 384 bits in two words each", async () => {
    const reader = await loadFixture(deployReader);
    const [, , , , rs] = await reader.getFunction("readCertificate")(P384_CERTIFICATE, 0n);
    const [high, low] = [128n, 256n].map(
      (bits) => (hex: string) => BigInt(`0x${hex.repeat(Number(bits) / 8)}`),
    );
    expect([...rs]).to.deep.equal([high?.("f1"), low?.("f1"), high?.("1f"), low?.("1f")]);
  });

  it("reads path length, key usage and constraints of authorities", async () => {
    const reader = await loadFixture(deployReader);
    const [root] = await reader.getFunction("readCertificate")(rootCertificate(), 0n);
    expect([root.isCa, root.maxIntermediates, root.keyUsage]).to.deep.equal([true, 1n, 0x06n]);
    const [leaf] = await reader.getFunction("readCertificate")(pckCertificate(), 0n);
    expect([leaf.isCa, leaf.maxIntermediates, leaf.keyUsage]).to.deep.equal([false, 2n ** 256n - 1n, 0xc0n]);
  });

  it("refuses a certificate that is cut short anywhere, or goes on", async () => {
    const reader = await loadFixture(deployReader);
    const der = rootCertificate();
    for (let length = 0; length < der.length; length += 7) {
      const attempt = reader.getFunction("readCertificate")(der.slice(0, length), 0n);
      await expect(attempt, `${length} octets`).to.be.revertedWithCustomError(reader, "DerTruncated");
    }
    const attempt = reader.getFunction("readCertificate")(Uint8Array.from([...der, 0]), 0n);
    await expect(attempt).to.be.revertedWithCustomError(reader, "DerTrailing");
  });

  it("reads the serial numbers of a revocation list", async () => {
    const reader = await loadFixture(deployReader);
    const serials = [1n, 0x80n, (1n << 160n) - 1n];
    const [, found] = await reader.getFunction("readCrl")(crl(PLATFORM_CA, serials));
    expect([...found]).to.deep.equal(serials);
    const [, none] = await reader.getFunction("readCrl")(crl(PLATFORM_CA));
    expect([...none]).to.deep.equal([]);
  });
});
