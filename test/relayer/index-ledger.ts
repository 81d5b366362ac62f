// SPDX-License-Identifier: MIT
import {
  type BatchHeader,
  batchId as batchIdOf,
  leafHash,
  type Opening,
  openingLeaf,
} from "@meantime/sdk/batch";
import { type Claim, claimId as claimIdOf, claimToJson } from "@meantime/sdk/claim";
import type { SettlementDomain } from "@meantime/sdk/domain";
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { buildMerkleTree } from "@meantime/sdk/merkle";
import type { Policy } from "@meantime/sdk/policy";
import { HttpError } from "../../relayer/src/gateway/http-error.ts";
import { createIndexApi } from "../../relayer/src/indexer/api/app.ts";
import { type StorableClaim, storeClaims } from "../../relayer/src/indexer/batch-data.ts";
import { ordinalOf } from "../../relayer/src/indexer/ordinal.ts";
import { advance, type ChainEvent, findChainBatch } from "../../relayer/src/ledger/chain-facts.ts";
import type { Ledger } from "../../relayer/src/ledger/ledger.ts";
import { silentLogger } from "./local-relayer.ts";

/** Where the made claims settle. */
export const INDEX_DOMAIN: SettlementDomain = { chainId: 31337n, settlement: `0x${"5e".repeat(20)}` };
/** When the made history begins, unix seconds. */
export const EPOCH = 1_800_000_000;

/** A batch as an operator makes it, with what it serves. */
export interface BuiltBatch {
  batchId: Hex;
  header: BatchHeader;
  claims: (StorableClaim & { opening: Opening })[];
}

/** An id of 32 bytes that ends in kinds of evidence, as those of models and policies do. */
export function idOf(seed: number, kinds = 7): Hex {
  return `0x${seed.toString(16).padStart(62, "0")}${kinds.toString(16).padStart(2, "0")}`;
}

/** An address. */
export function addressOf(seed: number): Address {
  return `0x${seed.toString(16).padStart(40, "0")}`;
}

/** A batch of claims that were served at these times by these requesters. */
export function buildBatch(options: {
  operator: Address;
  policyId: Hex;
  modelId: Hex;
  nonce: number;
  served: readonly { at: number; requester: Address; modelId?: Hex }[];
}): BuiltBatch {
  const { operator, policyId, modelId, nonce, served } = options;
  const claims = served.map(({ at, requester, modelId: own = modelId }, index) => {
    const claim: Claim = {
      ...{ modelId: own, policyId, operator, requester, requestId: idOf(nonce * 100_000 + index, 0) },
      ...{ inputHash: idOf(index, 1), outputHash: idOf(index, 2) },
      ...{ servedAt: BigInt(at), commitBy: BigInt(at + 600) },
    };
    const opening: Opening = {
      input: Uint8Array.of(index % 256),
      salt: idOf(index, 3),
      output: Uint8Array.of(1),
    };
    return { claim, claimId: claimIdOf(INDEX_DOMAIN, claim), signature: `0x${"11".repeat(65)}`, opening };
  });
  const header: BatchHeader = {
    ...{ operator, policyId, modelId: served.some((each) => each.modelId) ? idOf(0, 0) : modelId },
    root: buildMerkleTree(claims.map(({ claimId }, at) => leafHash(at, claimId))).root,
    dataRoot: buildMerkleTree(claims.map(({ opening }, at) => openingLeaf(at, opening))).root,
    count: claims.length,
    oldestServedAt: BigInt(Math.min(...served.map(({ at }) => at))),
    nonce: BigInt(nonce),
  };
  return { batchId: batchIdOf(INDEX_DOMAIN, header), header, claims };
}

/** The file that the operator serves. */
export function batchFile({ claims }: BuiltBatch): string {
  return JSON.stringify({
    claims: claims.map(({ claim, claimId, signature, opening }) => ({
      ...{ claim: claimToJson(claim), claimId, signature },
      opening: {
        input: Buffer.from(opening.input).toString("base64url"),
        salt: opening.salt,
        output: Buffer.from(opening.output).toString("base64url"),
      },
    })),
  });
}

/** An event as the ledger takes it. A block's time is ten seconds after the one before. */
export function eventAt(
  block: number,
  logIndex: number,
  name: string,
  values: Record<string, string>,
): ChainEvent {
  return {
    blockNumber: block,
    logIndex,
    ...{ blockHash: hashOfBlock(block), txHash: idOf(block * 1_000 + logIndex, 9) },
    timestamp: timeOf(block),
    name,
    arguments: values,
  };
}

/** The hash of a block of the made chain. */
export function hashOfBlock(block: number): Hex {
  return idOf(block, 0xb);
}

/** The time of a block of the made chain. */
export function timeOf(block: number): number {
  return EPOCH + block * 10;
}

/** The commit of a batch. */
export function commitOf(
  { batchId, header }: BuiltBatch,
  block: number,
  logIndex: number,
  windowSeconds: number,
): ChainEvent {
  return eventAt(block, logIndex, "BatchCommitted", {
    ...{ batchId, operator: header.operator, policyId: header.policyId, modelId: header.modelId },
    ...{ root: header.root, dataRoot: header.dataRoot, count: String(header.count) },
    ...{ oldestServedAt: String(header.oldestServedAt), nonce: String(header.nonce) },
    finalAt: String(timeOf(block) + windowSeconds),
  });
}

/** The registration of a policy. */
export function policyEvent(
  block: number,
  logIndex: number,
  policyId: Hex,
  change: Partial<Policy>,
): ChainEvent {
  const policy = {
    ...{ rule: 0, answerKinds: 7, publicData: true, bondToken: ZERO_ADDRESS, zkEvidence: ZERO_ADDRESS },
    ...{ teeEvidence: ZERO_ADDRESS, quorumEvidence: ZERO_ADDRESS, challengeWindowSeconds: 3_600 },
    ...{ attestedWindowSeconds: 0, proveWindowSeconds: 900, claimBondWei: 10n, challengeBondWei: 5n },
    ...{ challengerBps: 4_000, requesterBps: 4_000 },
    ...change,
  };
  const fields = Object.fromEntries(Object.entries(policy).map(([name, value]) => [name, String(value)]));
  return eventAt(block, logIndex, "PolicyRegistered", { policyId, policy: JSON.stringify(fields) });
}

/** Reads events into the ledger, block by block. */
export async function follow(ledger: Ledger, events: readonly ChainEvent[]): Promise<void> {
  for (const [block, inBlock] of Map.groupBy(events, ({ blockNumber }) => blockNumber)) {
    await advance(ledger, inBlock, { number: block, hash: hashOfBlock(block) });
  }
}

/** Stores the data of a batch as if it had been fetched. */
export async function storeBatch(ledger: Ledger, built: BuiltBatch, block: number, logIndex: number) {
  const batch = await findChainBatch(ledger, built.batchId);
  if (!batch) throw new Error("not committed");
  const place = { ordinal: ordinalOf(block, logIndex), batch_id: built.batchId };
  await storeClaims({ ledger, logger: silentLogger }, place, batch, built.claims, "http://operator");
}

/** The API over a ledger, asked without a socket. `now` is the moment by which statuses are told. */
export function indexApi(ledger: Ledger, now: { seconds: number }) {
  const app = createIndexApi(
    {
      ...{ ledger, domain: INDEX_DOMAIN, startBlock: 0 },
      clock: { nowSeconds: () => now.seconds, observe: () => undefined },
      view: () => undefined,
    },
    { streamsPerAddress: 32, trustedProxies: [] },
  );
  app.onError((error, context) => {
    if (!(error instanceof HttpError)) throw error;
    return context.json({ error: { code: error.code, message: error.message } }, error.status);
  });
  return {
    app,
    async ask<Answer>(path: string): Promise<Answer> {
      const response = await app.request(path);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
      return JSON.parse(text) as Answer;
    },
  };
}
