// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import { batchId } from "@meantime/sdk/batch";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import type { Policy } from "@meantime/sdk/policy";
import { auditClaims } from "./claims.ts";
import type { DataSource } from "./data-source.ts";
import { createFindings, type Finding } from "./findings.ts";
import { emptyRecord, pair } from "./record.ts";
import { createTally, type TallyResult } from "./tally.ts";

/** Batches with what the chain would say of them. Times are unix seconds. */
export interface PublishedBatches {
  domain: SettlementDomain;
  nowSeconds: number;
  policies: readonly { id: Hex; policy: Policy }[];
  /** Models and receipt keys are as if they had been there from the beginning. */
  modelIds: readonly Hex[];
  receiptKeys: readonly { operator: Address; key: Address }[];
  batches: readonly { header: BatchHeader; committedAt: number }[];
  /** The text of a batch's file. */
  read(batchId: Hex): Promise<string>;
}

/**
 * The part of an audit whose length follows from the number of claims, without a chain: data, receipts, promises and
 * equivocations, as `--no-proofs` looks at them. For measuring.
 */
export async function auditPublished({
  domain,
  nowSeconds,
  policies,
  modelIds,
  receiptKeys,
  batches,
  read,
}: PublishedBatches): Promise<{ counted: TallyResult; findings: Finding[] }> {
  const record = emptyRecord();
  for (const { id, policy } of policies) record.policies.set(id, { policy, registeredAt: 0 });
  for (const id of modelIds)
    record.models.set(id, { registry: domain.settlement, name: id, registeredAt: 0 });
  for (const { operator, key } of receiptKeys) {
    record.receiptKeys.set(pair(operator, key), { validFrom: 0 });
    for (const { id } of policies) record.accepted.set(pair(operator, id), 0);
  }
  const records = batches.map(({ header, committedAt }, place) => {
    const policy = record.policies.get(header.policyId)?.policy;
    return {
      ...{ batchId: batchId(domain, header), header, heldUntil: 0, disputed: 0, rejected: 0 },
      committed: { blockNumber: place, blockTime: committedAt, txHash: ZERO_HASH },
      finalAt: committedAt + (policy?.challengeWindowSeconds ?? 0),
      leaves: new Map(),
    };
  });
  const findings = createFindings();
  const tally = createTally(record, records, nowSeconds);
  const source: DataSource = { kind: "folder", read: async (id) => ({ text: await read(id) }) };
  const chain = { domain, pinned: { number: batches.length, hash: ZERO_HASH, timestamp: nowSeconds } };
  const models = { of: async () => [] };
  await auditClaims({ chain, record, source, models, findings, tally, onBatch: () => undefined }, records);
  return { counted: tally.result(), findings: findings.sorted() };
}
