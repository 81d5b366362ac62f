// SPDX-License-Identifier: MIT
import { bn254 } from "@noble/curves/bn254.js";
import { MeantimeError } from "./errors.ts";
import { badKey, badProof, g1At, g2At, productIsOne, wordsOf } from "./groth16-points.ts";
import { bytesToHex, type Hex, keccak256 } from "./hex.ts";
import { asRecord } from "./json.ts";
import { encodeWords } from "./words.ts";

/** Order of the scalar field of BN254: public signals are below it. */
export const SCALAR_FIELD_ORDER = bn254.fields.Fr.ORDER;

/** Words of a proof: A, B and C. */
export const EVIDENCE_WORDS = 8;

/** Where the points of a key begin, in words. */
export const KEY_WORDS = { alpha: 0, beta: 2, gamma: 6, delta: 10, ic: 14 } as const;

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
  if (keyWords.length !== KEY_WORDS.ic + 2 * (publicSignals.length + 1)) {
    throw badKey(`it is not one for ${publicSignals.length} public signals`);
  }
  const proofWords = wordsOf(evidence);
  if (proofWords.length !== EVIDENCE_WORDS) throw badProof(`it has ${proofWords.length} words`);

  const point1 = (at: number) => g1At(keyWords, at, badKey);
  const combined = publicSignals.reduce((sum, signal, at) => {
    requireInField(signal, at);
    return signal === 0n ? sum : sum.add(point1(KEY_WORDS.ic + 2 * (at + 1)).multiply(signal));
  }, point1(KEY_WORDS.ic));

  return productIsOne([
    [g1At(proofWords, 0, badProof).negate(), g2At(proofWords, 2, badProof)],
    [point1(KEY_WORDS.alpha), g2At(keyWords, KEY_WORDS.beta, badKey)],
    [combined, g2At(keyWords, KEY_WORDS.gamma, badKey)],
    [g1At(proofWords, 6, badProof), g2At(keyWords, KEY_WORDS.delta, badKey)],
  ]);
}

/** Throws MT-SDK-403 where the public signal at this place is not canonical. */
export function requireInField(signal: bigint, at: number): void {
  if (signal >= 0n && signal < SCALAR_FIELD_ORDER) return;
  throw new MeantimeError("MT-SDK-403", `public signal ${at} is not below the order of the scalar field`, {
    hint: "A hash that is not a field element can be proven by nobody.",
    details: { at, signal },
  });
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
