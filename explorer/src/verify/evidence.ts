// SPDX-License-Identifier: MIT

import { batchId as batchIdOf } from "@meantime/sdk/batch";
import type { Bundle } from "@meantime/sdk/bundle/format";
import { claimId as claimIdOf, twinClaim } from "@meantime/sdk/claim";
import { provingContext } from "@meantime/sdk/evidence";
import { checkEvidence } from "@meantime/sdk/evidence-from-chain/check";
import { type BroughtEvidence, evidenceInTransaction } from "@meantime/sdk/evidence-from-chain/transaction";
import type { Hex } from "@meantime/sdk/hex";
import { minedTransaction, nodeTrouble, type TrustedNode } from "./node.ts";
import { snarkjsHolds } from "./snarkjs.ts";
import { type Step, stepOf } from "./step.ts";

const KIND_TITLES: Record<BroughtEvidence["kind"], string> = {
  zk: "Zero-knowledge proof",
  "tee-claim": "Enclave's signature of the claim",
  "tee-batch": "Enclave's signature of the batch",
  quorum: "Re-executors' verdict",
  counterproof: "Proof of another answer",
};

/**
 * Judges what some transactions brought for a claim, or for the batch that it is in: each is read from the visitor's node,
 * and its proofs and signatures are verified here.
 */
export async function judgeTransactions(
  hashes: readonly Hex[],
  bundle: Bundle,
  node: TrustedNode,
): Promise<Step[]> {
  const steps = await Promise.all(
    [...new Set(hashes)].map(async (hash) => {
      try {
        return await judgeTransaction(hash, bundle, node);
      } catch (error) {
        return [unread(hash, "unknown", nodeTrouble(error))];
      }
    }),
  );
  return steps.flat();
}

async function judgeTransaction(hash: Hex, bundle: Bundle, node: TrustedNode): Promise<Step[]> {
  const { domain, provider } = node.chain;
  const transaction = await minedTransaction(provider, hash);
  if (transaction === undefined)
    return [unread(hash, "wrong", "The chain has no transaction of this hash that succeeded.")];
  const { brought, unexplained } = evidenceInTransaction(transaction, domain);
  const batchId = bundle.inclusion && batchIdOf(domain, bundle.inclusion.header);
  const isOurs = (one: { kind: string; batchId: Hex; claimId?: Hex }) =>
    one.batchId === batchId && (one.kind === "tee-batch" || one.claimId === bundle.receipt.claimId);
  const ours = brought.filter(isOurs);
  if (ours.length > 0) {
    const judged = ours.map((one) => judgeBrought(one, hash, transaction.blockNumber, node));
    return (await Promise.all(judged)).flat();
  }
  if (unexplained.some(isOurs))
    return [
      unread(hash, "unknown", "The contract accepted evidence here that the transaction does not show."),
    ];
  return [unread(hash, "wrong", "The contract accepted no evidence for this claim in this transaction.")];
}

async function judgeBrought(
  brought: BroughtEvidence,
  hash: Hex,
  blockNumber: bigint,
  node: TrustedNode,
): Promise<Step[]> {
  const check = await checkEvidence(brought, node.facts, blockNumber);
  const facts: [string, string][] = [
    ["Transaction", hash],
    ["Block", blockNumber.toString()],
  ];
  const first: Step = {
    ...stepOf(check, facts),
    ...{ name: `evidence ${brought.kind} ${hash}`, title: KIND_TITLES[brought.kind] },
  };
  const isProof = brought.kind === "zk" || brought.kind === "counterproof";
  return isProof && brought.judged === undefined
    ? [first, await secondOpinion(brought, hash, node)]
    : [first];
}

type BroughtProof = Extract<BroughtEvidence, { claim: unknown }>;

/** The same proof, judged by code that shares nothing with the SDK's. */
async function secondOpinion(brought: BroughtProof, hash: Hex, { facts }: TrustedNode): Promise<Step> {
  const about = { name: `snarkjs ${hash}`, title: "The same proof, by snarkjs", facts: [] };
  try {
    const policy = await facts.policyOf(brought.claim.policyId);
    const model = policy && (await facts.modelOf(policy.zkEvidence, brought.claim.modelId));
    const key =
      policy && model && (await facts.verificationKeyOf(policy.zkEvidence, model.verificationKeyId));
    if (key === undefined)
      return { ...about, finding: "unknown", reason: "The model's verification key is not on the chain." };
    const proven =
      brought.kind === "counterproof" ? twinClaim(brought.claim, brought.trueOutputHash) : brought.claim;
    const context = provingContext(claimIdOf(facts.chain.domain, proven), brought.beneficiary);
    const signals = [BigInt(proven.inputHash), BigInt(proven.outputHash), context];
    const holds = await snarkjsHolds(key, signals, brought.evidence);
    return {
      ...about,
      finding: holds ? "checked" : "wrong",
      reason: holds
        ? "snarkjs, which shares no code with the first verifier, agrees."
        : "snarkjs refuses the proof.",
    };
  } catch (error) {
    return { ...about, finding: "unknown", reason: `snarkjs gave no answer: ${nodeTrouble(error)}` };
  }
}

function unread(hash: Hex, finding: Step["finding"], reason: string): Step {
  return { name: `evidence ${hash}`, title: "Evidence", finding, reason, facts: [["Transaction", hash]] };
}
