// SPDX-License-Identifier: GPL-3.0-or-later

import enclaveEvidenceAbi from "@meantime/sdk/abi/EnclaveEvidence" with { type: "json" };
import groth16EvidenceAbi from "@meantime/sdk/abi/Groth16Evidence" with { type: "json" };
import inferenceRequestsAbi from "@meantime/sdk/abi/InferenceRequests" with { type: "json" };
import modelRegistryAbi from "@meantime/sdk/abi/ModelRegistry" with { type: "json" };
import nitroVerifierAbi from "@meantime/sdk/abi/NitroVerifier" with { type: "json" };
import policyRegistryAbi from "@meantime/sdk/abi/PolicyRegistry" with { type: "json" };
import quorumEvidenceAbi from "@meantime/sdk/abi/QuorumEvidence" with { type: "json" };
import receiptsAbi from "@meantime/sdk/abi/Receipts" with { type: "json" };
import settlementAbi from "@meantime/sdk/abi/Settlement" with { type: "json" };
import type { Address, Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { Interface, type Result } from "ethers";
import { findRequests } from "./find-requests.ts";
import type { Findings } from "./findings.ts";
import { addressNamedBy, type PinnedChain, type PinnedLog } from "./pinned-chain.ts";

/** A decoded event of one of the contracts. */
export interface ChainEvent {
  contract: ContractName;
  name: string;
  args: Result;
  log: PinnedLog;
}

/** Which contract an event is of. */
export type ContractName =
  | "settlement"
  | "receipts"
  | "policies"
  | "models"
  | "zk"
  | "tee"
  | "quorum"
  | "nitro"
  | "requests"
  | "manager";

const MANAGER_ABI = [
  "event OperationScheduled(bytes32 indexed operationId, uint32 indexed nonce, uint48 schedule, address caller, address target, bytes data)",
  "event OperationExecuted(bytes32 indexed operationId, uint32 indexed nonce)",
  "event OperationCanceled(bytes32 indexed operationId, uint32 indexed nonce)",
  "event RoleGranted(uint64 indexed roleId, address indexed account, uint32 delay, uint48 since, bool newMember)",
  "event RoleRevoked(uint64 indexed roleId, address indexed account)",
  "event RoleAdminChanged(uint64 indexed roleId, uint64 indexed admin)",
  "event RoleGuardianChanged(uint64 indexed roleId, uint64 indexed guardian)",
  "event RoleGrantDelayChanged(uint64 indexed roleId, uint32 delay, uint48 since)",
  "event TargetClosed(address indexed target, bool closed)",
  "event TargetFunctionRoleUpdated(address indexed target, bytes4 selector, uint64 indexed roleId)",
  "event TargetAdminDelayUpdated(address indexed target, uint32 delay, uint48 since)",
  "function grantRole(uint64 roleId, address account, uint32 executionDelay)",
  "function revokeRole(uint64 roleId, address account)",
  "function setRoleAdmin(uint64 roleId, uint64 admin)",
  "function setRoleGuardian(uint64 roleId, uint64 guardian)",
  "function setGrantDelay(uint64 roleId, uint32 newDelay)",
  "function setTargetClosed(address target, bool closed)",
  "function setTargetFunctionRole(address target, bytes4[] selectors, uint64 roleId)",
  "function setTargetAdminDelay(address target, uint32 newDelay)",
  "function updateAuthority(address target, address newAuthority)",
];

/** Encodes and decodes for each contract. */
export const INTERFACES: Record<ContractName, Interface> = {
  settlement: new Interface(settlementAbi),
  receipts: new Interface(receiptsAbi),
  policies: new Interface(policyRegistryAbi),
  models: new Interface(modelRegistryAbi),
  zk: new Interface(groth16EvidenceAbi),
  tee: new Interface(enclaveEvidenceAbi),
  quorum: new Interface(quorumEvidenceAbi),
  nitro: new Interface(nitroVerifierAbi),
  requests: new Interface(inferenceRequestsAbi),
  manager: new Interface(MANAGER_ABI),
};

/** The contracts of one deployment, all found from Settlement on. */
export interface Contracts {
  byAddress: ReadonlyMap<Address, ContractName>;
  /** The block that has the first of them, or zero where the node does not say. */
  startBlock: number;
}

const EVIDENCE_NAMES: Record<number, "zk" | "tee" | "quorum"> = {
  [EVIDENCE_KINDS.zk]: "zk",
  [EVIDENCE_KINDS.tee]: "tee",
  [EVIDENCE_KINDS.quorum]: "quorum",
};

/**
 * Finds every contract whose events the audit reads: those that Settlement names, the evidence contracts that were ever on
 * the list, the registries that these judge by, what governs them, and what takes requests.
 *
 * @param requests InferenceRequests contracts; undefined: whatever took a request for this Settlement
 * @throws BadInputError `MT-AUDIT-003` one of `requests` is about another Settlement
 */
export async function findContracts(
  chain: PinnedChain,
  findings: Findings,
  requests?: readonly Address[],
): Promise<Contracts> {
  const { settlement } = chain.domain;
  const found = new Map<Address, ContractName>([
    [settlement, "settlement"],
    [chain.receipts, "receipts"],
    [chain.policies, "policies"],
    [await addressNamedBy(chain, settlement, "authority"), "manager"],
  ]);
  const listedFrom = await chain.deployedAt(chain.policies);
  for await (const logs of chain.logs([chain.policies], listedFrom, chain.pinned.number)) {
    for (const log of logs) {
      const event = INTERFACES.policies.parseLog(log);
      const kind = event?.name === "EvidenceSet" ? EVIDENCE_NAMES[Number(event.args.kind)] : undefined;
      if (kind !== undefined) found.set(lower(event?.args.evidence), kind);
    }
  }
  for (const [address, name] of [...found]) {
    if (!["zk", "tee", "quorum"].includes(name)) continue;
    found.set(await addressNamedBy(chain, address, "MODELS"), "models");
    if (name === "tee") found.set(await addressNamedBy(chain, address, "NITRO"), "nitro");
  }
  for (const address of await findRequests(chain, findings, requests)) {
    if (!found.has(address)) found.set(address, "requests");
  }
  const blocks = await Promise.all([...found.keys()].map((address) => chain.deployedAt(address)));
  return { byAddress: found, startBlock: Math.min(...blocks) };
}

/** Every event of these contracts in the chain's order, a range of blocks at a time. */
export async function* readEvents(
  chain: PinnedChain,
  { byAddress, startBlock }: Contracts,
): AsyncGenerator<readonly ChainEvent[]> {
  for await (const logs of chain.logs([...byAddress.keys()], startBlock, chain.pinned.number)) {
    yield logs.flatMap((log) => {
      const contract = byAddress.get(log.address);
      const parsed = contract && parsedLog(contract, log);
      return parsed ? [{ contract, name: parsed.name, args: parsed.args, log }] : [];
    });
  }
}

/** Anybody can make a contract that looks like InferenceRequests: what it cannot have meant is no event. */
function parsedLog(contract: ContractName, log: PinnedLog) {
  if (contract !== "requests") return INTERFACES[contract].parseLog(log);
  try {
    const parsed = INTERFACES.requests.parseLog(log);
    parsed?.args.toArray(true);
    return parsed;
  } catch {
    return null;
  }
}

/** An address or hash of an event in lower case. */
export function lower(value: unknown): Hex {
  return String(value).toLowerCase() as Hex;
}
