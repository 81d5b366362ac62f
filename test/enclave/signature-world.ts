// SPDX-License-Identifier: MIT
import { encodeEnclaveEvidence, signDigestP256 } from "@meantime/sdk/enclave-keys";
import { claimAttestationDigest, type EnclaveDomain } from "@meantime/sdk/evidence";
import { type Hex, ZERO_ADDRESS, ZERO_HASH } from "@meantime/sdk/hex";
import { signDigest } from "@meantime/sdk/signature";
import { id } from "ethers";
import { ethers } from "./chain.ts";
import {
  deployRegistryWorld,
  intelCall,
  intelImage,
  keyOf,
  type RegistryWorld,
  type TestKey,
} from "./registry-world.ts";

/** A registry with a key of each curve, number 1 and 2, for the model, and none for the other one. */
export interface SignatureWorld extends RegistryWorld {
  modelId: Hex;
  otherModelId: Hex;
}

export const CLAIM_ID = id("a claim") as Hex;

export async function attestedWorld(): Promise<SignatureWorld> {
  const world = await deployRegistryWorld();
  for (const kind of ["secp256k1", "p256"] as const) {
    await world.registry.registerIntel(...(await intelCall(world, keyOf("one", kind))));
  }
  const modelId = await registerModel(world, intelImage());
  return { ...world, modelId, otherModelId: await registerModel(world, intelImage({ tee: "sgx" })) };
}

export async function domainOf({ registry }: RegistryWorld): Promise<EnclaveDomain> {
  const { chainId } = await ethers.provider.getNetwork();
  return { chainId, enclaveEvidence: (await registry.getAddress()).toLowerCase() as Hex };
}

/** Evidence that a key gives for a claim that pays nobody. */
export async function evidenceOf(world: RegistryWorld, key: TestKey, claimId: Hex = CLAIM_ID): Promise<Hex> {
  const digest = claimAttestationDigest(await domainOf(world), claimId, ZERO_ADDRESS);
  const sign = key.kind === "p256" ? signDigestP256 : signDigest;
  return encodeEnclaveEvidence(key, sign(key.secret, digest));
}

/** A claim of the model. Evidence is judged by its id and model alone. */
export function claimOf({ modelId }: SignatureWorld) {
  return {
    ...{ modelId, policyId: ZERO_HASH, operator: ZERO_ADDRESS, requester: ZERO_ADDRESS },
    ...{ requestId: ZERO_HASH, inputHash: ZERO_HASH, outputHash: ZERO_HASH, servedAt: 0, commitBy: 0 },
  };
}

async function registerModel({ models }: RegistryWorld, measurement: Hex): Promise<Hex> {
  const model = {
    ...{ name: "model", version: 1, specHash: id("a specification"), reexecutable: true },
    ...{ inputScheme: ZERO_HASH, outputScheme: ZERO_HASH, verificationKeyId: ZERO_HASH, measurement },
  };
  const modelId: Hex = await models.getFunction("register").staticCall(model);
  await models.getFunction("register")(model);
  return modelId;
}
