// SPDX-License-Identifier: MIT
import { claimId, twinClaim } from "../claim.ts";
import { enclaveSignerOf } from "../enclave-keys.ts";
import { MeantimeError } from "../errors.ts";
import {
  batchAttestationDigest,
  claimAttestationDigest,
  claimVerdictDigest,
  provingContext,
} from "../evidence.ts";
import { verifyGroth16 } from "../groth16.ts";
import { verifyGroth16Batch } from "../groth16-batch.ts";
import { type Address, ZERO_ADDRESS, ZERO_HASH } from "../hex.ts";
import type { ModelEntry } from "../model.ts";
import type { Policy } from "../policy.ts";
import { recoverAddress } from "../signature.ts";
import { type Check, judged } from "../verdict.ts";
import type { EvidenceFacts } from "./facts.ts";
import type { BatchEvidence, BroughtEvidence, ClaimEvidence, Counterproof } from "./transaction.ts";

const SIGNATURE_DIGITS = 130;

/**
 * Judges evidence as the chain took it, anew and without its contracts: proofs by the model's verification key, enclaves'
 * and re-executors' signatures by whom they name and where those stood in that block. What the chain has accepted and this
 * finds `invalid` should never have been accepted; `cannot tell` says which fact is missing. Throws what the facts throw.
 *
 * @param block the number of the block that has the transaction
 */
export async function checkEvidence(
  brought: BroughtEvidence,
  facts: EvidenceFacts,
  block: bigint,
): Promise<Check> {
  const first = await checkOne(brought, facts, block);
  // Whoever wrote a wrapping call may have put bytes before it that look the same and prove nothing.
  for (const lookalike of brought.lookalikes ?? []) {
    if (first.verdict === "valid") break;
    const other = await checkOne(lookalike, facts, block);
    if (other.verdict === "valid") return other;
  }
  return first;
}

async function checkOne(brought: BroughtEvidence, facts: EvidenceFacts, block: bigint): Promise<Check> {
  const { kind } = brought;
  const policyId = kind === "tee-batch" ? brought.header.policyId : brought.claim.policyId;
  const modelId = kind === "tee-batch" ? brought.header.modelId : brought.claim.modelId;
  const policy = await facts.policyOf(policyId);
  if (policy === undefined) return unknown(kind, `the policy ${policyId} is not on the chain`);
  const contract = evidenceContractOf(policy, kind);
  if (contract === ZERO_ADDRESS) return refused(kind, "the policy names no contract for this kind");
  const model = await facts.modelOf(contract, modelId);
  if (model === undefined) return unknown(kind, `the model ${modelId} is not on the chain`);
  try {
    if (kind === "zk" || kind === "counterproof") return await checkProof(brought, facts, contract, model);
    if (kind === "quorum") return await checkQuorum(brought, facts, contract, model, block);
    return await checkEnclave(brought, facts, contract, model, block);
  } catch (error) {
    if (error instanceof MeantimeError && isAboutEvidence(error)) return refused(kind, error.message);
    throw error;
  }
}

async function checkProof(
  brought: ClaimEvidence | Counterproof,
  facts: EvidenceFacts,
  contract: Address,
  model: ModelEntry,
): Promise<Check> {
  const { kind, claim, beneficiary, evidence, judged: together } = brought;
  const key = await facts.verificationKeyOf(contract, model.verificationKeyId);
  if (key === undefined) return unknown(kind, "the model's verification key is not on the chain");
  const proven = kind === "counterproof" ? twinClaim(claim, brought.trueOutputHash) : claim;
  if (kind === "counterproof" && brought.trueOutputHash === claim.outputHash)
    return refused(kind, "the output that is said to be true is the one that was claimed");
  const ctx = provingContext(claimId(facts.chain.domain, proven), beneficiary);
  const what = "a proof under the model's verification key for this claim and beneficiary";
  if (together === undefined) {
    const signals = [BigInt(proven.inputHash), BigInt(proven.outputHash), ctx];
    return judged(kind, verifyGroth16(key, signals, evidence), what);
  }
  const isStated = together.statements.some(
    (one) => one.inputHash === proven.inputHash && one.outputHash === proven.outputHash && one.ctx === ctx,
  );
  const isKey = together.keyId === model.verificationKeyId;
  return judged(kind, isStated && isKey && verifyGroth16Batch(key, together), `${what}, one of a batch`);
}

async function checkEnclave(
  brought: ClaimEvidence | BatchEvidence,
  facts: EvidenceFacts,
  contract: Address,
  model: ModelEntry,
  block: bigint,
): Promise<Check> {
  const { kind } = brought;
  const domain = { chainId: facts.chain.domain.chainId, enclaveEvidence: contract };
  const digest =
    brought.kind === "tee-batch"
      ? batchAttestationDigest(domain, brought.batchId, brought.header.modelId)
      : claimAttestationDigest(domain, brought.claimId, brought.beneficiary);
  const keyId = enclaveSignerOf(digest, brought.evidence);
  if (keyId === undefined) return refused(kind, "the key that is named did not sign this");
  if (model.measurement === ZERO_HASH) return refused(kind, "the model has no enclave");
  const standing = await facts.enclaveStandingAt(contract, keyId, block);
  if (standing.state === "unknown")
    return unknown(kind, `the node does not say where the enclave's key ${keyId} stood in block ${block}`);
  if (standing.state === "inactive")
    return refused(kind, `the enclave's key ${keyId} attested nothing in block ${block}`);
  const isModels = standing.measurement === model.measurement;
  return judged(kind, isModels, "the signature of a key attested for the model's enclave at that block");
}

async function checkQuorum(
  brought: ClaimEvidence,
  facts: EvidenceFacts,
  contract: Address,
  model: ModelEntry,
  block: bigint,
): Promise<Check> {
  const { kind, claimId: id, beneficiary, evidence } = brought;
  if (!model.reexecutable) return refused(kind, "the model cannot be re-executed");
  const domain = { chainId: facts.chain.domain.chainId, quorumEvidence: contract };
  const digest = claimVerdictDigest(domain, id, beneficiary);
  const digits = evidence.slice(2);
  const signatures = digits.match(new RegExp(`.{1,${SIGNATURE_DIGITS}}`, "g")) ?? [];
  const signers = signatures.map((one) => recoverAddress(digest, `0x${one}`));
  const isAscending = signers.every((signer, at) => at === 0 || (signers[at - 1] ?? "") < signer);
  if (!isAscending) return refused(kind, "the signers are not in ascending order, or one signed twice");
  const quorum = await facts.quorumAt(contract, signers, block);
  if (quorum === undefined) return unknown(kind, `the node has forgotten the committee of block ${block}`);
  const isQuorum = signers.length >= quorum.threshold && quorum.isActive.every((active) => active);
  return judged(
    kind,
    isQuorum,
    `the verdict of ${quorum.threshold} signers or more that counted at that block`,
  );
}

function evidenceContractOf(policy: Policy, kind: BroughtEvidence["kind"]): Address {
  if (kind === "zk" || kind === "counterproof") return policy.zkEvidence;
  return kind === "quorum" ? policy.quorumEvidence : policy.teeEvidence;
}

/** Signatures and proofs that cannot be read: 1xx and 4xx. A node's failures are 5xx and 7xx. */
function isAboutEvidence({ code }: MeantimeError): boolean {
  return /^MT-SDK-(1|4)\d\d$/.test(code);
}

function refused(name: string, reason: string): Check {
  return { name, verdict: "invalid", reason };
}

function unknown(name: string, reason: string): Check {
  return { name, verdict: "cannot tell", reason };
}
