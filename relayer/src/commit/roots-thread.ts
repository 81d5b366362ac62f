// SPDX-License-Identifier: GPL-3.0-or-later
// The thread of roots.ts: answers each PackedLeaves with its Roots.
import { parentPort } from "node:worker_threads";
import { leafBytes, type Opening, openingLeafBytes } from "@meantime/sdk/batch";
import { type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { merkleTreeSteps } from "@meantime/sdk/merkle";
import { useFastKeccak } from "../signers/keccak.ts";
import type { PackedLeaves, PackedOpenings, Roots } from "./roots.ts";

const DIGITS = 64;

await useFastKeccak();

parentPort?.on("message", ({ count, claimIds, openings }: PackedLeaves) => {
  const root = rootOver(count, (index) => leafBytes(index, word(claimIds, index)));
  const dataRoot = openings ? dataRootOver(count, openings) : ZERO_HASH;
  parentPort?.postMessage({ root, dataRoot } satisfies Roots);
});

function dataRootOver(count: number, { salts, bytes, lengths }: PackedOpenings): Hex {
  let at = 0;
  const next = (place: number) => {
    const start = at;
    at += lengths[place] ?? 0;
    return bytes.subarray(start, at);
  };
  // Leaves are asked for from the first on.
  return rootOver(count, (index) => {
    const [input, output] = [next(2 * index), next(2 * index + 1)];
    return openingLeafBytes(index, { input, output, salt: word(salts, index) } satisfies Opening);
  });
}

function rootOver(count: number, leafAt: (index: number) => Uint8Array): Hex {
  const steps = merkleTreeSteps(count, leafAt);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value.root;
  }
}

function word(joined: string, index: number): Hex {
  return `0x${joined.slice(DIGITS * index, DIGITS * (index + 1))}`;
}
