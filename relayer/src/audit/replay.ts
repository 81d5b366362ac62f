// SPDX-License-Identifier: GPL-3.0-or-later

import { type BatchHeader, batchId } from "@meantime/sdk/batch";
import type { SettlementDomain } from "@meantime/sdk/domain";
import type { Address, Hex } from "@meantime/sdk/hex";
import { closes, EVIDENCE_KINDS, type Policy } from "@meantime/sdk/policy";
import type { Result } from "ethers";
import { policyTermsOf } from "../registry/policy-terms.ts";
import { type ChainEvent, type ContractName, lower } from "./events.ts";
import type { Place } from "./findings.ts";
import {
  type AccountRecord,
  type BatchRecord,
  type ChainRecord,
  disputesOf,
  type LeafRecord,
  type MoneyRecord,
  pair,
} from "./record.ts";
import { ENCLAVE_HANDLERS, NITRO_HANDLERS, noteVouched } from "./replay-enclaves.ts";
import { COMMITTEE_HANDLERS, REQUEST_HANDLERS } from "./replay-vaults.ts";

/** Writes down what one event says. Events come in the chain's order. */
export function replay(record: ChainRecord, event: ChainEvent, domain: SettlementDomain): void {
  const { contract, name, args, log } = event;
  const { blockNumber, blockTime, txHash } = log;
  const place: Place = { blockNumber, blockTime, txHash };
  const happened = { record, args, place, domain, address: log.address };
  HANDLERS[contract]?.[name]?.(happened);
}

/** One event, and what it is written into. */
export interface Happened {
  record: ChainRecord;
  args: Result;
  place: Place;
  domain: SettlementDomain;
  address: Address;
}

/** Writes down what one kind of event says. */
export type Handler = (happened: Happened) => void;

const HANDLERS: Partial<Record<ContractName, Record<string, Handler>>> = {
  settlement: {
    Staked: ({ record, args, place }) =>
      changeAccount(record, args, place, (account) => {
        account.stakeWei += args.amountWei;
      }),
    UnbondingStarted: ({ record, args, place }) => {
      changeAccount(record, args, place, (account) => {
        account.stakeWei -= args.amountWei;
        account.unbondingWei += args.amountWei;
      });
      // Every key of the epoch that ends here; a key is in no other.
      for (const [key, entry] of record.receiptKeys) {
        if (key.startsWith(lower(args.operator))) entry.revokedAt ??= place.blockTime;
      }
    },
    UnbondingCompleted: ({ record, args, place }) =>
      changeAccount(record, args, place, (account) => {
        account.unbondingWei -= args.amountWei;
      }),
    Withdrawn: ({ record, args }) => {
      moneyOf(record, lower(args.token)).creditsWei -= args.amountWei;
    },
    OperatorPenalised: penalise,
    PolicyClosing: ({ record, args }) => {
      const known = record.policies.get(lower(args.policyId));
      if (known) known.closedAt = Number(args.closedAt);
    },
    CommitsPaused: ({ record, args, place }) => {
      record.pauses.push({ from: place.blockTime, until: Number(args.until) });
    },
    CommitsResumed: ({ record, place }) => {
      const last = record.pauses.at(-1);
      if (last) last.until = place.blockTime;
    },
    BatchCommitted: commit,
    BatchReleased: ({ record, args, place }) =>
      onBatch(record, args, place, (batch) => {
        batch.released = place;
        changeLocked(record, batch, -BigInt(args.unlockedWei), place);
      }),
    BatchAttested: ({ record, args, place }) =>
      onBatch(record, args, place, (batch) => {
        batch.finalAt = Number(args.finalAt);
        batch.attested = { place, source: Number(args.source) };
        noteVouched({ record, args, place }, batch, undefined);
      }),
    BatchReopened: ({ record, args, place }) =>
      onBatch(record, args, place, (batch) => {
        batch.finalAt = Number(args.finalAt);
        delete batch.attested;
      }),
    ChallengeWindowLengthened: ({ record, args, place }) =>
      onBatch(record, args, place, (batch) => {
        batch.finalAt = Number(args.finalAt);
      }),
    ClaimChallenged: (happened) => dispute(happened, "Challenged", happened.args.proveBy),
    RevealDemanded: (happened) => dispute(happened, "Demanded", happened.args.revealBy),
    DeadlineLengthened: ({ record, args, place }) =>
      onLeaf(record, args, place, (leaf) => {
        leaf.deadline = Number(args.deadline);
      }),
    EvidenceAccepted: accept,
    ClaimReopened: reopen,
    ClaimRevealed: reveal,
    ClaimVoided: ({ record, args, place }) =>
      onLeaf(record, args, place, (leaf, batch) => {
        endDispute(record, batch, leaf);
        disputesOf(record, batch.header.operator).voided++;
        leaf.state = "Voided";
        leaf.claimId = lower(args.claimId);
        leaf.ended = place;
      }),
    ClaimDisproven: ({ record, args, place }) =>
      onBatch(record, args, place, (batch) => {
        disprovenIn.set(batch, lower(args.claimId));
      }),
    ClaimRejected: reject,
  },
  receipts: {
    ReceiptKeyAdded: ({ record, args }) => {
      const key = pair(lower(args.operator), lower(args.key));
      record.receiptKeys.set(key, { validFrom: Number(args.validFrom) });
    },
    ReceiptKeyRevoked: ({ record, args }) => {
      const entry = record.receiptKeys.get(pair(lower(args.operator), lower(args.key)));
      if (entry) entry.revokedAt ??= Number(args.validUntil);
    },
    ReceiptKeyCompromised: ({ record, args }) => {
      const entry = record.receiptKeys.get(pair(lower(args.operator), lower(args.key)));
      if (entry) entry.compromisedSince = Number(args.since);
    },
    PolicyAccepted: ({ record, args }) => {
      record.accepted.set(pair(lower(args.operator), lower(args.policyId)), Number(args.acceptedAt));
    },
    EndpointAnnounced: ({ record, args }) => {
      record.endpoints.set(lower(args.operator), String(args.endpoint));
    },
    OmissionReported: ({ record, args, place }) => {
      record.omissions.set(lower(args.claimId), { operator: lower(args.operator), place, state: "Open" });
    },
    OmissionRefuted: (happened) => endOmission(happened, "Refuted"),
    OmissionUpheld: (happened) => endOmission(happened, "Upheld"),
    OmissionVoided: (happened) => endOmission(happened, "Voided"),
    EquivocationReported: ({ record, args, place }) => {
      const claimIds: [Hex, Hex] = [lower(args.claimIdA), lower(args.claimIdB)];
      record.equivocations.push({ operator: lower(args.operator), claimIds, place });
    },
    Withdrawn: ({ record, args }) => {
      const token = lower(args.token);
      const before = record.receiptsWithdrawn.get(token) ?? 0n;
      record.receiptsWithdrawn.set(token, before + args.amountWei);
    },
  },
  policies: {
    PolicyRegistered: ({ record, args, place }) => {
      const policy = policyTermsOf(args.policy);
      record.policies.set(lower(args.policyId), { policy, registeredAt: place.blockTime });
    },
    EvidenceSet: ({ record, args, place }) => {
      if (args.allowed) record.delisted.delete(lower(args.evidence));
      else record.delisted.set(lower(args.evidence), place);
    },
  },
  models: {
    ModelRegistered: ({ record, args, place, address }) => {
      const entry = { registry: address, name: String(args.name), registeredAt: place.blockTime };
      record.models.set(lower(args.modelId), entry);
    },
    ModelRetired: ({ record, args }) => {
      const known = record.models.get(lower(args.modelId));
      if (known) known.retiredAt = Number(args.retiredAt);
    },
  },
  zk: {
    KeyRegistered: ({ record, args, place, address }) => {
      record.verificationKeys.push({ contract: address, keyId: lower(args.keyId), place });
    },
    BreakerTripped: ({ record, args, place }) => {
      record.tripped.set(lower(args.keyId), place);
    },
  },
  tee: ENCLAVE_HANDLERS,
  nitro: NITRO_HANDLERS,
  quorum: COMMITTEE_HANDLERS,
  requests: REQUEST_HANDLERS,
};

/** `ClaimRejected` follows in the same call. */
const disprovenIn = new WeakMap<BatchRecord, Hex>();

function commit({ record, args, place, domain }: Happened): void {
  const header: BatchHeader = {
    ...{ operator: lower(args.operator), policyId: lower(args.policyId), modelId: lower(args.modelId) },
    ...{ root: lower(args.root), dataRoot: lower(args.dataRoot), count: Number(args.count) },
    ...{ oldestServedAt: BigInt(args.oldestServedAt), nonce: BigInt(args.nonce) },
  };
  const id = lower(args.batchId);
  if (batchId(domain, header) !== id) {
    record.contradictory.push({ what: `the batch id ${id} is not the hash of its header`, place });
  }
  const finalAt = Number(args.finalAt);
  const batch: BatchRecord = {
    ...{ batchId: id, header, committed: place, finalAt, heldUntil: 0 },
    ...{ disputed: 0, rejected: 0, leaves: new Map() },
  };
  record.batches.set(id, batch);
  const known = record.policies.get(header.policyId);
  if (known === undefined) {
    record.contradictory.push({ what: `batch ${id} is under a policy that was never registered`, place });
    return;
  }
  changeLocked(record, batch, BigInt(header.count) * known.policy.claimBondWei, place);
}

function dispute(
  { record, args, place }: Happened,
  state: "Challenged" | "Demanded",
  deadline: bigint,
): void {
  onLeaf(record, args, place, (leaf, batch) => {
    leaf.state = state;
    leaf.deadline = Number(deadline);
    leaf.disputedAt = place.blockTime;
    disputesOf(record, batch.header.operator)[state === "Challenged" ? "challenged" : "demanded"]++;
    if (state === "Challenged") leaf.claimId = lower(args.claimId);
    batch.disputed++;
    const policy = policyOfBatch(record, batch);
    if (policy) moneyOf(record, policy.bondToken).disputeBondsWei += policy.challengeBondWei;
  });
}

function accept({ record, args, place }: Happened): void {
  onLeaf(record, args, place, (leaf, batch) => {
    const kind = Number(args.kind);
    leaf.claimId = lower(args.claimId);
    leaf.kinds |= kind;
    leaf.evidence.push({ kind, at: place.blockTime, source: Number(args.source), place });
    const claim = { index: Number(args.index), claimId: leaf.claimId };
    if (kind === EVIDENCE_KINDS.tee) noteVouched({ record, args, place }, batch, claim);
    const policy = policyOfBatch(record, batch);
    if (args.paidWei > 0n) {
      noteAnswer(record, batch, leaf, "answered", place);
      endDispute(record, batch, leaf);
      leaf.state = "Answered";
    } else if (leaf.state === "Revealed") {
      const settled = kind === EVIDENCE_KINDS.zk || (policy !== undefined && closes(policy.rule, leaf.kinds));
      if (settled) leaf.state = "Quiet";
    }
  });
}

function reopen({ record, args, place }: Happened): void {
  onLeaf(record, args, place, (leaf, batch) => {
    const kind = Number(args.kind);
    leaf.kinds &= ~kind;
    leaf.evidence = leaf.evidence.filter((one) => one.kind !== kind);
    const finalAt = Number(args.finalAt);
    batch.heldUntil = Math.max(batch.heldUntil, finalAt);
    const answers = Number(BigInt(batch.header.policyId) & 0xffn);
    if (leaf.state === "Answered" && (answers & leaf.kinds) !== 0) return;
    leaf.state = "Revealed";
    leaf.deadline = finalAt;
  });
}

function reveal({ record, args, place }: Happened): void {
  onLeaf(record, args, place, (leaf, batch) => {
    leaf.claimId = lower(args.claimId);
    const finalAt = Number(args.finalAt);
    const wasDemanded = leaf.state === "Demanded";
    if (wasDemanded) {
      noteAnswer(record, batch, leaf, "revealed", place);
      endDispute(record, batch, leaf);
      batch.heldUntil = Math.max(batch.heldUntil, finalAt);
    }
    leaf.state = "Revealed";
    leaf.deadline = wasDemanded ? finalAt : 0;
  });
}

function reject({ record, args, place }: Happened): void {
  onLeaf(record, args, place, (leaf, batch) => {
    if (leaf.state === "Challenged" || leaf.state === "Demanded") endDispute(record, batch, leaf);
    const claimId = lower(args.claimId);
    if (BigInt(claimId) !== 0n) leaf.claimId = claimId;
    leaf.state = "Rejected";
    leaf.ended = place;
    if (disprovenIn.get(batch) === claimId) leaf.disproven = true;
    disprovenIn.delete(batch);
    disputesOf(record, batch.header.operator)[leaf.disproven ? "disproven" : "unanswered"]++;
    batch.rejected++;
    const policy = policyOfBatch(record, batch);
    if (policy === undefined) return;
    const money = moneyOf(record, policy.bondToken);
    money.creditsWei += args.rewardedWei + args.requesterWei;
    money.burntWei += args.burnWei;
    const account = accountOf(record, batch.header.operator, policy.bondToken);
    account.stakeWei -= policy.claimBondWei;
    changeLocked(record, batch, -policy.claimBondWei, place);
    const splitWei = args.rewardedWei + args.requesterWei + args.burnWei;
    if (splitWei !== policy.claimBondWei) {
      record.contradictory.push({ what: `a rejection split ${splitWei} wei and not a claim bond`, place });
    }
  });
}

function penalise({ record, args, place }: Happened): void {
  const known = record.policies.get(lower(args.policyId));
  if (known === undefined) return;
  const { bondToken } = known.policy;
  const seizedWei: bigint = args.reporterWei + args.requesterWei + args.burnWei;
  const account = accountOf(record, lower(args.operator), bondToken);
  const freeWei = account.stakeWei - account.lockedWei;
  // Free stake first, then what is unbonding.
  const fromStakeWei = seizedWei < freeWei ? seizedWei : freeWei;
  account.stakeWei -= fromStakeWei;
  account.unbondingWei -= seizedWei - fromStakeWei;
  const money = moneyOf(record, bondToken);
  money.creditsWei += args.reporterWei + args.requesterWei;
  money.burntWei += args.burnWei;
  noteExposure(record, bondToken, place);
}

function noteAnswer(
  record: ChainRecord,
  batch: BatchRecord,
  leaf: LeafRecord,
  how: "answered" | "revealed",
  { blockTime }: Place,
): void {
  const counts = disputesOf(record, batch.header.operator);
  counts[how]++;
  if (leaf.disputedAt !== undefined) counts.answerSeconds.add(blockTime - leaf.disputedAt);
}

/** The bond of a dispute becomes somebody's credit, whoever's. */
function endDispute(record: ChainRecord, batch: BatchRecord, leaf: LeafRecord): void {
  if (leaf.state !== "Challenged" && leaf.state !== "Demanded") return;
  batch.disputed--;
  const policy = policyOfBatch(record, batch);
  if (policy === undefined) return;
  const money = moneyOf(record, policy.bondToken);
  money.disputeBondsWei -= policy.challengeBondWei;
  money.creditsWei += policy.challengeBondWei;
}

function endOmission({ record, args }: Happened, state: "Refuted" | "Upheld" | "Voided"): void {
  const omission = record.omissions.get(lower(args.claimId));
  if (omission) omission.state = state;
}

function onBatch(
  record: ChainRecord,
  args: Result,
  place: Place,
  change: (batch: BatchRecord) => void,
): void {
  const batch = record.batches.get(lower(args.batchId));
  if (batch) change(batch);
  else record.contradictory.push({ what: `an event is about ${lower(args.batchId)}, no batch`, place });
}

function onLeaf(
  record: ChainRecord,
  args: Result,
  place: Place,
  change: (leaf: LeafRecord, batch: BatchRecord) => void,
): void {
  onBatch(record, args, place, (batch) => {
    const index = Number(args.index);
    const leaf = batch.leaves.get(index) ?? {
      state: "Quiet",
      kinds: 0,
      evidence: [],
      deadline: 0,
      changedAt: 0,
    };
    batch.leaves.set(index, leaf);
    leaf.changedAt = place.blockTime;
    change(leaf, batch);
  });
}

function changeAccount(
  record: ChainRecord,
  args: Result,
  place: Place,
  change: (account: AccountRecord) => void,
): void {
  const token = lower(args.token);
  change(accountOf(record, lower(args.operator), token));
  noteExposure(record, token, place);
}

function changeLocked(record: ChainRecord, batch: BatchRecord, byWei: bigint, place: Place): void {
  const policy = policyOfBatch(record, batch);
  if (policy === undefined) return;
  accountOf(record, batch.header.operator, policy.bondToken).lockedWei += byWei;
  noteExposure(record, policy.bondToken, place);
}

/** One point for each moment, the last. */
function noteExposure(record: ChainRecord, token: Address, { blockTime: time }: Place): void {
  let [lockedWei, stakeWei] = [0n, 0n];
  for (const account of record.accounts.values()) {
    if (account.token !== token) continue;
    lockedWei += account.lockedWei;
    stakeWei += account.stakeWei;
  }
  const last = record.exposure.at(-1);
  if (last?.time === time && last.token === token) Object.assign(last, { lockedWei, stakeWei });
  else record.exposure.push({ time, token, lockedWei, stakeWei });
}

function accountOf(record: ChainRecord, operator: Address, token: Address): AccountRecord {
  const key = pair(operator, token);
  const known = record.accounts.get(key);
  if (known) return known;
  const account = { operator, token, stakeWei: 0n, lockedWei: 0n, unbondingWei: 0n };
  record.accounts.set(key, account);
  return account;
}

function moneyOf(record: ChainRecord, token: Address): MoneyRecord {
  const known = record.money.get(token);
  if (known) return known;
  const money = { disputeBondsWei: 0n, creditsWei: 0n, burntWei: 0n };
  record.money.set(token, money);
  return money;
}

function policyOfBatch(record: ChainRecord, { header }: BatchRecord): Policy | undefined {
  return record.policies.get(header.policyId)?.policy;
}
