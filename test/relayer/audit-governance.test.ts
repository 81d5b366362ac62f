// SPDX-License-Identifier: GPL-3.0-or-later
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ChainEvent } from "../../relayer/src/audit/events.ts";
import { createFindings } from "../../relayer/src/audit/findings.ts";
import { createGovernance } from "../../relayer/src/audit/governance.ts";
import { addressOf, idOf } from "./index-ledger.ts";

const DAY_SECONDS = 86_400n;
const [DEPLOYER, SUCCESSOR, MANAGER] = [addressOf(1), addressOf(2), addressOf(3)];

describe("the delays of roles in an audit", () => {
  it("are found where the administrator announces for less than is promised", () => {
    assert.deepEqual(
      delaysOf([grant(1, DEPLOYER, 0n), grant(2, SUCCESSOR, 2n * DAY_SECONDS), revoke(2)]),
      [],
    );
    assert.deepEqual(delaysOf([grant(1, DEPLOYER, 0n), grant(2, SUCCESSOR, 1n), revoke(2)]), [
      ["role-with-short-delay", "medium"],
    ]);
  });

  it("are found where they are cut short later", () => {
    const handedOver = [grant(1, DEPLOYER, 0n), grant(2, SUCCESSOR, 2n * DAY_SECONDS), revoke(2)];
    const found = delaysOf([...handedOver, grant(3, SUCCESSOR, 60n)]);
    assert.ok(found.some(([name]) => name === "role-with-short-delay"));
    assert.ok(
      delaysOf([...handedOver, grant(3, SUCCESSOR, 0n)]).some(([name]) => name === "role-without-delay"),
    );
  });
});

function delaysOf(events: readonly ChainEvent[]) {
  const findings = createFindings();
  const governance = createGovernance(
    { byAddress: new Map([[MANAGER, "manager"]]), startBlock: 0 },
    findings,
  );
  for (const event of events) governance.note(event);
  return findings.sorted().map(({ name, severity }) => [name, severity]);
}

function grant(block: number, account: string, delay: bigint): ChainEvent {
  return managerEvent(block, "RoleGranted", { roleId: 0n, account, delay, since: 0n, newMember: true });
}

function revoke(block: number): ChainEvent {
  return managerEvent(block, "RoleRevoked", { roleId: 0n, account: DEPLOYER });
}

function managerEvent(block: number, name: string, args: Record<string, unknown>): ChainEvent {
  const log = { address: MANAGER, blockNumber: block, blockTime: block, txHash: idOf(block) };
  const iterable = Object.assign(Object.values(args), args);
  return { contract: "manager", name, args: iterable, log } as unknown as ChainEvent;
}
