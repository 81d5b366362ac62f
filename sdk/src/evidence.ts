// SPDX-License-Identifier: MIT
import { typedDataDigest } from "./domain.ts";
import { MeantimeError } from "./errors.ts";
import {
  type Address,
  bytesToHex,
  concatBytes,
  type Hex,
  hexToBytes,
  keccak256,
  keccak256Bytes,
  keccak256Text,
} from "./hex.ts";
import { recoverAddress } from "./signature.ts";
import { encodeWords } from "./words.ts";

/** A Groth16 proof as snarkjs gives it: decimal strings, projective coordinates, G2 real part first. */
export interface SnarkjsProof {
  pi_a: string[];
  pi_b: string[][];
  pi_c: string[];
}

/** Where enclaves' signatures are judged. */
export interface EnclaveDomain {
  chainId: bigint;
  /** The EnclaveEvidence contract. */
  enclaveEvidence: Address;
}

/** Where the verdicts of a committee of re-executors are judged. */
export interface QuorumDomain {
  chainId: bigint;
  /** The QuorumEvidence contract. */
  quorumEvidence: Address;
}

const CONTEXT_TYPEHASH = keccak256Text("MeantimeContext(bytes32 claimId,address beneficiary)");
const CLAIM_ATTESTATION_TYPEHASH = keccak256Text("ClaimAttestation(bytes32 claimId,address beneficiary)");
const BATCH_ATTESTATION_TYPEHASH = keccak256Text("BatchAttestation(bytes32 batchId,bytes32 modelId)");
const CLAIM_VERDICT_TYPEHASH = keccak256Text("ClaimVerdict(bytes32 claimId,address beneficiary)");
const DROPPED_BITS = 8n;
const WORD_LIMIT = 1n << 256n;

/** The third public signal of a proof: ties it to one claim and to whom it pays. 248 bits, so below the field's order. */
export function provingContext(claimId: Hex, beneficiary: Address): bigint {
  return BigInt(keccak256(encodeWords(CONTEXT_TYPEHASH, claimId, beneficiary))) >> DROPPED_BITS;
}

/**
 * The evidence bytes of a proof: A (x, y), B (x.im, x.re, y.im, y.re), C (x, y), one word each.
 * Throws MT-SDK-404 for a coordinate that is missing or no decimal number of at most 256 bits.
 */
export function encodeGroth16Proof({ pi_a, pi_b, pi_c }: SnarkjsProof): Hex {
  const coordinates = [
    ...[pi_a[0], pi_a[1]],
    ...[pi_b[0]?.[1], pi_b[0]?.[0], pi_b[1]?.[1], pi_b[1]?.[0]],
    ...[pi_c[0], pi_c[1]],
  ];
  return bytesToHex(encodeWords(...coordinates.map(parseCoordinate)));
}

/** What an enclave signs for one claim: EIP-712 `ClaimAttestation` in the domain "Meantime Enclave". */
export function claimAttestationDigest(domain: EnclaveDomain, claimId: Hex, beneficiary: Address): Hex {
  return enclaveDigest(domain, encodeWords(CLAIM_ATTESTATION_TYPEHASH, claimId, beneficiary));
}

/** What an enclave signs for a whole batch of one model: EIP-712 `BatchAttestation`. */
export function batchAttestationDigest(domain: EnclaveDomain, batchId: Hex, modelId: Hex): Hex {
  return enclaveDigest(domain, encodeWords(BATCH_ATTESTATION_TYPEHASH, batchId, modelId));
}

/** What a re-executor signs when it finds a claim right: EIP-712 `ClaimVerdict` in the domain "Meantime Quorum". */
export function claimVerdictDigest(domain: QuorumDomain, claimId: Hex, beneficiary: Address): Hex {
  const words = encodeWords(CLAIM_VERDICT_TYPEHASH, claimId, beneficiary);
  return typedDataDigest("Meantime Quorum", domain.chainId, domain.quorumEvidence, keccak256Bytes(words));
}

/**
 * The evidence bytes of a committee's signatures over one verdict: one after the other, in ascending order of their
 * signers, each signer once. Throws MT-SDK-101 to 104 for what is no signature.
 */
export function encodeQuorumEvidence(digest: Hex, signatures: readonly Hex[]): Hex {
  const bySigner = new Map(signatures.map((signature) => [recoverAddress(digest, signature), signature]));
  const ascending = [...bySigner].sort(([a], [b]) => (a < b ? -1 : 1));
  return bytesToHex(concatBytes(...ascending.map(([, signature]) => hexToBytes(signature))));
}

function parseCoordinate(text: string | undefined): bigint {
  if (text !== undefined && /^\d{1,78}$/.test(text) && BigInt(text) < WORD_LIMIT) return BigInt(text);
  throw new MeantimeError("MT-SDK-404", "a coordinate of the proof is missing or no decimal number", {
    hint: "Pass the proof as snarkjs gives it.",
  });
}

function enclaveDigest({ chainId, enclaveEvidence }: EnclaveDomain, words: Uint8Array): Hex {
  return typedDataDigest("Meantime Enclave", chainId, enclaveEvidence, keccak256Bytes(words));
}
