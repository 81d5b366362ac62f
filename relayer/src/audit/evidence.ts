// SPDX-License-Identifier: GPL-3.0-or-later

import type { ChainLog, EvidenceKindName } from "@meantime/sdk/evidence-from-chain/acceptance";
import { checkEvidence } from "@meantime/sdk/evidence-from-chain/check";
import type { EvidenceFacts } from "@meantime/sdk/evidence-from-chain/facts";
import { evidenceInTransaction } from "@meantime/sdk/evidence-from-chain/transaction";
import { type Address, type Hex, keccak256, ZERO_HASH } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import type { Verdict } from "@meantime/sdk/verdict";
import { type ChainEvent, INTERFACES, lower } from "./events.ts";
import type { Findings, Place } from "./findings.ts";
import type { PinnedChain } from "./pinned-chain.ts";
import { type BatchRecord, type ChainRecord, pair } from "./record.ts";
import { standingOf } from "./standing.ts";

/** How much evidence of each kind was judged anew, and how. */
export type EvidenceReport = Record<EvidenceKindName, Record<Verdict | "unexplained", number>>;

/** No evidence yet. */
export function noEvidence(): EvidenceReport {
  const none = () => ({ valid: 0, invalid: 0, "cannot tell": 0, unexplained: 0 });
  return { zk: none(), "tee-claim": none(), "tee-batch": none(), quorum: none(), counterproof: none() };
}

const EVIDENCE_EVENTS = ["EvidenceAccepted", "BatchAttested", "ClaimDisproven"];

/** Judges anew all evidence that these events say was accepted. */
export async function auditEvidence(
  chain: PinnedChain,
  facts: EvidenceFacts,
  events: readonly ChainEvent[],
  findings: Findings,
  report: EvidenceReport,
): Promise<void> {
  const accepted = events.filter(
    ({ contract, name }) => contract === "settlement" && EVIDENCE_EVENTS.includes(name),
  );
  for (const [txHash, ofTransaction] of Map.groupBy(accepted, ({ log }) => log.txHash)) {
    const [first] = ofTransaction;
    if (first === undefined) continue;
    const { blockNumber, blockTime } = first.log;
    const place: Place = { blockNumber, blockTime, txHash };
    const logs: ChainLog[] = ofTransaction.map(({ log }) => log);
    const transaction = await chain.transaction(txHash);
    const found = evidenceInTransaction({ to: null, input: "0x", ...transaction, logs }, chain.domain);
    for (const one of found.unexplained) {
      report[one.kind].unexplained++;
      const why =
        transaction === undefined ? "the node has forgotten the transaction" : "it is in no calldata";
      const what = `${one.kind} evidence for batch ${one.batchId}: ${why}`;
      const claimId = "claimId" in one ? one.claimId : undefined;
      findings.add("evidence-unexplained", what, place, { batchId: one.batchId, claimId });
    }
    for (const brought of found.brought) {
      const { verdict, reason } = await checkEvidence(brought, facts, BigInt(blockNumber));
      report[brought.kind][verdict]++;
      if (verdict === "valid") continue;
      const claimId = "claimId" in brought ? brought.claimId : undefined;
      const what = `${brought.kind} evidence for ${claimId ?? brought.batchId}: ${reason}`;
      const name = verdict === "invalid" ? "evidence-invalid" : "evidence-unverifiable";
      findings.add(name, what, place, { batchId: brought.batchId, claimId });
    }
  }
}

/** Whether the node gives every registered key as it was registered, and none has proven contradictions. */
export async function auditKeys(chain: PinnedChain, record: ChainRecord, findings: Findings): Promise<void> {
  for (const { contract, keyId, place } of record.verificationKeys) {
    const call = INTERFACES.zk.encodeFunctionData("keyOf", [keyId]);
    const output = await chain.call(contract, lower(call));
    const [key] = INTERFACES.zk.decodeFunctionResult("keyOf", output);
    if (keccak256(key as Hex) === keyId) continue;
    const what = `the bytes of the verification key ${keyId} hash to ${keccak256(key as Hex)}`;
    findings.add("verification-key-wrong", what, place, { keyId, contract });
  }
  for (const [keyId, place] of record.tripped) {
    const what = `the breaker of the verification key ${keyId} was tripped`;
    findings.add("breaker-tripped", what, place, { keyId });
  }
}

/** What became doubtful after it was accepted: of compromised enclaves, of tripped keys, of delisted contracts. */
export async function auditDoubts(
  chain: PinnedChain,
  record: ChainRecord,
  facts: EvidenceFacts,
  batches: readonly BatchRecord[],
  findings: Findings,
): Promise<void> {
  const delistedUses = new Map<Address, number>();
  for (const batch of batches) {
    const policy = record.policies.get(batch.header.policyId)?.policy;
    if (policy === undefined) continue;
    const { batchId, attested } = batch;
    const isFinal = (index?: number) =>
      standingOf(
        batch,
        index === undefined ? undefined : batch.leaves.get(index),
        policy,
        chain.pinned.timestamp,
      ).status === "Final";
    const compromised = (source: number, at: number) => {
      const key = record.enclaveKeys.get(pair(policy.teeEvidence, String(source)));
      return key?.compromisedSince !== undefined && key.compromisedSince <= at ? key.keyId : undefined;
    };
    const doubted = attested && compromised(attested.source, attested.place.blockTime);
    if (attested && doubted) {
      const what = `batch ${batchId} was attested by the enclave's key ${doubted}`;
      const severity = isFinal() ? "high" : "medium";
      findings.add("compromised-enclave-key", what, attested.place, { batchId, keyId: doubted }, severity);
    }
    const isTripped = await isProofDoubted(record, facts, batch, policy.zkEvidence);
    for (const [index, leaf] of batch.leaves) {
      for (const { kind, source, at, place } of leaf.evidence) {
        const about = { batchId, index: String(index), claimId: leaf.claimId };
        const keyId = kind === EVIDENCE_KINDS.tee ? compromised(source, at) : undefined;
        const severity = isFinal(index) ? "high" : "medium";
        if (keyId !== undefined) {
          const what = `claim ${leaf.claimId} was attested by the enclave's key ${keyId}`;
          findings.add("compromised-enclave-key", what, place, { ...about, keyId }, severity);
        }
        if (kind === EVIDENCE_KINDS.zk && isTripped) {
          findings.add(
            "proof-of-tripped-key",
            `claim ${leaf.claimId} rests on a proof`,
            place,
            about,
            severity,
          );
        }
        const contract = contractOf(policy, kind);
        if (record.delisted.has(contract)) delistedUses.set(contract, (delistedUses.get(contract) ?? 0) + 1);
      }
    }
  }
  for (const [contract, place] of [...record.delisted].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const uses = delistedUses.get(contract) ?? 0;
    const what = `${contract} was taken off the list; ${uses} claims of this audit have its evidence`;
    findings.add("evidence-delisted", what, place, { contract });
  }
}

async function isProofDoubted(
  record: ChainRecord,
  facts: EvidenceFacts,
  { header, leaves }: BatchRecord,
  zkEvidence: Address,
): Promise<boolean> {
  if (record.tripped.size === 0 || header.modelId === ZERO_HASH || leaves.size === 0) return false;
  if (BigInt(zkEvidence) === 0n) return false;
  const model = await facts.modelOf(zkEvidence, header.modelId);
  return model !== undefined && record.tripped.has(model.verificationKeyId);
}

function contractOf(policy: Record<"zkEvidence" | "teeEvidence" | "quorumEvidence", Address>, kind: number) {
  if (kind === EVIDENCE_KINDS.zk) return policy.zkEvidence;
  return kind === EVIDENCE_KINDS.tee ? policy.teeEvidence : policy.quorumEvidence;
}
