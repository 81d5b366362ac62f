// SPDX-License-Identifier: MIT
import type { HardhatEthersHelpers } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract } from "ethers";
import type { NetworkConnection } from "hardhat/types/network";
import MeantimeModule from "../../ignition/modules/Meantime.ts";
import type {
  AccessManager,
  EnclaveEvidence,
  EnclaveRegistry,
  Groth16Evidence,
  ModelRegistry,
  PolicyRegistry,
  Settlement,
} from "../../types/ethers-contracts/index.ts";

/** The protocol's contracts on one chain. */
export interface Deployment {
  manager: AccessManager;
  models: ModelRegistry;
  policies: PolicyRegistry;
  enclaves: EnclaveRegistry;
  groth16Evidence: Groth16Evidence;
  enclaveEvidence: EnclaveEvidence;
  settlement: Settlement;
}

/** Parameters of the Ignition module, all optional; see `ignition/modules/Meantime.ts`. */
export interface DeploymentParameters {
  admin?: string;
  curator?: string;
  guardian?: string;
  adminDelaySeconds?: number;
  curatorDelaySeconds?: number;
}

/** A connection of this project's Hardhat runtime, with the toolbox's plugins. */
export type Connection = NetworkConnection<"l1"> & { ethers: HardhatEthersHelpers };

/**
 * Deploys the protocol through Ignition, from the first account of the connection. Ignition keeps a journal of
 * deployments to real chains under `ignition/deployments`, named by chain id unless `deploymentId` names it, and goes on
 * where the journal ends.
 */
export async function deployMeantime(
  connection: Connection,
  parameters: DeploymentParameters = {},
  deploymentId?: string,
): Promise<Deployment> {
  const deployed = await connection.ignition.deploy(MeantimeModule, {
    parameters: { Meantime: { ...parameters } },
    ...(deploymentId === undefined ? {} : { deploymentId }),
  });
  return {
    manager: typed<AccessManager>(deployed.manager),
    models: typed<ModelRegistry>(deployed.models),
    policies: typed<PolicyRegistry>(deployed.policies),
    enclaves: typed<EnclaveRegistry>(deployed.enclaves),
    groth16Evidence: typed<Groth16Evidence>(deployed.groth16Evidence),
    enclaveEvidence: typed<EnclaveEvidence>(deployed.enclaveEvidence),
    settlement: typed<Settlement>(deployed.settlement),
  };
}

/** Addresses by name, as `npm run deploy` prints them and the relayer's configuration takes them. */
export async function addressesOf(deployment: Deployment): Promise<Record<keyof Deployment, string>> {
  const entries = await Promise.all(
    Object.entries(deployment).map(async ([name, contract]) => [name, await contract.getAddress()] as const),
  );
  return Object.fromEntries(entries) as Record<keyof Deployment, string>;
}

// Ignition hands out plain contracts; the module names which artifact each one is.
function typed<T>(contract: Contract): T {
  return contract as unknown as T;
}
