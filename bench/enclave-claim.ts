// SPDX-License-Identifier: MIT
import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { ethers } from "../test/enclave/chain.ts";
import { keyOf } from "../test/enclave/registry-world.ts";
import {
  attestedWorld,
  CLAIM_ID,
  claimOf,
  evidenceOf,
  type SignatureWorld,
} from "../test/enclave/signature-world.ts";
import { executionGasOf } from "./execution.ts";

/**
 * `attestClaim`: the execution of `EnclaveEvidence.check` for a secp256k1 key, with everything asked that makes a key count
 * now; the model is remembered, nothing is warm. `attestClaimP256` the same for the other curve, `attestClaimUnremembered`
 * for a model that nobody has had remembered.
 */
export async function benchEnclaveClaim(): Promise<Record<string, number>> {
  const world = await attestedWorld();
  const attestClaimUnremembered = await check(world, await evidenceOf(world, keyOf("one")));
  await world.registry.rememberModel(world.modelId);
  return {
    attestClaim: await check(world, await evidenceOf(world, keyOf("one"))),
    attestClaimP256: await check(world, await evidenceOf(world, keyOf("one", "p256"))),
    attestClaimUnremembered,
  };
}

async function check(world: SignatureWorld, evidence: Hex): Promise<number> {
  const args = [claimOf(world), CLAIM_ID, ZERO_ADDRESS, evidence] as const;
  const [magic] = await world.registry.check(...args);
  if (/^0x0+$/.test(magic)) throw new Error("the evidence is refused");
  return executionGasOf(ethers, world.stranger, await world.registry.check.populateTransaction(...args));
}
