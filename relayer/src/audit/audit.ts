// SPDX-License-Identifier: GPL-3.0-or-later

import { chainEvidenceFacts } from "@meantime/sdk/evidence-from-chain/facts";
import type { Address } from "@meantime/sdk/hex";
import { useFastKeccak } from "../signers/keccak.ts";
import { auditAttestations, type EnclaveReport } from "./attestations.ts";
import { compareBatches } from "./batch-state.ts";
import { auditClaims } from "./claims.ts";
import { type DataSource, openDataSource } from "./data-source.ts";
import { auditEnds } from "./ends.ts";
import { findContracts, readEvents } from "./events.ts";
import { auditDoubts, auditEvidence, auditKeys, type EvidenceReport, noEvidence } from "./evidence.ts";
import { createFindings, type Findings } from "./findings.ts";
import { createGovernance, type GovernanceReport } from "./governance.ts";
import { type AuditModel, createModelBook } from "./models.ts";
import { auditMoney, type MoneyReport } from "./money.ts";
import { type PinnedAt, type PinnedChain, pinChain } from "./pinned-chain.ts";
import { type BatchRecord, type ChainRecord, disputesOf, emptyRecord } from "./record.ts";
import { replay } from "./replay.ts";
import { AUDIT_FORMAT, AUDIT_VERSION, type AuditReport, type OperatorReport } from "./report.ts";
import { createTally, type TallyResult } from "./tally.ts";
import { uncheckedOf } from "./unchecked.ts";

/** What is audited, and how closely. */
export interface AuditOptions {
  rpcUrl: string;
  settlement: Address;
  /** Batches committed from here on. Default: all. */
  fromBlock?: number;
  /** The block that everything is read at. Default: see `pinChain`. */
  at?: PinnedAt;
  /** No contract of the deployment is older. Default: found by bisection. */
  startBlock?: number;
  /** InferenceRequests contracts. Default: whatever took a request for this Settlement. */
  requests?: readonly Address[];
  /** A URL or a folder of batch data. Default: what operators announced. */
  data?: string;
  /** Follows announced endpoints to private addresses too. */
  allowPrivate?: boolean;
  /** False: neither judges evidence anew nor runs models again. Default: true. */
  proofs?: boolean;
  /** Specifications of models to run again. */
  models?: readonly AuditModel[];
  /** Told how far it is. */
  onProgress?(progress: AuditProgress): void;
}

/** How far an audit is. */
export interface AuditProgress {
  stage: "events" | "claims" | "state";
  /** Blocks read, or batches looked at. */
  done: number;
  total: number;
}

/**
 * Rebuilds everything from the chain at one block and from published batch data, and says what does not fit.
 *
 * @throws TemporaryError `MT-AUDIT-001` the node is away; `MT-AUDIT-002` the block was reorganised away meanwhile
 * @throws BadInputError `MT-AUDIT-003`, `MT-AUDIT-004` nothing to audit at these places
 */
export async function audit(options: AuditOptions): Promise<AuditReport> {
  await useFastKeccak();
  const { rpcUrl, settlement, proofs = true, onProgress = () => undefined } = options;
  const chain = await pinChain(rpcUrl, settlement, options);
  const findings = createFindings();
  const read = await readChain(chain, options, findings);
  const { record, evidence, governance } = read;
  const fromBlock = options.fromBlock ?? 0;
  const batches = [...record.batches.values()].filter(({ committed }) => committed.blockNumber >= fromBlock);

  const source = await openDataSource(options.data, record.endpoints, options.allowPrivate ?? false);
  const models = createModelBook(chain, record, proofs ? (options.models ?? []) : []);
  const tally = createTally(record, batches, chain.pinned.timestamp);
  let looked = 0;
  const onBatch = () => onProgress({ stage: "claims", done: ++looked, total: batches.length });
  await auditClaims({ chain, record, source, models, findings, tally, onBatch }, batches);

  onProgress({ stage: "state", done: 0, total: batches.length });
  await compareBatches(chain, batches, findings);
  await auditKeys(chain, record, findings);
  const facts = chainEvidenceFacts(chain, BigInt(read.startBlock));
  await auditDoubts(chain, record, facts, batches, findings);
  const scope = { isJudged: proofs, batchIds: new Set(batches.map(({ batchId }) => batchId)) };
  const enclaves = await auditAttestations(chain, record, facts, scope, findings);
  auditEnds(chain, record, batches, findings);
  const money = await auditMoney(chain, record, findings);
  await chain.requireStillThere();
  return reportOf({
    ...{ chain, record, batches, fromBlock, source, evidence, enclaves, governance, money },
    ...{ findings, tally: tally.result(), isEvidenceJudged: proofs, modelIds: models.found() },
  });
}

async function readChain(
  chain: PinnedChain,
  { proofs = true, fromBlock = 0, requests, onProgress = () => undefined }: AuditOptions,
  findings: Findings,
) {
  const contracts = await findContracts(chain, findings, requests);
  const record = emptyRecord();
  const governance = createGovernance(contracts, findings);
  const evidence = noEvidence();
  const facts = chainEvidenceFacts(chain, BigInt(contracts.startBlock));
  const total = chain.pinned.number;
  for await (const events of readEvents(chain, contracts)) {
    for (const event of events) {
      replay(record, event, chain.domain);
      governance.note(event);
    }
    const judged = events.filter(({ log }) => log.blockNumber >= fromBlock);
    if (proofs) await auditEvidence(chain, facts, judged, findings, evidence);
    onProgress({ stage: "events", done: events.at(-1)?.log.blockNumber ?? total, total });
  }
  return { record, evidence, governance: governance.report(), startBlock: contracts.startBlock };
}

interface Audited {
  chain: PinnedChain;
  record: ChainRecord;
  batches: readonly BatchRecord[];
  fromBlock: number;
  source: DataSource;
  isEvidenceJudged: boolean;
  modelIds: AuditReport["scope"]["models"];
  evidence: EvidenceReport;
  enclaves: EnclaveReport;
  governance: GovernanceReport;
  money: MoneyReport[];
  tally: TallyResult;
  findings: Findings;
}

function reportOf(audited: Audited): AuditReport {
  const { chain, record, batches, fromBlock, source, tally, findings } = audited;
  const { number: block, hash: blockHash, timestamp: blockTime } = chain.pinned;
  const { claims, final, rejected, voided, open, nowhere } = tally.counts;
  const { isEvidenceJudged, enclaves } = audited;
  const found = findings.verdict();
  return {
    ...{ format: AUDIT_FORMAT, version: AUDIT_VERSION },
    // What was not judged cannot be called clean.
    verdict: found === "clean" && !isEvidenceJudged ? "cannot tell" : found,
    chain: {
      ...{ chainId: chain.domain.chainId.toString(), settlement: chain.domain.settlement },
      ...{ receipts: chain.receipts, policies: chain.policies, block, blockHash, blockTime },
    },
    range: { fromBlock, toBlock: block, batches: batches.length },
    scope: {
      ...{ data: source.kind, evidence: isEvidenceJudged, models: audited.modelIds },
      unchecked: uncheckedOf({ tally, enclaves, isEvidenceJudged, chainId: chain.domain.chainId }),
    },
    claims: {
      ...tally.counts,
      identity: `${claims} = ${final} final + ${rejected} rejected + ${voided} voided + ${open} open + ${nowhere} nowhere`,
      holds: claims === final + rejected + voided + open + nowhere && claims === committedClaims(batches),
      ...{ openBy: tally.open, unseen: tally.unseen },
    },
    ...{ data: tally.data, receipts: tally.receipts, reexecution: tally.reexecution },
    ...{ evidence: audited.evidence, enclaves, money: audited.money },
    operators: operatorsOf(record, tally),
    ...{ gaps: tally.gaps, governance: audited.governance, timeline: tally.timeline },
    exposure: thinned(record.exposure),
    ...{ findingCounts: findings.counts(), findings: findings.sorted() },
  };
}

function committedClaims(batches: readonly BatchRecord[]): number {
  return batches.reduce((sum, { header }) => sum + header.count, 0);
}

function operatorsOf(record: ChainRecord, tally: TallyResult): OperatorReport[] {
  return [...tally.operators]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([operator, counts]) => {
      const { answerSeconds, ...disputes } = disputesOf(record, operator);
      const stakes = [...record.accounts.values()].filter((account) => account.operator === operator);
      return {
        ...{ operator, ...counts, endpoint: record.endpoints.get(operator) ?? null },
        stakes: stakes.map(({ operator: _, ...stake }) => stake),
        disputes: { ...disputes, answerSeconds: answerSeconds.percentiles() },
      };
    });
}

const MAX_POINTS = 400;

/** The last point of each of so many slices, so that a long history can be drawn. */
function thinned<Point>(points: readonly Point[]): Point[] {
  if (points.length <= MAX_POINTS) return [...points];
  const slice = points.length / MAX_POINTS;
  return Array.from({ length: MAX_POINTS }, (_, at) => points[Math.ceil((at + 1) * slice) - 1]).filter(
    (point) => point !== undefined,
  );
}
