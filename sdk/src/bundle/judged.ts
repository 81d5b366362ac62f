// SPDX-License-Identifier: MIT
import { MeantimeError } from "../errors.ts";
import type { Groth16Batch, ProvenStatement } from "../groth16-batch.ts";
import { wordsOf } from "../groth16-points.ts";
import { bytesToHex, type Hex } from "../hex.ts";
import { encodeWords } from "../words.ts";

const STATEMENT_WORDS = 9;
const FOLDED_WORDS = 2;

/** Proofs that were judged together as one string of bytes: the folded point, then nine words for each statement. */
export function encodeJudged({ statements, foldedC }: Groth16Batch): Hex {
  const words = statements.flatMap(({ inputHash, outputHash, ctx, proof }) => [
    ...[inputHash, outputHash, ctx],
    ...proof,
  ]);
  return bytesToHex(encodeWords(...foldedC, ...words));
}

/** What {@link encodeJudged} wrote. Throws MT-SDK-402 for another length. */
export function decodeJudged(bytes: Hex): Groth16Batch {
  const words = wordsOf(bytes);
  const many = (words.length - FOLDED_WORDS) / STATEMENT_WORDS;
  if (bytes.length !== 2 + 64 * words.length || !Number.isInteger(many) || many < 1) {
    throw new MeantimeError("MT-SDK-402", "not proofs that were judged together: the length is another", {
      hint: "Use the bytes that encodeJudged makes.",
    });
  }
  const [x = 0n, y = 0n] = words;
  const statements = Array.from({ length: many }, (_, at) => {
    const from = FOLDED_WORDS + at * STATEMENT_WORDS;
    const word = (offset: number) => words[from + offset] ?? 0n;
    const statement: ProvenStatement = {
      ...{ inputHash: hashOf(word(0)), outputHash: hashOf(word(1)), ctx: word(2) },
      proof: [word(3), word(4), word(5), word(6), word(7), word(8)],
    };
    return statement;
  });
  return { statements, foldedC: [x, y] };
}

function hashOf(word: bigint): Hex {
  return bytesToHex(encodeWords(word));
}
