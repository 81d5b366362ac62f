// SPDX-License-Identifier: MIT
import { acceptedAtOf, type Chain, chainSeconds, closedAtOf, receiptKeyOf } from "./chain/chain.ts";
import { type Receipt, type ReceiptExpectation, receiptSigner } from "./receipt.ts";

/** Facts about an operator that the holder has read from the chain itself, and keeps up to date. */
export type KnownFacts = Pick<
  ReceiptExpectation,
  "domain" | "receiptKeys" | "maxHorizonSeconds" | "nowSeconds" | "acceptedSince" | "closedAt"
>;

/** Facts that are read from the chain for each receipt: four calls. */
export interface ChainFacts {
  chain: Chain;
  /** The longest `commitBy - servedAt` that the holder accepts. Default: the protocol's horizon. */
  maxHorizonSeconds?: bigint;
}

/** What receipts are held against: known facts, or the chain. Never the gateway. */
export type Trust = KnownFacts | ChainFacts;

/**
 * What the receipt at hand is held against: the signer's validity, since when the operator accepts the policy, when the
 * policy was closed, and the chain's time. Throws what the chain's provider throws, and MT-SDK-101 to -104 for a signature
 * that names no key.
 */
export async function resolveTrust(trust: Trust, receipt: Receipt): Promise<KnownFacts> {
  if (!("chain" in trust)) return trust;
  const { chain, maxHorizonSeconds } = trust;
  const { operator, policyId } = receipt.claim;
  const signer = receiptSigner(receipt, chain.domain);
  const [receiptKey, acceptedSince, closedAt, nowSeconds] = await Promise.all([
    receiptKeyOf(chain, operator, signer),
    acceptedAtOf(chain, operator, policyId),
    closedAtOf(chain, policyId),
    chainSeconds(chain),
  ]);
  return {
    ...{ domain: chain.domain, receiptKeys: [receiptKey], acceptedSince, closedAt, nowSeconds },
    ...(maxHorizonSeconds === undefined ? {} : { maxHorizonSeconds }),
  };
}
