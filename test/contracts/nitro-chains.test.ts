// SPDX-License-Identifier: MIT
import { bytesToHex, concatBytes, keccak256 } from "@meantime/sdk/hex";
import { chainIds, chainSignatures } from "@meantime/sdk/nitro/signatures";
import { p384Hints } from "@meantime/sdk/p384-hints";
import { p256 } from "@noble/curves/nist.js";
import { expect } from "chai";
import { ascii, bitString, der, oid, sequence } from "../../relayer/src/attest/simulated/pki/der.ts";
import {
  type ChainChanges,
  certificateOf,
  chainOf,
  documentOf,
  keyOf,
  type Member,
  NOW,
  nameOf,
  partyOf,
  serialOf,
  twinOf,
} from "../../relayer/src/attest/simulated/pki/nitro.ts";
import { extension } from "../../relayer/src/attest/simulated/pki/x509.ts";
import type { NitroVerifier } from "../../types/ethers-contracts/index.ts";
import { beginAnew, ethers, loadFixture, networkHelpers } from "../enclave/chain.ts";
import { deployNitroVerifier, hintsFor, verdictOf, verifyInTransaction } from "../enclave/nitro-world.ts";
import { errorNameOf } from "./errors.ts";

const { time } = networkHelpers;
const HOUR_SECONDS = 3600;
const TRANSACTION_GAS_CAP = 16_777_216;

const ISSUED: Member[] = ["regional", "zonal", "instance", "leaf"];
const ISSUER: Partial<Record<Member, Member>> = {
  regional: "root",
  zonal: "regional",
  instance: "zonal",
  leaf: "instance",
};

describe("Certificate chains of Nitro enclaves", function () {
  this.timeout(900_000);
  beforeEach(beginAnew);

  it("are verified with their document in one transaction, and remembered", async () => {
    const verifier = await loadFixture(deployAtNow);
    const document = documentOf();
    const [, ...ids] = chainIds(chainOf());
    for (const id of ids) expect(await verifier.isVerified(id)).to.equal(false);
    expect(await hintsFor(verifier, document)).to.have.lengthOf(5);
    expect(await verifyInTransaction(verifier, document)).to.be.below(12_500_000);
    for (const id of ids) expect(await verifier.isVerified(id)).to.equal(true);
    expect(await hintsFor(verifier, document)).to.have.lengthOf(1);
    expect(await verifyInTransaction(verifier, document)).to.be.below(3_300_000);
  });

  it("are verified ahead of documents, link by link or whole", async () => {
    const verifier = await loadFixture(deployAtNow);
    const chain = chainOf();
    const hints = chainSignatures(chain).map(({ signature }) => p384Hints(signature));
    const part = chain.slice(0, 2).map(bytesToHex);
    const [, regional, , , leaf] = chainIds(chain);
    await expect(verifier.verifyChain(part, hints.slice(0, 1)))
      .to.emit(verifier, "CertificateVerified")
      .withArgs(
        regional,
        keccak256(nameOf(partyOf("root").name)),
        serialOf("regional"),
        NOW + 240 * HOUR_SECONDS,
      );
    await verifier.verifyChain(chain.map(bytesToHex), hints.slice(1));
    expect(await verifier.isVerified(leaf ?? "")).to.equal(true);
    expect(await hintsFor(verifier, documentOf())).to.have.lengthOf(1);
  });

  it("want as many hints as there are signatures to verify", async () => {
    const verifier = await loadFixture(deployAtNow);
    const document = documentOf();
    const hints = await hintsFor(verifier, document);
    expect(await verdictOf(verifier, document, [])).to.equal("HintsMissing");
    expect(await verdictOf(verifier, document, hints.slice(0, 4))).to.equal("HintsMissing");
    expect(await verdictOf(verifier, document, [...hints, "0x"])).to.equal("HintsLeft");
    expect(await verdictOf(verifier, document, [...hints].reverse())).to.equal("BadHint");
    const chain = chainOf().map(bytesToHex);
    expect(await refusal(verifier.verifyChain.staticCall(chain, hints))).to.equal("HintsLeft");
  });

  it("cannot be displaced by a certificate in another form: the twin signature has the same id", async () => {
    const verifier = await loadFixture(deployAtNow);
    const twins = chainOf(Object.fromEntries(ISSUED.map((member) => [member, { alterSignature: twinOf }])));
    expect(chainIds(twins)).to.deep.equal(chainIds(chainOf()));
    await verifyInTransaction(verifier, documentOf({ chain: twins }));
    // Remembered under the id of what was signed: the genuine form needs no more hints, nor a third, wrong one.
    expect(await hintsFor(verifier, documentOf())).to.have.lengthOf(1);
    expect(await verdictOf(verifier, documentOf())).to.equal("accepted");
    expect(await verdictOf(verifier, documentOf({ chain: twins }))).to.equal("accepted");
  });

  it("are refused under another root, also one of the same name", async () => {
    const verifier = await loadFixture(deployAtNow);
    const impostor = { name: partyOf("root").name, key: keyOf("impostor") };
    const chain = chainOf({ root: { subject: impostor, issuer: impostor }, regional: { issuer: impostor } });
    expect(await verdictOf(verifier, documentOf({ chain }))).to.equal("NotTheRoot");
    expect(await verdictOf(verifier, documentOf({ chain: chainOf().slice(1) }))).to.equal("NotTheRoot");
    expect(await refusal(verifier.verifyChain.staticCall([], []))).to.equal("NotTheRoot");
  });

  it("are refused at once where a certificate is longer than documents may have it: at 1,024 not, at 1,025", async () => {
    const verifier = await loadFixture(deployAtNow);
    const [root, regional] = chainOf().map(bytesToHex);
    if (!root || !regional) throw new Error("the chain is too short");
    const long = (bytes: number) => bytesToHex(new Uint8Array(bytes).fill(0x30));
    for (const place of [0, 1, 2]) {
      const chain = (bytes: number) => [root, regional].slice(0, place).concat(long(bytes));
      await expect(verifier.verifyChain.staticCall(chain(1025), []))
        .to.be.revertedWithCustomError(verifier, "ChainCertificateTooLong")
        .withArgs(place, 1025);
      expect(await refusal(verifier.verifyChain.staticCall(chain(1024), []))).not.to.equal(
        "ChainCertificateTooLong",
      );
    }
  });

  describe("are refused with", () => {
    for (const member of ISSUED) {
      it(`the ${member} certificate expired or not yet valid`, async () => {
        const expired = { notBefore: NOW - 5 * HOUR_SECONDS, notAfter: NOW - 1 };
        await expectVerdict({ [member]: expired }, "ChainNotValid");
        await expectVerdict({ [member]: { notBefore: NOW + 600 } }, "ChainNotValid");
      });

      it(`the ${member} certificate signed by somebody else`, async () => {
        await expectVerdict({ [member]: { signer: keyOf("somebody") } }, "BadHint");
      });

      it(`the ${member} certificate naming another issuer`, async () => {
        const issuer = { name: "test.other", key: partyOf(ISSUER[member] ?? "root").key };
        await expectVerdict({ [member]: { issuer } }, "ChainNotIssuedBy");
      });

      it(`the ${member} certificate naming another key of its issuer`, async () => {
        await expectVerdict({ [member]: { authorityKeyId: new Uint8Array(20).fill(1) } }, "ChainNotIssuedBy");
        await expectVerdict(
          { [member]: { authorityKeyId: new Uint8Array() } },
          "CertificateExtensionMalformed",
        );
      });

      it(`an unknown critical extension in the ${member} certificate`, async () => {
        const extensions = [extension("2.5.29.30", true, sequence())];
        await expectVerdict({ [member]: { extensions } }, "CertificateExtensionUnknown");
      });

      it(`the ${member} certificate revoked, before it is seen or after`, async () => {
        const verifier = await loadFixture(deployAtNow);
        const issuer = keccak256(nameOf(partyOf(ISSUER[member] ?? "root").name));
        await verifyInTransaction(verifier, documentOf());
        await expect(verifier.revoke(issuer, serialOf(member)))
          .to.emit(verifier, "CertificateRevoked")
          .withArgs(issuer, serialOf(member));
        expect(await verifier.isRevoked(issuer, serialOf(member))).to.equal(true);
        expect(await verdictOf(verifier, documentOf())).to.equal("ChainRevoked");
        // The same certificate in another form is revoked as well.
        const chain = chainOf({ [member]: { alterSignature: twinOf } });
        expect(await verdictOf(verifier, documentOf({ chain }))).to.equal("ChainRevoked");
        const fresh = await deployNitroVerifier(certificateOf("root"));
        await fresh.revoke(issuer, serialOf(member));
        expect(await verdictOf(fresh, documentOf())).to.equal("ChainRevoked");
      });
    }

    for (const member of ISSUED.slice(0, 3)) {
      it(`a ${member} certificate that is no authority's, or may not sign certificates`, async () => {
        // A path length without the authority's mark is malformed as such.
        await expectVerdict({ [member]: { isCa: false } }, "CertificateExtensionMalformed");
        await expectVerdict({ [member]: { keyUsage: 0x80 } }, "ChainNotAuthority");
      });
    }

    it("more authorities below one than it allows", async () => {
      await expectVerdict({ regional: { pathLength: 1 } }, "ChainNotAuthority");
      await expectVerdict({ regional: { pathLength: 0 } }, "ChainNotAuthority");
      await expectVerdict({ zonal: { pathLength: 0 } }, "ChainNotAuthority");
      await expectVerdict({ regional: { pathLength: 3 }, zonal: { pathLength: 200 } }, "accepted");
      await expectVerdict({ regional: { pathLength: 256 } }, "CertificateExtensionMalformed");
    });

    for (const pathLength of [256, 2 ** 32, 2 ** 63, 2 ** 64]) {
      it(`a path length of ${pathLength}, which a narrower number would wrap`, async () => {
        await expectVerdict({ zonal: { pathLength } }, "CertificateExtensionMalformed");
      });
    }

    it("a leaf that issues, signed with its own key below it", async () => {
      const leaf = partyOf("leaf");
      const below = { name: "test.below", key: keyOf("below") };
      const chain = [...chainOf(), certificateOf("leaf", { subject: below, issuer: leaf })];
      expect(await verdictFor(documentOf({ chain, signer: below.key }))).to.equal("ChainNotAuthority");
    });

    it("an authority's certificate that signs the document", async () => {
      const chain = chainOf().slice(0, 4);
      const signer = partyOf("instance").key;
      expect(await verdictFor(documentOf({ chain, signer }))).to.equal("ChainNotEndEntity");
      expect(
        await verdictFor(documentOf({ chain: chain.slice(0, 1), signer: partyOf("root").key })),
      ).to.be.oneOf(["DocumentLimit", "ChainNotEndEntity"]);
    });

    it("a leaf that may not sign documents", async () => {
      await expectVerdict({ leaf: { keyUsage: 0x04 } }, "ChainNotEndEntity");
    });

    it("certificates in another order", async () => {
      const [root, regional, zonal, instance, leaf] = chainOf() as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ];
      for (const chain of [
        [root, zonal, regional, instance, leaf],
        [root, instance, zonal, regional, leaf],
        [root, zonal, instance, leaf],
      ]) {
        expect(await verdictFor(documentOf({ chain }))).to.equal("ChainNotIssuedBy");
      }
      const backwards = [regional, root, zonal, instance, leaf];
      expect(await verdictFor(documentOf({ chain: backwards }))).to.equal("NotTheRoot");
    });

    it("another signature algorithm, or a key of another curve", async () => {
      const algorithm = sequence(oid("1.2.840.10045.4.3.2"));
      await expectVerdict({ leaf: { algorithm } }, "ChainAlgorithm");
      const point = p256.getPublicKey(p256.utils.randomSecretKey(), false);
      const keyInfo = sequence(
        sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")),
        bitString(point),
      );
      await expectVerdict({ leaf: { keyInfo } }, "ChainAlgorithm");
    });

    it("a key off the curve", async () => {
      const point = concatBytes(Uint8Array.of(4), new Uint8Array(96).fill(1));
      const keyInfo = sequence(sequence(oid("1.2.840.10045.2.1"), oid("1.3.132.0.34")), bitString(point));
      await expectVerdict({ leaf: { keyInfo } }, "BadKey");
    });

    it("a date that no calendar has, or without its zone", async () => {
      const until = (text: string) => sequence(der(0x17, ascii("260101000000Z")), der(0x17, ascii(text)));
      await expectVerdict({ leaf: { validity: until("270230000000Z") } }, "NoSuchDate");
      await expectVerdict({ leaf: { validity: until("2702280000000") } }, "DerTime");
      await expectVerdict({ leaf: { validity: until("2702280000+1Z") } }, "NotTwoDigits");
    });

    it("bytes behind a certificate, remembered or not", async () => {
      const verifier = await loadFixture(deployAtNow);
      const chain = chainOf();
      const longer = chain.map((bytes, index) =>
        index === 3 ? concatBytes(bytes, Uint8Array.of(0)) : bytes,
      );
      expect(await verdictOf(verifier, documentOf({ chain: longer }))).to.equal("DerTrailing");
      await verifyInTransaction(verifier, documentOf());
      expect(await verdictOf(verifier, documentOf({ chain: longer }))).to.equal("DerTrailing");
    });

    it("a certificate that expires once it is remembered, whoever of its chain it is", async () => {
      for (const member of ISSUED) {
        const verifier = await loadFixture(deployAtNow);
        const changes: ChainChanges = { [member]: { notAfter: NOW + HOUR_SECONDS } };
        const chain = chainOf(changes);
        await verifyInTransaction(verifier, documentOf({ chain }));
        await time.increaseTo(NOW + HOUR_SECONDS - 10);
        expect(await verdictOf(verifier, documentOf({ chain }))).to.equal("accepted");
        await time.increaseTo(NOW + HOUR_SECONDS + 1);
        expect(await verdictOf(verifier, documentOf({ chain }))).to.equal("ChainNotValid");
      }
    });
  });

  it("say when the first of their certificates expires", async () => {
    const verifier = await loadFixture(deployAtNow);
    for (const member of ["regional", "leaf"] as const) {
      const document = documentOf({ chain: chainOf({ [member]: { notAfter: NOW + 2 * HOUR_SECONDS } }) });
      const { notAfter } = await verifier.verify.staticCall(
        document,
        await hintsFor(verifier, document),
        600,
      );
      expect(notAfter).to.equal(BigInt(NOW + 2 * HOUR_SECONDS));
    }
  });

  it("of many large certificates stay under the transaction cap, or are refused at once", async () => {
    const verifier = await loadFixture(deployAtNow);
    const padding = [extension("1.3.6.1.4.1.99999.1", false, new Uint8Array(450).fill(5))];
    const changes = Object.fromEntries(ISSUED.map((member) => [member, { extensions: padding }]));
    const gas = await verifyInTransaction(
      verifier,
      documentOf({ chain: chainOf(changes), userData: new Uint8Array(512) }),
    );
    expect(gas).to.be.below(TRANSACTION_GAS_CAP);
  });

  it("are revoked by the guardian alone", async () => {
    const verifier = await loadFixture(deployAtNow);
    const [, stranger] = await ethers.getSigners();
    if (!stranger) throw new Error("the network has too few accounts");
    await expect(verifier.connect(stranger).revoke(ethers.ZeroHash, 1)).to.be.revertedWithCustomError(
      verifier,
      "AccessManagedUnauthorized",
    );
  });

  it("have a root that may issue, over P-384, and cryptography that works", async () => {
    await loadFixture(deployAtNow);
    expect(await refusal(deployNitroVerifier(certificateOf("root", { keyUsage: 0x80 })))).to.equal(
      "ChainNotAuthority",
    );
    expect(await refusal(deployNitroVerifier(certificateOf("root", { isCa: false })))).to.equal(
      "ChainNotAuthority",
    );
    const [admin] = await ethers.getSigners();
    const p384 = await ethers.deployContract("P384");
    const sha384 = await ethers.deployContract("Sha384");
    const factory = await ethers.getContractFactory("NitroVerifier");
    const root = certificateOf("root");
    for (const [curve, hash] of [
      [admin, sha384],
      [p384, admin],
      [p384, p384],
    ] as const) {
      const deployed = factory.deploy(admin ?? "", root, curve ?? "", hash ?? "");
      expect(await refusal(deployed)).to.equal("BadCryptography");
    }
  });
});

async function deployAtNow(): Promise<NitroVerifier> {
  const verifier = await deployNitroVerifier(certificateOf("root"));
  await time.increaseTo(NOW);
  return verifier;
}

async function verdictFor(document: Uint8Array): Promise<string | undefined> {
  return verdictOf(await loadFixture(deployAtNow), document);
}

async function expectVerdict(changes: ChainChanges, verdict: string): Promise<void> {
  expect(await verdictFor(documentOf({ chain: chainOf(changes) }))).to.equal(verdict);
}

async function refusal(attempt: Promise<unknown>): Promise<string | undefined> {
  return attempt.then(
    () => "accepted",
    (error: unknown) => errorNameOf(error),
  );
}
