// SPDX-License-Identifier: MIT
import type { Address } from "@meantime/sdk/hex";
import { HDNodeWallet, Wallet } from "ethers";
import { simulatedNitroMeasurement } from "../../relayer/src/attest/simulated/nitro.ts";
import type { Deployment } from "../chain/deployment.ts";
import { allowanceOf, publicKeyOf, registerSimulated } from "../chain/simulated-nitro.ts";
import type { LocalChain } from "./chain.ts";
import type { LocalStack } from "./local.ts";

/** The keys of one operator of the local stack; `owner` holds the stake. */
export interface LocalOperator {
  owner: Wallet;
  sender: Wallet;
  receiptKey: Wallet;
  challenger: Wallet;
}

/** What the image of the local stack's simulated enclaves is called. */
export const LOCAL_IMAGE = "meantime local simulated enclave image v1";
/** The measurement that the local stack's simulated enclaves report. */
export const LOCAL_MEASUREMENT = simulatedNitroMeasurement(LOCAL_IMAGE);

const DAY_SECONDS = 24 * 60 * 60;

// The public test phrase whose accounts a Hardhat node funds.
const MNEMONIC = "test test test test test test test test test test test junk";

/** A funded development key of the local chain, by number. Number 0 deploys. */
export function localKey(index: number): Wallet {
  const node = HDNodeWallet.fromPhrase(MNEMONIC, "", `m/44'/60'/0'/0/${index}`);
  return new Wallet(node.privateKey);
}

/** The keys of an operator, four accounts from `firstAccount` on. */
export function localOperator(firstAccount: number): LocalOperator {
  return {
    owner: localKey(firstAccount),
    sender: localKey(firstAccount + 1),
    receiptKey: localKey(firstAccount + 2),
    challenger: localKey(firstAccount + 3),
  };
}

/** Stakes for an operator and delegates to its sender and receipt key, as its owner would from a cold key. */
export async function enrolOperator(
  { chain, deployment, policyIds }: Pick<LocalStack, "chain" | "deployment" | "policyIds">,
  operator: LocalOperator,
  stakeWei: bigint,
): Promise<void> {
  const owner = operator.owner.connect(chain.connection.ethers.provider);
  const settlement = deployment.settlement.connect(owner);
  await (await settlement.stake(owner.address, { value: stakeWei })).wait();
  await (await settlement.setSender(operator.sender.address, Object.values(policyIds), true)).wait();
  const receipts = deployment.receipts.connect(owner);
  await (await receipts.acceptPolicies(Object.values(policyIds))).wait();
  await (await receipts.addReceiptKey(operator.receiptKey.address)).wait();
}

/** Allows the local enclaves' image as the curator has to: announce it, wait out the delay, execute. Moves time by a day. */
export async function allowLocalImage(chain: LocalChain, deployment: Deployment): Promise<void> {
  const { manager, enclaveEvidence } = deployment;
  const args = await allowanceOf(deployment, LOCAL_IMAGE);
  const call = enclaveEvidence.interface.encodeFunctionData("allowMeasurement", [...args]);
  await (await manager.schedule(enclaveEvidence, call, 0)).wait();
  await chain.moveTo((await chain.now()) + DAY_SECONDS);
  await (await manager.execute(enclaveEvidence, call)).wait();
}

/** Has a simulated enclave of the local image attest a key, and registers it. */
export async function enterEnclaveKey(chain: LocalChain, deployment: Deployment, key: Wallet): Promise<void> {
  await registerSimulated(chain.connection, deployment, publicKeyOf(key), { image: LOCAL_IMAGE });
}

/** The address in the form that the SDK and the configuration use. */
export function lowerCase(address: string): Address {
  return address.toLowerCase() as Address;
}
