// SPDX-License-Identifier: MIT
import { certificateIds } from "@meantime/sdk/dcap/certificate";
import { expect } from "chai";
import hre from "hardhat";
import {
  ascii,
  boolean,
  integer,
  octetString,
  oid,
  sequence,
  time,
} from "../../relayer/src/attest/simulated/pki/der.ts";
import {
  LEVELS,
  qeIdentityJson,
  type TcbLevel,
  tcbInfoJson,
} from "../../relayer/src/attest/simulated/pki/documents.ts";
import {
  authorityCertificate,
  crl,
  ISSUED_AT,
  NEXT_UPDATE,
  NOW,
  PCK,
  PLATFORM_CA,
  PROCESSOR_CA,
  pckCertificate,
  ROOT,
  rootCertificate,
  SERIALS,
  TCB_SIGNER,
} from "../../relayer/src/attest/simulated/pki/intel.ts";
import { ECDSA_WITH_SHA384, type Key, P256 } from "../../relayer/src/attest/simulated/pki/keys.ts";
import { quote } from "../../relayer/src/attest/simulated/pki/quotes.ts";
import { extension, type Party } from "../../relayer/src/attest/simulated/pki/x509.ts";
import { networkHelpers } from "../enclave/chain.ts";
import { deployOnTestRoot, ready } from "../enclave/dcap-ready.ts";
import { type DcapWorld, deployDcap, enter, judge, outcomeOf } from "../enclave/dcap-world.ts";
import * as tests from "./fixture.ts";

const { loadFixture } = tests.networkHelpers;

const DAY_SECONDS = 24 * 3600;
const SIGNER_ID = certificateIds(authorityCertificate(TCB_SIGNER)).authorityId;
const PLATFORM_CA_ID = certificateIds(authorityCertificate(PLATFORM_CA)).authorityId;

// Reading needs no signatures, so it is tested on the reader alone, on the chain of the other tests.
const deployReader = () => tests.ethers.deployContract("TcbReader");

describe("Intel's collateral", () => {
  describe("root", () => {
    const impostor: Party = { ...ROOT, key: P256.keyOf("impostor") };
    const refused: [string, string, Uint8Array][] = [
      ["a root that another key signed", "SignatureWrong", rootCertificate({ signer: impostor.key })],
      ["a root that another issued", "IssuerUnknown", rootCertificate({ issuer: impostor })],
      ["a root without key identifiers", "IssuerUnknown", rootCertificate({ withoutKeyIds: true })],
      ["a root of another name", "CertificateRole", rootCertificate(named("Intel SGX Root"))],
      [
        "a root that is no authority",
        "CertificateRole",
        rootCertificate({ isCa: false, pathLength: undefined }),
      ],
      ["a root that may sign no revocation lists", "CertificateRole", rootCertificate({ keyUsage: 0x04 })],
      ["a root that may have no authority below it", "CertificateRole", rootCertificate({ pathLength: 0 })],
      ["a root that has run out", "CertificateNotValid", rootCertificate({ notAfter: NOW - DAY_SECONDS })],
      ["a root signed by SHA-384", "CertificateAlgorithm", rootCertificate({ algorithm: ECDSA_WITH_SHA384 })],
    ];
    for (const [what, error, certificate] of refused) {
      it(`is not ${what}`, async () => {
        await deployOnTestRoot();
        expect(await outcomeOf(deployDcap(certificate))).to.equal(error);
      });
    }
  });

  it("cannot be built on a chain without the precompile for P-256", async () => {
    const override = { initialDate: new Date(NOW * 1000), hardfork: "prague" };
    const before = await hre.network.create<"l1">({ override });
    const attempt = before.ethers.deployContract("IntelCollateral", [rootCertificate()]);
    expect(await outcomeOf(attempt)).to.equal("SignatureWrong");
    await before.close();
  });

  describe("authorities", () => {
    const day = DAY_SECONDS;
    const refused: [string, string, Uint8Array][] = [
      [
        "an authority that another root issued",
        "IssuerUnknown",
        authority({ issuer: { ...ROOT, key: P256.keyOf("x") } }),
      ],
      ["an authority that an authority issued", "IssuerUnknown", authority({ issuer: PROCESSOR_CA })],
      ["an authority without key identifiers", "IssuerUnknown", authority({ withoutKeyIds: true })],
      [
        "an authority that the root did not sign",
        "SignatureWrong",
        authority({ signer: P256.keyOf("impostor") }),
      ],
      ["a platform as an authority", "CertificateRole", pckCertificate({}, { issuer: ROOT, extensions: [] })],
      [
        "a Platform CA that is no authority",
        "CertificateRole",
        authority({ isCa: false, pathLength: undefined }),
      ],
      ["a Platform CA that may not sign certificates", "CertificateRole", authority({ keyUsage: 0x02 })],
      ["a Platform CA that may not sign revocation lists", "CertificateRole", authority({ keyUsage: 0x04 })],
      [
        "a TCB signer that is an authority",
        "CertificateRole",
        authorityCertificate(TCB_SIGNER, { isCa: true }),
      ],
      [
        "a TCB signer that may not sign",
        "CertificateRole",
        authorityCertificate(TCB_SIGNER, { keyUsage: 0x06 }),
      ],
      ["an authority of another name", "CertificateRole", authority(named("Intel SGX PCK Platform CA 2"))],
      ["an authority that has run out", "CertificateNotValid", authority({ notAfter: NOW - 2 * day })],
      ["an authority of tomorrow", "CertificateNotValid", authority({ notBefore: NOW + day })],
      ["an authority signed by SHA-384", "CertificateAlgorithm", authority({ algorithm: ECDSA_WITH_SHA384 })],
      [
        "an unknown critical extension",
        "CertificateExtensionUnknown",
        authority({ extensions: [extension("2.5.29.36", true, sequence())] }),
      ],
    ];
    for (const [what, error, certificate] of refused) {
      it(`refuses ${what}`, async () => {
        const { collateral } = await deployOnTestRoot();
        expect(await outcomeOf(enter(collateral, "enterAuthority", certificate))).to.equal(error);
      });
    }

    it("replaces an authority by its renewed certificate, never by an older one or the same", async () => {
      const { collateral } = await deployOnTestRoot();
      const renew = (notBefore: number) =>
        outcomeOf(enter(collateral, "enterAuthority", authority({ notBefore })));
      expect(await renew(NOW - 100 * day)).to.equal("done");
      expect(await renew(NOW - 100 * day)).to.equal("DocumentNotNewer");
      expect(await renew(NOW - 101 * day)).to.equal("DocumentNotNewer");
      expect(await renew(NOW - 99 * day)).to.equal("done");
      expect((await collateral.getFunction("authorityOf")(PLATFORM_CA_ID)).notBefore).to.equal(
        BigInt(NOW - 99 * day),
      );
    });

    it("no longer vouches for a platform when it has run out, and not before it began", async () => {
      const world = await deployOnTestRoot();
      const [notBefore, notAfter] = [NOW - 50 * day, NOW + day];
      await enter(world.collateral, "enterAuthority", authority({ notBefore, notAfter }));
      for (const [asOf, outcome] of [
        [notBefore - 1, "PckIssuerNotValid"],
        [notBefore, "QuoteDocumentMissing"],
        [notAfter, "QuoteDocumentMissing"],
        [notAfter + 1, "PckIssuerNotValid"],
      ] as const) {
        expect(await outcomeOf(judge(world, quote(), { asOf })), `${asOf}`).to.equal(outcome);
      }
    });

    it("does not take the twin of a certificate, with n - s for s, for a new one", async () => {
      const { collateral } = await ready();
      const twin = authority({ alterSignature: P256.twinOf });
      expect(await outcomeOf(enter(collateral, "enterAuthority", twin))).to.equal("DocumentNotNewer");
    });
  });

  describe("revocation lists", () => {
    const refused: [string, string, Uint8Array][] = [
      ["a list of an unknown issuer", "AuthorityUnknown", crl(PROCESSOR_CA)],
      ["a list of TCB signing", "AuthorityUnknown", crl(TCB_SIGNER)],
      ["a list of a platform", "AuthorityUnknown", crl(PCK)],
      [
        "a list in the issuer's name by another key",
        "SignatureWrong",
        crl(PLATFORM_CA, [], { signer: ROOT.key }),
      ],
      [
        "a list in the root's name by an authority",
        "SignatureWrong",
        crl(ROOT, [], { signer: PLATFORM_CA.key }),
      ],
      [
        "a list that has run out",
        "DocumentNotCurrent",
        crl(PLATFORM_CA, [], at(NOW - 9 * DAY_SECONDS, NOW - 8000)),
      ],
      ["a list of tomorrow", "DocumentNotCurrent", crl(PLATFORM_CA, [], at(NOW + DAY_SECONDS))],
      ["a list of version 1", "CrlVersion", crl(PLATFORM_CA, [], { version: 0 })],
      ["a list signed by SHA-384", "SignatureWrong", crl(PLATFORM_CA, [], { algorithm: ECDSA_WITH_SHA384 })],
      [
        "a delta list",
        "CrlExtensionUnknown",
        crl(PLATFORM_CA, [], { extensions: [extension("2.5.29.27", true, octetString())] }),
      ],
      [
        "an indirect list",
        "CrlExtensionUnknown",
        crl(PLATFORM_CA, [1n], {
          entryExtensions: sequence(sequence(oid("2.5.29.29"), boolean(true), octetString())),
        }),
      ],
      [
        "a list with two key identifiers",
        "CrlExtensionTwice",
        crl(PLATFORM_CA, [], {
          extensions: [extension("2.5.29.35", false, sequence(new Uint8Array([0x80, 1, 7])))],
        }),
      ],
      ["a list with bytes behind it", "DerTrailing", Uint8Array.from([...crl(PLATFORM_CA), 0])],
      ["a list cut short", "DerTruncated", crl(PLATFORM_CA).slice(0, -1)],
      [
        "an entry with a negative serial number",
        "DerInteger",
        crl(PLATFORM_CA, [], { entries: [sequence(Uint8Array.of(2, 1, 0xf1), time(ISSUED_AT))] }),
      ],
      ["an entry that is no sequence", "DerTag", crl(PLATFORM_CA, [], { entries: [integer(5)] })],
    ];
    for (const [what, error, list] of refused) {
      it(`refuses ${what}`, async () => {
        const { collateral } = await deployOnTestRoot();
        await enter(collateral, "enterAuthority", authority());
        await enter(collateral, "enterAuthority", authorityCertificate(TCB_SIGNER));
        expect(await outcomeOf(enter(collateral, "enterCrl", list))).to.equal(error);
      });
    }

    it("takes a newer list only, also where it revokes less", async () => {
      const { collateral } = await ready("tdx", { pckSerials: [SERIALS.pck] });
      const relist = (thisUpdate: number) =>
        outcomeOf(enter(collateral, "enterCrl", crl(PLATFORM_CA, [], { thisUpdate })));
      expect(await relist(ISSUED_AT)).to.equal("DocumentNotNewer");
      expect(await relist(ISSUED_AT - 1)).to.equal("DocumentNotNewer");
      expect(await relist(ISSUED_AT + 1)).to.equal("done");
    });

    for (const entries of [0, 1, 57, 129, 500]) {
      it(`keeps ${entries} entries within the gas of one transaction, and finds the last`, async () => {
        const serials = Array.from({ length: entries }, (_, place) => (1n << 159n) + 1000n + BigInt(place));
        const world = await ready();
        const list = crl(PLATFORM_CA, serials, { thisUpdate: ISSUED_AT + 1 });
        const receipt = await enter(world.collateral, "enterCrl", list);
        expect(receipt.status).to.equal(1);
        const serial = serials.at(-1) ?? SERIALS.pck;
        const revoked = quote({ pck: pckCertificate({}, { serial }) });
        expect(await outcomeOf(judge(world, revoked))).to.equal(entries > 0 ? "PckRevoked" : "done");
        const free = quote({ pck: pckCertificate({}, { serial: serial + 1n }) });
        expect(await outcomeOf(judge(world, free))).to.equal("done");
      });
    }
  });

  describe("TCB info and QE identity", () => {
    it("need the signature of a TCB signer over the very bytes", async () => {
      const world = await ready();
      const json = tcbInfoJson({ issueDate: "2027-01-14T00:00:01Z" });
      const right = P256.sign(ascii(json), TCB_SIGNER.key);
      const attempt = (text: string, signature: Uint8Array, id = SIGNER_ID) =>
        outcomeOf(world.collateral.getFunction("enterTcbInfo").staticCall(ascii(text), signature, id));
      expect(await attempt(json, right)).to.equal("done");
      expect(await attempt(json, P256.twinOf(right))).to.equal("done");
      expect(await attempt(json, right.slice(1))).to.equal("SignatureLength");
      expect(await attempt(json, P256.sign(ascii(json), P256.keyOf("impostor")))).to.equal("SignatureWrong");
      expect(await attempt(json, P256.sign(ascii(json), PLATFORM_CA.key), PLATFORM_CA_ID)).to.equal(
        "AuthorityUnknown",
      );
      expect(await attempt(json, right, `0x${"00".repeat(32)}`)).to.equal("AuthorityUnknown");
      const other = json.replace('"tcbStatus":"OutOfDate"', '"tcbStatus":"UpToDate"');
      expect(await attempt(other, right)).to.equal("SignatureWrong");
      const reordered = JSON.stringify({
        ...JSON.parse(json),
        version: undefined,
        fmspc: "90c06f000000",
        version2: 3,
      });
      expect(await attempt(reordered, right)).to.equal("JsonUnexpected");
    });

    const json = tcbInfoJson({ issueDate: "2027-01-14T00:00:01Z" });
    const level = json.slice(json.lastIndexOf('{"tcb":{"sgx'), -2);
    const edits: [string, string, string][] = [
      ["a key in another place", "JsonUnexpected", moved(json)],
      ["a key twice", "JsonUnexpected", json.replace('"tcbType":0', '"tcbType":0,"tcbType":0')],
      ["an FMSPC twice", "JsonUnexpected", json.replace('"pceId"', '"fmspc":"000000000000","pceId"')],
      ["levels twice", "JsonUnexpected", json.replace(/}$/, ',"tcbLevels":[]}')],
      ["a status twice", "JsonUnexpected", json.replace('"tcbStatus"', '"tcbStatus":"Revoked","tcbStatus"')],
      ["an unknown key", "JsonUnexpected", json.replace('"fmspc"', '"x":1,"fmspc"')],
      ["no FMSPC", "JsonUnexpected", json.replace('"fmspc":"90C06F000000",', "")],
      ["white space", "JsonUnexpected", json.replace(",", ", ")],
      ["a line break behind it", "JsonUnexpected", `${json}\n`],
      ["a zero octet behind it", "JsonUnexpected", `${json}\0`],
      ["another document behind it", "JsonUnexpected", json + json],
      ["its end cut off", "JsonUnexpected", json.slice(0, -1)],
      ["nothing in it", "JsonUnexpected", ""],
      ["version 2", "JsonUnexpected", json.replace('"version":3', '"version":2')],
      ["TCB type 1", "JsonUnexpected", json.replace('"tcbType":0', '"tcbType":1')],
      ["TCB type 00", "JsonUnexpected", json.replace('"tcbType":0', '"tcbType":00')],
      ["another id", "JsonUnexpected", json.replace('"TDX"', '"TDY"')],
      ["SGX as id and a TDX module", "JsonUnexpected", json.replace('"id":"TDX"', '"id":"SGX"')],
      ["TDX as id and no module", "JsonUnexpected", json.replace(/"tdxModule":.*?},/, "")],
      ["an svn of 256", "JsonNumberTooLarge", json.replace('"svn":4', '"svn":256')],
      [
        "an svn of 2^256 and 4",
        "JsonNumberTooLarge",
        json.replace('"svn":4', `"svn":${2n ** 256n + 4n}`).slice(0),
      ],
      ["a negative svn", "JsonUnexpected", json.replace('"svn":4', '"svn":-4')],
      ["an svn with a leading zero", "JsonUnexpected", json.replace('"svn":4', '"svn":04')],
      ["an svn with a fraction", "JsonUnexpected", json.replace('"svn":4', '"svn":4.0')],
      ["an svn with an exponent", "JsonUnexpected", json.replace('"svn":4', '"svn":4e0')],
      ["an svn as text", "JsonUnexpected", json.replace('"svn":4', '"svn":"4"')],
      ["fifteen components", "JsonUnexpected", json.replace(',{"svn":0}]', "]")],
      ["seventeen components", "JsonUnexpected", json.replace("]", ',{"svn":0}]').replace('[{"svn":3}', "[")],
      ["a level without TDX components", "JsonUnexpected", json.replace(/,"tdxtcbcomponents":\[.*?\]/, "")],
      ["no levels", "JsonUnexpected", json.replace(/"tcbLevels":\[\{"tcb":\{"sgx.*$/, '"tcbLevels":[]}')],
      ["a comma behind the last level", "JsonUnexpected", json.replace(/]}$/, ",]}")],
      ["an unknown status", "TcbStatusUnknown", json.replace('"OutOfDate"', '"Outdated"')],
      ["an escape in a status", "JsonUnexpected", json.replace('"OutOfDate"', '"Out\\u004ffDate"')],
      ["an escaped quote in an advisory", "JsonUnexpected", json.replace("SA-00106", '\\"')],
      ["a control character in a text", "JsonUnexpected", json.replace("SA-00106", "\u0001")],
      ["the 30th of February", "NoSuchDate", json.replace("2027-02-13", "2027-02-30")],
      ["a date with an offset", "JsonUnexpected", json.replace("00:00:01Z", "00:00:01+00:00")],
      ["a date with a letter", "NotTwoDigits", json.replace("2027-02-13", "2O27-02-13")],
      ["a digit in the FMSPC that is none", "JsonUnexpected", json.replace("90C06F000000", "90C06G000000")],
      ["an O for a zero in the FMSPC", "JsonUnexpected", json.replace("90C06F000000", "90C06FOOOOOO")],
      ["a short FMSPC", "JsonUnexpected", json.replace("90C06F000000", "90C06F00")],
      ["an evaluation number of 65,536", "JsonNumberTooLarge", json.replace('Number":20', 'Number":65536')],
      ["256 levels", "TcbInfoTooManyLevels", json.replace(/]}$/, `${`,${level}`.repeat(254)}]}`)],
    ];
    for (const [what, error, text] of edits) {
      it(`refuses a TCB info with ${what}`, async () => {
        const reader = await loadFixture(deployReader);
        expect(await outcomeOf(reader.getFunction("readTcbInfo")(ascii(text)))).to.equal(error);
      });
    }

    it("takes a lower-case FMSPC, and module ids in either case, for the same", async () => {
      const world = await ready();
      const modules = [{ version: 0xab, levels: [{ svn: 1, status: "UpToDate" }] }];
      const lower = tcbInfoJson({ fmspc: "90c06f000000", issueDate: "2027-01-14T00:00:01Z", modules });
      expect(await outcomeOf(enterTcbInfo(world, lower.replace("TDX_AB", "TDX_ab")))).to.equal("done");
      expect(await outcomeOf(judge(world, quote({ report: [[0, "01ab"]] })))).to.equal("done");
    });

    const qe = qeIdentityJson({ issueDate: "2027-01-14T00:00:01Z" });
    const qeEdits: [string, string, string][] = [
      ["a key twice", "JsonUnexpected", qe.replace('"isvprodid":2', '"isvprodid":2,"isvprodid":2')],
      ["no signer", "JsonUnexpected", qe.replace(/"mrsigner":".*?",/, "")],
      ["a short signer", "JsonUnexpected", qe.replace(/"mrsigner":"../, '"mrsigner":"')],
      ["another id", "JsonUnexpected", qe.replace('"TD_QE"', '"QVE"')],
      ["version 1", "JsonUnexpected", qe.replace('"version":2', '"version":1')],
      ["no levels", "JsonUnexpected", qe.replace(/"tcbLevels":.*$/, '"tcbLevels":[]}')],
      ["bytes behind it", "JsonUnexpected", `${qe} `],
      ["an svn of 65,536", "JsonNumberTooLarge", qe.replace('"isvsvn":6', '"isvsvn":65536')],
      ["an unknown status", "TcbStatusUnknown", qe.replace('"Revoked"', '"revoked"')],
    ];
    for (const [what, error, text] of qeEdits) {
      it(`refuses a QE identity with ${what}`, async () => {
        const reader = await loadFixture(deployReader);
        expect(await outcomeOf(reader.getFunction("readQeIdentity")(ascii(text)))).to.equal(error);
      });
    }

    it("take a newer document only, and never one of an earlier evaluation", async () => {
      const world = await ready();
      const enter = (issueDate: string, evaluationNumber: number) =>
        outcomeOf(enterTcbInfo(world, tcbInfoJson({ issueDate, evaluationNumber })));
      expect(await enter("2027-01-14T00:00:00Z", 20)).to.equal("DocumentNotNewer");
      expect(await enter("2027-01-14T00:00:00Z", 21)).to.equal("DocumentNotNewer");
      expect(await enter("2027-01-13T23:59:59Z", 20)).to.equal("DocumentNotNewer");
      expect(await enter("2027-01-14T00:00:01Z", 19)).to.equal("DocumentNotNewer");
      expect(await enter("2027-01-14T00:00:01Z", 20)).to.equal("done");
      expect(await enter("2027-01-14T00:00:02Z", 21)).to.equal("done");
    });

    it("take no document of tomorrow and none that has run out", async () => {
      const world = await ready();
      expect(
        await outcomeOf(enterTcbInfo(world, tcbInfoJson({ issueDate: "2027-01-16T00:00:00Z" }))),
      ).to.equal("DocumentNotCurrent");
      const past = tcbInfoJson({ issueDate: "2027-01-14T12:00:00Z", nextUpdate: "2027-01-14T13:00:00Z" });
      expect(await outcomeOf(enterTcbInfo(world, past))).to.equal("DocumentNotCurrent");
    });

    it("wait for the root's revocation list", async () => {
      const { collateral } = await deployOnTestRoot();
      await enter(collateral, "enterAuthority", authorityCertificate(TCB_SIGNER));
      expect(await outcomeOf(enterTcbInfo({ collateral }, tcbInfoJson()))).to.equal("RootCrlMissing");
    });

    it("are refused from a signer that has run out, and no longer count when it has", async () => {
      const world = await deployOnTestRoot();
      const notAfter = NOW + DAY_SECONDS;
      const { collateral } = world;
      await enter(collateral, "enterAuthority", authorityCertificate(TCB_SIGNER, { notAfter }));
      await enter(collateral, "enterAuthority", authority());
      for (const list of [crl(ROOT), crl(PLATFORM_CA)]) await enter(collateral, "enterCrl", list);
      await enterTcbInfo(world, tcbInfoJson());
      const identity = qeIdentityJson();
      const signature = P256.sign(ascii(identity), TCB_SIGNER.key);
      await enter(collateral, "enterQeIdentity", ascii(identity), signature, SIGNER_ID);
      expect((await judge(world, quote())).expiresAt).to.equal(BigInt(notAfter));
      const late = judge(world, quote(), { asOf: notAfter + 1 });
      expect(await outcomeOf(late)).to.equal("QuoteDocumentSignerNotValid");
      await networkHelpers.time.increaseTo(notAfter);
      const newer = tcbInfoJson({ issueDate: "2027-01-14T00:00:01Z" });
      expect(await outcomeOf(enterTcbInfo(world, newer))).to.equal("AuthorityNotValid");
    });

    it("no longer count when their signer is revoked, and then give way to any other signer's", async () => {
      const world = await ready();
      await enterTcbInfo(world, tcbInfoJson({ issueDate: "2027-01-14T20:00:00Z", evaluationNumber: 65_535 }));
      expect(await outcomeOf(judge(world, quote()))).to.equal("done");

      await enter(world.collateral, "enterCrl", crl(ROOT, [SERIALS.tcbSigner], at(ISSUED_AT + 1)));
      expect(await outcomeOf(judge(world, quote()))).to.equal("QuoteDocumentSignerNotValid");
      const newer = tcbInfoJson({ issueDate: "2027-01-14T21:00:00Z", evaluationNumber: 65_535 });
      expect(await outcomeOf(enterTcbInfo(world, newer))).to.equal("AuthorityRevoked");

      const successor: Party = { ...TCB_SIGNER, key: P256.keyOf("TCB signing, the second") };
      const certificate = authorityCertificate(successor, { serial: 0x14n });
      await enter(world.collateral, "enterAuthority", certificate);
      const { authorityId } = certificateIds(certificate);
      await enterTcbInfo(world, tcbInfoJson(), successor.key, authorityId);
      const identity = qeIdentityJson();
      await enter(
        world.collateral,
        "enterQeIdentity",
        ascii(identity),
        P256.sign(ascii(identity), successor.key),
        authorityId,
      );
      expect(await outcomeOf(judge(world, quote()))).to.equal("done");
    });

    it("are kept by FMSPC, PCE id and kind, each by itself", async () => {
      const world = await ready();
      await enterTcbInfo(world, tcbInfoJson({ fmspc: "00806F050000" }));
      await enterTcbInfo(world, tcbInfoJson({ tee: "sgx" }));
      expect(
        await outcomeOf(judge(world, quote({ pck: pckCertificate({ fmspc: "00806f050000" }) }))),
      ).to.equal("done");
      expect(await outcomeOf(judge(world, quote({ tee: "sgx" })))).to.equal("QuoteDocumentMissing");
    });

    it("of 255 levels stay within the gas of one transaction, and the last one is found", async () => {
      const world = await ready();
      const high: TcbLevel = {
        ...levelOf(0),
        sgx: levelOf(0).sgx.map(() => 255),
        status: "SWHardeningNeeded",
      };
      const levels = [...Array.from({ length: 254 }, () => high), levelOf(0)];
      const receipt = await enterTcbInfo(world, tcbInfoJson({ issueDate: "2027-01-14T00:00:01Z", levels }));
      expect(receipt.status).to.equal(1);
      expect((await judge(world, quote())).status).to.equal(0n);
    });
  });

  it("says of every missing document which one to bring", async () => {
    const calls = [
      ["enterCrl", [crl(ROOT)]],
      ["enterAuthority", [authority()]],
      ["enterAuthority", [authorityCertificate(TCB_SIGNER)]],
      ["enterCrl", [crl(PLATFORM_CA)]],
    ] as const;
    const world = await deployOnTestRoot();
    expect(await outcomeOf(judge(world, quote()))).to.equal("PckIssuerUnknown");
    for (const [method, args] of calls) await enter(world.collateral, method, ...args);
    const missing = (kind: number, id: string) =>
      expect(judge(world, quote()))
        .to.be.revertedWithCustomError(world.verifier, "QuoteDocumentMissing")
        .withArgs(kind, id);
    const tcbInfoId = `0x${"00".repeat(23)}0190c06f0000000000`;
    await missing(2, tcbInfoId);
    await enterTcbInfo(world, tcbInfoJson());
    await missing(3, `0x${"00".repeat(31)}01`);
    expect((await world.collateral.getFunction("tcbInfoOf")(tcbInfoId)).evaluationNumber).to.equal(20n);
    expect((await world.collateral.getFunction("crlOf")(PLATFORM_CA_ID)).nextUpdate).to.equal(
      BigInt(NEXT_UPDATE),
    );
  });
});

function authority(changes: Parameters<typeof authorityCertificate>[1] = {}): Uint8Array {
  return authorityCertificate(PLATFORM_CA, changes);
}

function named(name: string): { subject: Party; issuer?: Party } {
  const party = { ...ROOT, name };
  return name.includes("Root") ? { subject: party, issuer: party } : { subject: { ...PLATFORM_CA, name } };
}

function at(thisUpdate: number, nextUpdate = NEXT_UPDATE) {
  return { thisUpdate, nextUpdate };
}

function levelOf(place: number): TcbLevel {
  const level = LEVELS[place];
  if (!level) throw new Error(`no level ${place}`);
  return level;
}

async function enterTcbInfo(
  { collateral }: Pick<DcapWorld, "collateral">,
  json: string,
  key: Key = TCB_SIGNER.key,
  signerId: string = SIGNER_ID,
) {
  const text = ascii(json);
  return enter(collateral, "enterTcbInfo", text, P256.sign(text, key), signerId);
}

// All that Intel writes, one key in another place, as a program writes that sorts them.
function moved(json: string): string {
  const { fmspc, ...rest } = JSON.parse(json);
  return JSON.stringify({ fmspc, ...rest });
}
