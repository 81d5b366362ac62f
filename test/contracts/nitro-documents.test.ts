// SPDX-License-Identifier: MIT
import { bytesToHex, concatBytes, keccak256 } from "@meantime/sdk/hex";
import { sha384 } from "@noble/hashes/sha2.js";
import { expect } from "chai";
import * as cbor from "../../relayer/src/attest/simulated/pki/cbor.ts";
import {
  certificateOf,
  chainOf,
  type DocumentContent,
  documentOf,
  type Entry,
  keyOf,
  NOW,
  PCRS,
  twinOf,
} from "../../relayer/src/attest/simulated/pki/nitro.ts";
import { beginAnew, loadFixture, networkHelpers } from "../enclave/chain.ts";
import {
  deployNitroVerifier,
  hintsFor,
  MAX_AGE_SECONDS,
  verdictOf,
  verifyInTransaction,
} from "../enclave/nitro-world.ts";

const { time } = networkHelpers;

// One chain for all documents: the verifier remembers it, so each document costs one signature.
const CHAIN = chainOf();

describe("Documents of Nitro enclaves", function () {
  this.timeout(600_000);
  beforeEach(beginAnew);

  it("say what they say", async () => {
    const verifier = await loadFixture(deployWithChain);
    const publicKey = keyOf("enclave").point.slice(0, 65);
    const [userData, nonce] = [new Uint8Array(512).fill(7), new Uint8Array(512).fill(9)];
    const document = make({ publicKey, userData, nonce, timestampMs: NOW * 1000 + 250 });
    const attestation = await verifier.verify.staticCall(
      document,
      await hintsFor(verifier, document),
      MAX_AGE_SECONDS,
    );
    expect(attestation.publicKey).to.equal(bytesToHex(publicKey));
    expect(attestation.userData).to.equal(bytesToHex(userData));
    expect(attestation.nonce).to.equal(bytesToHex(nonce));
    expect(attestation.timestampMs).to.equal(BigInt(NOW * 1000 + 250));
    expect(attestation.notAfter).to.equal(BigInt(NOW + 3 * 3600));
    expect(attestation.platform).to.equal(keccak256(new TextEncoder().encode("i-0123456789abcdef0")));
    const image = concatBytes(...PCRS.slice(0, 3).map(([, value]) => value));
    expect(attestation.measurement).to.equal(keccak256(image));
    const expected = Array.from({ length: 32 }, (_, index) =>
      keccakOrZero(PCRS.find(([number]) => number === index)?.[1]),
    );
    expect([...attestation.pcrs]).to.deep.equal(expected);
  });

  describe("are accepted", () => {
    accepts("with null in every optional field", {});
    accepts("with a map of indefinite length", { isIndefinite: true });
    accepts("with the tag of a COSE_Sign1", { isTagged: true });
    accepts("with 17 measurements", { pcrs: [...PCRS, [16, sha384(Uint8Array.of(16))]] });
    accepts("with 32 measurements", { pcrs: pcrsOf(32) });
    accepts("with the three of the image alone", { pcrs: PCRS.slice(0, 3) });
    accepts("with the measurements in another order", { pcrs: [...PCRS].reverse() });
    accepts("with a measurement map of indefinite length", {
      alterEntries: replacing(
        "pcrs",
        cbor.indefiniteMap(PCRS.map(([i, v]) => [cbor.uint(i), cbor.bytes(v)])),
      ),
    });
    accepts("with a bundle of indefinite length", {
      alterEntries: replacing("cabundle", cbor.indefiniteArray(CHAIN.slice(0, -1).map(cbor.bytes))),
    });
    accepts("without the optional fields", { alterEntries: (entries) => entries.slice(0, 6) });
    accepts("with the fields in another order", { alterEntries: (entries) => [...entries].reverse() });
    accepts("with empty user data and nonce", { userData: new Uint8Array(), nonce: new Uint8Array() });
    accepts("with the longest public key", { publicKey: new Uint8Array(1024).fill(1) });

    it("with s and with n - s", async () => {
      const verifier = await loadFixture(deployWithChain);
      expect(await verdictOf(verifier, make())).to.equal("accepted");
      expect(await verdictOf(verifier, make({ alterSignature: twinOf }))).to.equal("accepted");
    });
  });

  describe("are refused", () => {
    refuses("in debug mode, all measurements zero", "DebugEnclave", { pcrs: zeroing(0, 1, 2) });
    for (const index of [0, 1, 2]) {
      refuses(`with PCR${index} zero`, "DebugEnclave", { pcrs: zeroing(index) });
      refuses(`without PCR${index}`, "DebugEnclave", { pcrs: PCRS.filter(([number]) => number !== index) });
    }
    refuses("with no measurement at all", "DebugEnclave", { pcrs: [] });
    refuses("with measurement 32", "DocumentPcr", { pcrs: [...PCRS, [32, new Uint8Array(48)]] });
    refuses("with measurement 2^40", "DocumentPcr", { pcrs: [...PCRS, [2 ** 40, new Uint8Array(48)]] });
    refuses("with a measurement twice", "DocumentPcr", { pcrs: [...PCRS, [0, new Uint8Array(48).fill(1)]] });
    refuses("with a measurement of 32 bytes", "DocumentLimit", { pcrs: [...PCRS, [16, new Uint8Array(32)]] });
    refuses("with a measurement of 64 bytes", "DocumentLimit", { pcrs: [...PCRS, [16, new Uint8Array(64)]] });
    refuses("measured with another hash", "DocumentDigest", { digest: "SHA256" });
    refuses("measured with an unnamed hash", "DocumentDigest", { digest: "" });
    refuses("with an empty public key", "DocumentLimit", { publicKey: new Uint8Array() });
    refuses("with a public key of 1,025 bytes", "DocumentLimit", { publicKey: new Uint8Array(1025) });
    refuses("with user data of 513 bytes", "DocumentLimit", { userData: new Uint8Array(513) });
    refuses("with a nonce of 513 bytes", "DocumentLimit", { nonce: new Uint8Array(513) });
    refuses("with a payload above 16,384 bytes", "DocumentLimit", {
      alterEntries: replacing("cabundle", cbor.array(Array(18).fill(cbor.bytes(new Uint8Array(1000))))),
    });
    refuses("with a bundle of nine certificates", "DocumentLimit", {
      alterEntries: replacing("cabundle", cbor.array(Array(9).fill(cbor.bytes(Uint8Array.of(1))))),
    });
    refuses("with an empty bundle", "DocumentLimit", { alterEntries: replacing("cabundle", cbor.array([])) });
    refuses("with an empty certificate", "DocumentLimit", {
      alterEntries: replacing("certificate", cbor.bytes(new Uint8Array())),
    });
    refuses("with a certificate of 1,025 bytes", "DocumentLimit", {
      alterEntries: replacing("certificate", cbor.bytes(new Uint8Array(1025))),
    });
    for (const name of ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"]) {
      refuses(`without ${name}`, "DocumentKeysMissing", {
        alterEntries: (entries) => entries.filter(([key]) => key !== name),
      });
    }
    for (const name of ["timestamp", "pcrs", "user_data"]) {
      refuses(`with ${name} twice`, "DocumentKeyTwice", {
        alterEntries: (entries) => [...entries, ...entries.filter(([key]) => key === name)],
      });
    }
    refuses("with a key that no document has", "DocumentKeyUnknown", {
      alterEntries: (entries) => [...entries, ["extra", cbor.NULL]],
    });
    refuses("with a key that begins like a known one", "DocumentKeyUnknown", {
      alterEntries: (entries) => [...entries, ["nonce2", cbor.NULL]],
    });
    refuses("with a key of 300 characters", "DocumentKeyUnknown", {
      alterEntries: (entries) => [...entries, ["n".repeat(300), cbor.NULL]],
    });
    refuses("with a time that is a text", "CborType", {
      alterEntries: replacing("timestamp", cbor.text("now")),
    });
    refuses("with a time that is a float", "CborType", {
      alterEntries: replacing("timestamp", Uint8Array.of(0xfb, 0x42, 0x78, 0, 0, 0, 0, 0, 0)),
    });
    refuses("with a negative time", "CborType", {
      alterEntries: replacing("timestamp", Uint8Array.of(0x20)),
    });
    for (const info of [28, 29, 30, 31]) {
      refuses(`with the reserved length ${info}`, "CborLength", {
        alterEntries: replacing("user_data", Uint8Array.of(0x40 | info, 0, 0, 0, 0, 0, 0, 0, 0)),
      });
    }
    refuses("with a number that is not the shortest", "CborLength", {
      alterEntries: replacing("timestamp", cbor.head(0, 5, 8)),
    });
    refuses("with a length that is not the shortest", "CborLength", {
      alterEntries: replacing("user_data", concatBytes(cbor.head(2, 3, 2), Uint8Array.of(1, 2, 3))),
    });
    refuses("with a length past the document's end", "CborTruncated", {
      alterEntries: replacing("nonce", cbor.head(2, 0xffffffffffff, 8)),
    });
    refuses("with a map that counts fewer entries than it has", "CborTrailing", {
      alterPayload: (payload) => concatBytes(Uint8Array.of(0xa8), payload.slice(1)),
    });
    refuses("with a map that counts more entries than it has", "CborTruncated", {
      alterPayload: (payload) => concatBytes(Uint8Array.of(0xaa), payload.slice(1)),
    });
    refuses("with a map that counts 2^64 - 1 entries", "CborTruncated", {
      alterPayload: (payload) =>
        concatBytes(Uint8Array.of(0xbb), new Uint8Array(8).fill(255), payload.slice(1)),
    });
    refuses("with a map of indefinite length without its end", "CborTruncated", {
      isIndefinite: true,
      alterPayload: (payload) => payload.slice(0, -1),
    });
    refuses("with bytes behind the payload's map", "CborTrailing", {
      alterPayload: (payload) => concatBytes(payload, Uint8Array.of(0)),
    });
    refuses("with deeply nested arrays", "CborType", {
      alterEntries: replacing("user_data", new Uint8Array(400).fill(0x81)),
    });
    refuses("under another algorithm", "NotCose", { protectedHeader: Uint8Array.of(0xa1, 0x01, 0x38, 0x23) });
    refuses("with an unprotected header", "NotCose", {
      unprotectedHeader: cbor.map([[cbor.uint(1), cbor.uint(2)]]),
    });
    refuses("with a signature of 95 bytes", "DocumentSignatureLength", { alterSignature: (s) => s.slice(1) });
    refuses("with a signature of 97 bytes", "DocumentSignatureLength", {
      alterSignature: (signature) => concatBytes(Uint8Array.of(0), signature),
    });
    refuses("with a wrong signature", "BadHint", {
      alterSignature: (s) => concatBytes(s.slice(0, -1), Uint8Array.of(1)),
    });
    refuses("with a signature of zeros", "BadSignature", { alterSignature: () => new Uint8Array(96) });
    refuses("signed by another key", "BadHint", { signer: keyOf("somebody") });

    it("with bytes behind them, or cut off anywhere", async () => {
      const verifier = await loadFixture(deployWithChain);
      const document = make();
      const hints = await hintsFor(verifier, document);
      expect(await verdictOf(verifier, concatBytes(document, Uint8Array.of(0)), hints)).to.equal(
        "CborTrailing",
      );
      for (const length of [0, 1, 7, 8, 10, 500, document.length - 97, document.length - 1]) {
        const verdict = await verdictOf(verifier, document.slice(0, length), hints);
        expect(verdict, `${length} bytes`).to.be.oneOf(["CborTruncated", "NotCose"]);
      }
    });

    it("with any bit of the signed bytes changed, by hints for the right ones", async () => {
      const verifier = await loadFixture(deployWithChain);
      const document = make();
      const hints = await hintsFor(verifier, document);
      for (let run = 0; run < 60; run++) {
        const changed = Uint8Array.from(document);
        const place = Math.floor(Math.random() * changed.length);
        changed[place] = (changed[place] ?? 0) ^ (1 << (run % 8));
        expect(await verdictOf(verifier, changed, hints), `byte ${place}`).not.to.equal("accepted");
      }
    });

    it("older than the caller allows, or from the future, to the millisecond", async () => {
      const verifier = await loadFixture(deployWithChain);
      const aged = async (ageMs: number, maxAgeSeconds: number) => {
        const nowMs = (await time.latest()) * 1000;
        const document = make({ timestampMs: nowMs - ageMs });
        return verdictOf(verifier, document, undefined, maxAgeSeconds);
      };
      expect(await aged(0, 100)).to.equal("accepted");
      expect(await aged(90_000, 100)).to.equal("accepted");
      expect(await aged(102_000, 100)).to.equal("DocumentAge");
      expect(await aged(0, 0)).to.equal("DocumentAge");
      expect(await aged(-290_000, 100)).to.equal("accepted");
      expect(await aged(-302_000, 100)).to.equal("DocumentAge");
    });
  });
});

async function deployWithChain() {
  const verifier = await deployNitroVerifier(certificateOf("root"));
  await time.increaseTo(NOW);
  await verifyInTransaction(verifier, make());
  return verifier;
}

function make(changes: Partial<DocumentContent> = {}): Uint8Array {
  return documentOf({ chain: CHAIN, ...changes });
}

function accepts(what: string, changes: Partial<DocumentContent>): void {
  it(what, async () => {
    const verifier = await loadFixture(deployWithChain);
    expect(await verdictOf(verifier, make(changes))).to.equal("accepted");
  });
}

function refuses(what: string, error: string, changes: Partial<DocumentContent>): void {
  it(what, async () => {
    const verifier = await loadFixture(deployWithChain);
    expect(await verdictOf(verifier, make(changes))).to.equal(error);
  });
}

function replacing(name: string, value: Uint8Array): (entries: Entry[]) => Entry[] {
  return (entries) => entries.map((entry) => (entry[0] === name ? [name, value] : entry));
}

function zeroing(...indices: number[]): [number, Uint8Array][] {
  return PCRS.map(([index, value]) => [index, indices.includes(index) ? new Uint8Array(48) : value]);
}

function pcrsOf(count: number): [number, Uint8Array][] {
  return Array.from({ length: count }, (_, index) => [index, sha384(Uint8Array.of(index))]);
}

function keccakOrZero(value: Uint8Array | undefined): string {
  return value ? keccak256(value) : `0x${"00".repeat(32)}`;
}
