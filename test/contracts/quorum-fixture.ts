// SPDX-License-Identifier: MIT
import type { Claim } from "@meantime/sdk/claim";
import { claimVerdictDigest, encodeQuorumEvidence, type QuorumDomain } from "@meantime/sdk/evidence";
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, type Policy, policyId } from "@meantime/sdk/policy";
import { signDigest } from "@meantime/sdk/signature";
import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/types";
import { id, Wallet } from "ethers";
import type { Deployment } from "../../scripts/chain/deployment.ts";
import type { IQuorumEvidence } from "../../types/ethers-contracts/contracts/evidence/quorum/QuorumEvidence.ts";
import { asAddress, deployWorld, ethers, networkHelpers, policyFor, type World } from "./fixture.ts";

export const THRESHOLD = 3;
export const MIN_STAKE_WEI = 10n ** 18n;
export const CURATOR_DELAY_SECONDS = 24 * 3600;
export const ACTIVATION_SECONDS = 25 * 24 * 3600;
export const EXIT_SECONDS = 30 * 24 * 3600;

const MEMBERS = 2 * THRESHOLD - 1;

/** A member of the committee: the key that signs, and the account that the stake belongs to. */
export interface Member {
  key: Wallet;
  owner: HardhatEthersSigner;
}

/**
 * A protocol with a full committee of five, staked and active, three of which are a quorum. Its `window` policy takes the
 * committee's word alone as an answer.
 */
export interface QuorumWorld extends World {
  committee: [Member, Member, Member, Member, Member];
  quorumDomain: QuorumDomain;
}

export async function deployQuorumWorld(): Promise<QuorumWorld> {
  const world = await deployWorld();
  const committee = await Promise.all(Array.from({ length: MEMBERS }, (_, place) => memberAt(place)));
  await addSigners(world, committee);
  for (const { key, owner } of committee) {
    await world.quorumEvidence.connect(owner).stakeFor(key.address, { value: MIN_STAKE_WEI });
  }
  await networkHelpers.time.increase(ACTIVATION_SECONDS);
  const quorumWorld = {
    ...world,
    committee: committee as QuorumWorld["committee"],
    quorumDomain: {
      chainId: world.domain.chainId,
      quorumEvidence: asAddress(await world.quorumEvidence.getAddress()),
    },
  };
  return withQuorumPolicy(quorumWorld);
}

/** The world with another `window` policy, by default one that takes the committee's word alone as an answer. */
export async function withQuorumPolicy(
  world: QuorumWorld,
  overrides: Partial<Policy> = {},
): Promise<QuorumWorld> {
  const policy = {
    ...(await policyFor(world, "window")),
    answerKinds: EVIDENCE_KINDS.quorum,
    quorumEvidence: world.quorumDomain.quorumEvidence,
    ...overrides,
  };
  await world.policies.register(policy);
  const window = policyId(policy);
  await world.settlement.connect(world.operator).setSender(world.sender.address, [window], true);
  return { ...world, policyIds: { ...world.policyIds, window } };
}

/** The key and the owner of the member at this place; places from five on are free to be added. */
export async function memberAt(place: number): Promise<Member> {
  const owner = (await ethers.getSigners())[10 + place];
  if (!owner) throw new RangeError(`the network has no account for member ${place}`);
  return { key: new Wallet(id(`quorum signer ${place}`)), owner };
}

/** Adds signers the way a curator has to: announce, wait out the delay, execute. */
export async function addSigners(deployment: Deployment, members: readonly Member[]): Promise<void> {
  await announceSigners(deployment, members);
  await networkHelpers.time.increase(CURATOR_DELAY_SECONDS);
  for (const member of members) await executeSigner(deployment, member);
}

export async function announceSigners(
  { manager, quorumEvidence }: Deployment,
  members: readonly Member[],
): Promise<void> {
  for (const member of members) {
    await manager.schedule(quorumEvidence, addSignerCall(quorumEvidence, member), 0);
  }
}

export async function executeSigner({ manager, quorumEvidence }: Deployment, member: Member) {
  return manager.execute(quorumEvidence, addSignerCall(quorumEvidence, member));
}

export function signVerdict(
  { quorumDomain }: QuorumWorld,
  { key }: Member,
  claimId: Hex,
  beneficiary: string,
  domain: Partial<QuorumDomain> = {},
): Hex {
  const digest = claimVerdictDigest({ ...quorumDomain, ...domain }, claimId, asAddress(beneficiary));
  return signDigest(key.privateKey as Hex, digest);
}

/** The members' verdicts on a claim as evidence. */
export function evidenceBy(
  world: QuorumWorld,
  members: readonly Member[],
  claimId: Hex,
  beneficiary: string,
): Hex {
  const digest = claimVerdictDigest(world.quorumDomain, claimId, asAddress(beneficiary));
  const signatures = members.map((member) => signVerdict(world, member, claimId, beneficiary));
  return encodeQuorumEvidence(digest, signatures);
}

/** A member's verdict on a claim, as a report takes it. */
export async function verdictOf(
  world: QuorumWorld,
  member: Member,
  claim: Claim,
  beneficiary: string = world.prover.address,
): Promise<IQuorumEvidence.VerdictStruct> {
  const claimId = (await world.settlement.claimIdOf(claim)) as Hex;
  return { claim, beneficiary, signature: signVerdict(world, member, claimId, beneficiary) };
}

function addSignerCall(
  { interface: contract }: Deployment["quorumEvidence"],
  { key, owner }: Member,
): string {
  return contract.encodeFunctionData("addSigner", [key.address, owner.address]);
}
