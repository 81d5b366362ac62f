// SPDX-License-Identifier: GPL-3.0-or-later

import enclaveEvidenceAbi from "@meantime/sdk/abi/EnclaveEvidence" with { type: "json" };
import groth16EvidenceAbi from "@meantime/sdk/abi/Groth16Evidence" with { type: "json" };
import modelRegistryAbi from "@meantime/sdk/abi/ModelRegistry" with { type: "json" };
import policyRegistryAbi from "@meantime/sdk/abi/PolicyRegistry" with { type: "json" };
import receiptsAbi from "@meantime/sdk/abi/Receipts" with { type: "json" };
import settlementAbi from "@meantime/sdk/abi/Settlement" with { type: "json" };
import type { Address, Hex } from "@meantime/sdk/hex";
import { Contract, Interface, isCallException, isError } from "ethers";
import type {
  EnclaveEvidence,
  Groth16Evidence,
  ModelRegistry,
  PolicyRegistry,
  Receipts,
  Settlement,
} from "../../../types/ethers-contracts/index.ts";
import { RelayerError } from "../errors.ts";
import type { Rpc } from "./rpc.ts";

/** The contracts that the relayer reads. */
export interface Contracts {
  settlement: Settlement;
  settlementAddress: Address;
  /** The one that Settlement deployed. */
  receipts: Receipts;
  receiptsAddress: Address;
  policies: PolicyRegistry;
}

/** Encodes calls to, and decodes logs of, Settlement. */
export const SETTLEMENT_INTERFACE = new Interface(settlementAbi);

/** Encodes calls to, and decodes logs of, Receipts. */
export const RECEIPTS_INTERFACE = new Interface(receiptsAbi);

/** Encodes calls to EnclaveEvidence. */
export const ENCLAVE_EVIDENCE_INTERFACE = new Interface(enclaveEvidenceAbi);

/** Every interface whose custom errors can come back from a call to Settlement or Receipts. */
const ERROR_INTERFACES = [
  SETTLEMENT_INTERFACE,
  RECEIPTS_INTERFACE,
  ...[modelRegistryAbi, policyRegistryAbi, groth16EvidenceAbi, enclaveEvidenceAbi].map(
    (abi) => new Interface(abi),
  ),
];

/**
 * Binds the contracts; the policy registry and Receipts are those that Settlement names.
 *
 * @throws RelayerError `MT-CHAIN-007` the address holds another contract, or another version
 */
export async function bindContracts(rpc: Rpc, settlementAddress: Address): Promise<Contracts> {
  const settlement = new Contract(settlementAddress, settlementAbi, rpc) as unknown as Settlement;
  const [policiesAddress, receiptsAddress] = await namedBy(settlement, settlementAddress);
  return {
    settlement,
    settlementAddress,
    receipts: new Contract(receiptsAddress, receiptsAbi, rpc) as unknown as Receipts,
    receiptsAddress: receiptsAddress.toLowerCase() as Address,
    policies: new Contract(policiesAddress, policyRegistryAbi, rpc) as unknown as PolicyRegistry,
  };
}

async function namedBy(settlement: Settlement, address: Address): Promise<[string, string]> {
  try {
    return await Promise.all([settlement.POLICIES(), settlement.RECEIPTS()]);
  } catch (error) {
    if (!isCallException(error) && !isError(error, "BAD_DATA")) throw error;
    throw new RelayerError(
      "MT-CHAIN-007",
      `the contract at ${address} is no Settlement of this version`,
      "Correct chain.settlement, or run the version of the relayer that fits it.",
      { path: "chain.settlement" },
    );
  }
}

/** The model registries that evidence contracts judge by: in practice one. */
export async function bindModelRegistries(rpc: Rpc, evidence: readonly Address[]): Promise<ModelRegistry[]> {
  const registries = await Promise.all(
    [...new Set(evidence)].map((address) =>
      // Both evidence contracts have this function.
      (new Contract(address, groth16EvidenceAbi, rpc) as unknown as Groth16Evidence).MODELS(),
    ),
  );
  return [...new Set(registries)].map(
    (address) => new Contract(address, modelRegistryAbi, rpc) as unknown as ModelRegistry,
  );
}

/**
 * Whether proofs of a model are believed: not since somebody has shown that its key proves contradictions.
 *
 * @param zkEvidence the policy's; zero: none
 */
export async function areProofsBelieved(rpc: Rpc, zkEvidence: Address, modelId: Hex): Promise<boolean> {
  if (BigInt(zkEvidence) === 0n) return false;
  const evidence = new Contract(zkEvidence, groth16EvidenceAbi, rpc) as unknown as Groth16Evidence;
  return (await evidence.faultedAt(modelId)) === 0n;
}

/**
 * Since when an enclave that vouched is known to be compromised, unix seconds; zero: it is not.
 *
 * @param teeEvidence the policy's; zero: none
 */
export async function compromisedSince(rpc: Rpc, teeEvidence: Address, source: number): Promise<number> {
  if (BigInt(teeEvidence) === 0n) return 0;
  const evidence = new Contract(teeEvidence, enclaveEvidenceAbi, rpc) as unknown as EnclaveEvidence;
  return Number(await evidence.compromisedSince(source));
}

/**
 * The custom error that a call reverted with, as `Name(argument, ...)`; the reason string of a `require`; or undefined
 * when the call did not revert but failed for another reason.
 */
export function describeRevert(error: unknown): string | undefined {
  if (!isCallException(error)) return undefined;
  if (error.data && error.data !== "0x") {
    for (const known of ERROR_INTERFACES) {
      const parsed = known.parseError(error.data);
      if (parsed) return `${parsed.name}(${parsed.args.map(String).join(", ")})`;
    }
    return error.reason ?? `unknown custom error ${error.data.slice(0, 10)}`;
  }
  return error.reason ?? "no reason given";
}
