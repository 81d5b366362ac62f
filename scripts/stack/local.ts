// SPDX-License-Identifier: MIT
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { SettlementDomain } from "@meantime/sdk/domain";
import type { Hex } from "@meantime/sdk/hex";
import hre from "hardhat";
import { SIMULATED_NITRO_ROOT } from "../../relayer/src/attest/simulated/nitro.ts";
import { SIMULATED_INTEL_ROOT } from "../../relayer/src/attest/simulated/tdx.ts";
import { type Deployment, deployMeantime } from "../chain/deployment.ts";
import { registerDigitModel } from "../chain/models.ts";
import { startAnvil } from "./anvil.ts";
import { type LocalChain, startChain } from "./chain.ts";
import {
  allowLocalImage,
  enrolOperator,
  LOCAL_MEASUREMENT,
  type LocalOperator,
  localKey,
  localOperator,
  lowerCase,
} from "./operators.ts";
import { type LocalPolicy, registerLocalPolicies } from "./policies.ts";

/**
 * A local chain with the protocol, the digit model, three policies and one operator with an enclave, whose image is allowed
 * and whose key its relayer registers.
 */
export interface LocalStack {
  chain: LocalChain;
  deployment: Deployment;
  domain: SettlementDomain;
  modelId: Hex;
  policyIds: Record<LocalPolicy, Hex>;
  operator: LocalOperator;
  enclaveKey: string;
}

const STAKE_WEI = 20n * 10n ** 18n;
const FIRST_OPERATOR_ACCOUNT = 1;
const ENCLAVE_ACCOUNT = 18;

/** Whose node the chain runs on. */
export const CHAIN_KINDS = ["hardhat", "anvil"] as const;

export type ChainKind = (typeof CHAIN_KINDS)[number];

/** Starts the chain and brings everything on it to where an operator can start serving. */
export async function startLocalStack(port = 0, kind: ChainKind = "hardhat"): Promise<LocalStack> {
  const chain = await (kind === "anvil" ? startAnvil(port) : startChain(port));
  const deployment = await deployToNewChain(chain);
  const modelId = await registerDigitModel(deployment, LOCAL_MEASUREMENT);
  const policyIds = await registerLocalPolicies(deployment);
  const operator = localOperator(FIRST_OPERATOR_ACCOUNT);
  const enclaveKey = localKey(ENCLAVE_ACCOUNT);
  await allowLocalImage(chain, deployment);
  await enrolOperator({ chain, deployment, policyIds }, operator, STAKE_WEI);
  const { chainId } = await chain.connection.ethers.provider.getNetwork();
  const domain = { chainId, settlement: lowerCase(await deployment.settlement.getAddress()) };
  return { chain, deployment, domain, modelId, policyIds, operator, enclaveKey: enclaveKey.privateKey };
}

// A journal outlives the chain it is about; the next chain would be taken for the same.
async function deployToNewChain({ connection }: LocalChain): Promise<Deployment> {
  const roots = { nitroRoot: SIMULATED_NITRO_ROOT, intelRoot: SIMULATED_INTEL_ROOT };
  const deploymentId = `local-${process.pid}`;
  try {
    return await deployMeantime(connection, roots, deploymentId);
  } finally {
    await rm(join(hre.config.paths.ignition, "deployments", deploymentId), { recursive: true, force: true });
  }
}
