// SPDX-License-Identifier: MIT
import { type SettlementDomain, settlementDigest } from "./domain.ts";
import { MeantimeError } from "./errors.ts";
import {
  type Address,
  asAddress,
  asHex32,
  bytesToHex,
  type Hex,
  keccak256,
  keccak256Bytes,
  keccak256Text,
} from "./hex.ts";
import { asRecord, asUint64 } from "./json.ts";
import { encodeWords } from "./words.ts";

/** The header of a batch: a Merkle tree of claims of one operator under one policy. */
export interface BatchHeader {
  operator: Address;
  policyId: Hex;
  /** The one model of every claim in it; zero for a mixed batch, which no enclave can attest whole. */
  modelId: Hex;
  /** Over the leaves of the claims. */
  root: Hex;
  /** Over the leaves of their openings; zero where the policy keeps data private. */
  dataRoot: Hex;
  count: number;
  /** Unix seconds; no claim in it was served earlier. */
  oldestServedAt: bigint;
  /** Tells batches of equal content apart. */
  nonce: bigint;
}

/** What a claim's hashes commit to: enough for anybody to compute the answer again. */
export interface Opening {
  input: Uint8Array;
  salt: Hex;
  output: Uint8Array;
}

/** The most claims the protocol takes in one batch (`Limits.MAX_BATCH_COUNT`). */
export const MAX_BATCH_COUNT = 65_536;

/**
 * The most bytes that a claim's input and output may have together under a policy of public data: what an operator may
 * be made to post on chain (`Limits.MAX_OPENING_BYTES`).
 */
export const MAX_OPENING_BYTES = 8_192;

const BATCH_TYPEHASH = keccak256Text(
  "Batch(address operator,bytes32 policyId,bytes32 modelId,bytes32 root,bytes32 dataRoot,uint32 count,uint64 oldestServedAt,uint64 nonce)",
);
const LEAF_TYPEHASH = keccak256Text("MeantimeLeaf(uint256 index,bytes32 claimId)");
const OPENING_TYPEHASH = keccak256Text(
  "MeantimeOpening(uint256 index,bytes32 inputDigest,bytes32 salt,bytes32 outputDigest)",
);

/** The batch id: the EIP-712 digest of the header. */
export function batchId(domain: SettlementDomain, header: BatchHeader): Hex {
  const words = encodeWords(
    BATCH_TYPEHASH,
    header.operator,
    header.policyId,
    header.modelId,
    header.root,
    header.dataRoot,
    header.count,
    header.oldestServedAt,
    header.nonce,
  );
  return settlementDigest(domain, keccak256Bytes(words));
}

/** The leaf of the claim at `index`, hashed twice so that no inner node can pass for one. */
export function leafHash(index: number, claimId: Hex): Hex {
  return bytesToHex(leafBytes(index, claimId));
}

/** {@link leafHash} as bytes: for whoever builds trees of thousands. */
export function leafBytes(index: number, claimId: Hex): Uint8Array {
  return keccak256Bytes(keccak256Bytes(encodeWords(LEAF_TYPEHASH, index, claimId)));
}

/** The leaf of the opening at `index` in the tree behind `dataRoot`. */
export function openingLeaf(index: number, opening: Opening): Hex {
  return bytesToHex(openingLeafBytes(index, opening));
}

/** {@link openingLeaf} as bytes: for whoever builds trees of thousands. */
export function openingLeafBytes(index: number, { input, salt, output }: Opening): Uint8Array {
  const words = encodeWords(OPENING_TYPEHASH, index, keccak256(input), salt, keccak256(output));
  return keccak256Bytes(keccak256Bytes(words));
}

/** A header as it travels: 64-bit integers as decimal strings. */
export type BatchHeaderJson = Record<Exclude<keyof BatchHeader, "count">, string> & { count: number };

/** A header as JSON. */
export function batchHeaderToJson(header: BatchHeader): BatchHeaderJson {
  return { ...header, oldestServedAt: header.oldestServedAt.toString(), nonce: header.nonce.toString() };
}

/** A header from JSON. Throws MT-SDK-002, -004, -005 or -006 naming the field. */
export function parseBatchHeader(json: unknown): BatchHeader {
  const fields = asRecord(json, "header");
  return {
    operator: asAddress(fields.operator, "header.operator"),
    policyId: asHex32(fields.policyId, "header.policyId"),
    modelId: asHex32(fields.modelId, "header.modelId"),
    root: asHex32(fields.root, "header.root"),
    dataRoot: asHex32(fields.dataRoot, "header.dataRoot"),
    count: asCount(fields.count),
    oldestServedAt: asUint64(fields.oldestServedAt, "header.oldestServedAt"),
    nonce: asUint64(fields.nonce, "header.nonce"),
  };
}

function asCount(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_BATCH_COUNT)
    return value;
  throw new MeantimeError("MT-SDK-006", `header.count is not a whole number from 1 to ${MAX_BATCH_COUNT}`, {
    hint: "Read the header from the BatchCommitted event.",
  });
}
