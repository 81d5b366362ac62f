// SPDX-License-Identifier: MIT
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, EVIDENCE_RULES, type Policy, policyId } from "@meantime/sdk/policy";
import type { Deployment } from "../chain/deployment.ts";

/** The policies of the local stack: by enclave, by proof, and by the clock alone. */
export const LOCAL_POLICIES = ["enclave", "proof", "window"] as const;

export type LocalPolicy = (typeof LOCAL_POLICIES)[number];

export const CLAIM_BOND_WEI = 10n ** 16n;
export const CHALLENGE_BOND_WEI = 5n * 10n ** 15n;
export const CHALLENGE_WINDOW_SECONDS = 3600;
export const PROVE_WINDOW_SECONDS = 900;

const RULES: Record<LocalPolicy, number> = {
  enclave: EVIDENCE_RULES.tee,
  proof: EVIDENCE_RULES.zk,
  window: EVIDENCE_RULES.window,
};

/** Registers the three policies and returns their ids. Challenges under all of them are answered by proof alone. */
export async function registerLocalPolicies(deployment: Deployment): Promise<Record<LocalPolicy, Hex>> {
  const entries: [LocalPolicy, Hex][] = [];
  for (const name of LOCAL_POLICIES) {
    const policy = await localPolicy(deployment, name);
    await (await deployment.policies.register(policy)).wait();
    entries.push([name, policyId(policy)]);
  }
  return Object.fromEntries(entries) as Record<LocalPolicy, Hex>;
}

/** The terms of a policy of the local stack. */
export async function localPolicy(deployment: Deployment, name: LocalPolicy): Promise<Policy> {
  return {
    rule: RULES[name],
    answerKinds: EVIDENCE_KINDS.zk,
    publicData: true,
    bondToken: ZERO_ADDRESS,
    zkEvidence: await addressOf(deployment.groth16Evidence),
    teeEvidence: await addressOf(deployment.enclaveEvidence),
    quorumEvidence: ZERO_ADDRESS,
    challengeWindowSeconds: CHALLENGE_WINDOW_SECONDS,
    attestedWindowSeconds: 0,
    proveWindowSeconds: PROVE_WINDOW_SECONDS,
    claimBondWei: CLAIM_BOND_WEI,
    challengeBondWei: CHALLENGE_BOND_WEI,
    challengerBps: 4000,
    requesterBps: 4000,
  };
}

async function addressOf(contract: { getAddress(): Promise<string> }): Promise<Address> {
  return (await contract.getAddress()).toLowerCase() as Address;
}
