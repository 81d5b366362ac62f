// SPDX-License-Identifier: GPL-3.0-or-later

import enclaveEvidenceAbi from "@meantime/sdk/abi/EnclaveEvidence" with { type: "json" };
import groth16EvidenceAbi from "@meantime/sdk/abi/Groth16Evidence" with { type: "json" };
import modelRegistryAbi from "@meantime/sdk/abi/ModelRegistry" with { type: "json" };
import policyRegistryAbi from "@meantime/sdk/abi/PolicyRegistry" with { type: "json" };
import settlementAbi from "@meantime/sdk/abi/Settlement" with { type: "json" };
import type { Address } from "@meantime/sdk/hex";
import { Contract, Interface, isCallException } from "ethers";
import type {
  Groth16Evidence,
  ModelRegistry,
  PolicyRegistry,
  Settlement,
} from "../../../types/ethers-contracts/index.ts";
import type { Rpc } from "./rpc.ts";

/** The contracts that the relayer reads. */
export interface Contracts {
  settlement: Settlement;
  settlementAddress: Address;
  policies: PolicyRegistry;
}

/** Encodes calls to, and decodes logs of, Settlement. */
export const SETTLEMENT_INTERFACE = new Interface(settlementAbi);

/** Every interface whose custom errors can come back from a call to Settlement. */
const ERROR_INTERFACES = [
  SETTLEMENT_INTERFACE,
  ...[modelRegistryAbi, policyRegistryAbi, groth16EvidenceAbi, enclaveEvidenceAbi].map(
    (abi) => new Interface(abi),
  ),
];

/** Binds the contracts; the policy registry is the one that Settlement names. */
export async function bindContracts(rpc: Rpc, settlementAddress: Address): Promise<Contracts> {
  const settlement = new Contract(settlementAddress, settlementAbi, rpc) as unknown as Settlement;
  const policies = new Contract(
    await settlement.POLICIES(),
    policyRegistryAbi,
    rpc,
  ) as unknown as PolicyRegistry;
  return { settlement, settlementAddress, policies };
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
