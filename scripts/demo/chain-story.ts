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
  /** Its even share of the transactions about its batch, and those about it alone. */
  gas: number;
}

type GasByTransaction = Map<string, { gas: number; logs: number }>;

/** Reads the claims' statuses, times and costs back from the chain; the gateway only says where they are. */
export async function readChainStory(
  stack: LocalStack,
  gatewayUrl: string,
  served: Served[],
): Promise<SettledClaim[]> {
  const logs = await readLogs(stack);
  const gas = await gasByTransaction(stack, logs);
  const claims: SettledClaim[] = [];
  for (const { receipt } of served) {
    const report = await getClaim({ baseUrl: gatewayUrl }, receipt.claimId);
    claims.push(await settledClaim(stack, report, logs, gas));
  }
  return claims;
}

/** The status of a claim by `Settlement.statusOf`, with the place that the gateway names. */
export async function statusOnChain({ deployment }: LocalStack, report: ClaimReport): Promise<StatusName> {
  if (!report.batch) return "Unknown";
  const { header, index, proof } = report.batch;
  const status = await deployment.settlement.statusOf(header, report.claim, index, proof);
  return statusName(status) ?? "Unknown";
}

async function settledClaim(
  stack: LocalStack,
  report: ClaimReport,
  logs: EventLog[],
  gas: GasByTransaction,
): Promise<SettledClaim> {
  if (!report.batch) throw new Error(`claim ${report.claimId} is in no batch`);
  const { batchId, header } = report.batch;
  const ended = await endedAt(batchId, report.claimId, logs);
  const ofBatch = logs.filter(({ args }) => args.batchId === batchId);
  return {
    status: await statusOnChain(stack, report),
    batchId,
    gapSeconds: ended === undefined ? undefined : ended - Number(report.claim.servedAt),
    gas:
      sumOfGas(
        ofBatch.filter(({ args }) => args.claimId === report.claimId),
        gas,
      ) +
      sumOfGas(
        ofBatch.filter(({ args }) => args.claimId === undefined),
        gas,
      ) /
        header.count,
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

// A transaction about several batches is shared evenly between its events.
function sumOfGas(logs: EventLog[], gas: GasByTransaction): number {
  return logs.reduce((sum, { transactionHash }) => {
    const transaction = gas.get(transactionHash);
    return sum + (transaction ? transaction.gas / transaction.logs : 0);
  }, 0);
}

async function gasByTransaction(stack: LocalStack, logs: EventLog[]): Promise<GasByTransaction> {
  const { provider } = stack.chain.connection.ethers;
  const gas: GasByTransaction = new Map();
  for (const [hash, ofTransaction] of Map.groupBy(logs, ({ transactionHash }) => transactionHash)) {
    const receipt = await provider.getTransactionReceipt(hash);
    gas.set(hash, { gas: Number(receipt?.gasUsed ?? 0n), logs: ofTransaction.length });
  }
  return gas;
}

async function readLogs({ deployment }: LocalStack): Promise<EventLog[]> {
  const contract: BaseContract = deployment.settlement;
  const logs = await contract.queryFilter("*");
  return logs.filter((log) => log instanceof EventLog);
}
