// SPDX-License-Identifier: MIT
import type { Address, Hex } from "@meantime/sdk/hex";
import type { Policy } from "@meantime/sdk/policy";
import { STATED_STATUSES, type StatedStatus } from "../status.ts";
import {
  address,
  anything,
  flag,
  id,
  list,
  oneOf,
  orNull,
  type Reader,
  shape,
  text,
  texts,
  wei,
  whole,
} from "./read.ts";
import { type Moment, moment } from "./shapes.ts";

/** A claim in a list. */
export interface ClaimRow {
  claimId: Hex;
  operator: Address;
  modelId: Hex;
  policyId: Hex;
  status: StatedStatus;
  servedAt: number;
  /** What vouches for it, in the words of the index. */
  evidence: string[];
}

const status: Reader<StatedStatus> = oneOf(...STATED_STATUSES);

export const claimRow: Reader<ClaimRow> = shape<ClaimRow>({
  claimId: id,
  operator: address,
  modelId: id,
  policyId: id,
  status,
  servedAt: whole,
  evidence: list(text),
});

/** When something happened on the chain, and in which transaction. */
export interface Occurrence {
  at: number;
  block: number | null;
  tx: Hex | null;
}

const occurrence = shape<Occurrence>({ at: whole, block: orNull(whole), tx: orNull(id) });

/** Whether a batch's data were found and fit what was committed. */
export const DATA_STATES = {
  complete: "complete: every claim was found and fits the roots",
  withheld: "withheld: the operator does not show it",
  mismatch: "mismatch: what the operator shows does not fit the roots",
  private: "private by the policy",
  pending: "not fetched yet",
} as const;

/** A batch. */
export interface BatchRow {
  batchId: Hex;
  header: BatchFields;
  committed: Occurrence;
  attested: Occurrence | null;
  released: Occurrence | null;
  status: StatedStatus;
  finalAt: number | null;
  dataState: keyof typeof DATA_STATES;
  dataError: string | null;
  claims: number;
  endpoint: string | null;
}

interface BatchFields {
  operator: Address;
  policyId: Hex;
  modelId: Hex;
  root: Hex;
  dataRoot: Hex;
  oldestServedAt: number;
  nonce: string;
}

export const batchRow: Reader<BatchRow> = shape<BatchRow>({
  batchId: id,
  header: shape<BatchFields>({
    operator: address,
    policyId: id,
    modelId: id,
    root: id,
    dataRoot: id,
    oldestServedAt: whole,
    nonce: text,
  }),
  committed: occurrence,
  attested: orNull(occurrence),
  released: orNull(occurrence),
  status,
  finalAt: orNull(whole),
  dataState: oneOf("complete", "withheld", "mismatch", "private", "pending"),
  dataError: orNull(text),
  claims: whole,
  endpoint: orNull(text),
});

/** A challenge, or a demand to see a claim. */
export interface DisputeRow {
  kind: "challenge" | "demand";
  batchId: Hex;
  index: number | null;
  claimId: Hex | null;
  operator: Address | null;
  opener: Address | null;
  at: number;
  deadline: number | null;
  outcome: "open" | "answered" | "revealed" | "rejected" | "voided";
  endedAt: number | null;
}

export const disputeRow: Reader<DisputeRow> = shape<DisputeRow>({
  kind: oneOf("challenge", "demand"),
  batchId: id,
  index: orNull(whole),
  claimId: orNull(id),
  operator: orNull(address),
  opener: orNull(lowerAddress),
  at: whole,
  deadline: orNull(whole),
  outcome: oneOf("open", "answered", "revealed", "rejected", "voided"),
  endedAt: orNull(whole),
});

/** A contract's request for an answer. */
export interface RequestRow {
  requestId: Hex;
  requester: Address;
  modelId: Hex;
  policyId: Hex;
  operator: Address;
  feeWei: bigint;
  minStatus: string | null;
  expiresAt: number;
  state: string;
  answeredBy: Address | null;
  callbackFailed: boolean;
  requested: Occurrence;
}

const requestFields = {
  requestId: id,
  requester: lowerAddress,
  modelId: id,
  policyId: id,
  operator: lowerAddress,
  feeWei: wei,
  minStatus: orNull(text),
  expiresAt: whole,
  state: text,
  answeredBy: orNull(lowerAddress),
  callbackFailed: flag,
  requested: occurrence,
};

export const requestRow: Reader<RequestRow> = shape<RequestRow>(requestFields);

/** A request with what happened to it and the claims that answer it. */
export interface RequestAnswer extends RequestRow {
  inputHash: Hex;
  outputHash: Hex | null;
  timeline: Moment[];
  claims: ClaimRow[];
}

export const requestAnswer: Reader<RequestAnswer> = shape<RequestAnswer>({
  ...requestFields,
  inputHash: id,
  outputHash: orNull(id),
  timeline: list(moment),
  claims: list(claimRow),
});

/** What a search found. */
export interface Hit {
  kind: string;
  id: string;
}

const hits: Reader<Hit[]> = list(shape<Hit>({ kind: text, id: text }));

/** Hits as a bare list, or as lists are answered. */
export const searchAnswer: Reader<Hit[]> = (value, where) => {
  if (Array.isArray(value)) return hits(value, where);
  return hits(shape<{ items: unknown }>({ items: anything })(value, where).items, `${where}.items`);
};

/** A stake of an operator, of one bond token. */
export interface Account {
  token: Address;
  stakeWei: bigint;
  lockedWei: bigint;
  unbondingWei: bigint;
  lockableBps: number;
  suspended: boolean;
}

/** An operator. */
export interface OperatorRow {
  operator: Address;
  endpoint: string | null;
  batches: number;
  claims: number;
  openClaims: number;
  lastCommittedAt: number | null;
  accounts: Account[];
}

const operatorFields = {
  operator: address,
  endpoint: orNull(text),
  batches: whole,
  claims: whole,
  openClaims: whole,
  lastCommittedAt: orNull(whole),
  accounts: list(
    shape<Account>({
      token: address,
      stakeWei: wei,
      lockedWei: wei,
      unbondingWei: wei,
      lockableBps: whole,
      suspended: flag,
    }),
  ),
};

export const operatorRow: Reader<OperatorRow> = shape<OperatorRow>(operatorFields);

/** An operator with its record. */
export interface OperatorAnswer extends OperatorRow {
  rejected: number;
  voided: number;
  challenged: number;
  receiptKeys: { key: Address; validFrom: number; validUntil: number | null }[];
  policies: { policyId: Hex; acceptedAt: number }[];
  penalties: number;
  omissionsReported: number;
  equivocationsReported: number;
}

export const operatorAnswer: Reader<OperatorAnswer> = shape<OperatorAnswer>({
  ...operatorFields,
  rejected: whole,
  voided: whole,
  challenged: whole,
  receiptKeys: list(shape({ key: lowerAddress, validFrom: whole, validUntil: orNull(whole) })),
  policies: list(shape({ policyId: id, acceptedAt: whole })),
  penalties: whole,
  omissionsReported: whole,
  equivocationsReported: whole,
});

/** A model as it was registered. */
export interface ModelRow {
  modelId: Hex;
  name: string;
  version: number;
  provenBy: string[];
  registered: Occurrence;
  retiredAt: number | null;
  batches: number;
  claims: number;
}

export const modelRow: Reader<ModelRow> = shape<ModelRow>({
  modelId: id,
  name: text,
  version: whole,
  provenBy: list(text),
  registered: occurrence,
  retiredAt: orNull(whole),
  batches: whole,
  claims: whole,
});

/** A policy as it was registered. */
export interface PolicyRow {
  policyId: Hex;
  terms: Terms;
  answeredBy: string[];
  registered: Occurrence;
  closedAt: number | null;
  batches: number;
  claims: number;
}

type Terms = Omit<Policy, "rule" | "answerKinds"> & { ruleName: string | null };

export const policyRow: Reader<PolicyRow> = shape<PolicyRow>({
  policyId: id,
  terms: shape<Terms>({
    ruleName: orNull(text),
    publicData: flag,
    bondToken: lowerAddress,
    zkEvidence: lowerAddress,
    teeEvidence: lowerAddress,
    quorumEvidence: lowerAddress,
    challengeWindowSeconds: whole,
    attestedWindowSeconds: whole,
    proveWindowSeconds: whole,
    claimBondWei: wei,
    challengeBondWei: wei,
    challengerBps: whole,
    requesterBps: whole,
  }),
  answeredBy: list(text),
  registered: occurrence,
  closedAt: orNull(whole),
  batches: whole,
  claims: whole,
});

/** An event of the chain. */
export interface EventRow {
  block: number;
  logIndex: number;
  tx: Hex;
  at: number;
  contract: string;
  name: string;
  arguments: ReadonlyMap<string, string>;
}

export const eventRow: Reader<EventRow> = shape<EventRow>({
  block: whole,
  logIndex: whole,
  tx: id,
  at: whole,
  contract: text,
  name: text,
  arguments: texts,
});

function lowerAddress(value: unknown, where: string): Address {
  return address(typeof value === "string" ? value.toLowerCase() : value, where);
}
