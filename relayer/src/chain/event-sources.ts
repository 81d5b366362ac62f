// SPDX-License-Identifier: GPL-3.0-or-later

import accessManagerAbi from "@meantime/sdk/abi/AccessManager" with { type: "json" };
import enclaveEvidenceAbi from "@meantime/sdk/abi/EnclaveEvidence" with { type: "json" };
import groth16EvidenceAbi from "@meantime/sdk/abi/Groth16Evidence" with { type: "json" };
import inferenceRequestsAbi from "@meantime/sdk/abi/InferenceRequests" with { type: "json" };
import modelRegistryAbi from "@meantime/sdk/abi/ModelRegistry" with { type: "json" };
import policyRegistryAbi from "@meantime/sdk/abi/PolicyRegistry" with { type: "json" };
import quorumEvidenceAbi from "@meantime/sdk/abi/QuorumEvidence" with { type: "json" };
import type { Address } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { Contract, Interface, isCallException, isError } from "ethers";
import type { Groth16Evidence, InferenceRequests } from "../../../types/ethers-contracts/index.ts";
import { RelayerError } from "../errors.ts";
import { termsFromArguments } from "../indexer/terms.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Reader, Row } from "../ledger/schema.ts";
import type { Contracts } from "./contracts.ts";
import type { Rpc } from "./rpc.ts";

/** The contracts beside Settlement and Receipts whose events are read, by the name of their ABI. */
export const SOURCE_INTERFACES = {
  AccessManager: new Interface(accessManagerAbi),
  PolicyRegistry: new Interface(policyRegistryAbi),
  ModelRegistry: new Interface(modelRegistryAbi),
  Groth16Evidence: new Interface(groth16EvidenceAbi),
  EnclaveEvidence: new Interface(enclaveEvidenceAbi),
  QuorumEvidence: new Interface(quorumEvidenceAbi),
  InferenceRequests: new Interface(inferenceRequestsAbi),
} as const;

/** The name of such a contract. */
export type SourceName = keyof typeof SOURCE_INTERFACES;

/** Which contract of evidence judges which kind. */
const EVIDENCE_NAMES: Readonly<Record<number, SourceName>> = {
  [EVIDENCE_KINDS.zk]: "Groth16Evidence",
  [EVIDENCE_KINDS.tee]: "EnclaveEvidence",
  [EVIDENCE_KINDS.quorum]: "QuorumEvidence",
};

/** Every source that is known. */
export function eventSources(db: Reader): Promise<Row<"index_sources">[]> {
  return db.selectFrom("index_sources").selectAll().orderBy("address").execute();
}

/**
 * Takes note of the contracts that Settlement names, and of the one that holds requests where the configuration names it.
 *
 * @param before the block before the first whose events are read
 * @throws RelayerError `MT-CHAIN-013` the requests are another Settlement's
 */
export async function noteNamedSources(
  { ledger, contracts, rpc }: { ledger: Ledger; contracts: Contracts; rpc: Rpc },
  before: number,
  inferenceRequests?: Address,
): Promise<void> {
  const manager = await contracts.settlement.authority();
  const found: [Address, SourceName][] = [
    [lower(manager), "AccessManager"],
    [lower(await contracts.policies.getAddress()), "PolicyRegistry"],
  ];
  if (inferenceRequests) {
    await checkRequests(rpc, inferenceRequests, contracts);
    found.push([inferenceRequests, "InferenceRequests"]);
  }
  await noteSources(ledger, found, before);
}

/**
 * Takes note of contracts of evidence that the policy registry lists or a policy names, and of the model registries that
 * they judge by.
 *
 * @param fromBlock where to look for new ones
 */
export async function noteEvidence(
  ledger: Ledger,
  rpc: Rpc,
  before: number,
  fromBlock: number,
): Promise<void> {
  const rows = await ledger
    .selectFrom("events")
    .select(["name", "arguments"])
    .where("name", "in", ["EvidenceSet", "PolicyRegistered"])
    .where("block_number", ">=", fromBlock)
    .execute();
  const named = new Map<Address, SourceName>();
  for (const row of rows) {
    for (const [address, kind] of evidenceOf(row)) {
      const name = EVIDENCE_NAMES[kind];
      if (name && BigInt(address) !== 0n) named.set(address, name);
    }
  }
  const known = new Set((await eventSources(ledger)).map(({ address }) => address));
  const fresh = [...named].filter(([address]) => !known.has(address));
  if (fresh.length === 0) return;
  const registries = await Promise.all(fresh.map(([address]) => modelRegistryOf(rpc, address)));
  await noteSources(
    ledger,
    [...fresh, ...registries.flatMap((address) => (address ? [[address, "ModelRegistry"] as const] : []))],
    before,
  );
}

function evidenceOf({
  name,
  arguments: text,
}: Pick<Row<"events">, "name" | "arguments">): [Address, number][] {
  if (name === "EvidenceSet") {
    const { evidence, kind } = JSON.parse(text) as { evidence: Address; kind: string };
    return [[evidence, Number(kind)]];
  }
  const { zkEvidence, teeEvidence, quorumEvidence } = termsFromArguments(text);
  return [
    [zkEvidence, EVIDENCE_KINDS.zk],
    [teeEvidence, EVIDENCE_KINDS.tee],
    [quorumEvidence, EVIDENCE_KINDS.quorum],
  ];
}

async function modelRegistryOf(rpc: Rpc, evidence: Address): Promise<Address | undefined> {
  try {
    // The contracts of evidence that judge by models have this function.
    const contract = new Contract(evidence, groth16EvidenceAbi, rpc) as unknown as Groth16Evidence;
    return lower(await contract.MODELS());
  } catch (error) {
    if (isCallException(error) || isError(error, "BAD_DATA")) return undefined;
    throw error;
  }
}

async function noteSources(
  ledger: Ledger,
  found: readonly (readonly [Address, SourceName])[],
  before: number,
): Promise<void> {
  await ledger.transaction(async (tx) => {
    for (const [address, name] of found) {
      await tx
        .insertInto("index_sources")
        .values({ address, name, read_up_to: before })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
  });
}

async function checkRequests(rpc: Rpc, address: Address, { settlementAddress }: Contracts): Promise<void> {
  const contract = new Contract(address, inferenceRequestsAbi, rpc) as unknown as InferenceRequests;
  let named: string | undefined;
  try {
    named = lower(await contract.SETTLEMENT());
  } catch (error) {
    if (!isCallException(error) && !isError(error, "BAD_DATA")) throw error;
  }
  if (named === settlementAddress) return;
  throw new RelayerError(
    "MT-CHAIN-013",
    `the contract at ${address} holds no requests for the Settlement at ${settlementAddress}`,
    "Correct chain.inferenceRequests or --requests, or leave it out.",
    { path: "chain.inferenceRequests" },
  );
}

function lower(address: string): Address {
  return address.toLowerCase() as Address;
}
