// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Interface } from "ethers";
import { type ChainEvent, type Contracts, INTERFACES, lower } from "./events.ts";
import type { Findings, Place } from "./findings.ts";

/** Something that a role did or announced. Times are unix seconds. */
export interface GovernanceAction {
  /** The call with its arguments, or the event that shows it. */
  what: string;
  role: "administrator" | "curator" | "guardian";
  target: Address;
  announcedAt: number | null;
  readyAt: number | null;
  executedAt: number | null;
  cancelledAt: number | null;
  /** From the announcement until it was done. Null: not announced, or not done. */
  waitedSeconds: number | null;
  block: number;
  tx: Hex;
}

/** What was done by roles. */
export interface GovernanceReport {
  /** The last block in which somebody could still set everything up at once. Null: that never ended. */
  setupUntilBlock: number | null;
  /** What was done until then. */
  setupActions: number;
  actions: GovernanceAction[];
}

/** Follows what roles do. */
export interface Governance {
  note(event: ChainEvent): void;
  report(): GovernanceReport;
}

/** Effects that need an announcement, and the functions that have them. */
const ANNOUNCED: Record<string, { role: "administrator" | "curator"; calls: readonly string[] }> = {
  "policies.EvidenceSet": { role: "curator", calls: ["allowEvidence"] },
  "policies.BondTokenSet": { role: "curator", calls: ["allowBondToken"] },
  "tee.MeasurementAllowed": { role: "curator", calls: ["allowMeasurement"] },
  "quorum.SignerAdded": { role: "curator", calls: ["addSigner"] },
  "manager.RoleGranted": { role: "administrator", calls: ["grantRole"] },
  "manager.RoleAdminChanged": { role: "administrator", calls: ["setRoleAdmin"] },
  "manager.RoleGuardianChanged": { role: "administrator", calls: ["setRoleGuardian"] },
  "manager.RoleGrantDelayChanged": { role: "administrator", calls: ["setGrantDelay"] },
  "manager.TargetClosed": { role: "administrator", calls: ["setTargetClosed"] },
  "manager.TargetFunctionRoleUpdated": { role: "administrator", calls: ["setTargetFunctionRole"] },
  "manager.TargetAdminDelayUpdated": { role: "administrator", calls: ["setTargetAdminDelay"] },
  AuthorityUpdated: { role: "administrator", calls: ["updateAuthority"] },
};

/** What the guardian does at once, as it may. */
const GUARDIANS = new Set([
  ...["settlement.CommitsPaused", "settlement.CommitsResumed", "settlement.PolicyClosing"],
  ...["settlement.ChallengeWindowLengthened", "settlement.DeadlineLengthened"],
  ...["receipts.ReceiptKeyCompromised", "models.ModelRetired", "quorum.SignerRemoved"],
  ...["tee.MeasurementTightened", "tee.MeasurementRemoved", "tee.EnclaveKeyCompromised"],
  ...["tee.EnclaveKeyRevoked", "nitro.CertificateRevoked"],
]);

const ADMIN_ROLE = 0n;
/** What docs/GOVERNANCE.md promises: how long each role announces what it does. */
const PROMISED_SECONDS = { administrator: 2 * 86_400, curator: 86_400 };
const MAX_WORDS = 400;

interface Operation {
  action: GovernanceAction;
  call: string;
  target: Address;
}

/** Follows the manager and every restricted effect, event by event. */
export function createGovernance(contracts: Contracts, findings: Findings): Governance {
  const actions: GovernanceAction[] = [];
  const operations = new Map<string, Operation>();
  /** Operations that a transaction has executed. */
  let executed: { tx: Hex; operations: Operation[] } = { tx: "0x", operations: [] };
  const administrators = new Map<string, number>();
  /** Members of roles whose acts need an announcement, with their delay. */
  const members = new Map<string, Map<string, number>>();
  const delayedRoles = new Set<string>();
  const madeIn = new Map<Address, Hex>();
  let pruned: Hex | undefined;
  let setupUntilBlock: number | null = null;
  let [setupActions, hasBegun] = [0, false];

  const isSetup = () => setupUntilBlock === null;
  const note = (event: ChainEvent): void => {
    const { contract, name, log } = event;
    if (contract === "settlement" && name === "BatchCommitted" && isSetup() && !hasBegun) {
      hasBegun = true;
      const what = `the first batch was committed while ${[...administrators.keys()].join(", ")} could act at once`;
      findings.add("administrator-without-delay", what, placeOf(event));
    }
    if (contract === "manager") noteManager(event);
    if (name === "AuthorityUpdated" && !madeIn.has(log.address)) madeIn.set(log.address, log.txHash);
    else noteEffect(event);
    if (name === "EnclaveKeyPruned") pruned = log.txHash;
  };

  const noteManager = (event: ChainEvent): void => {
    const { name, args, log } = event;
    const key = `${args.operationId} ${args.nonce}`;
    switch (name) {
      case "OperationScheduled": {
        const operation = scheduled(event);
        operations.set(key, operation);
        actions.push(operation.action);
        break;
      }
      case "OperationExecuted": {
        const operation = operations.get(key);
        if (operation === undefined) break;
        operation.action.executedAt = log.blockTime;
        operation.action.waitedSeconds = log.blockTime - (operation.action.announcedAt ?? log.blockTime);
        if (executed.tx !== log.txHash) executed = { tx: log.txHash, operations: [] };
        executed.operations.push(operation);
        break;
      }
      case "OperationCanceled": {
        const operation = operations.get(key);
        if (operation) operation.action.cancelledAt = log.blockTime;
        break;
      }
      case "TargetFunctionRoleUpdated":
        if (isDelayed(contracts, lower(args.target), String(args.selector)))
          delayedRoles.add(String(args.roleId));
        break;
      case "RoleGranted":
        noteGrant(event);
        break;
      case "RoleRevoked":
        if (args.roleId === ADMIN_ROLE) administrators.delete(lower(args.account));
        members.get(String(args.roleId))?.delete(lower(args.account));
        break;
    }
    endSetup(event);
  };

  const noteGrant = (event: ChainEvent): void => {
    const { args } = event;
    const [roleId, account, delay] = [String(args.roleId), lower(args.account), Number(args.delay)];
    if (args.roleId === ADMIN_ROLE) administrators.set(account, delay);
    const ofRole = members.get(roleId) ?? new Map<string, number>();
    members.set(roleId, ofRole.set(account, delay));
    if (!isSetup()) checkDelay(roleId, account, delay, event);
  };

  const checkDelay = (roleId: string, account: string, delay: number, event: ChainEvent): void => {
    const isAdministrator = roleId === String(ADMIN_ROLE);
    if (!isAdministrator && !delayedRoles.has(roleId)) return;
    const role = isAdministrator ? "administrator" : `member of role ${roleId}`;
    const promised = PROMISED_SECONDS[isAdministrator ? "administrator" : "curator"];
    if (delay > 0 && delay < promised) {
      const what = `${account} is ${role} with a delay of ${delay} s, and ${promised} s are promised`;
      findings.add("role-with-short-delay", what, placeOf(event), { account });
    }
    if (delay > 0) return;
    findings.add("role-without-delay", `${account} is ${role} without a delay`, placeOf(event), { account });
  };

  const endSetup = (event: ChainEvent): void => {
    if (!isSetup() || administrators.size === 0) return;
    if ([...administrators.values()].some((delay) => delay === 0)) return;
    setupUntilBlock = event.log.blockNumber;
    for (const roleId of new Set([String(ADMIN_ROLE), ...delayedRoles])) {
      for (const [account, delay] of members.get(roleId) ?? []) checkDelay(roleId, account, delay, event);
    }
  };

  const noteEffect = (event: ChainEvent): void => {
    const { contract, name, args, log } = event;
    const isOff = (name === "EvidenceSet" || name === "BondTokenSet") && !args.allowed;
    if (isOff || GUARDIANS.has(`${contract}.${name}`)) {
      // Anybody prunes a key whose platform was revoked.
      if (isSetup() || (name === "EnclaveKeyRevoked" && pruned === log.txHash)) return;
      const what = wordsOf(event);
      actions.push(immediate(event, what, "guardian"));
      findings.add("guardian-action", what, placeOf(event), { target: log.address });
      return;
    }
    const needed = ANNOUNCED[`${contract}.${name}`] ?? ANNOUNCED[name];
    if (needed === undefined) return;
    const isMade = madeIn.get(log.address) === log.txHash;
    if (isSetup() || setupUntilBlock === log.blockNumber || isMade) {
      setupActions++;
      return;
    }
    if (name === "AuthorityUpdated") {
      findings.add("authority-changed", wordsOf(event), placeOf(event), { target: log.address });
    }
    const isAnnounced =
      executed.tx === log.txHash &&
      executed.operations.some(({ call }) => call === "multicall" || needed.calls.includes(call));
    if (isAnnounced) return;
    const what = wordsOf(event);
    actions.push(immediate(event, what, needed.role));
    findings.add("action-without-delay", what, placeOf(event), { target: log.address });
  };

  const scheduled = (event: ChainEvent): Operation => {
    const { args, log } = event;
    const target = lower(args.target);
    const contract = contracts.byAddress.get(target);
    const { call, what } = callOf(contract && INTERFACES[contract], String(args.data));
    const role = contract === "manager" ? "administrator" : "curator";
    return {
      ...{ call, target },
      action: {
        ...{ what: `${contract ?? target}.${what}`, role, target },
        ...{
          announcedAt: log.blockTime,
          readyAt: Number(args.schedule),
          executedAt: null,
          cancelledAt: null,
        },
        ...{ waitedSeconds: null, block: log.blockNumber, tx: log.txHash },
      },
    };
  };

  return { note, report: () => ({ setupUntilBlock, setupActions, actions }) };
}

function immediate(
  { log }: ChainEvent,
  what: string,
  role: "administrator" | "curator" | "guardian",
): GovernanceAction {
  return {
    ...{ what, role, target: log.address, announcedAt: null, readyAt: null, executedAt: log.blockTime },
    ...{ cancelledAt: null, waitedSeconds: null, block: log.blockNumber, tx: log.txHash },
  };
}

/** Whether the function is one of those whose role has to announce. */
function isDelayed({ byAddress }: Contracts, target: Address, selector: string): boolean {
  const contract = byAddress.get(target);
  const name = contract && INTERFACES[contract].getFunction(selector)?.name;
  return Object.values(ANNOUNCED).some(({ role, calls }) => role === "curator" && calls.includes(name ?? ""));
}

function callOf(abi: Interface | undefined, data: string): { call: string; what: string } {
  const parsed = abi?.parseTransaction({ data });
  if (!parsed) return { call: data.slice(0, 10), what: data.slice(0, MAX_WORDS) };
  return { call: parsed.name, what: short(`${parsed.name}(${parsed.args.map(String).join(", ")})`) };
}

function wordsOf({ contract, name, args }: ChainEvent): string {
  return short(`${contract}: ${name}(${[...args].map(String).join(", ")})`);
}

function short(text: string): string {
  const lowered = text.replace(/0x[0-9a-fA-F]+/g, (hex) => hex.toLowerCase());
  return lowered.length > MAX_WORDS ? `${lowered.slice(0, MAX_WORDS)}...` : lowered;
}

function placeOf({ log }: ChainEvent): Place {
  return { blockNumber: log.blockNumber, blockTime: log.blockTime, txHash: log.txHash };
}
