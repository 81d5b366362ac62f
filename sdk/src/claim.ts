// SPDX-License-Identifier: MIT
import { type SettlementDomain, settlementMessage } from "./domain.ts";
import {
  type Address,
  asAddress,
  asHex32,
  type Hex,
  keccak256,
  keccak256Bytes,
  keccak256Text,
} from "./hex.ts";
import { asRecord, asUint64 } from "./json.ts";
import { encodeWords } from "./words.ts";

/** The statement "operator O says model M maps input I to output Y under policy P". */
export interface Claim {
  modelId: Hex;
  policyId: Hex;
  operator: Address;
  /** Whom a rejection compensates; zero burns that share. */
  requester: Address;
  /** The on-chain request, or the client's idempotency nonce. */
  requestId: Hex;
  /** By the model's input scheme. */
  inputHash: Hex;
  /** By the model's output scheme. */
  outputHash: Hex;
  /** Unix seconds; no later than the block that commits it. */
  servedAt: bigint;
  /** Unix seconds; the receipt promises inclusion by then. At least `servedAt`, at most a day later. */
  commitBy: bigint;
}

/** The EIP-712 fields of a claim, for wallets. */
export const CLAIM_EIP712_TYPES = {
  Claim: [
    { name: "modelId", type: "bytes32" },
    { name: "policyId", type: "bytes32" },
    { name: "operator", type: "address" },
    { name: "requester", type: "address" },
    { name: "requestId", type: "bytes32" },
    { name: "inputHash", type: "bytes32" },
    { name: "outputHash", type: "bytes32" },
    { name: "servedAt", type: "uint64" },
    { name: "commitBy", type: "uint64" },
  ],
};

/** keccak256 of the EIP-712 type of a claim. */
export const CLAIM_TYPEHASH = keccak256Text(
  `Claim(${CLAIM_EIP712_TYPES.Claim.map(({ name, type }) => `${type} ${name}`).join(",")})`,
);

/** The claim id: the EIP-712 digest of the claim. */
export function claimId(domain: SettlementDomain, claim: Claim): Hex {
  return keccak256(claimMessage(domain, claim));
}

/** What the claim id is the hash of: for signers that hash what they sign. */
export function claimMessage(domain: SettlementDomain, claim: Claim): Uint8Array {
  const words = encodeWords(
    CLAIM_TYPEHASH,
    claim.modelId,
    claim.policyId,
    claim.operator,
    claim.requester,
    claim.requestId,
    claim.inputHash,
    claim.outputHash,
    claim.servedAt,
    claim.commitBy,
  );
  return settlementMessage(domain, keccak256Bytes(words));
}

/**
 * The claim that says what the model really answers, in every other field equal. A proof of it disproves the claim
 * (`Settlement.disprove`).
 */
export function twinClaim(claim: Claim, trueOutputHash: Hex): Claim {
  return { ...claim, outputHash: trueOutputHash };
}

/** A claim as JSON: the times as decimal strings. */
export function claimToJson(claim: Claim): Record<keyof Claim, string> {
  return { ...claim, servedAt: claim.servedAt.toString(), commitBy: claim.commitBy.toString() };
}

/** A claim from JSON. Throws MT-SDK-002, -004 or -005 naming the field. */
export function parseClaim(json: unknown): Claim {
  const fields = asRecord(json, "claim");
  return {
    modelId: asHex32(fields.modelId, "claim.modelId"),
    policyId: asHex32(fields.policyId, "claim.policyId"),
    operator: asAddress(fields.operator, "claim.operator"),
    requester: asAddress(fields.requester, "claim.requester"),
    requestId: asHex32(fields.requestId, "claim.requestId"),
    inputHash: asHex32(fields.inputHash, "claim.inputHash"),
    outputHash: asHex32(fields.outputHash, "claim.outputHash"),
    servedAt: asUint64(fields.servedAt, "claim.servedAt"),
    commitBy: asUint64(fields.commitBy, "claim.commitBy"),
  };
}
