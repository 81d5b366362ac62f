// SPDX-License-Identifier: GPL-3.0-or-later

import groth16EvidenceAbi from "@meantime/sdk/abi/Groth16Evidence" with { type: "json" };
import modelRegistryAbi from "@meantime/sdk/abi/ModelRegistry" with { type: "json" };
import { type Address, asAddress, asHex32, type Hex } from "@meantime/sdk/hex";
import { type ModelEntry, modelEntry, modelId } from "@meantime/sdk/model";
import { openAiModelEntry } from "@meantime/sdk/openai/model";
import { Contract, type ContractTransactionResponse, NonceManager, Wallet } from "ethers";
import type { Groth16Evidence, ModelRegistry } from "../../../../types/ethers-contracts/index.ts";
import { describeRevert } from "../../chain/contracts.ts";
import { checkChain, connectRpc, type Rpc } from "../../chain/rpc.ts";
import { DEVELOPMENT_CHAIN_ID } from "../../config/development-chain.ts";
import { upstreamModelSchema } from "../../config/schema.ts";
import { RelayerError } from "../../errors.ts";
import { landed, orRefused, privateKeyOf } from "../sending.ts";
import { type CompiledModel, openCompiledModel } from "./folder.ts";

/** The flags of `meantime model register`. */
export interface RegisterOptions {
  rpc: string;
  chainId: string;
  groth16Evidence: string;
  measurement?: string;
  upstream?: true;
  weights?: string;
  modelVersion?: string;
  reexecutable?: true;
  keyEnv: string;
  json?: true;
}

const KEY_HINT =
  "Export 0x and 64 hex digits under that name; keys are not taken from the command line, where others see them.";

/**
 * `meantime model register`: enters a model's verification key and the model itself. What is there already is left.
 *
 * @throws RelayerError `MT-CLI-002` a flag that is none; `MT-CLI-005` development keys on another chain than the
 * development one; `MT-CLI-006` no private key; `MT-CLI-007` a contract refuses; `MT-CHAIN-001` to `003` the node or the
 * address; TemporaryError `MT-CLI-010` not in a block in time
 */
export async function registerModel(model: string, options: RegisterOptions): Promise<void> {
  const chainId = asChainId(options.chainId);
  const evidenceAddress = asAddress(options.groth16Evidence, "--groth16-evidence");
  const measurement =
    options.measurement === undefined ? undefined : asHex32(options.measurement, "--measurement");
  const { entry, verificationKey } = options.upstream
    ? { entry: upstreamEntry(model, measurement, options), verificationKey: undefined }
    : networkEntry(model, measurement, chainId);

  const rpc = connectRpc(options.rpc, chainId);
  try {
    await checkChain(rpc, options.rpc, chainId, { "--groth16-evidence": evidenceAddress });
    const { evidence, models } = await bind(rpc, evidenceAddress, options.keyEnv);
    const keySent =
      verificationKey &&
      (await sendUnless(isKeyKnown(evidence, entry.verificationKeyId), () =>
        evidence.registerKey(verificationKey),
      ));
    const id = modelId(entry);
    const { registeredAt } = await models.modelOf(id);
    const modelSent = await sendUnless(registeredAt !== 0n, () => models.register(entry));
    const { name, verificationKeyId } = entry;
    const key = verificationKey ? { verificationKeyId, keySent } : {};
    print({ model: name, modelId: id, ...key, modelSent }, options.json);
  } finally {
    rpc.destroy();
  }
}

/** What is registered of a model that is compiled here, and its key. */
function networkEntry(model: string, measurement: Hex | undefined, chainId: number) {
  const { spec, compiled } = openCompiledModel(model);
  refuseInsecure(compiled, chainId);
  refuseInsecure(compiled, chainId);
  const { verificationKeyId, verificationKey } = compiled;
  const entry = modelEntry(spec, { verificationKeyId, ...(measurement ? { measurement } : {}) });
  return { entry, verificationKey };
}

/** What is registered of a model behind a server: what the configuration says of it, checked as there. */
function upstreamEntry(
  name: string,
  measurement: Hex | undefined,
  { weights, modelVersion, reexecutable }: RegisterOptions,
): ModelEntry {
  const parsed = upstreamModelSchema().safeParse({
    ...{ name, weights, measurement, reexecutable, version: Number(modelVersion ?? 1) },
  });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const flag = { name: "<model>", version: "--model-version" }[String(issue?.path[0])];
    throw badFlag(flag ?? `--${issue?.path.join(".")}`, issue?.message ?? "is not valid");
  }
  if (measurement === undefined && !reexecutable) {
    throw badFlag("--measurement", "nothing could prove a claim without it or --reexecutable");
  }
  return openAiModelEntry({ ...parsed.data, measurement });
}

function badFlag(flag: string, message: string): RelayerError {
  return new RelayerError(
    "MT-CLI-002",
    `${flag}: ${message}`,
    "`meantime model register --help` explains the flags.",
  );
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
  return orRefused(async () => (await landed(await send())).hash);
}

function asChainId(text: string): number {
  if (/^[1-9]\d{0,15}$/.test(text)) return Number(text);
  throw new RelayerError("MT-CLI-002", `--chain-id ${text} is no chain id`, "Give it as a decimal number.");
}

function print(
  result: {
    model: string;
    modelId: Hex;
    verificationKeyId?: Hex;
    keySent?: string | undefined;
    modelSent?: string | undefined;
  },
  json: true | undefined,
): void {
  const state = (hash: string | undefined) =>
    hash === undefined ? "was registered" : `registered in ${hash}`;
  const { verificationKeyId, keySent } = result;
  const keyLine = verificationKeyId ? `  key ${verificationKeyId} ${state(keySent)}\n` : "";
  process.stdout.write(
    json
      ? `${JSON.stringify(result)}\n`
      : `${result.model} ${result.modelId}\n${keyLine}  model ${state(result.modelSent)}\n`,
  );
}
