// SPDX-License-Identifier: GPL-3.0-or-later

import enclaveEvidenceAbi from "@meantime/sdk/abi/EnclaveEvidence" with { type: "json" };
import intelCollateralAbi from "@meantime/sdk/abi/IntelCollateral" with { type: "json" };
import intelQuoteVerifierAbi from "@meantime/sdk/abi/IntelQuoteVerifier" with { type: "json" };
import nitroVerifierAbi from "@meantime/sdk/abi/NitroVerifier" with { type: "json" };
import {
  ENCLAVE_KEY_KINDS,
  type EnclavePublicKey,
  enclaveKeyId,
  parseEnclavePublicKey,
} from "@meantime/sdk/enclave-keys";
import { type Address, type Hex, hexToBytes } from "@meantime/sdk/hex";
import { Contract, type ContractRunner, type Provider, SigningKey } from "ethers";
import type {
  EnclaveEvidence,
  IntelCollateral,
  IntelQuoteVerifier,
  NitroVerifier,
} from "../../../types/ethers-contracts/index.ts";

/** What the registry knows of a key. */
export interface KeyStanding {
  keyId: Hex;
  /** Zero: never registered. */
  number: number;
  /** What it attests for now; undefined: nothing. */
  measurement: Hex | undefined;
  /** Unix seconds; zero: never registered. */
  expiresAt: number;
  isRevoked: boolean;
}

/** The registry of enclaves' keys: part of the contract that judges their evidence. */
export function bindRegistry(address: Address, runner: ContractRunner | Provider): EnclaveEvidence {
  return new Contract(address, enclaveEvidenceAbi, runner) as unknown as EnclaveEvidence;
}

/** The verifier of Nitro's documents that a registry names. */
export async function bindNitroVerifier(registry: EnclaveEvidence): Promise<NitroVerifier> {
  return new Contract(await registry.NITRO(), nitroVerifierAbi, registry.runner) as unknown as NitroVerifier;
}

/** Where the verifier of Intel's quotes that a registry names has its collateral. */
export async function bindIntelCollateral(registry: EnclaveEvidence): Promise<IntelCollateral> {
  const { runner } = registry;
  const verifier = new Contract(await registry.INTEL(), intelQuoteVerifierAbi, runner);
  const address = await (verifier as unknown as IntelQuoteVerifier).COLLATERAL();
  return new Contract(address, intelCollateralAbi, runner) as unknown as IntelCollateral;
}

/** How a key stands. */
export async function standingOf(registry: EnclaveEvidence, key: EnclavePublicKey): Promise<KeyStanding> {
  const keyId = enclaveKeyId(key);
  const [entry, [measurement]] = await Promise.all([
    registry.enclaveKeyOf(keyId),
    registry.activeMeasurementOf(keyId),
  ]);
  return {
    keyId,
    number: Number(entry.number),
    measurement: BigInt(measurement) === 0n ? undefined : (measurement as Hex),
    expiresAt: Number(entry.expiresAt),
    isRevoked: entry.revokedAt !== 0n,
  };
}

/** The public half of an enclave's secp256k1 key. */
export function publicEnclaveKey(enclaveKey: Hex): EnclavePublicKey {
  return parseEnclavePublicKey("secp256k1", hexToBytes(new SigningKey(enclaveKey).publicKey));
}

/** A key as the contracts take it. */
export function keyStruct({ kind, x, y }: EnclavePublicKey): { kind: number; x: bigint; y: bigint } {
  return { kind: ENCLAVE_KEY_KINDS[kind], x, y };
}
