// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import { encodeP384Signed, type P384Signature, p384Call, p384Tables } from "@meantime/sdk/p384-hints";
import { expect } from "chai";
import { hexlify } from "ethers";
import type { P384 } from "../../types/ethers-contracts/index.ts";
import { errorNameOf } from "./errors.ts";
import { ethers, networkHelpers } from "./fixture.ts";
import {
  bytesOf,
  FIELD_ORDER,
  isValidByNoble,
  multipleOfBase,
  ORDER,
  pointWithXFrom,
  randomScalar,
  signatureOver,
  signWith,
} from "./p384-signatures.ts";

const { loadFixture } = networkHelpers;
const VALID_RUNS = 40;
const INVALID_RUNS = 12;

describe("P-384 signatures", function () {
  this.timeout(600_000);

  it(`accepts ${VALID_RUNS} random ones, with s and with n - s, as @noble/curves does`, async () => {
    const p384 = await loadFixture(deployP384);
    for (let run = 0; run < VALID_RUNS; run++) {
      const signature = signWith();
      await expectValid(p384, signature);
      await expectValid(p384, { ...signature, s: ORDER - signature.s });
    }
  });

  it("accepts digests of zero, n, n + 1 and all ones", async () => {
    const p384 = await loadFixture(deployP384);
    for (const value of [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, (1n << 384n) - 1n]) {
      await expectValid(p384, signWith({ digest: bytesOf(value) }));
    }
  });

  it("accepts keys and nonces that are small multiples of the generator, where chains meet equal points", async () => {
    const p384 = await loadFixture(deployP384);
    const small = [1n, 2n, 3n, 5n, 255n, 1n << 192n, 3n << 192n, ORDER - 1n, ORDER - 3n, (ORDER + 1n) / 2n];
    for (const secret of small) {
      await expectValid(p384, signWith({ secret }));
      await expectValid(p384, signWith({ nonce: secret }));
      await expectValid(p384, signWith({ secret, nonce: secret }));
    }
    const secret = randomScalar();
    await expectValid(p384, signWith({ secret, nonce: secret }));
    await expectValid(p384, signWith({ secret, nonce: ORDER - secret }));
  });

  it("accepts r and s that are one or n - 1", async () => {
    const p384 = await loadFixture(deployP384);
    const nonce = randomScalar();
    const r = multipleOfBase(nonce).x % ORDER;
    const inverse = modInverse(nonce);
    for (const s of [1n, 2n, ORDER - 1n]) {
      // e = s k - r d
      const secret = randomScalar();
      const e = (((s * nonce - r * secret) % ORDER) + ORDER) % ORDER;
      expect((inverse * (e + r * secret)) % ORDER).to.equal(s);
      await expectValid(p384, { digest: bytesOf(e), r, s, publicKey: multipleOfBase(secret) });
    }
    await expectValid(p384, signatureOver(pointWithXFrom(1n)));
    await expectValid(p384, signatureOver(pointWithXFrom(ORDER - 100n)));
  });

  it("accepts a nonce's point whose x is r + n", async () => {
    const p384 = await loadFixture(deployP384);
    const nonce = pointWithXFrom(ORDER + 1n);
    expect(nonce.x < FIELD_ORDER).to.equal(true);
    const signature = signatureOver(nonce);
    expect(signature.r).to.equal(nonce.x - ORDER);
    await expectValid(p384, signature);
    await expectValid(p384, { ...signature, s: ORDER - signature.s });
  });

  it(`refuses ${INVALID_RUNS} wrong statements with the hints of the right one`, async () => {
    const p384 = await loadFixture(deployP384);
    for (let run = 0; run < INVALID_RUNS; run++) {
      const right = signWith();
      const bit = 1n << BigInt(Math.floor(Math.random() * 380));
      const wrong: P384Signature[] = [
        { ...right, digest: flip(right.digest) },
        { ...right, r: (right.r ^ bit) % ORDER },
        { ...right, s: (right.s ^ bit) % ORDER },
        { ...right, publicKey: { x: right.publicKey.x, y: FIELD_ORDER - right.publicKey.y } },
        { ...right, publicKey: multipleOfBase(randomScalar()) },
        { ...right, r: right.s, s: right.r },
      ];
      for (const statement of wrong) {
        expect(isValidByNoble(statement)).to.equal(false);
        expect(() => p384Call(statement)).to.throw("no hints for this P-384 signature");
        await expectRefused(p384, statement, p384Call(right).hints);
      }
    }
  });

  it("refuses r and s that are 0, n, n + 1 or the highest number", async () => {
    const p384 = await loadFixture(deployP384);
    const right = signWith();
    const { hints } = p384Call(right);
    for (const bad of [0n, ORDER, ORDER + 1n, ORDER + right.r, (1n << 384n) - 1n].filter(
      (x) => x < 1n << 384n,
    )) {
      for (const statement of [
        { ...right, r: bad },
        { ...right, s: bad },
        { ...right, r: bad, s: bad },
      ]) {
        expect(isValidByNoble(statement)).to.equal(false);
        await expectRefused(p384, statement, hints, "BadSignature");
      }
    }
  });

  it("refuses keys off the curve, at infinity, or with a coordinate of p and above", async () => {
    const p384 = await loadFixture(deployP384);
    const right = signWith();
    const { hints } = p384Call(right);
    const { x, y } = right.publicKey;
    const low = pointWithXFrom(0n);
    for (const publicKey of [
      { x: 0n, y: 0n },
      { x, y: y ^ 1n },
      { x: x ^ 1n, y },
      { x: y, y: x },
      { x: low.x + FIELD_ORDER, y: low.y },
      { x: FIELD_ORDER, y },
      { x, y: FIELD_ORDER },
      { x: (1n << 384n) - 1n, y: (1n << 384n) - 1n },
    ]) {
      const statement = { ...right, publicKey };
      expect(isValidByNoble(statement)).to.equal(false);
      await expectRefused(p384, statement, hints, "BadKey");
    }
  });

  it("refuses a statement of another length", async () => {
    const p384 = await loadFixture(deployP384);
    const { signed, hints } = p384Call(signWith());
    await expect(p384.verify(signed.slice(0, -2), hints)).to.be.revertedWithCustomError(p384, "BadLength");
    await expect(p384.verify(`${signed}00`, hints)).to.be.revertedWithCustomError(p384, "BadLength");
  });

  it("has the odd multiples of G and of 2^192 G for its table, and code that fails when called", async () => {
    const p384 = await loadFixture(deployP384);
    const tables = await p384.TABLES();
    expect(await ethers.provider.getCode(tables)).to.equal(hexlify(p384Tables()));
    await expect(ethers.provider.call({ to: tables })).to.be.revert(ethers);
  });

  it("costs less than 1,500,000 gas in a transaction, calldata included", async () => {
    const p384 = await loadFixture(deployP384);
    for (let run = 0; run < 5; run++) {
      const { signed, hints } = p384Call(signWith());
      expect(Number(await p384.verify.estimateGas(signed, hints))).to.be.below(1_500_000);
    }
  });
});

async function deployP384() {
  return ethers.deployContract("P384");
}

async function expectValid(p384: P384, signature: P384Signature): Promise<void> {
  expect(isValidByNoble(signature)).to.equal(true);
  const { signed, hints } = p384Call(signature);
  await p384.verify.staticCall(signed, hints);
}

async function expectRefused(p384: P384, signature: P384Signature, hints: string, error?: string) {
  const outcome = await p384.verify.staticCall(encodeP384Signed(signature), hints).then(
    () => "accepted",
    (thrown: unknown) => errorNameOf(thrown),
  );
  if (error) expect(outcome).to.equal(error);
  else expect(outcome).to.be.oneOf(["BadHint", "BadKey", "BadSignature"]);
}

function flip(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const at = randomBytes(1)[0] ?? 0;
  copy[at % copy.length] = (copy[at % copy.length] ?? 0) ^ (1 << (at % 8));
  return copy;
}

function modInverse(value: bigint): bigint {
  let [left, right, a, b] = [value, ORDER, 1n, 0n];
  while (right !== 0n) {
    const quotient = left / right;
    [left, right, a, b] = [right, left - quotient * right, b, a - quotient * b];
  }
  return ((a % ORDER) + ORDER) % ORDER;
}
