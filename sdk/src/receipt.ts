// SPDX-License-Identifier: MIT
import { type Claim, claimId, claimToJson, parseClaim } from "./claim.ts";
import type { SettlementDomain } from "./domain.ts";
import { MeantimeError } from "./errors.ts";
import { type Address, asHex32, asHexOf, type Hex } from "./hex.ts";
import { asRecord } from "./json.ts";
import { isAnswerable } from "./policy.ts";
import { recoverAddress, signDigest } from "./signature.ts";

/** A claim and the operator's promise to put it on chain by `claim.commitBy`. */
export interface Receipt {
  claim: Claim;
  claimId: Hex;
  /** 65 bytes r || s || v by a receipt key over the claim id. */
  signature: Hex;
}

/** A key that signs receipts, and when it does so with effect; see `Receipts.receiptKeyOf`. */
export interface ReceiptKey {
  key: Address;
  /** Unix seconds, inclusive. */
  validFrom: bigint;
  /** Unix seconds, exclusive. */
  validUntil: bigint;
}

/** Whether a receipt may be relied on. */
export type ReceiptVerdict = { valid: true; signer: Address } | { valid: false; error: MeantimeError };

/** What a receipt is checked against. */
export interface ReceiptExpectation {
  domain: SettlementDomain;
  /**
   * The operator's receipt keys: with the times that they are valid (`Receipts.receiptKeyOf`), or as bare addresses, where
   * the holder knows that they were valid when it was served.
   */
  receiptKeys: readonly (Address | ReceiptKey)[];
  /**
   * Since when receipts under the claim's policy bind the operator, unix seconds, as the holder reads it from the chain
   * (`Receipts.acceptedAtOf`). Zero: they do not. Where given, a receipt that binds nobody is refused.
   */
  acceptedSince?: bigint;
  /** When the claim's policy was closed, unix seconds (`Settlement.closedAtOf`); zero: it is open. */
  closedAt?: bigint;
  /** Fields that the holder knows: what it asked for and what it was answered. */
  expected?: Partial<Claim>;
  /** The holder's clock, unix seconds. Where given, a receipt from the future or past its `commitBy` is refused. */
  nowSeconds?: bigint;
  /** The longest `commitBy - servedAt` that the holder accepts. Default: the protocol's horizon. */
  maxHorizonSeconds?: bigint;
}

/** The protocol's horizon: a receipt that promises inclusion later than this after serving is void on its face. */
export const MAX_COMMIT_HORIZON_SECONDS = 86_400n;

const CLOCK_SKEW_SECONDS = 60n;

/** Signs a claim. */
export function signReceipt(privateKey: Hex, claim: Claim, domain: SettlementDomain): Receipt {
  const id = claimId(domain, claim);
  return { claim, claimId: id, signature: signDigest(privateKey, id) };
}

/** The address whose key signed the receipt; its claim id is computed anew, never believed. */
export function receiptSigner(receipt: Receipt, domain: SettlementDomain): Address {
  return recoverAddress(claimId(domain, receipt.claim), receipt.signature);
}

/**
 * Checks a receipt before its answer is used. Throws the first check that fails: MT-SDK-110 claim id, -111 a field
 * differs from what was expected (named in `details.field`), -112 nobody could settle it, -113 horizon, -114 clock,
 * -115 signer, -116 a policy that the operator had not accepted, -117 a key outside its time, -118 a closed policy, or a
 * signature error of `recoverAddress`.
 */
export function verifyReceipt(receipt: Receipt, expectation: ReceiptExpectation): void {
  const { claim } = receipt;
  if (claimId(expectation.domain, claim) !== receipt.claimId) {
    throw new MeantimeError("MT-SDK-110", "the claim id is not the digest of the claim", {
      hint: "The receipt was altered, or is for another chain or Settlement contract.",
    });
  }
  requireExpectedFields(claim, expectation.expected ?? {});
  if (!isAnswerable(claim.modelId, claim.policyId)) {
    throw new MeantimeError("MT-SDK-112", "the model and the policy share no kind of evidence", {
      hint: "Such a claim never becomes final: ask under another policy.",
    });
  }
  requireTimes(claim, expectation);
  requireKey(claim, receiptSigner(receipt, expectation.domain), expectation.receiptKeys);
  requireAccepted(claim, expectation.acceptedSince);
  requireOpen(claim, expectation.closedAt);
}

/** {@link verifyReceipt} with an outcome instead of an error. Errors of another kind than `MeantimeError` are thrown. */
export function judgeReceipt(receipt: Receipt, expectation: ReceiptExpectation): ReceiptVerdict {
  try {
    verifyReceipt(receipt, expectation);
    return { valid: true, signer: receiptSigner(receipt, expectation.domain) };
  } catch (error) {
    if (error instanceof MeantimeError) return { valid: false, error };
    throw error;
  }
}

/** A receipt as it travels: integers as decimal digits. */
export type ReceiptJson = { claim: Record<keyof Claim, string>; claimId: Hex; signature: Hex };

/** A receipt as JSON. */
export function receiptToJson({ claim, claimId, signature }: Receipt): ReceiptJson {
  return { claim: claimToJson(claim), claimId, signature };
}

/** A receipt from JSON. Throws the errors of `parseClaim`. */
export function parseReceipt(json: unknown): Receipt {
  const fields = asRecord(json, "receipt");
  return {
    claim: parseClaim(fields.claim),
    claimId: asHex32(fields.claimId, "receipt.claimId"),
    signature: asHexOf(fields.signature, 65, "receipt.signature"),
  };
}

function requireExpectedFields(claim: Claim, expected: Partial<Claim>): void {
  for (const field of Object.keys(expected) as (keyof Claim)[]) {
    if (expected[field] === undefined || expected[field] === claim[field]) continue;
    throw new MeantimeError("MT-SDK-111", `the receipt's ${field} is not what was asked for or answered`, {
      hint: "Do not use the answer; keep the receipt.",
      details: { field, expected: expected[field], actual: claim[field] },
    });
  }
}

function requireKey(
  { servedAt }: Claim,
  signer: Address,
  receiptKeys: readonly (Address | ReceiptKey)[],
): void {
  const found = receiptKeys.find((known) => (typeof known === "string" ? known : known.key) === signer);
  const isNever = typeof found === "object" && found.validFrom === 0n && found.validUntil === 0n;
  if (found === undefined || isNever) {
    throw new MeantimeError(
      "MT-SDK-115",
      `the receipt is signed by ${signer}, no receipt key of the operator`,
      {
        hint: "Read the operator's keys from the Receipts contract; do not use the answer.",
        details: { signer },
      },
    );
  }
  if (typeof found === "string" || (servedAt >= found.validFrom && servedAt < found.validUntil)) return;
  throw new MeantimeError("MT-SDK-117", `the key ${signer} did not sign for the operator at that time`, {
    hint: "It was not yet, or no longer, a receipt key when the answer was served: do not use the answer.",
    details: { signer, servedAt, validFrom: found.validFrom, validUntil: found.validUntil },
  });
}

function requireOpen({ policyId, servedAt }: Claim, closedAt: bigint | undefined): void {
  if (closedAt === undefined || closedAt === 0n || servedAt < closedAt) return;
  throw new MeantimeError("MT-SDK-118", "the policy had been closed when the receipt was given", {
    hint: "Such a receipt binds nobody: do not use the answer; ask under another policy.",
    details: { policyId, servedAt, closedAt },
  });
}

function requireAccepted({ policyId, servedAt }: Claim, acceptedSince: bigint | undefined): void {
  if (acceptedSince === undefined || (acceptedSince !== 0n && servedAt >= acceptedSince)) return;
  throw new MeantimeError("MT-SDK-116", "the operator had not accepted the policy when it gave the receipt", {
    hint: "Such a receipt binds nobody: do not use the answer; ask under a policy that the operator has accepted.",
    details: { policyId, servedAt, acceptedSince },
  });
}

function requireTimes(claim: Claim, { nowSeconds, maxHorizonSeconds }: ReceiptExpectation): void {
  const horizonSeconds = claim.commitBy - claim.servedAt;
  const maxSeconds = maxHorizonSeconds ?? MAX_COMMIT_HORIZON_SECONDS;
  if (horizonSeconds < 0n || horizonSeconds > maxSeconds) {
    throw new MeantimeError(
      "MT-SDK-113",
      `the receipt promises inclusion ${horizonSeconds} s after serving`,
      {
        hint: `At most ${maxSeconds} s are acceptable.`,
        details: { horizonSeconds, maxSeconds },
      },
    );
  }
  if (nowSeconds === undefined) return;
  if (claim.servedAt > nowSeconds + CLOCK_SKEW_SECONDS || claim.commitBy < nowSeconds) {
    throw new MeantimeError("MT-SDK-114", "the receipt's times do not fit the clock", {
      hint: "Compare your clock with the latest block's.",
      details: { servedAt: claim.servedAt, commitBy: claim.commitBy, nowSeconds },
    });
  }
}
