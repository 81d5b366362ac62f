// SPDX-License-Identifier: MIT
import { splitQuote } from "@meantime/sdk/dcap/quote";
import { readReport } from "@meantime/sdk/dcap/report";
import { TCB_STATUSES } from "@meantime/sdk/dcap/tcb-status";
import { expect } from "chai";
import { keccak256 } from "ethers";
import { integer, octetString, oid, sequence } from "../../relayer/src/attest/simulated/pki/der.ts";
import {
  authorityCertificate,
  NEXT_UPDATE,
  NOW,
  PCK,
  PLATFORM,
  PLATFORM_CA,
  PROCESSOR_CA,
  pckCertificate,
  ROOT,
  rootCertificate,
  SERIALS,
  sgxFields,
  TCB_SIGNER,
} from "../../relayer/src/attest/simulated/pki/intel.ts";
import { ECDSA_WITH_SHA384, P256 } from "../../relayer/src/attest/simulated/pki/keys.ts";
import { type Patch, type QuoteContent, quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { type CertificateContent, extension } from "../../relayer/src/attest/simulated/pki/x509.ts";
import { ready } from "../enclave/dcap-ready.ts";
import { ANY_STATUS, judge, outcomeOf } from "../enclave/dcap-world.ts";

const HALF_ORDER = 0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8n;
const SGX_OID = "1.2.840.113741.1.13.1";
const isHigh = (signature: Uint8Array) =>
  BigInt(`0x${Buffer.from(signature.slice(32)).toString("hex")}`) > HALF_ORDER;

describe("Intel quotes", () => {
  describe("accepts", () => {
    const accepted: [string, Partial<QuoteContent>][] = [
      ["SGX of version 3", { tee: "sgx" }],
      ["SGX of version 4", { tee: "sgx", version: 4 }],
      ["SGX of version 5", { tee: "sgx", version: 5 }],
      ["TDX of version 4", {}],
      ["TDX of version 5 with a TD 1.0 report", { version: 5 }],
      ["TDX of version 5 with a TD 1.5 report", { version: 5, isTd15: true }],
      ["no authentication data of the quoting enclave", { qeData: new Uint8Array() }],
      ["much authentication data of the quoting enclave", { qeData: new Uint8Array(500).fill(1) }],
      ["signatures with a high s", { alterSignature: (rs) => (isHigh(rs) ? rs : P256.twinOf(rs)) }],
      ["signatures with a low s", { alterSignature: (rs) => (isHigh(rs) ? P256.twinOf(rs) : rs) }],
    ];
    for (const [what, changes] of accepted) {
      it(what, async () => {
        const world = await ready(changes.tee);
        const bytes = quote(changes);
        const verified = await judge(world, bytes);
        const report = readReport(splitQuote(bytes));
        expect(verified.isTdx).to.equal(changes.tee !== "sgx");
        expect(verified.measurement).to.equal(report.measurement);
        expect(verified.reportData.join("")).to.equal(`0x${"cd".repeat(32)}`.repeat(2));
        expect(verified.status).to.equal(BigInt(TCB_STATUSES.UpToDate));
        expect(verified.evaluationNumber).to.equal(20n);
        expect(verified.expiresAt).to.equal(BigInt(Date.parse("2027-02-13T00:00:00Z") / 1000));
        expect(verified.platformId).to.equal(`0x${PLATFORM.ppid}${PLATFORM.fmspc}0000${"00".repeat(8)}`);
      });
    }

    it("a PCK certificate with a high and with a low s", async () => {
      const world = await ready();
      for (const wanted of [true, false]) {
        const alterSignature = (rs: Uint8Array) => (isHigh(rs) === wanted ? rs : P256.twinOf(rs));
        expect(
          await outcomeOf(judge(world, quote({ pck: pckCertificate({}, { alterSignature }) }))),
        ).to.equal("done");
      }
    });

    it("a platform under the Processor CA", async () => {
      const world = await ready("tdx", { ca: PROCESSOR_CA });
      const pck = pckCertificate({ fields: sgxFields(PLATFORM).slice(0, 5) }, { issuer: PROCESSOR_CA });
      expect(await outcomeOf(judge(world, quote({ pck })))).to.equal("done");
    });

    it("component svns above 127, which take a sign octet", async () => {
      const world = await ready();
      const pck = pckCertificate({ svns: PLATFORM.svns.map(() => 255), pceSvn: 65_535 });
      expect(await outcomeOf(judge(world, quote({ pck })))).to.equal("done");
    });

    it("the service TD that the policy names, and no other", async () => {
      const world = await ready();
      const bytes = quote({ version: 5, isTd15: true, report: [[600, "aa".repeat(48)]] });
      const policy = (mrServiceTd: string) => ({ ...ANY_STATUS, serviceTd: keccak256(mrServiceTd) });
      expect(await outcomeOf(judge(world, bytes, { policy: policy(`0x${"aa".repeat(48)}`) }))).to.equal(
        "done",
      );
      expect(await outcomeOf(judge(world, bytes, { policy: policy(`0x${"ab".repeat(48)}`) }))).to.equal(
        "ServiceTdNotAllowed",
      );
      expect(await outcomeOf(judge(world, bytes))).to.equal("ServiceTdNotAllowed");
    });
  });

  describe("refuses", () => {
    const refused: [string, string, Partial<QuoteContent>][] = [
      ["a quote of version 2", "QuoteVersion", { header: [[0, "0200"]] }],
      ["a quote of version 6", "QuoteVersion", { header: [[0, "0600"]] }],
      ["a TDX quote of version 3", "QuoteVersion", { header: [[0, "0300"]] }],
      ["a key of another kind", "QuoteKeyType", { header: [[2, "0300"]] }],
      ["another TEE", "QuoteTee", { header: [[4, "82000000"]] }],
      ["a quoting enclave of another vendor", "QuoteVendor", { header: [[12, "00"]] }],
      ["an SGX report in a TDX quote", "QuoteBody", { version: 5, description: [[0, "0100"]] }],
      [
        "a TD 1.5 report that is as long as a 1.0 one",
        "QuoteBody",
        { version: 5, description: [[0, "0300"]] },
      ],
      ["a report of an unknown kind", "QuoteBody", { version: 5, description: [[0, "0400"]] }],
      ["a quote that somebody else signed", "QuoteSignatureWrong", { quoteSigner: P256.keyOf("somebody") }],
      ["a QE report that somebody else signed", "QeReportSignatureWrong", { pckKey: P256.keyOf("somebody") }],
      ["a QE report about another key", "QeReportDataWrong", { qeReport: [[320, "00"]] }],
      ["a QE report with more report data than the hash", "QeReportDataWrong", { qeReport: [[383, "01"]] }],
      ["a quoting enclave of another signer", "QeMismatch", { qeReport: [[128, "00"]] }],
      ["another product of the signer", "QeMismatch", { qeReport: [[256, "0100"]] }],
      ["a quoting enclave in debug mode", "QeMismatch", { qeReport: [[48, "17"]] }],
      ["a quoting enclave with another MISCSELECT", "QeMismatch", { qeReport: [[16, "01"]] }],
      ["a quoting enclave below every level", "QeLevelUnknown", { qeReport: [[258, "0100"]] }],
      ["a revoked quoting enclave", "TcbStatusNotAllowed", { qeReport: [[258, "0300"]] }],
      ["a TDX module of another signer", "TdxModuleMismatch", { report: [[64, "01"]] }],
      ["a TDX module with attributes", "TdxModuleMismatch", { report: [[119, "80"]] }],
      ["a TDX module of an unknown version", "TdxModuleUnknown", { report: [[0, "0402"]] }],
      ["a TDX module below every level", "TdxModuleUnknown", { report: [[0, "0101"]] }],
      ["a trust domain in debug mode", "DebugEnclave", { report: [[120, "01"]] }],
      ["a trust domain without SEPT_VE_DISABLE", "TdAttributes", { report: [[120, "0000000000000000"]] }],
      ["a reserved bit beside debug", "TdAttributes", { report: [[120, "0200001000000000"]] }],
      ["a reserved bit in octet 1", "TdAttributes", { report: [[120, "0001001000000000"]] }],
      ["a migratable trust domain", "TdAttributes", { report: [[120, "0000003000000000"]] }],
      ["a reserved bit in octet 7", "TdAttributes", { report: [[120, "0000001000000040"]] }],
      ["an SGX enclave in debug mode", "DebugEnclave", { tee: "sgx", report: [[48, "07"]] }],
      [
        "an SGX quote signed by TDX's quoting enclave",
        "QeMismatch",
        { tee: "sgx", qeReport: [[256, "0200"]] },
      ],
      [
        "an SGX quote in the name of TDX",
        "QuoteLength",
        { tee: "sgx", version: 4, header: [[4, "81000000"]] },
      ],
    ];
    for (const [what, error, changes] of refused) {
      it(what, async () => {
        const world = await ready(changes.tee);
        expect(await outcomeOf(judge(world, partsOf(changes)))).to.equal(error);
      });
    }

    it("parts that are cut short or run on", async () => {
      const world = await ready();
      const { parts } = splitQuote(quote());
      for (const [error, changes] of [
        ["QuoteLength", { signed: parts.signed.slice(0, -2) as `0x${string}` }],
        ["QuoteLength", { signed: `${parts.signed}00` as const }],
        ["QuoteLength", { signed: "0x" }],
        [
          "AuthenticationLength",
          { authentication: parts.authentication.slice(0, 2 + 2 * 575) as `0x${string}` },
        ],
        ["QeReportDataWrong", { authentication: `${parts.authentication}00` as const }],
        ["DerTruncated", { pckCertificate: parts.pckCertificate.slice(0, -2) as `0x${string}` }],
        ["DerTrailing", { pckCertificate: `${parts.pckCertificate}00` as const }],
        ["DerTruncated", { pckCertificate: "0x" }],
      ] as const) {
        expect(await outcomeOf(judge(world, { ...parts, ...changes })), error).to.equal(error);
      }
    });

    const day = 24 * 3600;
    const fields = sgxFields(PLATFORM);
    const badPcks: [string, string, Uint8Array][] = [
      ["the Platform CA in place of a platform", "NotPckCertificate", authorityCertificate(PLATFORM_CA)],
      ["the root in place of a platform", "NotPckCertificate", rootCertificate()],
      ["TCB signing in place of a platform", "NotPckCertificate", authorityCertificate(TCB_SIGNER)],
      ["a platform that may sign certificates", "NotPckCertificate", pck({ isCa: true })],
      ["a platform that may not sign", "NotPckCertificate", pck({ keyUsage: 0x20 })],
      [
        "a platform of another name",
        "NotPckCertificate",
        pck({ subject: { ...PCK, name: "Intel SGX PCK" } }),
      ],
      ["a certificate without the SGX extension", "NotPckCertificate", pck({ extensions: [] })],
      ["a certificate of version 1", "CertificateVersion", pck({ version: 0 })],
      ["two signature algorithms", "CertificateAlgorithmsDiffer", pck({ outerAlgorithm: ECDSA_WITH_SHA384 })],
      ["a certificate signed by SHA-384", "NotPckCertificate", pck({ algorithm: ECDSA_WITH_SHA384 })],
      [
        "a key on another curve",
        "NotPckCertificate",
        pck({ keyAlgorithm: sequence(oid("1.2.840.10045.2.1"), oid("1.3.132.0.34")) }),
      ],
      [
        "an RSA key",
        "CertificateKey",
        pck({ keyAlgorithm: sequence(oid("1.2.840.113549.1.1.1"), oid("1.2.840.10045.3.1.7")) }),
      ],
      ["a certificate that the root issued itself", "PckIssuerUnknown", pck({ issuer: ROOT })],
      ["a certificate that TCB signing issued", "PckIssuerUnknown", pck({ issuer: TCB_SIGNER })],
      [
        "an authority of the same name with another key",
        "PckIssuerUnknown",
        pck({ issuer: { ...PLATFORM_CA, key: P256.keyOf("impostor") } }),
      ],
      [
        "an issuer of the same key under another name",
        "PckIssuerUnknown",
        pck({ issuer: { ...PLATFORM_CA, name: "CA" } }),
      ],
      ["a certificate without key identifiers", "PckIssuerUnknown", pck({ withoutKeyIds: true })],
      [
        "an empty key identifier",
        "CertificateExtensionMalformed",
        pck({ issuer: { ...PLATFORM_CA, keyId: new Uint8Array() } }),
      ],
      ["a certificate that another key signed", "PckSignatureWrong", pck({ signer: P256.keyOf("impostor") })],
      ["a certificate with r = 0", "PckSignatureWrong", pck({ alterSignature: (rs) => rs.fill(0, 0, 32) })],
      ["a certificate with s = 0", "PckSignatureWrong", pck({ alterSignature: (rs) => rs.fill(0, 32) })],
      ["a certificate with r and s swapped", "PckSignatureWrong", pck({ alterSignature: swapLimbs })],
      ["an expired certificate", "CertificateNotValid", pck({ notAfter: NOW - day })],
      ["a certificate of tomorrow", "CertificateNotValid", pck({ notBefore: NOW + day })],
      [
        "an unknown critical extension",
        "CertificateExtensionUnknown",
        pck({ extensions: [sgxExtension(fields), extension("1.2.3", true)] }),
      ],
      [
        "two SGX extensions",
        "CertificateExtensionTwice",
        pck({ extensions: [sgxExtension(fields), sgxExtension(fields)] }),
      ],
      [
        "two key usages",
        "CertificateExtensionTwice",
        pck({
          extensions: [sgxExtension(fields), extension("2.5.29.15", true, new Uint8Array([3, 2, 6, 0xc0]))],
        }),
      ],
      ["a path length for a platform", "CertificateExtensionMalformed", pck({ pathLength: 0 })],
      [
        "an SGX extension without FMSPC",
        "PckFieldsMissing",
        withFields(fields.filter((_, place) => place !== 3)),
      ],
      [
        "an SGX extension without TCB",
        "PckFieldsMissing",
        withFields(fields.filter((_, place) => place !== 1)),
      ],
      [
        "an SGX extension with two FMSPCs",
        "PckFieldMalformed",
        withFields([...fields, ...fields.slice(3, 4)]),
      ],
      ["fifteen component svns", "PckFieldsMissing", pckCertificate({ svns: PLATFORM.svns.slice(1) })],
      [
        "a component svn of 256",
        "PckFieldMalformed",
        pckCertificate({ svns: [256, ...PLATFORM.svns.slice(1)] }),
      ],
      ["a PCE svn of 65,536", "PckFieldMalformed", pckCertificate({ pceSvn: 65_536 })],
      ["an FMSPC of five octets", "PckFieldMalformed", pckCertificate({ fmspc: "0011223344" })],
      ["a PPID of 17 octets", "PckFieldMalformed", pckCertificate({ ppid: "00".repeat(17) })],
      [
        "a field that is not SGX's",
        "PckFieldMalformed",
        withFields([...fields, sequence(oid("1.2.840.113742.1.13.1.9"), octetString())]),
      ],
      [
        "an SGX extension with bytes behind it",
        "DerTrailing",
        pck({ extensions: [extension(SGX_OID, false, sequence(...fields), integer(1))] }),
      ],
      [
        "another FMSPC than the TCB info's",
        "QuoteDocumentMissing",
        pckCertificate({ fmspc: "90c06f000001" }),
      ],
      ["another PCE id than the TCB info's", "QuoteDocumentMissing", pckCertificate({ pceId: "0100" })],
    ];
    for (const [what, error, certificate] of badPcks) {
      it(what, async () => {
        const world = await ready();
        expect(await outcomeOf(judge(world, quote({ pck: certificate })))).to.equal(error);
      });
    }
  });

  describe("documents and moments", () => {
    it("refuses a revoked platform", async () => {
      const world = await ready("tdx", { pckSerials: [5n, SERIALS.pck, 7n] });
      expect(await outcomeOf(judge(world, quote()))).to.equal("PckRevoked");
      const other = pckCertificate({}, { serial: SERIALS.pck + 1n });
      expect(await outcomeOf(judge(world, quote({ pck: other })))).to.equal("done");
    });

    it("refuses a platform under a revoked authority", async () => {
      const world = await ready("tdx", { rootSerials: [SERIALS.processorCa, SERIALS.platformCa] });
      expect(await outcomeOf(judge(world, quote()))).to.equal("PckIssuerRevoked");
    });

    it("refuses every quote as soon as one thing behind it has run out, and not before", async () => {
      const world = await ready("tdx", { tcbInfo: { nextUpdate: "2027-02-01T00:00:00Z" } });
      const expiresAt = Date.parse("2027-02-01T00:00:00Z") / 1000;
      const verified = await judge(world, quote());
      expect(verified.expiresAt).to.equal(BigInt(expiresAt));
      expect(await outcomeOf(judge(world, quote(), { asOf: expiresAt }))).to.equal("done");
      expect(await outcomeOf(judge(world, quote(), { asOf: expiresAt + 1 }))).to.equal(
        "QuoteDocumentNotCurrent",
      );
    });

    it("refuses what had not been issued yet", async () => {
      const world = await ready();
      const issued = Date.parse("2027-01-14T00:00:00Z") / 1000;
      expect(await outcomeOf(judge(world, quote(), { asOf: issued - 1 }))).to.equal(
        "QuoteDocumentNotCurrent",
      );
      expect(await outcomeOf(judge(world, quote(), { asOf: issued }))).to.equal("done");
    });

    it("refuses a stale revocation list", async () => {
      const late = "2027-06-01T00:00:00Z";
      const world = await ready("tdx", { tcbInfo: { nextUpdate: late }, qeIdentity: { nextUpdate: late } });
      expect((await judge(world, quote())).expiresAt).to.equal(BigInt(NEXT_UPDATE));
      const attempt = judge(world, quote(), { asOf: NEXT_UPDATE + 1 });
      await expect(attempt)
        .to.be.revertedWithCustomError(world.verifier, "QuoteDocumentNotCurrent")
        .withArgs(0n, NOW - day(1), NEXT_UPDATE, NEXT_UPDATE + 1);
    });

    it("demands the evaluation number of the policy from both documents", async () => {
      for (const changes of [
        { tcbInfo: { evaluationNumber: 19 } },
        { qeIdentity: { evaluationNumber: 19 } },
      ]) {
        const world = await ready("tdx", changes);
        expect((await judge(world, quote())).evaluationNumber).to.equal(19n);
        const floor = (minEvaluationNumber: number) => ({ policy: { ...ANY_STATUS, minEvaluationNumber } });
        expect(await outcomeOf(judge(world, quote(), floor(19)))).to.equal("done");
        expect(await outcomeOf(judge(world, quote(), floor(20)))).to.equal("QuoteDocumentTooOld");
      }
    });

    it("binds what the software is into the measurement, and nothing else", async () => {
      const world = await ready();
      const { measurement } = await judge(world, quote());
      const places: [number, boolean][] = [
        ...[16, 520, 550].map((place): [number, boolean] => [place, false]),
        ...[128, 136, 184, 232, 280, 328, 376, 424, 472, 519].map((place): [number, boolean] => [
          place,
          true,
        ]),
      ];
      for (const [place, isMeasured] of places) {
        const other = await judge(world, quote({ report: [[place, "f1"]] }));
        expect(other.measurement !== measurement, `octet ${place}`).to.equal(isMeasured);
      }
      const perfmon = await judge(world, quote({ report: [[127, "80"]] }));
      expect(perfmon.measurement).to.not.equal(measurement);
    });

    it("binds enclave, attributes, MISCSELECT and configuration of SGX, not the signer", async () => {
      const world = await ready("sgx");
      const measurementWith = async (...report: Patch[]) =>
        (await judge(world, quote({ tee: "sgx", report }))).measurement;
      const plain = await measurementWith();
      for (const [place, isMeasured] of [
        [16, true],
        [55, true],
        [64, true],
        [95, true],
        [128, false],
        [192, true],
        [255, true],
        [260, true],
        [320, false],
      ] as const) {
        expect((await measurementWith([place, "f1"])) !== plain, `octet ${place}`).to.equal(isMeasured);
      }
    });
  });
});

function partsOf(changes: Partial<QuoteContent>) {
  // The SDK refuses some of these itself, so the parts are made from a quote that it takes.
  const { header, description, ...rest } = changes;
  const { parts } = splitQuote(quote(rest));
  const signed = Buffer.from(parts.signed.slice(2), "hex");
  for (const [place, hex] of header ?? []) signed.set(Buffer.from(hex, "hex"), place);
  for (const [place, hex] of description ?? []) signed.set(Buffer.from(hex, "hex"), 48 + place);
  return { ...parts, signed: `0x${signed.toString("hex")}` as const };
}

function pck(changes: Partial<CertificateContent>): Uint8Array {
  return pckCertificate({}, changes);
}

function withFields(fields: Uint8Array[]): Uint8Array {
  return pckCertificate({ fields });
}

function sgxExtension(fields: Uint8Array[]): Uint8Array {
  return extension(SGX_OID, false, sequence(...fields));
}

function swapLimbs(signature: Uint8Array): Uint8Array {
  return Uint8Array.from([...signature.slice(32), ...signature.slice(0, 32)]);
}

function day(count: number): number {
  return count * 24 * 3600;
}
