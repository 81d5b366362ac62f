// SPDX-License-Identifier: MIT
import { batchId, leafHash, openingLeaf } from "../batch.ts";
import { claimId } from "../claim.ts";
import { enclaveKeyIdOf, enclaveSignerOf } from "../enclave-keys.ts";
import { MeantimeError } from "../errors.ts";
import {
  batchAttestationDigest,
  claimAttestationDigest,
  claimVerdictDigest,
  provingContext,
} from "../evidence.ts";
import { verificationKeyId, verifyGroth16 } from "../groth16.ts";
import { verifyGroth16Batch } from "../groth16-batch.ts";
import { type Address, type Hex, ZERO_HASH } from "../hex.ts";
import { verifyMerkleProof } from "../merkle.ts";
import { modelId } from "../model.ts";
import { EVIDENCE_KINDS, policyId } from "../policy.ts";
import { judgeReceipt, type Receipt, receiptSigner, verifyReceipt } from "../receipt.ts";
import { recoverAddress } from "../signature.ts";
import type { KnownFacts } from "../trust.ts";
import { type Check, judged, overall, type Verdict } from "../verdict.ts";
import { type ChainWord, judgeFinality } from "./finality.ts";
import type { Bundle, BundleEvidence, EnclaveSignature, ProofEvidence, QuorumSignatures } from "./format.ts";
import { decodeJudged } from "./judged.ts";
import { judgeOpening } from "./opening.ts";

const ADDRESS_CHARACTERS = 42;

/** What a bundle is worth. */
export interface BundleVerdict {
  verdict: Verdict;
  /**
   * `claim id`, `receipt signature`, `receipt key`, `model`, `policy`, `opening`, `inclusion`, `commitment` (of a bundle that
   * names a batch), `evidence[n]`, and `finality`: whether the chain calls the claim final and evidence was verified that makes it
   * so, or the chain's word is all there is, or not even that.
   */
  checks: Check[];
  /** What the bundle says that no check is about: look it up on the chain. */
  notChecked: string[];
}

/** What whoever judges knows from the chain, or believes. Without it the answer is `cannot tell` at best. */
export interface BundleFacts {
  /** The domain and the operator's receipt keys. */
  trust?: KnownFacts;
  /** Ids of batches known to be committed. */
  batchIds?: readonly Hex[];
  /** Keys known to live in enclaves of a measurement: addresses, or ids of P-256 keys. */
  enclaveKeys?: readonly { key: Address; measurement: Hex }[];
  /** The committee, and how many of it are a quorum. */
  committee?: { signers: readonly Address[]; threshold: number };
  /** How the claim stands on the chain. */
  onChain?: ChainWord;
}

/**
 * Judges a bundle offline: everything that a hash, a signature or a proof can show is checked, against the facts that are
 * given; nothing is asked of anybody. What was not verified is never `valid`: a claim whose evidence the bundle does not hold
 * `cannot tell`, also where `facts` say that the chain calls it final; and so is one of which they do not say how it stands,
 * whatever evidence there is. Throws nothing but what a malformed `Bundle` (one that `parseBundle` did not make) provokes.
 */
export function verifyBundle(bundle: Bundle, facts: BundleFacts = {}): BundleVerdict {
  const evidence = bundle.evidence.map((one, at) => checkEvidence(bundle, one, facts, `evidence[${at}]`));
  const policy = checkPolicy(bundle);
  const checks = [
    ...[checkClaimId(bundle), checkSignature(bundle), checkKey(bundle, facts)],
    ...[checkModel(bundle), policy, checkOpening(bundle), checkInclusion(bundle)],
    ...(bundle.inclusion ? [checkCommitment(bundle, facts)] : []),
    ...evidence,
    checkFinality(bundle, policy, evidence, facts),
  ];
  return { verdict: overall(checks), checks, notChecked: notChecked(bundle, facts) };
}

function checkFinality(
  bundle: Bundle,
  policy: Check,
  evidence: readonly Check[],
  { onChain }: BundleFacts,
): Check {
  const kinds = bundle.evidence.map(({ kind }, at) =>
    evidence[at]?.verdict === "valid" ? EVIDENCE_KINDS[kind] : 0,
  );
  return judgeFinality({
    rule: policy.verdict === "valid" ? bundle.policy?.rule : undefined,
    ...{ verifiedKinds: kinds.reduce<number>((all, kind) => all | kind, 0), onChain },
  });
}

function checkClaimId({ domain, receipt }: Bundle): Check {
  const isDigest = claimId(domain, receipt.claim) === receipt.claimId;
  return judged("claim id", isDigest, "the digest of the claim in this domain");
}

function checkSignature({ domain, receipt }: Bundle): Check {
  const name = "receipt signature";
  return guarded(name, () => {
    const signer = receiptSigner(receipt, domain);
    const verdict = judgeReceipt(receipt, { domain, receiptKeys: [signer] });
    if (verdict.valid) return check(name, "valid", `${signer} signed a claim that can settle`);
    return check(name, "invalid", verdict.error.message);
  });
}

function checkKey({ receipt }: Bundle, { trust }: BundleFacts): Check {
  const name = "receipt key";
  if (trust === undefined)
    return check(name, "cannot tell", "whose key signed, and when it was valid, is on the chain");
  return guarded(name, () => {
    // The bundle may be years old: the clock says nothing.
    const { nowSeconds: _, ...facts } = trust;
    verifyReceipt(receipt, facts);
    return check(name, "valid", "the operator's key at that time, and the receipt binds by the facts given");
  });
}

function checkModel({ model, receipt }: Bundle): Check {
  if (model === undefined) return check("model", "cannot tell", "the bundle has no entry of the model");
  return judged(
    "model",
    modelId(model) === receipt.claim.modelId,
    "the entry that the model id is the hash of",
  );
}

function checkPolicy({ policy, receipt }: Bundle): Check {
  if (policy === undefined) return check("policy", "cannot tell", "the bundle has no terms of the policy");
  const isContent = policyId(policy) === receipt.claim.policyId;
  return judged("policy", isContent, "the terms that the policy id is the hash of");
}

function checkOpening({ opening, receipt, model }: Bundle): Check {
  const name = "opening";
  if (opening === undefined) return check(name, "cannot tell", "the bundle does not open the hashes");
  if (model === undefined) return check(name, "cannot tell", "without the model its schemes are not known");
  const opened = judgeOpening(opening, receipt.claim, model);
  if (opened === undefined) return check(name, "cannot tell", "this SDK does not know the model's schemes");
  return judged(name, opened, "the input and the output that the claim's hashes stand for");
}

function checkInclusion({ inclusion, receipt, opening }: Bundle): Check {
  const name = "inclusion";
  if (inclusion === undefined) return check(name, "cannot tell", "the bundle names no batch");
  const { header, index, proof, dataProof } = inclusion;
  const { claim } = receipt;
  const isIn = (root: Hex, leaf: Hex, path: readonly Hex[]) =>
    verifyMerkleProof({ root, count: header.count, index, leaf, proof: [...path] });
  if (header.operator !== claim.operator || header.policyId !== claim.policyId)
    return check(name, "invalid", "the batch is of another operator or policy");
  if (header.modelId !== ZERO_HASH && header.modelId !== claim.modelId)
    return check(name, "invalid", "the batch is of another model");
  if (header.oldestServedAt > claim.servedAt)
    return check(name, "invalid", "the claim was served before the oldest of the batch");
  if (!isIn(header.root, leafHash(index, receipt.claimId), proof))
    return check(name, "invalid", "the path does not lead from the claim to the root");
  if (dataProof !== undefined && opening !== undefined) {
    if (!isIn(header.dataRoot, openingLeaf(index, opening), dataProof))
      return check(name, "invalid", "the path does not lead from the opening to the data root");
  }
  return check(name, "valid", `the claim is at ${index} of ${header.count} in the batch`);
}

function checkCommitment({ domain, inclusion }: Bundle, { batchIds }: BundleFacts): Check {
  const name = "commitment";
  if (inclusion === undefined || batchIds === undefined)
    return check(name, "cannot tell", "whether the batch was committed is on the chain");
  const isKnown = batchIds.includes(batchId(domain, inclusion.header));
  if (isKnown) return check(name, "valid", "the batch is one of those given as committed");
  return check(name, "cannot tell", "the batch is none of those given as committed");
}

function checkEvidence(bundle: Bundle, evidence: BundleEvidence, facts: BundleFacts, name: string): Check {
  return guarded(name, () => {
    if (evidence.kind === "zk") return checkProof(bundle, evidence, name);
    if (evidence.kind === "tee") return checkEnclave(bundle, evidence, facts, name);
    return checkQuorum(bundle, evidence, facts, name);
  });
}

function checkProof({ receipt, model }: Bundle, evidence: ProofEvidence, name: string): Check {
  const { verificationKey } = evidence;
  if (!isProven(receipt, evidence))
    return check(name, "invalid", "the proof does not hold for this claim and beneficiary");
  if (model === undefined)
    return check(
      name,
      "cannot tell",
      "the proof holds; whether its key is the model's, the bundle does not say",
    );
  return judged(
    name,
    verificationKeyId(verificationKey) === model.verificationKeyId,
    "a proof under the model's verification key that holds for this claim and beneficiary",
  );
}

function isProven({ claim, claimId }: Receipt, evidence: ProofEvidence): boolean {
  const { verificationKey, proof, judged: together, beneficiary } = evidence;
  const { inputHash, outputHash } = claim;
  const ctx = provingContext(claimId, beneficiary);
  if (together === undefined) {
    return verifyGroth16(verificationKey, [BigInt(inputHash), BigInt(outputHash), ctx], proof);
  }
  const batch = decodeJudged(together);
  const isStated = batch.statements.some(
    (one) => one.inputHash === inputHash && one.outputHash === outputHash && one.ctx === ctx,
  );
  return isStated && verifyGroth16Batch(verificationKey, batch);
}

function checkEnclave(bundle: Bundle, evidence: EnclaveSignature, facts: BundleFacts, name: string): Check {
  const { receipt, policy, model } = bundle;
  const { enclaveEvidence, key, signature } = evidence;
  const digest = enclaveDigestOf(bundle, evidence);
  if (digest === undefined)
    return check(name, "invalid", "a batch of no one model, or none, cannot be attested");
  const keyId = isAddress(key) ? enclaveKeyIdOf(key) : key;
  if (enclaveSignerOf(digest, signature) !== keyId)
    return check(name, "invalid", "the key did not sign this");
  if (policy !== undefined && policy.teeEvidence !== enclaveEvidence)
    return check(name, "invalid", "the policy names another evidence contract");
  const known = facts.enclaveKeys?.find((one) => one.key === key);
  if (known === undefined || model === undefined || policy === undefined)
    return check(
      name,
      "cannot tell",
      `${key} signed; that it lives in the model's enclave has to be shown elsewhere`,
    );
  const isModels = known.measurement === model.measurement && receipt.claim.modelId === modelId(model);
  return judged(name, isModels, "the signature of a key known to live in the model's enclave");
}

function isAddress(key: Hex): boolean {
  return key.length === ADDRESS_CHARACTERS;
}

function enclaveDigestOf(
  { domain, receipt, inclusion }: Bundle,
  evidence: EnclaveSignature,
): Hex | undefined {
  const { scope, enclaveEvidence, beneficiary } = evidence;
  const enclaveDomain = { chainId: domain.chainId, enclaveEvidence };
  if (scope === "claim") return claimAttestationDigest(enclaveDomain, receipt.claimId, beneficiary);
  if (inclusion === undefined || inclusion.header.modelId !== receipt.claim.modelId) return undefined;
  const { header } = inclusion;
  return batchAttestationDigest(enclaveDomain, batchId(domain, header), header.modelId);
}

function checkQuorum(
  { domain, receipt, policy, model }: Bundle,
  { quorumEvidence, beneficiary, signatures }: QuorumSignatures,
  { committee }: BundleFacts,
  name: string,
): Check {
  const digest = claimVerdictDigest(
    { chainId: domain.chainId, quorumEvidence },
    receipt.claimId,
    beneficiary,
  );
  const signers = signatures.map((signature) => recoverAddress(digest, signature));
  if (new Set(signers).size < signers.length) return check(name, "invalid", "a signer is counted twice");
  if (policy !== undefined && policy.quorumEvidence !== quorumEvidence)
    return check(name, "invalid", "the policy names another committee");
  if (model !== undefined && !model.reexecutable)
    return check(name, "invalid", "the model cannot be run again");
  if (committee === undefined || policy === undefined || model === undefined)
    return check(name, "cannot tell", `${signers.length} signed; who of them counts is on the chain`);
  const counted = signers.filter((signer) => committee.signers.includes(signer)).length;
  return judged(name, counted >= committee.threshold, `the signatures of a quorum (${counted} count)`);
}

function notChecked({ chain, evidence }: Bundle, { onChain }: BundleFacts): string[] {
  const attestations = evidence.flatMap((one, at) =>
    one.kind === "tee" && one.attestation ? [`evidence[${at}].attestation`] : [],
  );
  const { blockNumber, blockHash, transactions = {} } = chain ?? { transactions: {} };
  return [
    ...(onChain ? [] : ["status"]),
    ...(blockNumber === undefined ? [] : ["chain.blockNumber"]),
    ...(blockHash === undefined ? [] : ["chain.blockHash"]),
    ...Object.keys(transactions).map((name) => `chain.transactions.${name}`),
    ...attestations,
  ];
}

function guarded(name: string, work: () => Check): Check {
  try {
    return work();
  } catch (error) {
    if (error instanceof MeantimeError) return check(name, "invalid", error.message);
    throw error;
  }
}

function check(name: string, verdict: Verdict, reason: string): Check {
  return { name, verdict, reason };
}
