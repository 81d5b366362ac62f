// SPDX-License-Identifier: MIT
import { type ClaimReport, getClaim } from "@meantime/sdk/client";
import type { Hex } from "@meantime/sdk/hex";
import { type StatusName, statusName } from "@meantime/sdk/status";
import { type BaseContract, EventLog } from "ethers";
import type { LocalStack } from "../stack/local.ts";
import type { Served } from "./serve.ts";

/** One claim as the chain tells it. */
export interface SettledClaim {
  status: StatusName;
  batchId: Hex;
  /** From served to final or rejected, in seconds of chain time. Undefined while open. */
  gapSeconds: number | undefined;
}

/** What the chain says of some claims. */
export interface ChainStory {
  claims: SettledClaim[];
  batches: number;
  /** Gas of every transaction about their batches, shared evenly where one is about several. */
  gas: number;
}

/** Reads the claims' statuses, times and costs back from the chain; the gateway only says where they are. */
export async function readChainStory(
  stack: LocalStack,
  gatewayUrl: string,
  served: Served[],
): Promise<ChainStory> {
  const reports = await Promise.all(
    served.map(({ receipt }) => getClaim({ baseUrl: gatewayUrl }, receipt.claimId)),
  );
  const logs = await readLogs(stack);
  const claims: SettledClaim[] = [];
  for (const report of reports) claims.push(await settledClaim(stack, report, logs));
  const batchIds = new Set(claims.map(({ batchId }) => batchId));
  return { claims, batches: batchIds.size, gas: await gasOfBatches(stack, batchIds, logs) };
}

/** The status of a claim by `Settlement.statusOf`, with the place that the gateway names. */
export async function statusOnChain({ deployment }: LocalStack, report: ClaimReport): Promise<StatusName> {
  if (!report.batch) return "Unknown";
  const { header, index, proof } = report.batch;
  const status = await deployment.settlement.statusOf(header, report.claim, index, proof);
  return statusName(status) ?? "Unknown";
}

async function settledClaim(stack: LocalStack, report: ClaimReport, logs: EventLog[]): Promise<SettledClaim> {
  if (!report.batch) throw new Error(`claim ${report.claimId} is in no batch`);
  const { batchId } = report.batch;
  const ended = await endedAt(batchId, report.claimId, logs);
  return {
    status: await statusOnChain(stack, report),
    batchId,
    gapSeconds: ended === undefined ? undefined : ended - Number(report.claim.servedAt),
  };
}

/** The time of rejection, of the proof, of the batch's attestation or of the window's end, in this order. */
async function endedAt(batchId: Hex, claimId: Hex, logs: EventLog[]): Promise<number | undefined> {
  const ofBatch = logs.filter(({ args }) => args.batchId === batchId);
  const ofClaim = ofBatch.filter(({ args }) => args.claimId === claimId);
  const decisive =
    ofClaim.find(({ eventName }) => eventName === "ClaimRejected") ??
    ofClaim.find(({ eventName }) => eventName === "EvidenceAccepted");
  if (decisive) return (await decisive.getBlock()).timestamp;
  const batch =
    ofBatch.find(({ eventName }) => eventName === "BatchAttested") ??
    ofBatch.find(({ eventName }) => eventName === "BatchCommitted");
  return batch && Number(batch.args.finalAt);
}

async function gasOfBatches(stack: LocalStack, batchIds: Set<Hex>, logs: EventLog[]): Promise<number> {
  const provider = stack.chain.connection.ethers.provider;
  const byTransaction = Map.groupBy(
    logs.filter(({ args }) => args.batchId !== undefined),
    ({ transactionHash }) => transactionHash,
  );
  let gas = 0;
  for (const [hash, entries] of byTransaction) {
    const ours = entries.filter(({ args }) => batchIds.has(args.batchId)).length;
    if (ours === 0) continue;
    const receipt = await provider.getTransactionReceipt(hash);
    gas += (Number(receipt?.gasUsed ?? 0n) * ours) / entries.length;
  }
  return gas;
}

async function readLogs({ deployment }: LocalStack): Promise<EventLog[]> {
  const contract: BaseContract = deployment.settlement;
  const logs = await contract.queryFilter("*");
  return logs.filter((log) => log instanceof EventLog);
}
