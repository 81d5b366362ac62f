// SPDX-License-Identifier: GPL-3.0-or-later

import { type Opening, openingLeaf } from "@meantime/sdk/batch";
import type { Bundle, BundleEvidence, BundleInclusion, ChainRecord } from "@meantime/sdk/bundle/format";
import { encodeJudged } from "@meantime/sdk/bundle/judged";
import { claimId } from "@meantime/sdk/claim";
import { enclaveSignerOf } from "@meantime/sdk/enclave-keys";
import { batchAttestationDigest, claimAttestationDigest } from "@meantime/sdk/evidence";
import type { ChainLog } from "@meantime/sdk/evidence-from-chain/acceptance";
import { chainEvidenceFacts, type EvidenceFacts } from "@meantime/sdk/evidence-from-chain/facts";
import { type BroughtEvidence, evidenceInTransaction } from "@meantime/sdk/evidence-from-chain/transaction";
import { type Address, type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import type { ModelEntry } from "@meantime/sdk/model";
import type { Policy } from "@meantime/sdk/policy";
import { recoverAddress } from "@meantime/sdk/signature";
import { INTERFACES, lower } from "../audit/events.ts";
import type { PinnedChain, PinnedLog } from "../audit/pinned-chain.ts";
import { RelayerError } from "../errors.ts";
import type { ClaimSource, KnownClaim } from "./claim-source.ts";

const SIGNATURE_DIGITS = 130;
const P256_EVIDENCE_CHARACTERS = 2 + 2 * 128;

/**
 * Puts everything about one claim together: what its operator or an indexer says of it, held against the chain, and the
 * evidence as the chain took it.
 *
 * @throws RelayerError `MT-BND-001` nobody knows the claim; `MT-BND-002` what is said of it does not fit together or the chain
 */
export async function makeBundle(chain: PinnedChain, source: ClaimSource, id: Hex): Promise<Bundle> {
  const known = await source.find(id);
  const { receipt } = known;
  if (receipt.claimId !== id || claimId(chain.domain, receipt.claim) !== id) {
    throw contradicted(`the receipt is not of claim ${id}, on this chain and contract`);
  }
  const { policyId } = receipt.claim;
  const startBlock = await chain.deployedAt(chain.domain.settlement);
  const facts = chainEvidenceFacts(chain, BigInt(startBlock));
  const policy = await facts.policyOf(policyId);
  const model = policy && (await modelOf(facts, policy, receipt.claim.modelId));
  const committed = known.place && (await committedPlace(chain, source, known, startBlock));
  const evidence = committed ? await evidenceOf(chain, facts, known, committed.logs) : [];
  return {
    ...{ domain: chain.domain, receipt },
    ...(model && { model }),
    ...(policy && { policy }),
    ...(known.opening && { opening: known.opening }),
    ...(committed && { inclusion: committed.inclusion }),
    evidence,
    ...(committed && { chain: committed.chain }),
  };
}

async function modelOf(facts: EvidenceFacts, policy: Policy, modelId: Hex): Promise<ModelEntry | undefined> {
  const contracts = [policy.zkEvidence, policy.teeEvidence, policy.quorumEvidence];
  for (const contract of contracts) {
    const found = contract === ZERO_ADDRESS ? undefined : await facts.modelOf(contract, modelId);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Committed {
  inclusion: BundleInclusion;
  chain: ChainRecord;
  /** Settlement's logs about the batch. */
  logs: PinnedLog[];
}

/** The place as the chain has it, with the logs about the batch. */
async function committedPlace(
  chain: PinnedChain,
  source: ClaimSource,
  { receipt, opening, place }: KnownClaim,
  startBlock: number,
): Promise<Committed> {
  if (place === undefined) throw contradicted("it is in no batch");
  const { batchId, header, index, proof } = place;
  const logs: PinnedLog[] = [];
  const topics = [null, batchId];
  for await (const some of chain.logs([chain.domain.settlement], startBlock, chain.pinned.number, topics)) {
    logs.push(...some);
  }
  const commit = logs.find(({ topics: [topic] }) => topic === topicOf("BatchCommitted"));
  if (commit === undefined) throw contradicted(`batch ${batchId} was never committed`);
  const dataProof = opening && (await dataProofOf(source, batchId, index, opening));
  const ofClaim = (name: string) =>
    logs.find(({ topics: [topic, , claim] }) => topic === topicOf(name) && claim === receipt.claimId)?.txHash;
  const named = {
    commit: commit.txHash,
    attest: logs.find(({ topics: [topic] }) => topic === topicOf("BatchAttested"))?.txHash,
    challenge: ofClaim("ClaimChallenged"),
    evidence: ofClaim("EvidenceAccepted"),
    reject: ofClaim("ClaimRejected"),
    void: ofClaim("ClaimVoided"),
    release: logs.find(({ topics: [topic] }) => topic === topicOf("BatchReleased"))?.txHash,
  };
  const transactions = Object.entries(named).filter(
    (entry): entry is [string, Hex] => entry[1] !== undefined,
  );
  return {
    inclusion: { header, index, proof, ...(dataProof && { dataProof }) },
    chain: { blockNumber: BigInt(commit.blockNumber), transactions: Object.fromEntries(transactions) },
    logs,
  };
}

/** The opening's path, where the batch's whole data is to be had. */
async function dataProofOf(
  source: ClaimSource,
  batchId: Hex,
  index: number,
  opening: Opening,
): Promise<Hex[] | undefined> {
  const openings = await source.openings(batchId);
  if (openings === undefined || openings[index] === undefined) return undefined;
  const tree = buildMerkleTree(openings.map((one, at) => openingLeaf(at, one)));
  return openingLeaf(index, opening) === openingLeaf(index, openings[index]) ? tree.proof(index) : undefined;
}

async function evidenceOf(
  chain: PinnedChain,
  facts: EvidenceFacts,
  { receipt }: KnownClaim,
  logs: readonly PinnedLog[],
): Promise<BundleEvidence[]> {
  const wanted = [topicOf("EvidenceAccepted"), topicOf("BatchAttested")];
  const isAbout = ({ topics: [topic, , claim] }: ChainLog) =>
    topic === wanted[1] || (topic === wanted[0] && claim === receipt.claimId);
  const evidence: BundleEvidence[] = [];
  for (const [txHash, ofTransaction] of Map.groupBy(logs.filter(isAbout), (log) => log.txHash)) {
    const transaction = await chain.transaction(txHash);
    if (transaction === undefined) continue;
    const { brought } = evidenceInTransaction({ ...transaction, logs: ofTransaction }, chain.domain);
    for (const one of brought) {
      const entry = await bundled(chain, facts, one, txHash);
      if (entry !== undefined) evidence.push(entry);
    }
  }
  return evidence;
}

async function bundled(
  chain: PinnedChain,
  facts: EvidenceFacts,
  brought: BroughtEvidence,
  txHash: Hex,
): Promise<BundleEvidence | undefined> {
  const { policyId, modelId } = brought.kind === "tee-batch" ? brought.header : brought.claim;
  const policy = await facts.policyOf(policyId);
  if (policy === undefined) return undefined;
  if (brought.kind === "zk") {
    const model = await facts.modelOf(policy.zkEvidence, modelId);
    const verificationKey =
      model && (await facts.verificationKeyOf(policy.zkEvidence, model.verificationKeyId));
    if (verificationKey === undefined) return undefined;
    const { beneficiary, evidence: proof, judged } = brought;
    return {
      kind: "zk",
      beneficiary,
      verificationKey,
      proof,
      ...(judged && { judged: encodeJudged(judged) }),
    };
  }
  if (brought.kind === "quorum") {
    const signatures = brought.evidence.slice(2).match(new RegExp(`.{${SIGNATURE_DIGITS}}`, "g")) ?? [];
    return {
      ...{ kind: "quorum", beneficiary: brought.beneficiary, quorumEvidence: policy.quorumEvidence },
      signatures: signatures.map((one): Hex => `0x${one}`),
    };
  }
  if (brought.kind === "counterproof") return undefined;
  const enclaveEvidence = policy.teeEvidence;
  const domain = { chainId: chain.domain.chainId, enclaveEvidence };
  const isBatch = brought.kind === "tee-batch";
  const digest = isBatch
    ? batchAttestationDigest(domain, brought.batchId, brought.header.modelId)
    : claimAttestationDigest(domain, brought.claimId, brought.beneficiary);
  const key = keyOf(digest, brought.evidence);
  if (key === undefined) return undefined;
  return {
    ...{ kind: "tee", scope: isBatch ? "batch" : "claim", enclaveEvidence, key },
    ...{ beneficiary: isBatch ? ZERO_ADDRESS : brought.beneficiary, signature: brought.evidence },
    attestation: { kind: "accepted by transaction", reference: txHash },
  };
}

/** The key's address, or of a P-256 key its id. */
function keyOf(digest: Hex, evidence: Hex): Address | undefined {
  if (evidence.length === P256_EVIDENCE_CHARACTERS) return enclaveSignerOf(digest, evidence);
  return recoverAddress(digest, evidence);
}

function topicOf(event: string): Hex {
  return lower(INTERFACES.settlement.getEvent(event)?.topicHash ?? ZERO_HASH);
}

function contradicted(what: string): RelayerError {
  return new RelayerError(
    "MT-BND-002",
    `what is said of the claim does not hold: ${what}`,
    "Ask another source, and check --rpc and --settlement.",
  );
}
