// SPDX-License-Identifier: GPL-3.0-or-later

import groth16EvidenceAbi from "@meantime/sdk/abi/Groth16Evidence" with { type: "json" };
import modelRegistryAbi from "@meantime/sdk/abi/ModelRegistry" with { type: "json" };
import { type Address, asAddress, asHex32, type Hex } from "@meantime/sdk/hex";
import { modelEntry, modelId } from "@meantime/sdk/model";
import { Contract, type ContractTransactionResponse, NonceManager, Wallet } from "ethers";
import type { Groth16Evidence, ModelRegistry } from "../../../../types/ethers-contracts/index.ts";
import { describeRevert } from "../../chain/contracts.ts";
import { checkChain, connectRpc, type Rpc } from "../../chain/rpc.ts";
import { DEVELOPMENT_CHAIN_ID } from "../../config/development-chain.ts";
import { RelayerError } from "../../errors.ts";
import { orRefused, privateKeyOf } from "../sending.ts";
import { type CompiledModel, openCompiledModel } from "./folder.ts";

/** The flags of `meantime model register`. */
export interface RegisterOptions {
  rpc: string;
  chainId: string;
  groth16Evidence: string;
  measurement?: string;
  keyEnv: string;
  json?: true;
}

const KEY_HINT =
  "Export 0x and 64 hex digits under that name; keys are not taken from the command line, where others see them.";

/**
 * `meantime model register`: enters a model's verification key and the model itself. What is there already is left.
 *
 * @throws RelayerError `MT-CLI-005` development keys on another chain than the development one; `MT-CLI-006` no private
 * key; `MT-CLI-007` a contract refuses; `MT-CHAIN-001` to `003` the node or the address
 */
export async function registerModel(model: string, options: RegisterOptions): Promise<void> {
  const { spec, compiled } = openCompiledModel(model);
  const chainId = asChainId(options.chainId);
  refuseInsecure(compiled, chainId);
  const evidenceAddress = asAddress(options.groth16Evidence, "--groth16-evidence");
  const measurement =
    options.measurement === undefined ? undefined : asHex32(options.measurement, "--measurement");
  const entry = modelEntry(spec, {
    verificationKeyId: compiled.verificationKeyId,
    ...(measurement ? { measurement } : {}),
  });

  const rpc = connectRpc(options.rpc, chainId);
  try {
    await checkChain(rpc, options.rpc, chainId, { "--groth16-evidence": evidenceAddress });
    const { evidence, models } = await bind(rpc, evidenceAddress, options.keyEnv);
    const keySent = await sendUnless(isKeyKnown(evidence, compiled.verificationKeyId), () =>
      evidence.registerKey(compiled.verificationKey),
    );
    const id = modelId(entry);
    const { registeredAt } = await models.modelOf(id);
    const modelSent = await sendUnless(registeredAt !== 0n, () => models.register(entry));
    print(
      { model: spec.name, modelId: id, verificationKeyId: compiled.verificationKeyId, keySent, modelSent },
      options.json,
    );
  } finally {
    rpc.destroy();
  }
}

function refuseInsecure({ setup }: CompiledModel, chainId: number): void {
  if (setup === "ceremony" || chainId === DEVELOPMENT_CHAIN_ID) return;
  throw new RelayerError(
    "MT-CLI-005",
    `the keys are "${setup}": anybody can forge proofs under them`,
    `Run a ceremony (docs/CEREMONY.md). Such keys are for chain ${DEVELOPMENT_CHAIN_ID}.`,
    { setup, chainId },
  );
}

async function bind(rpc: Rpc, evidenceAddress: Address, keyEnv: string) {
  const sender = new NonceManager(new Wallet(privateKeyOf(keyEnv, KEY_HINT), rpc));
  const evidence = new Contract(evidenceAddress, groth16EvidenceAbi, sender) as unknown as Groth16Evidence;
  const models = new Contract(await evidence.MODELS(), modelRegistryAbi, sender) as unknown as ModelRegistry;
  return { evidence, models };
}

async function isKeyKnown(evidence: Groth16Evidence, keyId: Hex): Promise<boolean> {
  try {
    return (await evidence.keyOf(keyId)) !== "0x";
  } catch (error) {
    if (describeRevert(error) === undefined) throw error;
    return false;
  }
}

async function sendUnless(
  known: boolean | Promise<boolean>,
  send: () => Promise<ContractTransactionResponse>,
): Promise<string | undefined> {
  if (await known) return undefined;
  return orRefused(async () => (await (await send()).wait())?.hash);
}

function asChainId(text: string): number {
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text);
  throw new RelayerError("MT-CLI-002", `--chain-id ${text} is no chain id`, "Give it as a decimal number.");
}

function print(
  result: {
    model: string;
    modelId: Hex;
    verificationKeyId: Hex;
    keySent?: string | undefined;
    modelSent?: string | undefined;
  },
  json: true | undefined,
): void {
  const state = (hash: string | undefined) =>
    hash === undefined ? "was registered" : `registered in ${hash}`;
  process.stdout.write(
    json
      ? `${JSON.stringify(result)}\n`
      : `${result.model} ${result.modelId}\n  key ${result.verificationKeyId} ${state(result.keySent)}\n` +
          `  model ${state(result.modelSent)}\n`,
  );
}
