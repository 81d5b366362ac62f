// SPDX-License-Identifier: MIT
import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { type BaseContract, type FunctionFragment, type ParamType, ZeroAddress } from "ethers";
import { type Deployment, deployMeantime } from "../../scripts/chain/deployment.ts";
import { CONTRACTS } from "../../scripts/governance/contracts.ts";
import { isRestricted, POWERS, type Power, ROLES, roleOf } from "../../scripts/governance/powers.ts";
import { changingFunctions, sectionOf } from "../../scripts/governance/tables.ts";
import { type Attempt, outcomeAt } from "./clock.ts";
import { rejectFirst, resolveClaim } from "./disputes.ts";
import { errorNameOf } from "./errors.ts";
import {
  CHALLENGE_WINDOW_SECONDS,
  challengeClaim,
  commitBatch,
  connection,
  deployWorld,
  ethers,
  networkHelpers,
  type World,
} from "./fixture.ts";
import { disputeOf } from "./openings.ts";

const { loadFixture, time } = networkHelpers;
const DAY_SECONDS = 24 * 3600;
const KEYS = Object.keys(CONTRACTS) as (keyof Deployment)[];

describe("Permissions", () => {
  it("R-51 I-16 are written down for every function of every deployed contract, and for no other", async () => {
    const deployment = await loadFixture(deployPlain);
    expect(Object.keys(deployment).sort()).to.deep.equal([...KEYS].sort());
    for (const key of KEYS) {
      const names = changingFunctions(deployment[key].interface).map(({ name }) => name);
      expect(Object.keys(POWERS[key]).sort(), CONTRACTS[key]).to.deep.equal(names);
    }
  });

  it("R-51 are in docs/GOVERNANCE.md as they are in the code", async () => {
    const deployment = await loadFixture(deployPlain);
    const text = await readFile(new URL("../../docs/GOVERNANCE.md", import.meta.url), "utf8");
    for (const key of KEYS) {
      const section = sectionOf(CONTRACTS[key], deployment[key].interface, POWERS[key]);
      expect(text.includes(section), `${CONTRACTS[key]}: run "npm run governance"`).to.equal(true);
    }
  });

  it("R-51 are what the AccessManager was told, role by role", async () => {
    const deployment = await loadFixture(deployPlain);
    for (const [key, { name, selector }, power] of functionsOf(deployment)) {
      const assigned = await deployment.manager.getTargetFunctionRole(deployment[key], selector);
      // What nobody assigned is the administrator's, and no function that is not restricted asks.
      expect(assigned, `${CONTRACTS[key]}.${name}`).to.equal(roleOf(power) ?? ROLES.administrator);
    }
  });

  it("R-51 I-16 refuse a stranger wherever a role, an operator or a contract is needed, and nowhere else", async () => {
    const deployment = await loadFixture(deployPlain);
    const signers = await ethers.getSigners();
    const stranger = signers[9];
    if (!stranger) throw new Error("the network has too few accounts");
    for (const [key, fragment, power] of functionsOf(deployment)) {
      const contract: BaseContract = deployment[key];
      const args = fragment.inputs.map(zeroOf);
      const outcome = await errorOf(
        contract
          .connect(stranger)
          .getFunction(fragment.name)
          .staticCall(...args),
      );
      const where = `${CONTRACTS[key]}.${fragment.name}`;
      expect(outcome === "AccessManagedUnauthorized", where).to.equal(isRestricted(power));
      expect(outcome === "AccessManagerUnauthorizedAccount", where).to.equal(power.who === "administrator");
      if (power.refusal) expect(outcome, where).to.equal(power.refusal);
    }
  });

  it("R-51 R-53 delay what adds trust by a day, what changes roles by two, and nothing that takes trust away", async () => {
    const { manager, admin, curator, guardian } = await loadFixture(deployWithRoles);
    expect(await manager.hasRole(ROLES.curator, curator.address)).to.deep.equal([true, DAY_SECONDS]);
    expect(await manager.hasRole(ROLES.guardian, guardian.address)).to.deep.equal([true, 0]);
    expect(await manager.hasRole(ROLES.administrator, admin.address)).to.deep.equal([true, 2 * DAY_SECONDS]);
    expect(await manager.getRoleGuardian(ROLES.curator)).to.equal(ROLES.guardian);
  });

  it("R-51 leave nobody in administration without a delay, the deployer least of all", async () => {
    const { manager, admin } = await loadFixture(deployWithRoles);
    const granted = await manager.queryFilter(manager.filters.RoleGranted(ROLES.administrator));
    const accounts = [...new Set(granted.map(({ args }) => args.account))];
    expect(accounts.length).to.be.at.least(2);
    for (const account of accounts) {
      const [isMember, delaySeconds] = await manager.hasRole(ROLES.administrator, account);
      expect(isMember, account).to.equal(account === admin.address);
      if (isMember) expect(delaySeconds).to.equal(2 * DAY_SECONDS);
    }
  });

  it("R-06 R-53 let the curator act when its day is over, not a second before, and never unannounced", async () => {
    const deployment = await loadFixture(deployWithRoles);
    const { manager, policies, curator } = deployment;
    const { data, execute } = listing(deployment);
    await expect(
      policies.connect(curator).allowEvidence(1, deployment.groth16Evidence),
    ).to.be.revertedWithCustomError(manager, "AccessManagerNotScheduled");
    await manager.connect(curator).schedule(policies, data, 0);
    const readyAt = (await time.latest()) + DAY_SECONDS;
    expect(await outcomeAt(readyAt - 1, execute)).to.equal("AccessManagerNotReady");
    expect(await outcomeAt(readyAt, execute)).to.equal("done");
    expect(await outcomeAt(readyAt + 1, execute)).to.equal("done");
  });

  it("R-51 let the guardian cancel what the curator announced, and a stranger not", async () => {
    const deployment = await loadFixture(deployWithRoles);
    const { manager, policies, curator, guardian } = deployment;
    const { data, execute } = listing(deployment);
    const [deployer] = await ethers.getSigners();
    await manager.connect(curator).schedule(policies, data, 0);
    await expect(
      manager.connect(deployer).cancel(curator.address, policies, data),
    ).to.be.revertedWithCustomError(manager, "AccessManagerUnauthorizedCancel");
    await manager.connect(guardian).cancel(curator.address, policies, data);
    expect(await outcomeAt((await time.latest()) + DAY_SECONDS, execute)).to.equal(
      "AccessManagerNotScheduled",
    );
  });

  it("R-51 give the guardian nothing of the curator's, and the curator nothing of the guardian's", async () => {
    const deployment = await loadFixture(deployWithRoles);
    for (const [key, fragment, power] of functionsOf(deployment)) {
      if (power.who !== "curator" && power.who !== "guardian") continue;
      const other = power.who === "curator" ? deployment.guardian : deployment.curator;
      const contract: BaseContract = deployment[key];
      const call = contract.connect(other).getFunction(fragment.name);
      const outcome = await errorOf(call.staticCall(...fragment.inputs.map(zeroOf)));
      expect(outcome, `${CONTRACTS[key]}.${fragment.name}`).to.equal("AccessManagedUnauthorized");
    }
  });

  it("R-51 R-54 I-16 stop nobody else when the administrator closes every contract", async () => {
    const world = await loadFixture(deployWorld);
    const { settlement, challenger, operator } = world;
    for (const target of [settlement, world.receipts, world.policies]) await closeTarget(world, target);
    await expect(settlement.pauseCommits(2n ** 40n - 1n)).to.be.revertedWithCustomError(
      settlement,
      "AccessManagedUnauthorized",
    );
    const batch = await rejectFirst(world);
    await settlement.connect(challenger).withdraw(ZeroAddress, challenger);
    await challengeClaim(world, batch, 1);
    await expect(settlement.voidChallenge(...disputeOf(world, batch, 1))).to.be.revertedWithCustomError(
      settlement,
      "NotSenderOf",
    );
    await time.increase(CHALLENGE_WINDOW_SECONDS);
    await resolveClaim(world, batch, 1);
    await settlement.release([batch.header]);
    await settlement.connect(operator).resume(ZeroAddress);
    await commitBatch(world, "window", { nonce: 2n });
    await settlement.connect(operator).unbond(ZeroAddress, 1n);
  });
});

async function deployPlain(): Promise<Deployment> {
  return deployMeantime(connection);
}

async function deployWithRoles() {
  const [, admin, curator, guardian] = await ethers.getSigners();
  if (!(admin && curator && guardian)) throw new Error("the network has too few accounts");
  const roles = { admin: admin.address, curator: curator.address, guardian: guardian.address };
  return { ...(await deployMeantime(connection, roles)), admin, curator, guardian };
}

/** Putting the second proof system on the list, as the curator announces and executes it. */
function listing({
  manager,
  policies,
  groth16Evidence,
  curator,
}: Awaited<ReturnType<typeof deployWithRoles>>): {
  data: string;
  execute: Attempt;
} {
  const data = policies.interface.encodeFunctionData("allowEvidence", [1, String(groth16Evidence.target)]);
  return { data, execute: { contract: manager, from: curator, name: "execute", args: [policies, data] } };
}

function functionsOf(deployment: Deployment): [keyof Deployment, FunctionFragment, Power][] {
  return KEYS.flatMap((key) =>
    changingFunctions(deployment[key].interface).map(
      (fragment): [keyof Deployment, FunctionFragment, Power] => {
        const power = POWERS[key][fragment.name];
        if (!power) throw new Error(`no row for ${CONTRACTS[key]}.${fragment.name}`);
        return [key, fragment, power];
      },
    ),
  );
}

async function closeTarget({ manager, admin }: World, target: BaseContract): Promise<void> {
  const call = manager.interface.encodeFunctionData("setTargetClosed", [await target.getAddress(), true]);
  await manager.connect(admin).schedule(manager, call, 0);
  await time.increase(2 * DAY_SECONDS);
  await manager.connect(admin).execute(manager, call);
}

function zeroOf(type: ParamType): unknown {
  if (type.arrayChildren) return [];
  if (type.components) return type.components.map(zeroOf);
  if (type.type === "string") return "";
  if (type.type === "bool") return false;
  if (type.type === "bytes") return "0x";
  if (type.type === "address") return ZeroAddress;
  const bytes = /^bytes(\d+)$/.exec(type.type)?.[1];
  return bytes ? `0x${"00".repeat(Number(bytes))}` : 0;
}

async function errorOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "done";
  } catch (error) {
    return errorNameOf(error) ?? "another failure";
  }
}
