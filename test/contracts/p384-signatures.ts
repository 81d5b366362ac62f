// SPDX-License-Identifier: MIT
import { randomBytes } from "node:crypto";
import type { AffinePoint, P384Signature } from "@meantime/sdk/p384-hints";
import { p384 } from "@noble/curves/nist.js";

const Point = p384.Point;
export const FIELD_ORDER = Point.Fp.ORDER;
export const ORDER = Point.Fn.ORDER;

/** A signature whose secrets the test knows. */
export interface KnownSignature extends P384Signature {
  secret: bigint;
}

export function randomScalar(): bigint {
  return (bigintOf(randomBytes(56)) % (ORDER - 1n)) + 1n;
}

export function multipleOfBase(scalar: bigint): AffinePoint {
  return Point.BASE.multiplyUnsafe(mod(scalar, ORDER)).toAffine();
}

/** ECDSA with every choice open: a wrong nonce or digest is the test's business. */
export function signWith({
  secret = randomScalar(),
  nonce = randomScalar(),
  digest = new Uint8Array(randomBytes(48)),
}: {
  secret?: bigint;
  nonce?: bigint;
  digest?: Uint8Array;
} = {}): KnownSignature {
  const r = mod(multipleOfBase(nonce).x, ORDER);
  const s = mod(Point.Fn.inv(nonce) * (bigintOf(digest) + r * secret), ORDER);
  return { digest, r, s, publicKey: multipleOfBase(secret), secret };
}

/**
 * A valid signature whose nonce's point has this x, though nobody knows the nonce: with u1, u2 chosen first,
 * Q = (R - u1 G) / u2, r = x mod n, s = r / u2, e = u1 s.
 */
export function signatureOver(nonce: AffinePoint): P384Signature {
  const [u1, u2] = [randomScalar(), randomScalar()];
  const key = Point.fromAffine(nonce)
    .subtract(Point.BASE.multiplyUnsafe(u1))
    .multiplyUnsafe(Point.Fn.inv(u2));
  const r = mod(nonce.x, ORDER);
  const s = mod(r * Point.Fn.inv(u2), ORDER);
  return { digest: bytesOf(mod(u1 * s, ORDER)), r, s, publicKey: key.toAffine() };
}

/** The point with the smallest x from `from` on. */
export function pointWithXFrom(from: bigint): AffinePoint {
  for (let x = from; ; x++) {
    const right = Point.Fp.create(x * x * x - 3n * x + Point.CURVE().b);
    if (Point.Fp.eql(Point.Fp.pow(right, (FIELD_ORDER - 1n) / 2n), 1n)) return { x, y: Point.Fp.sqrt(right) };
  }
}

/** What `@noble/curves` says of it. */
export function isValidByNoble({ digest, r, s, publicKey }: P384Signature): boolean {
  const bytes = Uint8Array.from([...bytesOf(r), ...bytesOf(s)]);
  const key = Uint8Array.from([4, ...bytesOf(publicKey.x), ...bytesOf(publicKey.y)]);
  try {
    return p384.verify(bytes, digest, key, { prehash: false, lowS: false });
  } catch {
    return false;
  }
}

export function bytesOf(value: bigint, length = 48): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * length, "0"), "hex"));
}

export function bigintOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

export function mod(value: bigint, modulus: bigint): bigint {
  return ((value % modulus) + modulus) % modulus;
}
