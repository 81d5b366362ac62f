// SPDX-License-Identifier: MIT
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MeantimeError } from "@meantime/sdk/errors";
import { SCALAR_FIELD_ORDER as R, verifyGroth16 } from "@meantime/sdk/groth16";
import { encodeGroth16Batch, findBadProofs, type StatementProof } from "@meantime/sdk/groth16-batch";
import { bytesToHex, concatBytes, hexToBytes, keccak256 } from "@meantime/sdk/hex";
import { encodeWords } from "@meantime/sdk/words";
import { bn254 } from "@noble/curves/bn254.js";
import { randomWord } from "./samples.ts";

// A key whose every scalar is known makes proofs by arithmetic: a b = alpha beta + l gamma + c delta.
const [ALPHA, BETA, GAMMA, DELTA] = [5n, 7n, 3n, 2n] as const;
const IC = [11n, 12n, 13n, 14n] as const;
const key = bytesToHex(
  encodeWords(...g1(ALPHA), ...[BETA, GAMMA, DELTA].flatMap(g2), ...IC.flatMap((scalar) => g1(scalar))),
);

describe("a batch of proofs", () => {
  it("folds the points C by the coefficients of the contract, the first by one", () => {
    const made = Array.from({ length: 5 }, make);
    const { statements, foldedC } = encodeGroth16Batch(
      key,
      made.map(({ proof }) => proof),
    );
    const words = statements.map(({ inputHash, outputHash, ctx, proof }) =>
      encodeWords(inputHash, outputHash, ctx, ...proof),
    );
    const seed = keccak256(concatBytes(hexToBytes(key), ...words));
    const folded = made.reduce((sum, { c }, place) => {
      const coefficient = place === 0 ? 1n : BigInt(keccak256(encodeWords(seed, place))) >> 128n;
      return sum + coefficient * c;
    }, 0n);
    assert.deepEqual(foldedC, g1(folded % R));
    for (const [place, { proof }] of made.entries()) {
      const { inputHash, outputHash, ctx, evidence } = proof;
      assert.deepEqual(statements[place], {
        ...{ inputHash, outputHash, ctx },
        proof: words[place] && wordsOf(evidence).slice(0, 6),
      });
      assert.equal(verifyGroth16(key, [BigInt(inputHash), BigInt(outputHash), ctx], evidence), true);
    }
  });

  it("finds the bad proofs, wherever and however many they are", () => {
    const good = Array.from({ length: 5 }, () => make().proof);
    assert.deepEqual(findBadProofs(key, good), []);
    for (const places of [[0], [4], [1, 3], [0, 1, 2, 3, 4]]) {
      const proofs = good.map((proof, place) =>
        places.includes(place) ? { ...proof, ctx: (proof.ctx + 1n) % R } : proof,
      );
      assert.throws(
        () => encodeGroth16Batch(key, proofs),
        (error: unknown) =>
          error instanceof MeantimeError &&
          error.code === "MT-SDK-405" &&
          JSON.stringify(error.details.places) === JSON.stringify(places),
      );
    }
  });

  it("is not deceived by errors that cancel each other", () => {
    const [first, second] = [make(), make()];
    const proofs = [withC(first.proof, first.c + 99n), withC(second.proof, second.c - 99n)];
    assert.deepEqual(findBadProofs(key, proofs), [0, 1]);
  });

  it("counts what is malformed among the bad ones", () => {
    const good = make().proof;
    const words = wordsOf(good.evidence);
    const malformed: StatementProof[] = [
      { ...good, evidence: "0x" },
      { ...good, evidence: bytesToHex(encodeWords(...words.with(0, (words[0] ?? 0n) ^ 1n))) },
      { ...good, inputHash: bytesToHex(encodeWords(BigInt(good.inputHash) + R)) },
      { ...good, ctx: -1n },
    ];
    assert.deepEqual(findBadProofs(key, [good, ...malformed, good]), [1, 2, 3, 4]);
  });

  it("needs a proof, and a key for three public signals", () => {
    assert.throws(() => encodeGroth16Batch(key, []), { code: "MT-SDK-406" });
    const short = bytesToHex(hexToBytes(key).subarray(0, -64));
    assert.throws(() => encodeGroth16Batch(short, [make().proof]), { code: "MT-SDK-401" });
  });
});

function make(): { proof: StatementProof; c: bigint } {
  const signals = [0, 1, 2].map(() => BigInt(randomWord()) % R);
  const [b, c] = [BigInt(randomWord()) % R, BigInt(randomWord()) % R];
  const l = signals.reduce((sum, signal, at) => sum + signal * (IC[at + 1] ?? 0n), IC[0]);
  const a = ((ALPHA * BETA + l * GAMMA + c * DELTA) * bn254.fields.Fr.inv(b)) % R;
  const [inputHash = 0n, outputHash = 0n, ctx = 0n] = signals;
  const proof = {
    ...{
      inputHash: bytesToHex(encodeWords(inputHash)),
      outputHash: bytesToHex(encodeWords(outputHash)),
      ctx,
    },
    evidence: bytesToHex(encodeWords(...g1(a), ...g2(b), ...g1(c))),
  };
  return { proof, c };
}

function withC(proof: StatementProof, c: bigint): StatementProof {
  const words = wordsOf(proof.evidence).slice(0, 6);
  return { ...proof, evidence: bytesToHex(encodeWords(...words, ...g1(((c % R) + R) % R))) };
}

function wordsOf(hex: string): bigint[] {
  return Array.from({ length: (hex.length - 2) / 64 }, (_, at) =>
    BigInt(`0x${hex.slice(2 + 64 * at, 66 + 64 * at)}`),
  );
}

function g1(scalar: bigint): [bigint, bigint] {
  const { x, y } = bn254.G1.Point.BASE.multiply(scalar).toAffine();
  return [x, y];
}

function g2(scalar: bigint): bigint[] {
  const { x, y } = bn254.G2.Point.BASE.multiply(scalar).toAffine();
  return [x.c1, x.c0, y.c1, y.c0];
}
