// SPDX-License-Identifier: GPL-3.0-or-later

import type { Claim } from "@meantime/sdk/claim";
import { MeantimeError } from "@meantime/sdk/errors";
import { type Address, asHexOf, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { COMMIT_GRACE_SECONDS } from "../chain/pause.ts";
import { curve } from "../signers/curve.ts";
import type { BatchData, BatchEntry } from "../watch/batch-data.ts";
import { checkClaim, notAMember } from "../watch/check-claim.ts";
import { readBatchData } from "../watch/fetch-batch.ts";
import type { DataSource } from "./data-source.ts";
import type { Findings } from "./findings.ts";
import type { ModelBook, RunnableModel } from "./models.ts";
import type { PinnedChain } from "./pinned-chain.ts";
import { type BatchRecord, type ChainRecord, pair } from "./record.ts";
import { createRequestIndex, type RequestIndex } from "./request-index.ts";
import { standingOf } from "./standing.ts";
import type { Tally } from "./tally.ts";

/** What checking claims needs, and what it writes to. */
export interface ClaimAudit {
  chain: Pick<PinnedChain, "domain" | "pinned">;
  record: ChainRecord;
  source: DataSource;
  /** Models that are run again. */
  models: Pick<ModelBook, "of">;
  findings: Findings;
  tally: Tally;
  /** Told of every batch that was looked at. */
  onBatch(): void;
}

/** Batches whose data is on its way while another is checked. */
const READ_AHEAD = 4;
/** Suspicions of equivocation that are looked into: each reads a batch again. */
const MAX_SUSPICIONS = 1_000;

/** Checks the data of every batch, one batch in memory at a time, in the order of their commits. */
export async function auditClaims(audit: ClaimAudit, batches: readonly BatchRecord[]): Promise<void> {
  const requests = createRequestIndex();
  const recover = curve().recoverAddress;
  const suspicions: Suspicion[] = [];
  const reading = batches.slice(0, READ_AHEAD).map((batch) => readOf(audit, batch));
  for (const [place, batch] of batches.entries()) {
    const read = await (reading.shift() ?? readOf(audit, batch));
    const next = batches[place + READ_AHEAD];
    if (next) reading.push(readOf(audit, next));
    const data = await openData(audit, batch, read);
    if (data === undefined) audit.tally.unseen(batch);
    else {
      const models = await audit.models.of(data.entries.map(({ claim }) => claim.modelId));
      checkBatch({ ...audit, requests, recover, suspicions }, batch, place, data.entries, models);
    }
    audit.onBatch();
  }
  await lookInto(audit, batches, suspicions);
}

type Read = Awaited<ReturnType<DataSource["read"]>>;

interface BatchAudit extends ClaimAudit {
  requests: RequestIndex;
  recover: (digest: Hex, signature: Hex) => Address;
  suspicions: Suspicion[];
}

interface Suspicion {
  entry: BatchEntry;
  batch: BatchRecord;
  other: { batch: number; index: number };
}

function readOf({ source }: ClaimAudit, { batchId, header }: BatchRecord): Promise<Read> {
  return source.read(batchId, header.operator);
}

async function openData(
  { chain, record, findings, tally }: ClaimAudit,
  batch: BatchRecord,
  read: Read,
): Promise<BatchData | undefined> {
  const { batchId, header, committed, finalAt } = batch;
  const isPublic = record.policies.get(header.policyId)?.policy.publicData ?? true;
  const about = { batchId, operator: header.operator };
  if ("missing" in read) {
    tally.data(isPublic ? "missing" : "private");
    if (!isPublic) return undefined;
    // Operators need not serve for ever what cannot be challenged any more.
    const severity = chain.pinned.timestamp < finalAt ? "high" : "medium";
    const what = `the data of batch ${batchId} cannot be had: ${read.missing}`;
    findings.add("data-missing", what, committed, about, severity);
    return undefined;
  }
  try {
    const data = await readBatchData(read.text, header, chain.domain);
    tally.data(header.dataRoot === ZERO_HASH ? "root only" : "complete");
    return data;
  } catch (error) {
    if (!(error instanceof MeantimeError)) throw error;
    tally.data("wrong");
    findings.add("data-wrong", error.message, committed, about);
    return undefined;
  }
}

function checkBatch(
  audit: BatchAudit,
  batch: BatchRecord,
  place: number,
  entries: readonly BatchEntry[],
  models: readonly RunnableModel[],
): void {
  const { record, tally, chain } = audit;
  const { header, committed } = batch;
  const policy = record.policies.get(header.policyId)?.policy ?? { rule: 0 };
  for (const [index, entry] of entries.entries()) {
    const outside = notAMember(entry.claim, header, BigInt(committed.blockTime));
    const about = aboutOf(batch, entry, index);
    if (outside !== undefined) {
      audit.findings.add(
        "claim-outside",
        `claim ${entry.claimId} is in no batch: ${outside}`,
        committed,
        about,
      );
      tally.nowhere(batch, index);
      continue;
    }
    const standing = standingOf(batch, batch.leaves.get(index), policy, chain.pinned.timestamp);
    tally.claim(batch, standing, Number(entry.claim.servedAt));
    checkTerms(audit, batch, entry, about);
    checkSignature(audit, batch, entry, about);
    checkAnswer(audit, batch, entry, index, models);
    const other = audit.requests.note(entry.claim, { batch: place, index });
    if (other && audit.suspicions.length < MAX_SUSPICIONS) audit.suspicions.push({ entry, batch, other });
  }
}

type About = Record<string, string>;

function aboutOf({ batchId }: BatchRecord, { claim, claimId }: BatchEntry, index: number): About {
  return { claimId, batchId, index: String(index), operator: claim.operator };
}

/** Whether the promise was kept, and model and policy were to be had when the claim was served. */
function checkTerms(
  audit: BatchAudit,
  batch: BatchRecord,
  { claim, claimId }: BatchEntry,
  about: About,
): void {
  const { record, findings } = audit;
  const { committed } = batch;
  const [servedAt, commitBy] = [Number(claim.servedAt), Number(claim.commitBy)];
  if (committed.blockTime > commitBy) {
    const late = committed.blockTime - commitBy;
    const isReportable = committed.blockTime > includeBy(record, commitBy);
    const what = `claim ${claimId} was committed ${late} s after its receipt promised`;
    findings.add("late-commit", what, committed, about, isReportable ? "medium" : "low");
  }
  const model = record.models.get(claim.modelId);
  if (model === undefined) {
    const what = `claim ${claimId} is about the model ${claim.modelId}, which nobody registered`;
    findings.add("model-unregistered", what, committed, about);
  } else if (model.retiredAt !== undefined && servedAt >= model.retiredAt) {
    const what = `claim ${claimId} was served after its model was retired`;
    findings.add("model-retired", what, committed, about);
  }
  const closedAt = record.policies.get(claim.policyId)?.closedAt;
  if (closedAt !== undefined && servedAt >= closedAt) {
    const what = `claim ${claimId} was served after its policy was closed`;
    findings.add("policy-closed", what, committed, about);
  }
  const acceptedAt = record.accepted.get(pair(claim.operator, claim.policyId));
  if (acceptedAt === undefined || servedAt < acceptedAt) {
    const what = `claim ${claimId} was served before its operator accepted the policy`;
    findings.add("policy-not-accepted", what, committed, about);
  }
}

/** As `Receipts.reportOmission` counts: an hour more, and no time of a pause that had begun by then. */
function includeBy({ pauses }: ChainRecord, commitBy: number): number {
  const deadline = commitBy + COMMIT_GRACE_SECONDS;
  const pause = pauses.find(({ from, until }) => from <= deadline && until + COMMIT_GRACE_SECONDS > deadline);
  return pause === undefined ? deadline : pause.until + COMMIT_GRACE_SECONDS;
}

/** Whose key signed the receipt, and whether it was one of the operator's then. */
function checkSignature(
  audit: BatchAudit,
  { committed }: BatchRecord,
  entry: BatchEntry,
  about: About,
): void {
  const { record, findings, tally, recover } = audit;
  const { claim, claimId, signature } = entry;
  const signer = signerOf(recover, claimId, signature);
  if (signer === undefined) {
    tally.receipt("missing");
    findings.add(
      "signature-missing",
      `claim ${claimId} is published without its signature`,
      committed,
      about,
    );
    return;
  }
  const key = record.receiptKeys.get(pair(claim.operator, signer));
  const servedAt = Number(claim.servedAt);
  const isForeign = key === undefined || servedAt < key.validFrom;
  const isCompromised = key?.compromisedSince !== undefined && servedAt >= key.compromisedSince;
  const isRevoked = key?.revokedAt !== undefined && servedAt >= key.revokedAt;
  if (!isForeign && !isCompromised && !isRevoked) {
    tally.receipt("valid");
    return;
  }
  tally.receipt("invalid");
  const name = isForeign ? "foreign" : isRevoked ? "revoked" : "compromised";
  const why = isForeign ? "is none of its operator's at that time" : `was ${name} when it was served`;
  const what = `the receipt of claim ${claimId} is signed by ${signer}, which ${why}`;
  findings.add(`${name}-receipt-key`, what, committed, { ...about, key: signer });
}

function signerOf(recover: BatchAudit["recover"], claimId: Hex, signature: unknown): Address | undefined {
  try {
    return recover(claimId, asHexOf(signature, 65, "signature"));
  } catch (error) {
    if (error instanceof MeantimeError) return undefined;
    throw error;
  }
}

/** Runs the model again. */
function checkAnswer(
  audit: BatchAudit,
  batch: BatchRecord,
  entry: BatchEntry,
  index: number,
  models: readonly RunnableModel[],
): void {
  const about = aboutOf(batch, entry, index);
  const { findings, tally, record, chain } = audit;
  if (!models.some(({ id }) => id === entry.claim.modelId)) {
    tally.rerun("skipped");
    return;
  }
  const { committed, header } = batch;
  const found = checkClaim(entry, header, committed.blockTime, models);
  tally.rerun(found.result);
  if (found.result === "junk")
    findings.add("opening-junk", `claim ${entry.claimId}: ${found.reason}`, committed, about);
  if (found.result !== "wrong") return;
  const policy = record.policies.get(header.policyId)?.policy ?? { rule: 0 };
  const { status } = standingOf(batch, batch.leaves.get(index), policy, chain.pinned.timestamp);
  // A rejection is a finding of its own.
  if (status === "Rejected") return;
  const name = status === "Final" || status === "Proven" ? "lie-final" : "lie-open";
  findings.add(name, `claim ${entry.claimId}, ${status}: ${found.reason}`, committed, about);
}

/** Two answers to one request are compared as they were signed. */
async function lookInto(
  audit: ClaimAudit,
  batches: readonly BatchRecord[],
  suspicions: readonly Suspicion[],
): Promise<void> {
  const { record, findings, chain } = audit;
  for (const { entry, batch, other } of suspicions) {
    const before = batches[other.batch];
    if (before === undefined) continue;
    const read = await readOf(audit, before);
    if (!("text" in read)) continue;
    const { entries } = await readBatchData(read.text, before.header, chain.domain);
    const first = entries[other.index];
    if (first === undefined || !isEquivocation(first.claim, entry.claim)) continue;
    const claimIds = [first.claimId, entry.claimId];
    const isReported = record.equivocations.some((one) => claimIds.every((id) => one.claimIds.includes(id)));
    if (isReported) continue;
    const what = `request ${entry.claim.requestId} was answered twice: by claims ${claimIds.join(" and ")}`;
    findings.add("equivocation", what, batch.committed, {
      ...{ claimId: entry.claimId, otherClaimId: first.claimId, operator: entry.claim.operator },
      ...{ batchId: batch.batchId, otherBatchId: before.batchId },
    });
  }
}

function isEquivocation(a: Claim, b: Claim): boolean {
  return (
    a.operator === b.operator &&
    a.requester === b.requester &&
    a.requestId === b.requestId &&
    a.modelId === b.modelId &&
    a.inputHash === b.inputHash &&
    a.outputHash !== b.outputHash
  );
}
