// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { describe, it } from "node:test";
import { certificateIds } from "@meantime/sdk/dcap/certificate";
import { collateralCalls, readCollateral, rootOf } from "@meantime/sdk/dcap/collateral";
import { INTEL_ROOT_CERTIFICATE } from "@meantime/sdk/dcap/intel-root";
import { pemToDer } from "@meantime/sdk/dcap/pem";
import { splitQuote } from "@meantime/sdk/dcap/quote";
import { readReport } from "@meantime/sdk/dcap/report";
import { quoteFault } from "@meantime/sdk/dcap/signatures";
import { tcbStatusBits, tcbStatusName } from "@meantime/sdk/dcap/tcb-status";
import { MeantimeError } from "@meantime/sdk/errors";
import { bytesToHex, concatBytes, type Hex, hexToBytes, keccak256 } from "@meantime/sdk/hex";
import { p256 } from "@noble/curves/nist.js";
import {
  authorityCertificate,
  bundle,
  PLATFORM_CA,
  pckCertificate,
  rootCertificate,
} from "../../relayer/src/attest/simulated/pki/intel.ts";
import { quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { QUOTE_KINDS } from "../enclave/quote-kinds.ts";
import { readDcapVectors, readFolder, vectorFolder } from "../enclave/vectors.ts";

const folder = vectorFolder("dcap");

const hasCode = (code: string) => (error: unknown) => error instanceof MeantimeError && error.code === code;

describe("Intel quotes in the SDK", () => {
  it("takes every kind of quote apart into what was signed, what signs it, and the PCK certificate", () => {
    for (const kind of QUOTE_KINDS) {
      const pck = pckCertificate();
      const split = splitQuote(quote({ ...kind, pck }));
      assert.equal(split.version, kind.version);
      assert.equal(split.tee, kind.tee);
      assert.equal(split.parts.pckCertificate, bytesToHex(pck));
      assert.equal(split.certificates.length, 3);
      assert.equal(hexToBytes(split.parts.authentication).length, 576 + 32);
      assert.ok(isSignedByItsKey(split.parts));
    }
  });

  it("has three signatures in every kind of quote, of which none can be altered", () => {
    for (const kind of QUOTE_KINDS) {
      const { parts } = splitQuote(quote(kind));
      assert.equal(quoteFault(parts), undefined);
      const altered: [Partial<typeof parts>, RegExp][] = [
        [{ signed: flipped(parts.signed, 100) }, /attestation key did not sign/],
        [{ authentication: flipped(parts.authentication, 10) }, /attestation key did not sign/],
        [{ authentication: flipped(parts.authentication, 128 + 320) }, /does not vouch/],
        [{ authentication: flipped(parts.authentication, 128 + 20) }, /processor's key did not sign/],
        [{ authentication: flipped(parts.authentication, 128 + 384 + 9) }, /processor's key did not sign/],
        [{ authentication: flipped(parts.authentication, 576 + 3) }, /does not vouch/],
        [{ authentication: bytesToHex(hexToBytes(parts.authentication).slice(0, 500)) }, /ends early/],
        [{ pckCertificate: bytesToHex(authorityCertificate(PLATFORM_CA)) }, /processor's key did not sign/],
      ];
      for (const [change, reason] of altered) assert.match(quoteFault({ ...parts, ...change }) ?? "", reason);
    }
  });

  it("drops zeros behind a quote and refuses anything else there", () => {
    const bytes = quote();
    assert.deepEqual(splitQuote(concatBytes(bytes, new Uint8Array(3000))), splitQuote(bytes));
    assert.throws(() => splitQuote(concatBytes(bytes, Uint8Array.of(0, 1))), hasCode("MT-SDK-653"));
  });

  it("refuses a quote that is cut short anywhere", () => {
    for (const kind of QUOTE_KINDS) {
      const bytes = quote(kind);
      for (let length = 0; length < bytes.length; length += 97) {
        assert.throws(() => splitQuote(bytes.slice(0, length)), hasCode("MT-SDK-653"), `${length} bytes`);
      }
    }
  });

  it("refuses another version, TEE or kind of certification data", () => {
    const bytes = quote();
    for (const place of [0, 4, 48 + 584 + 4 + 128]) {
      assert.throws(() => splitQuote(bytes.with(place, 9)), hasCode("MT-SDK-653"));
    }
  });

  it("reads the measurements by name", () => {
    const { fields, reportData } = readReport(splitQuote(quote({ version: 5, isTd15: true })));
    assert.equal(fields.mrTd, `0x${"ab".repeat(48)}`);
    assert.equal(fields.mrServiceTd, `0x${"00".repeat(48)}`);
    assert.equal(reportData, `0x${"cd".repeat(64)}`);
    assert.equal(readReport(splitQuote(quote({ tee: "sgx" }))).fields.mrEnclave, `0x${"12".repeat(32)}`);
  });

  it("orders the transactions of a bundle, each authority once", () => {
    const calls = collateralCalls(bundle("tdx"));
    assert.deepEqual(
      calls.map(({ method }) => method),
      ["enterCrl", "enterAuthority", "enterAuthority", "enterCrl", "enterTcbInfo", "enterQeIdentity"],
    );
    assert.deepEqual(rootOf(bundle("tdx")), rootCertificate());
  });

  it("enters what an incomplete bundle has, its chains in either order", () => {
    const whole = bundle("tdx");
    const { qe_identity: _, pck_crl: __, ...partial } = whole;
    assert.deepEqual(
      collateralCalls(partial).map(({ method }) => method),
      ["enterCrl", "enterAuthority", "enterAuthority", "enterTcbInfo"],
    );
    const rootFirst = whole.tcb_info_issuer_chain
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .reverse()
      .join("");
    const reversed = { ...whole, tcb_info_issuer_chain: rootFirst, qe_identity_issuer_chain: rootFirst };
    assert.deepEqual(collateralCalls(reversed), collateralCalls(whole));
    const { pck_crl_issuer_chain: ___, ...chainless } = whole;
    const own = collateralCalls(chainless, [authorityCertificate(PLATFORM_CA)]);
    assert.deepEqual(own, collateralCalls(whole));
  });

  it("names the field that a bundle lacks", () => {
    const { tcb_info: _, ...rest } = bundle("tdx");
    assert.throws(
      () => readCollateral(rest),
      (error) => error instanceof MeantimeError && error.details.field === "tcb_info",
    );
    assert.throws(() => readCollateral(null), hasCode("MT-SDK-654"));
    assert.deepEqual(readCollateral({ ...bundle("tdx"), more: 1 }), bundle("tdx"));
  });

  it("reads the ids of certificates, and refuses what is none", () => {
    const ca = certificateIds(authorityCertificate(PLATFORM_CA));
    const root = certificateIds(rootCertificate());
    assert.equal(ca.commonName, "Intel SGX PCK Platform CA");
    assert.equal(ca.issuerId, root.authorityId);
    assert.equal(root.issuerId, root.authorityId);
    assert.equal(certificateIds(pckCertificate()).issuerId, ca.authorityId);
    assert.throws(() => certificateIds(rootCertificate({ withoutKeyIds: true })), hasCode("MT-SDK-651"));
    assert.throws(() => certificateIds(rootCertificate().slice(0, 90)), hasCode("MT-SDK-650"));
    assert.throws(() => pemToDer("nothing"), hasCode("MT-SDK-652"));
  });

  it("pins Intel's root, whose key and validity are known", () => {
    const root = new X509Certificate(hexToBytes(INTEL_ROOT_CERTIFICATE));
    assert.ok(root.subject.includes("CN=Intel SGX Root CA"));
    assert.ok(root.verify(root.publicKey));
    const point = root.publicKey.export({ type: "spki", format: "der" }).subarray(-64);
    assert.match(keccak256(point), /^0x89f72d7c.*8473$/);
  });

  it("names statuses by number and makes bits of names", () => {
    assert.equal(tcbStatusName(4n), "OutOfDate");
    assert.equal(tcbStatusName(9), undefined);
    assert.equal(tcbStatusBits(["UpToDate", "OutOfDate"]), 0b10001);
  });

  if (folder) {
    it("takes genuine quotes apart, and finds them signed up to the PCK certificate", () => {
      const alone = [...readFolder(folder, "quotes-only").values()];
      const quotes = [...alone, ...readDcapVectors(folder).map((vector) => vector.quote)];
      assert.ok(quotes.length > 5);
      for (const bytes of quotes) {
        const split = splitQuote(bytes);
        assert.ok(isSignedByItsKey(split.parts));
        assert.equal(quoteFault(split.parts), undefined);
        const root = split.certificates.at(-1) ?? new Uint8Array();
        assert.equal(bytesToHex(root), INTEL_ROOT_CERTIFICATE);
      }
    });
  }
});

// The attestation key signed the quote, and the platform's key the report of the quoting enclave.
function isSignedByItsKey(parts: ReturnType<typeof splitQuote>["parts"]): boolean {
  const authentication = hexToBytes(parts.authentication);
  const point = (bytes: Uint8Array) => concatBytes(Uint8Array.of(4), bytes);
  const { publicKey } = new X509Certificate(hexToBytes(parts.pckCertificate));
  const pckKey = publicKey.export({ type: "spki", format: "der" }).subarray(-64);
  const isBy = (signature: Uint8Array, message: Uint8Array, key: Uint8Array) =>
    p256.verify(signature, message, point(key), { lowS: false });
  return (
    isBy(authentication.slice(0, 64), hexToBytes(parts.signed), authentication.slice(64, 128)) &&
    isBy(authentication.slice(512, 576), authentication.slice(128, 512), Uint8Array.from(pckKey))
  );
}

function flipped(hex: Hex, byte: number): Hex {
  const bytes = hexToBytes(hex);
  bytes[byte] = (bytes[byte] ?? 0) ^ 1;
  return bytesToHex(bytes);
}
