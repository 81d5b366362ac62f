// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import type { Claim } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import type { Hex } from "@meantime/sdk/hex";
import {
  parseReceipt,
  type Receipt,
  receiptSigner,
  receiptToJson,
  signReceipt,
  verifyReceipt,
} from "@meantime/sdk/receipt";
import { addressOf, recoverAddress, signDigest } from "@meantime/sdk/signature";
import { recoverAddress as ethersRecover, id, Signature, SigningKey, Wallet } from "ethers";
import { randomClaim, randomWord, testDomain } from "./samples.ts";

const privateKey = id("receipt key") as Hex;
const receiptKeys = [addressOf(privateKey)];
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

describe("signatures", () => {
  it("are those of ethers, byte for byte", () => {
    assert.equal(addressOf(privateKey), new Wallet(privateKey).address.toLowerCase());
    for (let round = 0; round < 10; round++) {
      const digest = randomWord();
      const signature = signDigest(privateKey, digest);
      assert.equal(signature, new SigningKey(privateKey).sign(digest).serialized);
      assert.equal(recoverAddress(digest, signature), ethersRecover(digest, signature).toLowerCase());
    }
  });

  it("R-50 have one form: the high-s twin, another v, another length and points off the curve are refused", () => {
    const digest = randomWord();
    const { r, s, yParity } = Signature.from(signDigest(privateKey, digest));
    const twinS = (CURVE_ORDER - BigInt(s)).toString(16).padStart(64, "0");
    const twin = `${r}${twinS}${yParity === 0 ? "1c" : "1b"}` as Hex;
    const honest = signDigest(privateKey, digest);
    assertCode("MT-SDK-103", () => recoverAddress(digest, twin));
    for (const v of ["00", "01", "1d", "ff"]) {
      assertCode("MT-SDK-102", () => recoverAddress(digest, `${honest.slice(0, -2)}${v}` as Hex));
    }
    for (const bad of [honest.slice(0, -2), `${honest}00`, "0x", "zz"]) {
      assertCode("MT-SDK-101", () => recoverAddress(digest, bad as Hex));
    }
    assertCode("MT-SDK-104", () => recoverAddress(digest, `0x${"00".repeat(64)}1b`));
    assertCode("MT-SDK-104", () => recoverAddress(digest, `0x${"ff".repeat(32)}${s.slice(2)}1b` as Hex));
  });

  it("are made with a key and over a digest alone, and an error never shows the key", () => {
    const digest = randomWord();
    const noKeys = [privateKey.slice(2), `${privateKey}00`, `0x${"00".repeat(32)}`, `0x${"ff".repeat(32)}`];
    for (const noKey of noKeys as Hex[]) {
      for (const use of [() => signDigest(noKey, digest), () => addressOf(noKey)]) {
        assert.throws(use, (error) => {
          assert.ok(error instanceof MeantimeError && error.code === "MT-SDK-105");
          return !inspect(error, { showHidden: true }).includes(privateKey.slice(4, 20));
        });
      }
    }
    for (const noDigest of ["0x", "0x12", `${digest}00`] as Hex[]) {
      assertCode("MT-SDK-002", () => signDigest(privateKey, noDigest));
      assertCode("MT-SDK-002", () => recoverAddress(noDigest, signDigest(privateKey, digest)));
    }
  });
});

describe("receipts", () => {
  it("verify as they were given, through JSON and back", () => {
    const receipt = signReceipt(privateKey, randomClaim(), testDomain);
    const received = parseReceipt(JSON.parse(JSON.stringify(receiptToJson(receipt))));
    assert.deepEqual(received, receipt);
    assert.equal(receiptSigner(received, testDomain), receiptKeys[0]);
    verifyReceipt(received, { domain: testDomain, receiptKeys, expected: received.claim });
  });

  it("R-02 do not survive the change of any field, with or without a new claim id", () => {
    const receipt = signReceipt(privateKey, randomClaim(), testDomain);
    for (const field of Object.keys(receipt.claim) as (keyof Claim)[]) {
      const claim = { ...receipt.claim, [field]: altered(receipt.claim[field]) } as Claim;
      assertCode("MT-SDK-110", () =>
        verifyReceipt({ ...receipt, claim }, { domain: testDomain, receiptKeys }),
      );
      const reissued = signReceipt(id("another key") as Hex, claim, testDomain);
      assertCode("MT-SDK-115", () =>
        verifyReceipt({ ...reissued }, { domain: testDomain, receiptKeys, maxHorizonSeconds: 10_000n }),
      );
      assert.throws(
        () => verifyReceipt(reissued, { domain: testDomain, receiptKeys, expected: receipt.claim }),
        (error) =>
          error instanceof MeantimeError && error.code === "MT-SDK-111" && error.details.field === field,
      );
    }
  });

  it("R-01 are for one chain and one contract", () => {
    const receipt = signReceipt(privateKey, randomClaim(), testDomain);
    const other: Hex = "0x00000000000000000000000000000000000000ff";
    for (const domain of [
      { ...testDomain, chainId: 1n },
      { ...testDomain, settlement: other },
    ]) {
      assertCode("MT-SDK-110", () => verifyReceipt(receipt, { domain, receiptKeys }));
    }
  });

  it("bind nobody where the operator had not accepted the policy when they were given", () => {
    const receipt = signReceipt(privateKey, randomClaim(), testDomain);
    const { servedAt } = receipt.claim;
    const verify = (acceptedSince: bigint) =>
      verifyReceipt(receipt, { domain: testDomain, receiptKeys, acceptedSince });
    verify(servedAt - 1n);
    verify(servedAt);
    assertCode("MT-SDK-116", () => verify(servedAt + 1n));
    assertCode("MT-SDK-116", () => verify(0n));
  });

  it("are void without a way to answer, beyond the horizon, from the future and past their promise", () => {
    const claim = randomClaim();
    const expectation = { domain: testDomain, receiptKeys };
    const signed = (changes: Partial<Claim>): Receipt =>
      signReceipt(privateKey, { ...claim, ...changes }, testDomain);
    assertCode("MT-SDK-112", () =>
      verifyReceipt(signed({ modelId: `${claim.modelId.slice(0, -2)}04` as Hex }), expectation),
    );
    const dayLater = claim.servedAt + 86_400n;
    verifyReceipt(signed({ commitBy: dayLater }), expectation);
    assertCode("MT-SDK-113", () => verifyReceipt(signed({ commitBy: dayLater + 1n }), expectation));
    assertCode("MT-SDK-113", () => verifyReceipt(signed({ commitBy: claim.servedAt - 1n }), expectation));
    const receipt = signed({});
    verifyReceipt(receipt, { ...expectation, nowSeconds: claim.servedAt - 60n });
    verifyReceipt(receipt, { ...expectation, nowSeconds: claim.commitBy });
    assertCode("MT-SDK-114", () =>
      verifyReceipt(receipt, { ...expectation, nowSeconds: claim.servedAt - 61n }),
    );
    assertCode("MT-SDK-114", () =>
      verifyReceipt(receipt, { ...expectation, nowSeconds: claim.commitBy + 1n }),
    );
  });
});

// Changed so that neither the kinds in the ids nor the order of the times is what gives it away.
function altered(value: Hex | bigint): Hex | bigint {
  if (typeof value === "bigint") return value + 1n;
  return `0x${value[2] === "1" ? "2" : "1"}${value.slice(3)}`;
}

function assertCode(code: string, work: () => unknown): void {
  assert.throws(
    work,
    (error) => error instanceof MeantimeError && error.code === code && error.hint.length > 0,
  );
}
