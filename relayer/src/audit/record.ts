// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import type { Address, Hex } from "@meantime/sdk/hex";
import type { Policy } from "@meantime/sdk/policy";
import type { RequestStateName } from "@meantime/sdk/request";
import type { LeafStateName } from "@meantime/sdk/status";
import type { Place } from "./findings.ts";
import { countSeconds, type SecondsCounted } from "./gaps.ts";

/** All that the events say, by what it is about. Times are unix seconds. */
export interface ChainRecord {
  policies: Map<Hex, PolicyRecord>;
  models: Map<Hex, ModelRecord>;
  /** In the order of their commits. */
  batches: Map<Hex, BatchRecord>;
  /** By operator and token. */
  accounts: Map<string, AccountRecord>;
  /** By token: what Settlement owes. */
  money: Map<Address, MoneyRecord>;
  /** By operator and key. */
  receiptKeys: Map<string, ReceiptKeyRecord>;
  /** By operator and policy: since when receipts bind. */
  accepted: Map<string, number>;
  /** By operator, the newest announcement. */
  endpoints: Map<Address, string>;
  /** By the key's number. */
  enclaveKeys: Map<string, EnclaveKeyRecord>;
  /** By contract and measurement. */
  measurements: Map<string, MeasurementRecord>;
  /** Documents by which keys were entered or renewed, in order. */
  registrations: RegistrationRecord[];
  /** Evidence of enclaves, in order. */
  vouched: VouchedRecord[];
  /** Certificates of AWS's, by issuer and serial. */
  revokedCertificates: Set<string>;
  /** By the key's id: when and where its breaker was tripped. */
  tripped: Map<Hex, Place>;
  verificationKeys: { contract: Address; keyId: Hex; place: Place }[];
  /** Evidence contracts that new policies may not name any more. */
  delisted: Map<Address, Place>;
  pauses: { from: number; until: number }[];
  omissions: Map<Hex, OmissionRecord>;
  /** Reported on chain. */
  equivocations: { operator: Address; claimIds: [Hex, Hex]; place: Place }[];
  contradictions: { signer: Address; place: Place }[];
  /** Withdrawn from Receipts, by token. */
  receiptsWithdrawn: Map<Address, bigint>;
  /** Contracts that take requests, and what their events say of them. */
  requests: Map<Address, RequestsRecord>;
  /** QuorumEvidence contracts, and what their events say of them. */
  committees: Map<Address, CommitteeRecord>;
  /** How much was locked and staked, whenever it changed. */
  exposure: { time: number; token: Address; lockedWei: bigint; stakeWei: bigint }[];
  /** By operator. */
  disputes: Map<Address, DisputeCounts>;
  /** What a contradiction between the events showed. */
  contradictory: { what: string; place: Place }[];
}

/** A registered policy. */
export interface PolicyRecord {
  policy: Policy;
  registeredAt: number;
  closedAt?: number;
}

/** A registered model. */
export interface ModelRecord {
  /** The ModelRegistry that has it. */
  registry: Address;
  name: string;
  registeredAt: number;
  retiredAt?: number;
}

/** A committed batch. */
export interface BatchRecord {
  batchId: Hex;
  header: BatchHeader;
  committed: Place;
  finalAt: number;
  attested?: { place: Place; source: number };
  heldUntil: number;
  disputed: number;
  rejected: number;
  released?: Place;
  /** Of leaves to which something happened. */
  leaves: Map<number, LeafRecord>;
}

/** One leaf of a batch. */
export interface LeafRecord {
  state: LeafStateName;
  kinds: number;
  /** Accepted for it alone, in order. */
  evidence: { kind: number; at: number; source: number; place: Place }[];
  /** Of the open dispute, or from when on the clock makes a revealed one final. */
  deadline: number;
  disputedAt?: number;
  /** When something last happened to it. */
  changedAt: number;
  claimId?: Hex;
  /** Where it was rejected or voided. */
  ended?: Place;
  disproven?: true;
}

/** An operator's account in one token. */
export interface AccountRecord {
  operator: Address;
  token: Address;
  stakeWei: bigint;
  lockedWei: bigint;
  unbondingWei: bigint;
}

/** Disputes of one operator's claims, and how they ended. What has no end is open. */
export interface DisputeCounts {
  challenged: number;
  answered: number;
  voided: number;
  demanded: number;
  revealed: number;
  /** Challenges and demands that ran out. */
  unanswered: number;
  /** Claims disproven, challenged before or not. */
  disproven: number;
  /** From challenge to answer and from demand to revelation, seconds. */
  answerSeconds: SecondsCounted;
}

/** What Settlement owes in one token, and what was burnt. */
export interface MoneyRecord {
  disputeBondsWei: bigint;
  creditsWei: bigint;
  burntWei: bigint;
}

/** A receipt key of an operator. */
export interface ReceiptKeyRecord {
  validFrom: number;
  revokedAt?: number;
  compromisedSince?: number;
}

/** A key of an enclave. */
export interface EnclaveKeyRecord {
  keyId: Hex;
  measurement: Hex;
  compromisedSince?: number;
  revokedAt?: number;
  /** The newest. */
  registration: RegistrationRecord;
}

/** On what terms a measurement is believed, as `IEnclaveRegistry.MeasurementPolicy` has them. */
export interface MeasurementTerms {
  platform: number;
  pcrs: number;
  statuses: number;
  minEvaluationNumber: number;
  maxBlockAge: number;
  maxKeySeconds: number;
}

/** A measurement of the list. */
export interface MeasurementRecord {
  /** Undefined: not on the list. */
  terms?: MeasurementTerms;
  /** Counts removals: keys of an earlier one are dead. */
  generation: number;
}

/** A key was entered or renewed by a document, on the terms of that moment. */
export interface RegistrationRecord {
  contract: Address;
  keyId: Hex;
  number: number;
  measurement: Hex;
  expiresAt: number;
  key: { kind: number; x: bigint; y: bigint };
  documentHash: Hex;
  place: Place;
  /** Undefined: the measurement was not on the list. */
  terms?: MeasurementTerms;
  generation: number;
  /** Until then, by issuer and serial. */
  revokedCertificates: ReadonlySet<string>;
}

/** An enclave's key vouched for a batch, or a claim. */
export interface VouchedRecord {
  batchId: Hex;
  /** The header's: zero for a batch of several models. */
  modelId: Hex;
  contract: Address;
  place: Place;
  index?: number;
  claimId?: Hex;
  registration?: RegistrationRecord;
  /** Why the key attested nothing then. */
  fault?: string;
  /** Why events do not say whether it did. */
  doubt?: string;
}

/** A report that a claim was omitted. */
export interface OmissionRecord {
  operator: Address;
  place: Place;
  state: "Open" | "Refuted" | "Upheld" | "Voided";
}

/** An InferenceRequests contract by its events. Amounts are wei. */
export interface RequestsRecord {
  /** By the request's id. */
  requests: Map<Hex, { feeWei: bigint; state: RequestStateName; place: Place }>;
  /** In ether, by account. */
  creditsWei: Map<Address, bigint>;
}

/** A QuorumEvidence contract by its events. Amounts are wei. */
export interface CommitteeRecord {
  signers: Map<Address, SignerRecord>;
  /** In ether, by account. */
  creditsWei: Map<Address, bigint>;
  burntWei: bigint;
}

/** A signer of a committee. */
export interface SignerRecord {
  owner: Address;
  stakeWei: bigint;
  standing: "Member" | "Leaving" | "Exited" | "Slashed";
}

/** The key of maps of pairs. */
export function pair(a: string, b: string): string {
  return `${a} ${b}`;
}

/** Nothing has happened yet. */
export function emptyRecord(): ChainRecord {
  return {
    ...{ policies: new Map(), models: new Map(), batches: new Map(), accounts: new Map(), money: new Map() },
    ...{ receiptKeys: new Map(), accepted: new Map(), endpoints: new Map(), enclaveKeys: new Map() },
    ...{ tripped: new Map(), verificationKeys: [], delisted: new Map(), pauses: [], omissions: new Map() },
    ...{ equivocations: [], contradictions: [], receiptsWithdrawn: new Map(), exposure: [] },
    ...{ requests: new Map(), committees: new Map(), measurements: new Map(), registrations: [] },
    ...{ vouched: [], revokedCertificates: new Set() },
    ...{ disputes: new Map(), contradictory: [] },
  };
}

/** The disputes of an operator, none at first. */
export function disputesOf({ disputes }: ChainRecord, operator: Address): DisputeCounts {
  const known = disputes.get(operator);
  if (known) return known;
  const none = {
    challenged: 0,
    answered: 0,
    voided: 0,
    demanded: 0,
    revealed: 0,
    unanswered: 0,
    disproven: 0,
  };
  const fresh = { ...none, answerSeconds: countSeconds() };
  disputes.set(operator, fresh);
  return fresh;
}
