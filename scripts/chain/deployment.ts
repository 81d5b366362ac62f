// SPDX-License-Identifier: MIT
import type { HardhatEthersHelpers } from "@nomicfoundation/hardhat-ethers/types";
import type { Contract } from "ethers";
import type { NetworkConnection } from "hardhat/types/network";
import MeantimeModule from "../../ignition/modules/Meantime.ts";
import type {
  AccessManager,
  EnclaveEvidence,
  Erc8274Verifier,
  Groth16Evidence,
  InferenceRequests,
  IntelCollateral,
  IntelQuoteVerifier,
  MeantimeLens,
  ModelRegistry,
  NitroVerifier,
  PolicyRegistry,
  QuorumEvidence,
  Receipts,
  Settlement,
} from "../../types/ethers-contracts/index.ts";

/** The protocol's contracts on one chain. */
export interface Deployment {
  manager: AccessManager;
  models: ModelRegistry;
  policies: PolicyRegistry;
  nitroVerifier: NitroVerifier;
  intelCollateral: IntelCollateral;
  intelVerifier: IntelQuoteVerifier;
  groth16Evidence: Groth16Evidence;
  enclaveEvidence: EnclaveEvidence;
  quorumEvidence: QuorumEvidence;
  settlement: Settlement;
  receipts: Receipts;
  requests: InferenceRequests;
  erc8274Verifier: Erc8274Verifier;
  lens: MeantimeLens;
}

/** Who governs, and after what delays. The deployer plays every role that is not given. */
export interface DeploymentParameters {
  admin?: string;
  curator?: string;
  guardian?: string;
  /** Default: two days. */
  adminDelaySeconds?: number;
  /** Default: one day. */
  curatorDelaySeconds?: number;
  /** How many re-executors vouch for a claim together. Default: three. */
  quorumThreshold?: number;
  /** What a re-executor must have staked. Default: one ether. */
  quorumStakeWei?: bigint;
  /** The certificate, DER in hexadecimal, above every Nitro enclave that is believed. Default: AWS's. */
  nitroRoot?: string;
  /** The same for SGX and TDX. Default: Intel's. */
  intelRoot?: string;
  /** How many keys one instance of AWS's, or one processor of Intel's, may have at a time. Default: 16. */
  maxKeysPerPlatform?: number;
  /**
   * 32 bytes. With it every contract has an address that follows from the salt and its own code and arguments, by
   * CREATE2 through the CreateX factory, which the chain must have (https://github.com/pcaversaccio/createx).
   */
  salt?: string;
  /** Signer and owner of the first re-executors, who count as soon as they have staked. Default: none. */
  quorumFounders?: [string, string][];
}

/** A connection of this project's Hardhat runtime, with the toolbox's plugins. */
export type Connection = NetworkConnection<"l1"> & { ethers: HardhatEthersHelpers };

const ADMIN_ROLE = 0n;
const DEFAULT_ADMIN_DELAY_SECONDS = 2 * 24 * 60 * 60;

/**
 * Deploys the protocol through Ignition, from the first account of the connection, and hands the administration over:
 * nobody keeps it without a delay. Ignition keeps a journal of deployments to real chains under `ignition/deployments`,
 * named by chain id unless `deploymentId` names it, and goes on where the journal ends.
 */
export async function deployMeantime(
  connection: Connection,
  { admin, adminDelaySeconds = DEFAULT_ADMIN_DELAY_SECONDS, salt, ...module }: DeploymentParameters = {},
  deploymentId?: string,
): Promise<Deployment> {
  const deployed = await connection.ignition.deploy(MeantimeModule, {
    parameters: { Meantime: { ...module } },
    ...(salt === undefined ? {} : { strategy: "create2", strategyConfig: { salt } }),
    ...(deploymentId === undefined ? {} : { deploymentId }),
  });
  const deployment: Deployment = {
    manager: typed<AccessManager>(deployed.manager),
    models: typed<ModelRegistry>(deployed.models),
    policies: typed<PolicyRegistry>(deployed.policies),
    nitroVerifier: typed<NitroVerifier>(deployed.nitroVerifier),
    intelCollateral: typed<IntelCollateral>(deployed.intelCollateral),
    intelVerifier: typed<IntelQuoteVerifier>(deployed.intelVerifier),
    groth16Evidence: typed<Groth16Evidence>(deployed.groth16Evidence),
    enclaveEvidence: typed<EnclaveEvidence>(deployed.enclaveEvidence),
    quorumEvidence: typed<QuorumEvidence>(deployed.quorumEvidence),
    settlement: typed<Settlement>(deployed.settlement),
    receipts: typed<Receipts>(deployed.receipts),
    requests: typed<InferenceRequests>(deployed.requests),
    erc8274Verifier: typed<Erc8274Verifier>(deployed.erc8274Verifier),
    lens: typed<MeantimeLens>(deployed.lens),
  };
  await handOver(connection, deployment.manager, admin, adminDelaySeconds);
  return deployment;
}

/** Addresses by name, as `npm run deploy` prints them and the relayer's configuration takes them. */
export async function addressesOf(deployment: Deployment): Promise<Record<keyof Deployment, string>> {
  const entries = await Promise.all(
    Object.entries(deployment).map(async ([name, contract]) => [name, await contract.getAddress()] as const),
  );
  return Object.fromEntries(entries) as Record<keyof Deployment, string>;
}

// Runs once: after it the deployer acts under a delay, or not at all. A deployment that goes on finds it done.
async function handOver(
  { ethers }: Connection,
  manager: AccessManager,
  admin: string | undefined,
  delaySeconds: number,
): Promise<void> {
  const [deployer] = await ethers.getSigners();
  if (!deployer) throw new Error("the network has no account to deploy from");
  const [isMember, currentDelaySeconds] = await manager.hasRole(ADMIN_ROLE, deployer.address);
  if (!isMember || currentDelaySeconds !== 0n) return;
  const successor = admin ?? deployer.address;
  await (await manager.grantRole(ADMIN_ROLE, successor, delaySeconds)).wait();
  if (successor.toLowerCase() === deployer.address.toLowerCase()) return;
  await (await manager.renounceRole(ADMIN_ROLE, deployer.address)).wait();
}

// Ignition hands out plain contracts; the module names which artifact each one is.
function typed<T>(contract: Contract): T {
  return contract as unknown as T;
}
