// SPDX-License-Identifier: MIT
import { p384 } from "@noble/curves/nist.js";
import { MeantimeError } from "./errors.ts";
import { bytesToHex, type Hex } from "./hex.ts";

/** A signature over P-384 and what it is checked against. */
export interface P384Signature {
  /** SHA-384 of the message, 48 bytes. */
  digest: Uint8Array;
  r: bigint;
  s: bigint;
  publicKey: AffinePoint;
}

export interface AffinePoint {
  x: bigint;
  y: bigint;
}

/** What `P384.verify` takes: 240 bytes of statement, and the hints that let it check them cheaply. */
export interface P384Call {
  signed: Hex;
  hints: Hex;
}

/** The sum that a chain of hints walks: a G + d Q + c R, which is infinity for a valid signature. */
export interface P384Relation {
  a: bigint;
  d: bigint;
  c: bigint;
}

const Point = p384.Point;
const P = Point.Fp.ORDER;
const N = Point.Fn.ORDER;
const FIELD_BYTES = 48;

/** Bits of the scalars that the contract walks: half of the order's. */
const HALF_BITS = 192;

// Widths of the non-adjacent forms: 128 odd multiples of G and of 2^192 G are in code, 8 of Q and of R are built.
const FIXED_WIDTH = 9;
const BUILT_WIDTH = 5;

const NEGATIVE = 0x80;
const PLAIN = 0x40;
const LAST = 0x20;
const OF_MULTIPLES = 0x01;

/** How many short relations are tried, and by what each is stretched, until a chain meets no two points with one x. */
const RELATIONS = 3;
const STRETCHES = [1n, 3n, 5n, 7n, 9n, 11n, 13n, 15n];

/** One entry of a table at one weight of the chain. */
interface Term {
  position: number;
  kind: number;
  index: number;
  point: AffinePoint;
}

const fixedTables = new Map<number, AffinePoint[]>();

/**
 * The calldata of `P384.verify` for a valid signature, high or low s. Throws MT-SDK-601 for a signature that is not
 * valid: no hints prove it.
 */
export function p384Call(signature: P384Signature): P384Call {
  return { signed: encodeP384Signed(signature), hints: p384Hints(signature) };
}

/** The statement that `P384.verify` judges: digest, r, s and the key's x and y, 48 bytes each. */
export function encodeP384Signed({ digest, r, s, publicKey }: P384Signature): Hex {
  return bytesToHex(Uint8Array.from([...digest, ...[r, s, publicKey.x, publicKey.y].flatMap(fieldBytes)]));
}

/** The hints alone. Throws MT-SDK-601 for a signature that is not valid. */
export function p384Hints(signature: P384Signature): Hex {
  const { digest, r, s, publicKey } = signature;
  const nonce = noncePointOf(signature);
  const inverse = Point.Fn.inv(s);
  for (const [c, d] of shortRelations(mod(r * inverse, N))) {
    const hints = encodeP384Hints(
      { a: mod(-c * bigintOf(digest) * inverse, N), d, c },
      publicKey,
      nonce,
      nonce.x !== r,
    );
    if (hints !== undefined) return hints;
  }
  throw badSignature("no chain of additions avoids equal points");
}

/**
 * The hints that walk one relation, true or not: flags (1 where R's x is r + n), number of doublings, y of R, 8 slopes
 * for Q's table, 8 for R's, the first entry, then steps of three bytes (doublings, kind, entry) with their slopes.
 * Undefined where two points of the chain share their x: no slope is between them.
 */
export function encodeP384Hints(
  { a, d, c }: P384Relation,
  publicKey: AffinePoint,
  nonce: AffinePoint,
  addsOrder: boolean,
): Hex | undefined {
  const ofNonce = oddMultiples(nonce);
  const ofKey = oddMultiples(publicKey);
  const terms = [
    ...termsOf(a % (1n << BigInt(HALF_BITS)), FIXED_WIDTH, 0, 0, fixedMultiples(0)),
    ...termsOf(a >> BigInt(HALF_BITS), FIXED_WIDTH, 0, 128, fixedMultiples(HALF_BITS)),
    ...termsOf(d, BUILT_WIDTH, OF_MULTIPLES, 0, ofKey.points),
    ...termsOf(c, BUILT_WIDTH, OF_MULTIPLES, 8, ofNonce.points),
  ].sort((left, right) => right.position - left.position);

  const [first, ...others] = terms;
  const last = others.pop();
  if (!first || !last) return undefined;
  const bytes = [
    ...[addsOrder ? 1 : 0, first.position],
    ...fieldBytes(nonce.y),
    ...[...ofKey.slopes, ...ofNonce.slopes].flatMap(fieldBytes),
    ...[0, first.kind, first.index],
  ];
  let sum = first.point;
  let position = first.position;
  const double = () => {
    const slope = tangent(sum);
    bytes.push(...fieldBytes(slope));
    sum = third(sum, sum, slope);
  };
  for (const { position: wanted, kind, index, point } of others) {
    const doublings = position - wanted;
    position = wanted;
    bytes.push(Math.max(doublings - 1, 0), kind | (doublings === 0 ? PLAIN : 0), index);
    for (let done = 1; done < doublings; done++) double();
    const slope = chord(sum, point);
    if (slope === undefined) return undefined;
    bytes.push(...fieldBytes(slope));
    const added = third(sum, point, slope);
    if (doublings === 0) sum = added;
    else {
      const second = chord(sum, added);
      if (second === undefined) return undefined;
      bytes.push(...fieldBytes(second));
      sum = third(sum, added, second);
    }
  }
  bytes.push(position - last.position, last.kind | LAST, last.index);
  for (let done = last.position; done < position; done++) double();
  return bytesToHex(Uint8Array.from(bytes));
}

/** The code of `P384Tables`: odd multiples 1, 3, .. 255 of G, then of 2^192 G, each as x and 2y, 48 bytes each. */
export function p384Tables(): Uint8Array {
  const points = [...fixedMultiples(0), ...fixedMultiples(HALF_BITS)];
  return Uint8Array.from(points.flatMap(({ x, y }) => [...fieldBytes(x), ...fieldBytes(mod(2n * y, P))]));
}

/** R = (e / s) G + (r / s) Q, whose x is r mod n in a valid signature. */
function noncePointOf({ digest, r, s, publicKey }: P384Signature): AffinePoint {
  if (digest.length !== FIELD_BYTES) throw badSignature("its digest is not 48 bytes long");
  if (r <= 0n || r >= N || s <= 0n || s >= N) throw badSignature("r or s is not between 0 and the order");
  const inverse = Point.Fn.inv(s);
  const ofBase = Point.BASE.multiplyUnsafe(mod(bigintOf(digest) * inverse, N));
  const sum = keyPoint(publicKey)
    .multiplyUnsafe(mod(r * inverse, N))
    .add(ofBase);
  if (sum.is0()) throw badSignature("the point of its nonce is infinity");
  const nonce = sum.toAffine();
  if (mod(nonce.x, N) !== r) throw badSignature("it does not verify");
  return nonce;
}

function keyPoint(publicKey: AffinePoint): InstanceType<typeof Point> {
  try {
    const point = Point.fromAffine(publicKey);
    point.assertValidity();
    return point;
  } catch (cause) {
    throw badSignature("its public key is not a point of the curve", cause);
  }
}

/**
 * Pairs (c, d) with c u + d = 0 mod n, neither zero, both of about half the order's bits: from the middle of Euclid's
 * algorithm on (n, u), as Gallant, Lambert and Vanstone (2001) split a scalar. Then small multiples of them.
 */
function* shortRelations(u: bigint): Generator<[bigint, bigint]> {
  const rows: [bigint, bigint][] = [];
  let [c, rest, nextC, nextRest] = [0n, N, 1n, u];
  while (nextRest !== 0n) {
    rows.push([nextC, -nextRest]);
    const quotient = rest / nextRest;
    [c, rest, nextC, nextRest] = [nextC, nextRest, c - quotient * nextC, rest - quotient * nextRest];
  }
  const shortest = rows.sort((left, right) => bitsOf(left) - bitsOf(right)).slice(0, RELATIONS);
  for (const stretch of STRETCHES) {
    for (const [left, right] of shortest) yield withOdd(left * stretch, right * stretch);
  }
}

function bitsOf([c, d]: [bigint, bigint]): number {
  return Math.max(magnitude(c).toString(2).length, magnitude(d).toString(2).length);
}

/** Halved until one of the two is odd: then a chain ends on an entry of weight one. */
function withOdd(c: bigint, d: bigint): [bigint, bigint] {
  return (c | d) & 1n ? [c, d] : withOdd(c / 2n, d / 2n);
}

/** The non-adjacent form of a scalar, as entries of a table of odd multiples. */
function termsOf(scalar: bigint, width: number, kind: number, offset: number, points: AffinePoint[]): Term[] {
  const modulus = 1n << BigInt(width);
  const terms: Term[] = [];
  for (let rest = scalar, position = 0; rest !== 0n; rest /= 2n, position++) {
    if (rest % 2n === 0n) continue;
    const low = mod(rest, modulus);
    const digit = low >= modulus / 2n ? low - modulus : low;
    rest -= digit;
    const index = Number(magnitude(digit) - 1n) / 2;
    const point = points[index];
    if (!point) throw new RangeError(`no entry ${index}`);
    terms.push({
      position,
      kind: digit < 0n ? kind | NEGATIVE : kind,
      index: offset + index,
      point: digit < 0n ? { x: point.x, y: P - point.y } : point,
    });
  }
  return terms;
}

/** 1, 3, .. 15 times a point, with the slopes of the doubling and the additions that make them. */
function oddMultiples(point: AffinePoint): { points: AffinePoint[]; slopes: bigint[] } {
  const doubling = tangent(point);
  const twice = third(point, point, doubling);
  const points = [point];
  const slopes = [doubling];
  for (let last = point; points.length < 8; points.push(last)) {
    const slope = chord(last, twice) ?? 0n;
    slopes.push(slope);
    last = third(last, twice, slope);
  }
  return { points, slopes };
}

function fixedMultiples(shift: number): AffinePoint[] {
  const known = fixedTables.get(shift);
  if (known) return known;
  const base = Point.BASE.multiplyUnsafe(1n << BigInt(shift));
  const points = Array.from({ length: 128 }, (_, index) =>
    base.multiplyUnsafe(BigInt(2 * index + 1)).toAffine(),
  );
  fixedTables.set(shift, points);
  return points;
}

function tangent({ x, y }: AffinePoint): bigint {
  return mod(3n * (x * x - 1n) * Point.Fp.inv(mod(2n * y, P)), P);
}

function chord(left: AffinePoint, right: AffinePoint): bigint | undefined {
  return left.x === right.x ? undefined : mod((right.y - left.y) * Point.Fp.inv(mod(right.x - left.x, P)), P);
}

/** The sum of two points on a line of that slope. */
function third(left: AffinePoint, right: AffinePoint, slope: bigint): AffinePoint {
  const x = mod(slope * slope - left.x - right.x, P);
  return { x, y: mod(slope * (left.x - x) - left.y, P) };
}

function fieldBytes(value: bigint): number[] {
  const bytes = new Array<number>(FIELD_BYTES);
  for (let at = FIELD_BYTES - 1, rest = value; at >= 0; at--, rest >>= 8n) bytes[at] = Number(rest & 0xffn);
  return bytes;
}

function bigintOf(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

function badSignature(why: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-601", `no hints for this P-384 signature: ${why}`, {
    hint: "Check the signed bytes, the signature and the public key against each other first.",
    cause,
  });
}
