// SPDX-License-Identifier: MIT
import { bn254 } from "@noble/curves/bn254.js";
import { MeantimeError } from "./errors.ts";
import { EVIDENCE_WORDS, KEY_WORDS, requireInField, SCALAR_FIELD_ORDER } from "./groth16.ts";
import {
  badKey,
  badProof,
  type G1Point,
  type G2Point,
  g1At,
  g2At,
  productIsOne,
  wordsOf,
} from "./groth16-points.ts";
import { concatBytes, type Hex, hexToBytes, keccak256, keccak256Bytes } from "./hex.ts";
import { encodeWords } from "./words.ts";

/** A statement in the words of the circuit, and the evidence bytes of a proof of it. */
export interface StatementProof {
  inputHash: Hex;
  outputHash: Hex;
  /** `provingContext` of the claim and the beneficiary. */
  ctx: bigint;
  evidence: Hex;
}

/** One element of what `IProofBatch.judge` takes: a statement, and A and B of its proof. */
export interface ProvenStatement {
  inputHash: Hex;
  outputHash: Hex;
  ctx: bigint;
  proof: [bigint, bigint, bigint, bigint, bigint, bigint];
}

/** What `IProofBatch.judge` takes behind the key's id. */
export interface Groth16Batch {
  statements: ProvenStatement[];
  /** The points C of all proofs, each multiplied by its coefficient, in one point (x, y). */
  foldedC: [bigint, bigint];
}

interface KeyPoints {
  alpha: G1Point;
  beta: G2Point;
  gamma: G2Point;
  delta: G2Point;
  ic: G1Point[];
}

interface ReadProof {
  place: number;
  signals: bigint[];
  a: G1Point;
  b: G2Point;
  c: G1Point;
}

const SIGNALS = 3;
const COEFFICIENT_BYTES = 16;
const COEFFICIENT_BITS = 128n;
const C_WORD = 6;

/**
 * The arguments of `IProofBatch.judge`, once all proofs were seen to hold here: on chain one bad proof makes the whole
 * batch fail. Throws MT-SDK-405 with the places of the bad ones as `details.places`, MT-SDK-406 for an empty batch,
 * MT-SDK-401 for a key that is none for three public signals.
 */
export function encodeGroth16Batch(key: Hex, proofs: readonly StatementProof[]): Groth16Batch {
  if (proofs.length === 0) {
    throw new MeantimeError("MT-SDK-406", "a batch of proofs needs at least one", {
      hint: "Collect proofs before encoding them.",
    });
  }
  const places = findBadProofs(key, proofs);
  if (places.length > 0) {
    throw new MeantimeError("MT-SDK-405", `${places.length} of ${proofs.length} proofs do not hold`, {
      hint: `Leave out, or make again, the proofs at ${places.join(", ")}.`,
      details: { places },
    });
  }
  const statements = proofs.map(({ evidence, ...statement }): ProvenStatement => {
    const [ax = 0n, ay = 0n, bxIm = 0n, bxRe = 0n, byIm = 0n, byRe = 0n] = wordsOf(evidence);
    return { ...statement, proof: [ax, ay, bxIm, bxRe, byIm, byRe] };
  });
  const seed = seedOf(key, statements);
  const folded = proofs.reduce((sum, { evidence }, place) => {
    const c = g1At(wordsOf(evidence), C_WORD, badProof);
    return sum.add(c.multiplyUnsafe(coefficientOf(seed, place)));
  }, bn254.G1.Point.ZERO);
  const { x, y } = folded.is0() ? { x: 0n, y: 0n } : folded.toAffine();
  return { statements, foldedC: [x, y] };
}

/**
 * The places of the proofs that are malformed or do not hold, in ascending order. All proofs are judged together by a
 * random linear combination; a half that fails is halved again, so
 * k bad proofs among n take about 2 k log2(n) judgements. A bad proof passes with chance 2^-128. Throws MT-SDK-401 for a
 * key that is none for three public signals.
 */
export function findBadProofs(key: Hex, proofs: readonly StatementProof[]): number[] {
  const points = readKey(key);
  const read = proofs.map(readProof);
  const malformed = read.flatMap((proof, place) => (proof === undefined ? [place] : []));
  const wrong = findWrong(
    points,
    read.filter((proof) => proof !== undefined),
  );
  return [...malformed, ...wrong].sort((a, b) => a - b);
}

/**
 * Whether what `IProofBatch.judge` was given holds, as `contracts/evidence/zk/Groth16Batch.sol` judges it: the coefficients
 * follow from the statements. Throws MT-SDK-401, -402 and -403 for malformed keys, points and signals, MT-SDK-406 for none.
 */
export function verifyGroth16Batch(key: Hex, { statements, foldedC }: Groth16Batch): boolean {
  if (statements.length === 0) {
    throw new MeantimeError("MT-SDK-406", "a batch of proofs needs at least one", {
      hint: "Pass what the transaction has.",
    });
  }
  const points = readKey(key);
  const seed = seedOf(key, statements);
  const proofs = statements.map(({ inputHash, outputHash, ctx, proof }, place) => {
    const signals = [BigInt(inputHash), BigInt(outputHash), ctx];
    for (const [at, signal] of signals.entries()) requireInField(signal, at);
    const words = [...proof];
    const [a, b] = [g1At(words, 0, badProof), g2At(words, 2, badProof)];
    return { signals, a, b, coefficient: coefficientOf(seed, place) };
  });
  return isProductOne(points, proofs, g1At([...foldedC], 0, badProof));
}

// As `contracts/evidence/zk/Groth16Batch.sol` draws them: over the key, all inputs, all A and B.
function seedOf(key: Hex, statements: readonly ProvenStatement[]): Uint8Array {
  const words = statements.map(({ inputHash, outputHash, ctx, proof }) =>
    encodeWords(inputHash, outputHash, ctx, ...proof),
  );
  return keccak256Bytes(concatBytes(hexToBytes(key), ...words));
}

function coefficientOf(seed: Uint8Array, place: number): bigint {
  if (place === 0) return 1n;
  return BigInt(keccak256(concatBytes(seed, encodeWords(place)))) >> COEFFICIENT_BITS;
}

function findWrong(key: KeyPoints, proofs: readonly ReadProof[]): number[] {
  if (proofs.length === 0 || allHold(key, proofs)) return [];
  if (proofs.length === 1) return proofs.map(({ place }) => place);
  const middle = Math.ceil(proofs.length / 2);
  return [...findWrong(key, proofs.slice(0, middle)), ...findWrong(key, proofs.slice(middle))];
}

function allHold(key: KeyPoints, proofs: readonly ReadProof[]): boolean {
  const weighted = proofs.map((proof, at) => ({
    ...proof,
    coefficient: at === 0 ? 1n : randomCoefficient(),
  }));
  const c = weighted.reduce(
    (sum, proof) => sum.add(proof.c.multiplyUnsafe(proof.coefficient)),
    bn254.G1.Point.ZERO,
  );
  return isProductOne(key, weighted, c);
}

type WeightedProof = Pick<ReadProof, "signals" | "a" | "b"> & { coefficient: bigint };

function isProductOne(key: KeyPoints, proofs: readonly WeightedProof[], c: G1Point): boolean {
  const sums = key.ic.map(() => 0n);
  const pairs: [G1Point, G2Point][] = [];
  for (const { signals, a, b, coefficient } of proofs) {
    pairs.push([a.multiplyUnsafe(coefficient).negate(), b]);
    for (const [place, factor] of [1n, ...signals].entries()) {
      sums[place] = ((sums[place] ?? 0n) + coefficient * factor) % SCALAR_FIELD_ORDER;
    }
  }
  const inputs = key.ic.reduce(
    (sum, point, place) => sum.add(point.multiplyUnsafe(sums[place] ?? 0n)),
    bn254.G1.Point.ZERO,
  );
  const alpha = key.alpha.multiplyUnsafe(sums[0] ?? 0n);
  return productIsOne([...pairs, [alpha, key.beta], [inputs, key.gamma], [c, key.delta]]);
}

function readKey(key: Hex): KeyPoints {
  const words = wordsOf(key);
  if (words.length !== KEY_WORDS.ic + 2 * (SIGNALS + 1)) {
    throw badKey(`it is not one for ${SIGNALS} public signals`);
  }
  return {
    alpha: g1At(words, KEY_WORDS.alpha, badKey),
    beta: g2At(words, KEY_WORDS.beta, badKey),
    gamma: g2At(words, KEY_WORDS.gamma, badKey),
    delta: g2At(words, KEY_WORDS.delta, badKey),
    ic: Array.from({ length: SIGNALS + 1 }, (_, at) => g1At(words, KEY_WORDS.ic + 2 * at, badKey)),
  };
}

function readProof(proof: StatementProof, place: number): ReadProof | undefined {
  try {
    const signals = [BigInt(proof.inputHash), BigInt(proof.outputHash), proof.ctx];
    for (const [at, signal] of signals.entries()) requireInField(signal, at);
    const words = wordsOf(proof.evidence);
    if (words.length !== EVIDENCE_WORDS) throw badProof(`it has ${words.length} words`);
    return {
      ...{ place, signals },
      ...{ a: g1At(words, 0, badProof), b: g2At(words, 2, badProof), c: g1At(words, C_WORD, badProof) },
    };
  } catch (error) {
    if (error instanceof MeantimeError) return undefined;
    throw error;
  }
}

function randomCoefficient(): bigint {
  const bytes = crypto.getRandomValues(new Uint8Array(COEFFICIENT_BYTES));
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
