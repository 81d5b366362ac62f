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

/** What a receipt is checked against. */
export interface ReceiptExpectation {
  domain: SettlementDomain;
  /** The operator's receipt keys that are valid for the time it was served; see `Receipts.receiptKeyOf`. */
  receiptKeys: readonly Address[];
  /**
   * Since when receipts under the claim's policy bind the operator, unix seconds, as the holder reads it from the chain
   * (`Receipts.acceptedAtOf`). Zero: they do not. Where given, a receipt that binds nobody is refused.
   */
  acceptedSince?: bigint;
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
 * -115 signer, -116 a policy that the operator had not accepted, or a signature error of `recoverAddress`.
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
  const signer = receiptSigner(receipt, expectation.domain);
  if (!expectation.receiptKeys.includes(signer)) {
    throw new MeantimeError(
      "MT-SDK-115",
      `the receipt is signed by ${signer}, no receipt key of the operator`,
      {
        hint: "Read the operator's keys from the Receipts contract; do not use the answer.",
        details: { signer },
      },
    );
  }
  requireAccepted(claim, expectation.acceptedSince);
}

/** A receipt as JSON. */
export function receiptToJson({ claim, claimId, signature }: Receipt): Record<string, unknown> {
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
