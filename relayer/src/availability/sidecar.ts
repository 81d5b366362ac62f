// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash } from "node:crypto";
import { bytesToHex, type Hex } from "@meantime/sdk/hex";
import { BLOB_BYTES } from "./blob-packing.ts";
import { type ByteReader, readBytes } from "./byte-reader.ts";

/**
 * Which proofs a node wants beside a blob: `cell` since Osaka (EIP-7594: wrapper version 1, 128 cell proofs), `blob` before
 * it (EIP-4844: one proof).
 */
export type ProofKind = "cell" | "blob";

/** A blob with what its transaction and the network need of it. */
export interface SealedBlob {
  blob: Uint8Array;
  /** 48 bytes, the KZG commitment. */
  commitment: Uint8Array;
  /** 48 bytes, or 128 times as many, in the order of the cells. */
  proofs: Uint8Array;
}

/** What travels beside a transaction with blobs and is not part of what its hash is of. */
export interface Sidecar {
  proofKind: ProofKind;
  blobs: readonly SealedBlob[];
}

const COMMITMENT_BYTES = 48;
const PROOF_BYTES: Record<ProofKind, number> = { blob: 48, cell: 128 * 48 };
const KINDS: readonly ProofKind[] = ["blob", "cell"];
/** `VERSIONED_HASH_VERSION_KZG` of EIP-4844. */
const VERSIONED_HASH_VERSION = 1;

/** What a transaction and the EVM name a blob by: SHA-256 of its commitment under a version byte. */
export function versionedHash(commitment: Uint8Array): Hex {
  const digest = createHash("sha256").update(commitment).digest();
  digest[0] = VERSIONED_HASH_VERSION;
  return bytesToHex(digest);
}

/** For the ledger: the kind of proofs in a byte, then each blob with commitment and proofs. */
export function encodeSidecar({ proofKind, blobs }: Sidecar): Uint8Array {
  const parts = blobs.flatMap(({ blob, commitment, proofs }) => [blob, commitment, proofs]);
  return Buffer.concat([Uint8Array.of(KINDS.indexOf(proofKind)), ...parts]);
}

/** @throws RangeError these are not the bytes of a sidecar */
export function decodeSidecar(bytes: Uint8Array): Sidecar {
  const proofKind = KINDS[bytes[0] ?? -1];
  if (proofKind === undefined) throw new RangeError("no such kind of proofs");
  const reader: ByteReader = { bytes, at: 1 };
  const blobs: SealedBlob[] = [];
  while (reader.at < bytes.length) {
    const [blob, commitment] = [readBytes(reader, BLOB_BYTES), readBytes(reader, COMMITMENT_BYTES)];
    blobs.push({ blob, commitment, proofs: readBytes(reader, PROOF_BYTES[proofKind]) });
  }
  return { proofKind, blobs };
}
