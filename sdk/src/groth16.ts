// SPDX-License-Identifier: MIT
import { bn254 } from "@noble/curves/bn254.js";
import { MeantimeError } from "./errors.ts";
import { bytesToHex, type Hex, hexToBytes, keccak256 } from "./hex.ts";
import { asRecord } from "./json.ts";
import { encodeWords } from "./words.ts";

/** Order of the scalar field of BN254: public signals are below it. */
export const SCALAR_FIELD_ORDER = bn254.fields.Fr.ORDER;

type G1Point = typeof bn254.G1.Point.BASE;
type G2Point = typeof bn254.G2.Point.BASE;

const WORD_BYTES = 32;
const EVIDENCE_WORDS = 8;
const KEY_FIXED_WORDS = 14;

/**
 * The bytes of a verification key from snarkjs' JSON: `alpha | beta | gamma | delta | IC[0..n]`, as the EVM's precompiles
 * read points (imaginary part first). Throws MT-SDK-401 where the JSON is no Groth16 key over BN254.
 */
export function encodeVerificationKey(json: unknown): Hex {
  const fields = asRecord(json, "verification key");
  if (fields.protocol !== "groth16" || fields.curve !== "bn128" || !Array.isArray(fields.IC)) {
    throw badKey("it is not a Groth16 key over bn128");
  }
  return bytesToHex(
    encodeWords(
      ...g1Words(fields.vk_alpha_1),
      ...g2Words(fields.vk_beta_2),
      ...g2Words(fields.vk_gamma_2),
      ...g2Words(fields.vk_delta_2),
      ...fields.IC.flatMap(g1Words),
    ),
  );
}

/** The id of a key: keccak256 of its bytes. */
export function verificationKeyId(key: Hex): Hex {
  return keccak256(key);
}

/**
 * Whether a proof holds: e(A, B) = e(alpha, beta) e(L, gamma) e(C, delta) with L = IC[0] + sum signal[i] IC[i + 1]
 * (Groth 2016), as `contracts/evidence/zk/Groth16.sol` judges it. False only for a proof that was judged. Throws
 * MT-SDK-401 for a malformed key, MT-SDK-402 for evidence that is not eight words of canonical points on their curves,
 * MT-SDK-403 for a signal outside the field. Proofs are malleable: never take their bytes for an identifier.
 */
export function verifyGroth16(key: Hex, publicSignals: readonly bigint[], evidence: Hex): boolean {
  const keyWords = wordsOf(key);
  if (keyWords.length !== KEY_FIXED_WORDS + 2 * (publicSignals.length + 1)) {
    throw badKey(`it is not one for ${publicSignals.length} public signals`);
  }
  const proofWords = wordsOf(evidence);
  if (proofWords.length !== EVIDENCE_WORDS) throw badProof(`it has ${proofWords.length} words`);

  const point1 = (at: number) => g1At(keyWords, at, badKey);
  const combined = publicSignals.reduce((sum, signal, at) => {
    requireInField(signal, at);
    return signal === 0n ? sum : sum.add(point1(KEY_FIXED_WORDS + 2 * (at + 1)).multiply(signal));
  }, point1(KEY_FIXED_WORDS));

  return productIsOne([
    [g1At(proofWords, 0, badProof).negate(), g2At(proofWords, 2, badProof)],
    [point1(0), g2At(keyWords, 2, badKey)],
    [combined, g2At(keyWords, 6, badKey)],
    [g1At(proofWords, 6, badProof), g2At(keyWords, 10, badKey)],
  ]);
}

// A pair with the point at infinity contributes the factor one.
function productIsOne(pairs: [G1Point, G2Point][]): boolean {
  const finite = pairs.filter(([g1, g2]) => !g1.is0() && !g2.is0()).map(([g1, g2]) => ({ g1, g2 }));
  const { Fp12 } = bn254.fields;
  return finite.length === 0 || Fp12.eql(bn254.pairingBatch(finite), Fp12.ONE);
}

function g1At(words: bigint[], at: number, error: (what: string) => MeantimeError): G1Point {
  const [x = 0n, y = 0n] = words.slice(at, at + 2);
  if (x === 0n && y === 0n) return bn254.G1.Point.ZERO;
  return valid(() => bn254.G1.Point.fromAffine({ x: canonical(x), y: canonical(y) }), at, error);
}

function g2At(words: bigint[], at: number, error: (what: string) => MeantimeError): G2Point {
  const [xIm = 0n, xRe = 0n, yIm = 0n, yRe = 0n] = words.slice(at, at + 4);
  if (xIm === 0n && xRe === 0n && yIm === 0n && yRe === 0n) return bn254.G2.Point.ZERO;
  const { Fp2 } = bn254.fields;
  return valid(
    () =>
      bn254.G2.Point.fromAffine({
        x: Fp2.fromBigTuple([canonical(xRe), canonical(xIm)]),
        y: Fp2.fromBigTuple([canonical(yRe), canonical(yIm)]),
      }),
    at,
    error,
  );
}

// On the curve and, on the twist, in the subgroup: what the precompiles of EIP-196 and EIP-197 demand.
function valid<P extends { assertValidity(): void }>(
  read: () => P,
  at: number,
  error: (what: string, cause?: unknown) => MeantimeError,
): P {
  try {
    const point = read();
    point.assertValidity();
    return point;
  } catch (cause) {
    throw error(`the point at word ${at} is not valid`, cause);
  }
}

function canonical(coordinate: bigint): bigint {
  if (coordinate >= bn254.fields.Fp.ORDER)
    throw new RangeError("the coordinate is not below the field's order");
  return coordinate;
}

function requireInField(signal: bigint, at: number): void {
  if (signal >= 0n && signal < SCALAR_FIELD_ORDER) return;
  throw new MeantimeError("MT-SDK-403", `public signal ${at} is not below the order of the scalar field`, {
    hint: "A hash that is not a field element can be proven by nobody.",
    details: { at, signal },
  });
}

function wordsOf(hex: Hex): bigint[] {
  const bytes = hexToBytes(hex);
  return Array.from({ length: Math.ceil(bytes.length / WORD_BYTES) }, (_, at) =>
    BigInt(bytesToHex(bytes.subarray(at * WORD_BYTES, (at + 1) * WORD_BYTES))),
  );
}

function g1Words(json: unknown): bigint[] {
  const [x, y] = coordinates(json);
  return [integer(x), integer(y)];
}

function g2Words(json: unknown): bigint[] {
  const [x, y] = coordinates(json);
  const [xRe, xIm] = coordinates(x);
  const [yRe, yIm] = coordinates(y);
  return [integer(xIm), integer(xRe), integer(yIm), integer(yRe)];
}

function coordinates(json: unknown): unknown[] {
  if (Array.isArray(json)) return json;
  throw badKey("a point is missing");
}

function integer(text: unknown): bigint {
  if (typeof text === "string" && /^\d{1,78}$/.test(text)) return BigInt(text);
  throw badKey("a coordinate is no decimal number");
}

function badKey(what: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-401", `unusable verification key: ${what}`, {
    hint: "Use the verification_key.json that snarkjs exports.",
    cause,
  });
}

function badProof(what: string, cause?: unknown): MeantimeError {
  return new MeantimeError("MT-SDK-402", `not a proof: ${what}`, {
    hint: "Use the bytes that encodeGroth16Proof makes.",
    cause,
  });
}
