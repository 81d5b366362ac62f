// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Claim } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Hex, keccak256, randomBytes32 } from "@meantime/sdk/hex";
import { signReceipt } from "@meantime/sdk/receipt";
import { addressOf, recoverAddress, signDigest } from "@meantime/sdk/signature";
import { recoverAddress as ethersRecover, SigningKey } from "ethers";
import { curve, openCurve } from "../../relayer/src/signers/curve.ts";
import { signReceiptWith } from "../../relayer/src/signers/receipt.ts";
import { localSigner } from "../../relayer/src/signers/signer.ts";

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const HALF = ORDER / 2n;
const ONE = word(1n);
/** Hash to 0, 1, the order and what exceeds it: reduced, or refused, alike. */
const EDGES: Hex[] = [word(0n), ONE, word(ORDER - 1n), word(ORDER), word(2n ** 256n - 1n)];
const ROUNDS = 40;

const native = curve();
const javascript = openCurve(() => {
  throw new Error("no native build was found for this platform\nand a second line");
});

describe("the native curve", () => {
  it("is what this process uses, and says so", () => {
    assert.equal(native.implementation, "native", native.reason);
  });

  it("signs the bytes that the SDK and ethers sign, and recovers who they say", () => {
    const keys = [ONE, word(ORDER - 1n), ...Array.from({ length: ROUNDS }, randomKey)];
    for (const key of keys) {
      for (const digest of [randomBytes32(), ...(key === ONE ? EDGES : [])]) {
        const signature = native.signDigest(key, digest);
        assert.equal(signature, signDigest(key, digest));
        assert.equal(signature, new SigningKey(key).sign(digest).serialized);
        assert.ok(BigInt(`0x${signature.slice(66, 130)}`) <= HALF);
        assert.equal(native.recoverAddress(digest, signature), addressOf(key));
        assert.equal(ethersRecover(digest, signature).toLowerCase(), addressOf(key));
      }
    }
  });

  it("refuses with the SDK's errors what is no key, no digest or no signature", () => {
    const digest = randomBytes32();
    const good = signDigest(ONE, digest);
    const [r, s, v] = [good.slice(2, 66), BigInt(`0x${good.slice(66, 130)}`), good.slice(130)];
    const twin: Hex = `0x${r}${word(ORDER - s).slice(2)}${v === "1b" ? "1c" : "1b"}`;
    const signings: [Hex, Hex][] = [
      [word(0n), digest],
      [word(ORDER), digest],
      ["0x11", digest],
      [ONE, "0x1234"],
    ];
    const recoveries: [Hex, Hex][] = [
      [digest, twin],
      [digest, good.slice(0, -2) as Hex],
      [digest, `${good.slice(0, -2)}00` as Hex],
      [digest, `${good.slice(0, -2)}1d` as Hex],
      [digest, `0x${"00".repeat(64)}1b`],
      [digest, `0x${word(ORDER).slice(2)}${word(1n).slice(2)}1b`],
      [digest, `0x${r}${word(0n).slice(2)}1b`],
      [digest, "0xzz"],
      ["0x1234", good],
    ];
    for (const [key, hash] of signings) {
      assert.equal(
        codeOf(() => native.signDigest(key, hash)),
        codeOf(() => signDigest(key, hash)),
      );
    }
    for (const [hash, signature] of recoveries) {
      const expected = codeOf(() => recoverAddress(hash, signature));
      assert.equal(
        codeOf(() => native.recoverAddress(hash, signature)),
        expected,
      );
    }
  });

  it("recovers an s up to the half as the SDK does", () => {
    const digest = randomBytes32();
    for (const s of [1n, HALF - 1n, HALF, HALF + 1n]) {
      const signature: Hex = `0x${word(3n).slice(2)}${word(s).slice(2)}1b`;
      assert.equal(
        outcomeOf(() => native.recoverAddress(digest, signature)),
        outcomeOf(() => recoverAddress(digest, signature)),
      );
    }
  });
});

describe("the fallback", () => {
  it("is used where the addon does not load, says why in a line, and signs the same bytes", () => {
    assert.equal(javascript.implementation, "javascript");
    assert.equal(javascript.reason, "no native build was found for this platform");
    const [key, digest] = [randomKey(), randomBytes32()];
    const signature = javascript.signDigest(key, digest);
    assert.equal(signature, native.signDigest(key, digest));
    assert.equal(javascript.recoverAddress(digest, signature), addressOf(key));
  });

  it("is used where the addon is another thing, or computes nonsense", () => {
    assert.equal(openCurve(() => ({})).implementation, "javascript");
    const wrong = {
      ecdsaSign: () => ({ signature: new Uint8Array(64).fill(7), recid: 0 }),
      ecdsaRecover: () => new Uint8Array(65),
    };
    assert.deepEqual(
      [openCurve(() => wrong).implementation, openCurve(() => wrong).reason],
      ["javascript", "the addon signs otherwise"],
    );
  });
});

describe("a receipt signed by the relayer", () => {
  it("is the one that the SDK signs", async () => {
    const [key, address]: [Hex, Hex] = [randomKey(), `0x${"ab".repeat(20)}`];
    const domain = { chainId: 31_337n, settlement: address };
    const [modelId, policyId, requestId, inputHash, outputHash] = Array.from({ length: 5 }, randomBytes32);
    const claim = {
      ...{ modelId, policyId, requestId, inputHash, outputHash, operator: address, requester: address },
      ...{ servedAt: 1_700_000_000n, commitBy: 1_700_003_600n },
    } as Claim;
    assert.deepEqual(await signReceiptWith(localSigner(key), claim, domain), signReceipt(key, claim, domain));
  });
});

function word(value: bigint): Hex {
  return `0x${value.toString(16).padStart(64, "0")}`;
}

function randomKey(): Hex {
  return keccak256(randomBytes32());
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof MeantimeError) return error.code;
    throw error;
  }
  return "none";
}

function outcomeOf(work: () => Hex): string {
  try {
    return work();
  } catch (error) {
    if (error instanceof MeantimeError) return error.code;
    throw error;
  }
}
