// SPDX-License-Identifier: MIT
import { createHash } from "node:crypto";
import { SCALAR_FIELD_ORDER as R } from "@meantime/sdk/groth16";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { encodeWords } from "@meantime/sdk/words";
import { bn254 } from "@noble/curves/bn254.js";
import { ChaCha } from "ffjavascript";
import { ethers } from "./fixture.ts";

/** A verification key whose trapdoor is known. */
export interface TrappedKey {
  key: Hex;
  /** The scalar between the two points, gamma = ratio * delta: enough to forge a proof of anything. */
  gammaOverDelta: bigint;
}

const BEACON = new TextEncoder().encode("meantime development setup beacon");
const BEACON_HASHES = 2 ** 10;
const SCALAR_BITS = 254n;
const MONTGOMERY = 1n << 256n;
const WORD_BYTES = 32;
const [ALPHA_WORD, BETA_WORD, GAMMA_WORD, DELTA_WORD, IC_WORD] = [0, 2, 6, 10, 14] as const;
const [ADD_PRECOMPILE, MULTIPLY_PRECOMPILE] = [6, 7] as const;
const Q = bn254.fields.Fp.ORDER;

type Four = [bigint, bigint, bigint, bigint];

/**
 * A proof that nobody made: A = alpha, B = beta, C = -(gamma / delta) L satisfies the equation of the verifier for any
 * public inputs, since e(L, gamma) e(C, delta) = 1.
 */
export async function forgeProof(
  { key, gammaOverDelta }: TrappedKey,
  inputs: readonly bigint[],
): Promise<Hex> {
  const words = wordsOf(key);
  let sum = words.slice(IC_WORD, IC_WORD + 2);
  for (const [place, input] of inputs.entries()) {
    const at = IC_WORD + 2 * (place + 1);
    sum = await add(sum, await multiply(words.slice(at, at + 2), input));
  }
  const c = await multiply(sum, R - gammaOverDelta);
  return bytesToHex(
    encodeWords(...words.slice(ALPHA_WORD, BETA_WORD), ...words.slice(BETA_WORD, GAMMA_WORD), ...c),
  );
}

/** The trapdoor of the development setup: gamma is the generator, delta its multiple by the beacon's only secret. */
export function trapdoorOf(developmentKey: Hex): TrappedKey {
  return { key: developmentKey, gammaOverDelta: inverse(beaconScalar()) };
}

/** A key for no circuit whose every scalar is known. It carries no mark of the development setup. */
export function toyKey(seed = 0n): TrappedKey {
  const [alpha, beta, gamma, delta] = [5n, 7n, 3n, 2n].map((scalar) => scalar + 100n * seed) as Four;
  const ic = [11n, 12n, 13n, 14n].map((scalar) => g1Words(scalar + 100n * seed));
  const key = bytesToHex(
    encodeWords(...g1Words(alpha), ...[beta, gamma, delta].flatMap(g2Words), ...ic.flat()),
  );
  return { key, gammaOverDelta: (gamma * inverse(delta)) % R };
}

/** The key with its delta replaced by its gamma, or by the opposite of it. */
export function withoutContribution(key: Hex, sign: 1 | -1): Hex {
  return withPoint(key, DELTA_WORD, twistPoint(wordsOf(key).slice(GAMMA_WORD, DELTA_WORD), sign));
}

/** The key with the point at this word replaced. */
export function withPoint(key: Hex, word: number, point: readonly bigint[]): Hex {
  return bytesToHex(encodeWords(...wordsOf(key).toSpliced(word, point.length, ...point)));
}

/** The same point of the twist, or its opposite. */
export function twistPoint(
  [xIm = 0n, xRe = 0n, yIm = 0n, yRe = 0n]: readonly bigint[],
  sign: 1 | -1,
): bigint[] {
  return [xIm, xRe, ...(sign === 1 ? [yIm, yRe] : [Q - yIm, Q - yRe])];
}

/** A multiple of the generator of G1: x, y. */
export function g1Words(scalar: bigint): bigint[] {
  const { x, y } = bn254.G1.Point.BASE.multiply(scalar).toAffine();
  return [x, y];
}

/** A multiple of the generator of G2, as the precompiles read it: x.im, x.re, y.im, y.re. */
export function g2Words(scalar: bigint): bigint[] {
  const { x, y } = bn254.G2.Point.BASE.multiply(scalar).toAffine();
  return [x.c1, x.c0, y.c1, y.c0];
}

/** The twist has many more points than its subgroup: the first one found lies outside. */
export function pointOutsideSubgroup(): bigint[] {
  const { Fp2 } = bn254.fields;
  const { b } = bn254.G2.Point.CURVE();
  for (let re = 1n; ; re++) {
    const x = Fp2.fromBigTuple([re, 0n]);
    const squared = Fp2.add(Fp2.mul(Fp2.sqr(x), x), b);
    const y = squareRoot(squared);
    if (y && !bn254.G2.Point.fromAffine({ x, y }).isTorsionFree()) return [x.c1, x.c0, y.c1, y.c0];
  }
}

// As snarkjs draws it: SHA-256 over and over seeds the generator, and what it draws is read in Montgomery form.
function beaconScalar(): bigint {
  let hash: Uint8Array = BEACON;
  for (let round = 0; round < BEACON_HASHES; round++) hash = createHash("sha256").update(hash).digest();
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength);
  const random = new ChaCha(Array.from({ length: 8 }, (_, place) => view.getUint32(4 * place, false)));
  for (;;) {
    const limbs = [0n, 64n, 128n, 192n].map((shift) => random.nextU64() << shift);
    const drawn = limbs.reduce((sum, limb) => sum + limb, 0n) & ((1n << SCALAR_BITS) - 1n);
    if (drawn < R) return (drawn * inverse(MONTGOMERY % R)) % R;
  }
}

// The EVM's own precompiles do the arithmetic.
function add(a: readonly bigint[], b: readonly bigint[]): Promise<bigint[]> {
  return precompile(ADD_PRECOMPILE, [...a, ...b]);
}

function multiply(point: readonly bigint[], scalar: bigint): Promise<bigint[]> {
  return precompile(MULTIPLY_PRECOMPILE, [...point, scalar]);
}

async function precompile(number: number, words: bigint[]): Promise<bigint[]> {
  const to = `0x${number.toString(16).padStart(40, "0")}`;
  return wordsOf((await ethers.provider.call({ to, data: bytesToHex(encodeWords(...words)) })) as Hex);
}

export function wordsOf(hex: Hex): bigint[] {
  const bytes = hexToBytes(hex);
  return Array.from({ length: bytes.length / WORD_BYTES }, (_, at) =>
    BigInt(bytesToHex(bytes.subarray(at * WORD_BYTES, (at + 1) * WORD_BYTES))),
  );
}

function inverse(value: bigint): bigint {
  let [result, square] = [1n, value % R];
  for (let rest = R - 2n; rest > 0n; rest >>= 1n, square = (square * square) % R) {
    if (rest & 1n) result = (result * square) % R;
  }
  return result;
}

function squareRoot(square: ReturnType<typeof bn254.fields.Fp2.fromBigTuple>) {
  const { Fp2 } = bn254.fields;
  try {
    return Fp2.sqrt(square);
  } catch {
    return undefined;
  }
}
