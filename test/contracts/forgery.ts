// SPDX-License-Identifier: MIT
import { createHash } from "node:crypto";
import { SCALAR_FIELD_ORDER as R } from "@meantime/sdk/groth16";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { encodeWords } from "@meantime/sdk/words";
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
const GENERATOR = [1n, 2n] as const;

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

/** A key of other points, for no circuit: gamma is the development key's delta, and delta is the generator. */
export async function toyKey(developmentKey: Hex): Promise<TrappedKey> {
  const words = wordsOf(developmentKey);
  const [generator, delta] = [words.slice(GAMMA_WORD, DELTA_WORD), words.slice(DELTA_WORD, IC_WORD)];
  const alpha = await multiply(GENERATOR, 5n);
  const ic = await Promise.all([11n, 12n, 13n, 14n].map((scalar) => multiply(GENERATOR, scalar)));
  const key = bytesToHex(
    encodeWords(...alpha, ...words.slice(BETA_WORD, GAMMA_WORD), ...delta, ...generator, ...ic.flat()),
  );
  return { key, gammaOverDelta: beaconScalar() };
}

/** The key with its delta replaced by its gamma, or by the opposite of it. */
export function withoutContribution(key: Hex, sign: 1 | -1, baseFieldOrder: bigint): Hex {
  const words = wordsOf(key);
  const [xIm = 0n, xRe = 0n, yIm = 0n, yRe = 0n] = words.slice(GAMMA_WORD, DELTA_WORD);
  const [im, re] = sign === 1 ? [yIm, yRe] : [baseFieldOrder - yIm, baseFieldOrder - yRe];
  return bytesToHex(encodeWords(...words.slice(0, DELTA_WORD), xIm, xRe, im, re, ...words.slice(IC_WORD)));
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

function wordsOf(hex: Hex): bigint[] {
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
