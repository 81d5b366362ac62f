// SPDX-License-Identifier: MIT
import type { Hex } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS, type Policy, policyId } from "@meantime/sdk/policy";
import type { HostileEvidence } from "../../types/ethers-contracts/contracts/mocks/HostileEvidence.ts";
import { asAddress, deployWorld, ethers, networkHelpers, policyFor, type World } from "./fixture.ts";

/** What the hostile evidence contract does when it is asked; numbered as in the mock. */
export const ACT = {
  Accept: 0,
  WrongMagic: 1,
  DirtyMagic: 2,
  DirtySource: 3,
  NoData: 4,
  HalfData: 5,
  HugeData: 6,
  Revert: 7,
  HugeRevert: 8,
  BurnGas: 9,
  Reenter: 10,
  Peek: 11,
} as const;

const GUARDIAN_ROLE = 2n;
const ADMIN_DELAY_SECONDS = 2 * 24 * 3600;

/** A protocol whose curator was deceived: `hostile` is on every list, and a guardian too; the `window` policy names it. */
export interface HostileWorld extends World {
  hostile: HostileEvidence;
  hostileAddress: Hex;
}

export async function deployHostileWorld(): Promise<HostileWorld> {
  const world = await deployWorld();
  const hostile = await ethers.deployContract("HostileEvidence");
  const hostileAddress = asAddress(await hostile.getAddress());
  const { manager, policies } = world;
  const entries = Object.values(EVIDENCE_KINDS).map((kind) =>
    policies.interface.encodeFunctionData("allowEvidence", [kind, hostileAddress]),
  );
  const grant = manager.interface.encodeFunctionData("grantRole", [GUARDIAN_ROLE, hostileAddress, 0]);
  for (const entry of entries) await manager.schedule(policies, entry, 0);
  await manager.schedule(manager, grant, 0);
  await networkHelpers.time.increase(ADMIN_DELAY_SECONDS);
  for (const entry of entries) await manager.execute(policies, entry);
  await manager.execute(manager, grant);
  return withHostilePolicy({ ...world, hostile, hostileAddress });
}

/** The world with another `window` policy, by default one that asks the hostile contract for evidence of every kind. */
export async function withHostilePolicy(
  world: HostileWorld,
  overrides: Partial<Policy> = {},
): Promise<HostileWorld> {
  const policy = {
    ...(await policyFor(world, "window")),
    answerKinds: EVIDENCE_KINDS.zk | EVIDENCE_KINDS.tee | EVIDENCE_KINDS.quorum,
    zkEvidence: world.hostileAddress,
    teeEvidence: world.hostileAddress,
    quorumEvidence: world.hostileAddress,
    ...overrides,
  };
  await world.policies.register(policy);
  const window = policyId(policy);
  await world.settlement.connect(world.operator).setSender(world.sender.address, [window], true);
  return { ...world, policyIds: { ...world.policyIds, window } };
}
