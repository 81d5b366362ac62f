// SPDX-License-Identifier: MIT
import {
  ENCLAVE_PLATFORMS,
  type EnclavePublicKey,
  enclaveKeyBinding,
  parseEnclavePublicKey,
  pcrSet,
} from "@meantime/sdk/enclave-keys";
import { bytesToHex, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { readNitroDocument } from "@meantime/sdk/nitro/document";
import { nitroHints } from "@meantime/sdk/nitro/signatures";
import { SigningKey, type Wallet } from "ethers";
import {
  simulatedNitroAttestor,
  simulatedNitroMeasurement,
} from "../../relayer/src/attest/simulated/nitro.ts";
import type { Connection, Deployment } from "./deployment.ts";

/** What a simulated document says beside its key. */
export interface SimulatedImage {
  /** What the image is called; its measurement follows from it. */
  image: string;
  /** When the enclave's certificate runs out, Unix seconds. Default: with all others. */
  notAfter?: number;
  /** The instance it runs on. */
  instance?: string;
}

/** EIP-7825. */
const MAX_TRANSACTION_GAS = 16_777_216n;
const TERMS = { statuses: 1, minEvaluationNumber: 0, maxBlockAge: 256, maxKeySeconds: 90 * 24 * 3600 };

/** The arguments by which a curator allows an image. */
export async function allowanceOf({ enclaveEvidence }: Deployment, image: string) {
  const measurement = simulatedNitroMeasurement(image);
  const { revision } = await enclaveEvidence.measurementEntryOf(measurement);
  const policy = { platform: ENCLAVE_PLATFORMS.nitro, pcrs: pcrSet(), ...TERMS };
  return [measurement, revision, policy] as const;
}

/** The key of a wallet. */
export function publicKeyOf({ privateKey }: Pick<Wallet, "privateKey">): EnclavePublicKey {
  return parseEnclavePublicKey("secp256k1", hexToBytes(new SigningKey(privateKey).publicKey));
}

/** Enters or renews a key by a genuine document of a simulated enclave, which names the latest block. */
export async function registerSimulated(
  { ethers }: Connection,
  { enclaveEvidence, nitroVerifier }: Pick<Deployment, "enclaveEvidence" | "nitroVerifier">,
  key: EnclavePublicKey,
  enclave: SimulatedImage,
): Promise<void> {
  const block = await ethers.provider.getBlock("latest");
  if (!block?.hash) throw new Error("the chain has no block");
  const { chainId } = await ethers.provider.getNetwork();
  const domain = { chainId, enclaveEvidence: (await enclaveEvidence.getAddress()) as Hex };
  const challenge = { number: BigInt(block.number), hash: block.hash as Hex };
  const attestor = simulatedNitroAttestor({
    ...enclave,
    isLasting: true,
    nowSeconds: () => block.timestamp,
  });
  const measurement = simulatedNitroMeasurement(enclave.image);
  const binding = enclaveKeyBinding(domain, key, measurement, challenge);
  const attestation = await attestor.attest(binding, key);
  if (attestation.kind !== "nitro") throw new Error("the simulated Nitro module issues no such documents");
  const { document } = attestation;
  const hints = await nitroHints(readNitroDocument(document), (id) => nitroVerifier.isVerified(id));
  const args = [onChain(key), block.number, measurement, bytesToHex(document), hints] as const;
  // Not estimated: the estimate of a simulated chain is now and then short of what the call takes.
  await (await enclaveEvidence.registerNitro(...args, { gasLimit: MAX_TRANSACTION_GAS })).wait();
}

/** The key as contracts take it. */
export function onChain({ kind, x, y }: EnclavePublicKey) {
  return { kind: kind === "p256" ? 1 : 0, x, y };
}
