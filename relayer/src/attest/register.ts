// SPDX-License-Identifier: GPL-3.0-or-later

import { collateralCalls } from "@meantime/sdk/dcap/collateral";
import { splitQuote } from "@meantime/sdk/dcap/quote";
import { type EnclavePublicKey, enclaveKeyBinding } from "@meantime/sdk/enclave-keys";
import { type Address, bytesToHex, type Hex } from "@meantime/sdk/hex";
import { readNitroDocument } from "@meantime/sdk/nitro/document";
import { type BaseContract, NonceManager, type Signer, Wallet } from "ethers";
import type { EnclaveEvidence } from "../../../types/ethers-contracts/index.ts";
import { type BlockPatience, inBlock } from "../chain/in-block.ts";
import type { Rpc } from "../chain/rpc.ts";
import { RelayerError, TemporaryError } from "../errors.ts";
import { pause } from "../ops/supervisor.ts";
import { notBeforeOf } from "./collateral/moments.ts";
import type { RefusalContext } from "./error-arguments.ts";
import { explainRefusal, type Refusal, refusalText } from "./explain.ts";
import { planNitro } from "./nitro-plan.ts";
import type { Attestation, Attestor } from "./platform.ts";
import { bindIntelCollateral, bindNitroVerifier, bindRegistry, keyStruct } from "./registry.ts";

/** What registering a key takes. */
export interface RegistrationOrder {
  rpc: Rpc;
  chainId: number;
  /** The contract that judges enclaves' evidence, and has the registry in it. */
  enclaveEvidence: Address;
  key: EnclavePublicKey;
  /** What the registry shall believe the enclave to be. */
  measurement: Hex;
  attestor: Attestor;
  /** Pays. Anybody may register a key: the document decides. */
  registrarKey: Hex;
  /** How long each of its transactions is waited for, where not as usual. */
  patience?: BlockPatience;
}

/** A transaction that was mined. */
export interface SentTransaction {
  name: string;
  hash: string;
  gas: number;
}

/** No transaction can have more from Osaka on (EIP-7825). */
const TRANSACTION_GAS_LIMIT = 2n ** 24n;
/** What a transaction needs moves a little between two blocks. */
const GAS_WITH_MARGIN_PERCENT = 110n;
const CHAIN_LAG_MILLISECONDS = 30_000;
const LOOK_MILLISECONDS = 500;
const COLLATERAL_IS_THERE = "DocumentNotNewer";

/** The last call of a registration, all else being on the chain. */
interface FinalCall {
  name: "registerNitro" | "registerIntel";
  args: readonly unknown[];
  context: RefusalContext;
  /** What else was refused on the way, and may be why this is. */
  refused: string[];
}

/**
 * Enters or renews an enclave's key: binds it to the chain and a recent block, has its platform attest, brings what is
 * missing of certificates or collateral on the chain, and registers, each transaction below the cap.
 *
 * @param onSent called after each transaction
 * @throws RelayerError `MT-ATT-020` the contracts refuse it, in words; those of `Attestor.attest`
 * @throws TemporaryError `MT-ATT-021` a transaction failed for another reason, or is in no block after two minutes
 */
export async function registerEnclave(
  order: RegistrationOrder,
  onSent: (transaction: SentTransaction) => void = () => undefined,
): Promise<SentTransaction[]> {
  const sent: SentTransaction[] = [];
  const sender = new NonceManager(new Wallet(order.registrarKey, order.rpc));
  const send: Send = async (contract, name, args) => {
    const transaction = await transact(contract, name, args, order.patience);
    sent.push(transaction);
    onSent(transaction);
  };
  const final = await prepare(order, sender, send);
  const registry = bindRegistry(order.enclaveEvidence, sender);
  await dryRun(registry, final);
  await send(registry, final.name, final.args);
  return sent;
}

/**
 * Asks whether the contracts would take the key, without a transaction: what is not on the chain yet counts as missing.
 *
 * @returns the refusal, or undefined
 * @throws as `registerEnclave`, for everything but a refusal
 */
export async function rehearse(order: RegistrationOrder): Promise<Refusal | undefined> {
  const sender = new Wallet(order.registrarKey, order.rpc);
  const final = await prepare(order, sender, undefined);
  const registry = bindRegistry(order.enclaveEvidence, sender);
  return refusalOf(registry, final);
}

type Send = (contract: BaseContract, name: string, args: readonly unknown[]) => Promise<void>;

/** @param send undefined: nothing is sent */
async function prepare(order: RegistrationOrder, sender: Signer, send: Send | undefined): Promise<FinalCall> {
  const { key, measurement, attestor } = order;
  const registry = bindRegistry(order.enclaveEvidence, sender);
  const challenge = await challengeBlock(order.rpc);
  const domain = { chainId: BigInt(order.chainId), enclaveEvidence: order.enclaveEvidence };
  const attestation = await attestor.attest(enclaveKeyBinding(domain, key, measurement, challenge), key);
  const head = [keyStruct(key), challenge.number, measurement];
  return attestation.kind === "nitro"
    ? prepareNitro(registry, attestation, head, send)
    : prepareIntel(registry, attestation, head, send);
}

// The block before the latest: nodes answer calls as of the latest block, in which its own hash is not known.
async function challengeBlock(rpc: Rpc): Promise<{ number: bigint; hash: Hex }> {
  const latest = await rpc.getBlock("latest");
  const block = latest && (await rpc.getBlock(Math.max(0, latest.number - 1)));
  if (!block?.hash) {
    throw new TemporaryError("MT-CHAIN-001", "the node has no block to bind to", "It is tried again.");
  }
  return { number: BigInt(block.number), hash: block.hash as Hex };
}

async function prepareNitro(
  registry: EnclaveEvidence,
  { document }: Attestation & { kind: "nitro" },
  head: readonly unknown[],
  send: Send | undefined,
): Promise<FinalCall> {
  const verifier = await bindNitroVerifier(registry);
  const parsed = readNitroDocument(document);
  const { chains, hints, badSignature } = await planNitro(parsed, (id) => verifier.isVerified(id));
  // A node answers calls as of the latest block, which may be older than the certificate that was made just now.
  await chainToReach(registry, notBeforeOf(parsed.certificates.at(-1) ?? new Uint8Array()) ?? 0);
  for (const chain of chains) {
    await send?.(verifier, "verifyChain", [chain.certificates, chain.hints]);
  }
  return {
    name: "registerNitro",
    args: [...head, bytesToHex(document), hints],
    context: { badSignature },
    refused: [],
  };
}

async function chainToReach(registry: EnclaveEvidence, unixSeconds: number): Promise<void> {
  const end = performance.now() + CHAIN_LAG_MILLISECONDS;
  const { signal } = new AbortController();
  while (performance.now() < end) {
    const latest = await registry.runner?.provider?.getBlock("latest");
    if (!latest || latest.timestamp >= unixSeconds) return;
    await pause(LOOK_MILLISECONDS, signal);
  }
}

async function prepareIntel(
  registry: EnclaveEvidence,
  attestation: Attestation & { kind: "tdx" | "sgx" },
  head: readonly unknown[],
  send: Send | undefined,
): Promise<FinalCall> {
  const collateral = await bindIntelCollateral(registry);
  const refused: string[] = [];
  for (const { method, args } of collateralCalls(attestation.collateral)) {
    const refusal = await refusedBy(() => collateral.getFunction(method).staticCall(...args));
    if (refusal === undefined) {
      await send?.(collateral, method, args);
    } else if (refusal.check !== COLLATERAL_IS_THERE) {
      refused.push(`${method} was refused, ${refusalText(refusal)}`);
    }
  }
  const { parts } = splitQuote(attestation.quote);
  return { name: "registerIntel", args: [...head, parts], context: {}, refused };
}

async function dryRun(registry: EnclaveEvidence, final: FinalCall): Promise<void> {
  const refusal = await refusalOf(registry, final);
  if (refusal === undefined) return;
  throw new RelayerError(
    "MT-ATT-020",
    `the key is not registered: ${refusal.check}: ${refusal.what}`,
    refusal.remedy,
    {
      check: refusal.check,
      ...refusal.values,
    },
  );
}

async function refusalOf(registry: EnclaveEvidence, final: FinalCall): Promise<Refusal | undefined> {
  const call = () =>
    registry.getFunction(final.name).staticCall(...final.args, { gasLimit: TRANSACTION_GAS_LIMIT });
  const refusal = await refusedBy(call, final.context);
  return refusal && { ...refusal, what: [refusal.what, ...final.refused].join("; ") };
}

async function refusedBy(
  call: () => Promise<unknown>,
  context?: RefusalContext,
): Promise<Refusal | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    const refusal = explainRefusal(error, context);
    if (refusal === undefined) throw failed("a call", error);
    return refusal;
  }
}

async function transact(
  contract: BaseContract,
  name: string,
  args: readonly unknown[],
  patience: BlockPatience | undefined,
): Promise<SentTransaction> {
  const method = contract.getFunction(name);
  try {
    const wanted = ((await method.estimateGas(...args)) * GAS_WITH_MARGIN_PERCENT) / 100n;
    const gasLimit = wanted < TRANSACTION_GAS_LIMIT ? wanted : TRANSACTION_GAS_LIMIT;
    const response = await method.send(...args, { gasLimit });
    const receipt = await inBlock(response, patience);
    if (!receipt) throw new Error(`transaction ${response.hash} is in no block yet`);
    return { name, hash: response.hash, gas: Number(receipt.gasUsed) };
  } catch (error) {
    throw failed(name, error);
  }
}

function failed(what: string, error: unknown): TemporaryError {
  const refusal = explainRefusal(error);
  const why = refusal ? refusalText(refusal) : error instanceof Error ? error.message : String(error);
  return new TemporaryError(
    "MT-ATT-021",
    `${what} failed: ${why}`,
    "It is tried again; see whether the registrar's key has funds.",
  );
}
