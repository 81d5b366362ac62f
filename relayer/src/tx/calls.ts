// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader, Opening } from "@meantime/sdk/batch";
import type { Claim } from "@meantime/sdk/claim";
import { type Address, bytesToHex, type Hex, keccak256Text } from "@meantime/sdk/hex";
import { ENCLAVE_EVIDENCE_INTERFACE, RECEIPTS_INTERFACE, SETTLEMENT_INTERFACE } from "../chain/contracts.ts";
import type { NewIntent } from "./intents.ts";
import type { Lane } from "./kinds.ts";

/** A leaf of a batch. */
export interface LeafPlace {
  batchId: Hex;
  index: number;
}

/** A claim at its place in a batch. */
export interface PlacedClaim extends LeafPlace {
  claimId: Hex;
  claim: Claim;
}

/** A claim that somebody challenged. */
export interface ChallengedClaim extends PlacedClaim {
  challenger: Address;
  /** Unix seconds. A claim can be challenged again where its evidence turned out to be worthless. */
  challengedAt: number;
}

/** What opens a claim's hashes, with its proof in the tree behind `dataRoot`. */
export interface ProvenOpening extends Opening {
  proof: readonly Hex[];
}

/** Evidence of one kind for one claim. */
export interface Evidence {
  kind: number;
  beneficiary: Address;
  bytes: Hex;
}

/** `Settlement.commit`; a claim that was served after the block that commits it is not in the batch. */
export function commitIntent(
  settlement: Address,
  batchId: Hex,
  header: BatchHeader,
  lastServedAt: bigint,
): NewIntent {
  return {
    dedupeKey: `commit:${batchId}`,
    kind: "commit",
    subject: {
      ...{ batchId, policyId: header.policyId },
      ...{ oldestServedAt: header.oldestServedAt.toString(), lastServedAt: lastServedAt.toString() },
    },
    ...call(settlement, "commit", [header]),
  };
}

/** `Settlement.attestBatch` */
export function attestIntent(
  settlement: Address,
  batchId: Hex,
  header: BatchHeader,
  evidence: Hex,
): NewIntent {
  return {
    dedupeKey: `attest:${batchId}`,
    kind: "attest",
    subject: { batchId },
    ...call(settlement, "attestBatch", [header, evidence]),
  };
}

/** `EnclaveEvidence.rememberModel`, once for each contract and model. */
export function rememberModelIntent(enclaveEvidence: Address, modelId: Hex): NewIntent {
  const data = ENCLAVE_EVIDENCE_INTERFACE.encodeFunctionData("rememberModel", [modelId]) as Hex;
  return {
    dedupeKey: `remember-model:${enclaveEvidence}:${modelId}`,
    kind: "rememberModel",
    subject: { to: enclaveEvidence, data },
    ...{ to: enclaveEvidence, data, valueWei: 0n },
  };
}

/** Somebody's credit in one token with Settlement or Receipts. */
export interface Creditor {
  contract: Address;
  /** Zero: ether. */
  token: Address;
  /** To whom it is credited, who alone can withdraw it. */
  account: Address;
}

/**
 * `withdraw` of Settlement or Receipts: all that is credited to the sender in one token.
 *
 * @param lane one that `account` sends for
 * @param turn tells it from earlier ones
 */
export function withdrawIntent(
  { contract, token, account }: Creditor,
  lane: Lane,
  to: Address,
  turn: number,
): NewIntent {
  return {
    dedupeKey: `withdraw:${contract}:${token}:${account}:${turn}`,
    kind: "withdraw",
    lane,
    subject: { contract, token, account },
    // Both contracts are vaults.
    ...call(contract, "withdraw", [token, to]),
  };
}

/** `Settlement.prove` */
export function proveIntent(
  settlement: Address,
  header: BatchHeader,
  placed: PlacedClaim,
  proof: readonly Hex[],
  { kind, beneficiary, bytes }: Evidence,
): NewIntent {
  return {
    dedupeKey: proveKey(placed),
    kind: "prove",
    subject: { ...subjectOf(placed), kind: String(kind) },
    ...call(settlement, "prove", [header, placed.claim, placed.index, proof, kind, beneficiary, bytes]),
  };
}

/** `Settlement.answer` */
export function answerIntent(
  settlement: Address,
  challenged: ChallengedClaim,
  { kind, beneficiary, bytes }: Evidence,
): NewIntent {
  const { batchId, claim, index, challenger } = challenged;
  return {
    dedupeKey: answerKey(challenged),
    kind: "answer",
    subject: { ...subjectOf(challenged), challenger },
    ...call(settlement, "answer", [batchId, claim, index, challenger, kind, beneficiary, bytes]),
  };
}

/** `Settlement.voidChallenge` */
export function voidIntent(settlement: Address, challenged: ChallengedClaim): NewIntent {
  const { batchId, claim, index, challenger } = challenged;
  return {
    dedupeKey: voidKey(challenged),
    kind: "void",
    subject: { ...subjectOf(challenged), challenger },
    ...call(settlement, "voidChallenge", [batchId, claim, index, challenger]),
  };
}

/** `Settlement.reveal` */
export function revealIntent(
  settlement: Address,
  header: BatchHeader,
  placed: PlacedClaim,
  proof: readonly Hex[],
  opening: ProvenOpening,
): NewIntent {
  const { input, salt, output } = opening;
  const encoded = { proof: opening.proof, input: bytesToHex(input), salt, output: bytesToHex(output) };
  return {
    dedupeKey: revealKey(placed),
    kind: "reveal",
    subject: subjectOf(placed),
    ...call(settlement, "reveal", [header, placed.claim, placed.index, proof, encoded]),
  };
}

/** `Receipts.answerOmission` */
export function answerOmissionIntent(
  receipts: Address,
  header: BatchHeader,
  placed: PlacedClaim,
  proof: readonly Hex[],
): NewIntent {
  return {
    dedupeKey: answerOmissionKey(placed.claimId),
    kind: "answerOmission",
    subject: subjectOf(placed),
    ...callReceipts(receipts, "answerOmission", [placed.claim, header, placed.index, proof]),
  };
}

/** `Settlement.challenge`; once, and once more for each time that the answer was taken back. */
export function challengeIntent(
  settlement: Address,
  header: BatchHeader,
  placed: PlacedClaim,
  proof: readonly Hex[],
  bondWei: bigint,
  reopenings = 0,
): NewIntent {
  return {
    dedupeKey: `challenge:${placeOf(placed)}${reopenings === 0 ? "" : `:${reopenings}`}`,
    kind: "challenge",
    subject: subjectOf(placed),
    ...call(settlement, "challenge", [header, placed.claim, placed.index, proof]),
    valueWei: bondWei,
  };
}

/** `Settlement.resolve` */
export function resolveIntent(settlement: Address, placed: PlacedClaim, challenger: Address): NewIntent {
  return {
    dedupeKey: `resolve:${placeOf(placed)}`,
    kind: "resolve",
    subject: { ...subjectOf(placed), challenger },
    ...call(settlement, "resolve", [placed.batchId, placed.claim, placed.index, challenger]),
  };
}

/** `Settlement.demandReveal` */
export function demandIntent(
  settlement: Address,
  header: BatchHeader,
  { batchId, index }: LeafPlace,
  bondWei: bigint,
): NewIntent {
  return {
    dedupeKey: demandKey(batchId),
    kind: "demand",
    subject: { batchId, index: String(index) },
    ...call(settlement, "demandReveal", [header, index]),
    valueWei: bondWei,
  };
}

/** `Settlement.resolveDemand` */
export function resolveDemandIntent(
  settlement: Address,
  header: BatchHeader,
  { batchId, index }: LeafPlace,
  demander: Address,
): NewIntent {
  return {
    dedupeKey: `resolve-demand:${batchId}:${index}`,
    kind: "resolveDemand",
    subject: { batchId, index: String(index), challenger: demander },
    ...call(settlement, "resolveDemand", [header, index, demander]),
  };
}

/** `Settlement.release` */
export function releaseIntent(
  settlement: Address,
  batches: readonly { batchId: Hex; header: BatchHeader }[],
): NewIntent {
  const batchIds = batches.map((batch) => batch.batchId).join(",");
  return {
    dedupeKey: `release:${keccak256Text(batchIds)}`,
    kind: "release",
    subject: { batchIds },
    ...call(settlement, "release", [batches.map((batch) => batch.header)]),
  };
}

/** `Receipts.announce`; `turn` counts the operator's announcements, so that an endpoint can be announced again. */
export function announceIntent(
  receipts: Address,
  operator: Address,
  policyId: Hex,
  endpoint: string,
  turn: number,
): NewIntent {
  return {
    dedupeKey: `announce:${turn}:${endpoint}`,
    kind: "announce",
    subject: { endpoint },
    ...callReceipts(receipts, "announce", [operator, policyId, endpoint]),
  };
}

/** The dedupe key of a claim's early evidence. */
export function proveKey(placed: Omit<PlacedClaim, "claim">): string {
  return `prove:${placeOf(placed)}`;
}

/** The dedupe key of the answer to one challenge of a claim. */
export function answerKey(challenged: Omit<ChallengedClaim, "claim">): string {
  return `answer:${challengeOf(challenged)}`;
}

/** The dedupe key of voiding one challenge of a claim. */
export function voidKey(challenged: Omit<ChallengedClaim, "claim">): string {
  return `void:${challengeOf(challenged)}`;
}

/** The dedupe key of showing a claim on demand: a leaf is demanded once in its life. */
export function revealKey({ batchId, index }: LeafPlace): string {
  return `reveal:${batchId}:${index}`;
}

/** The dedupe key of the answer to a report that a claim was omitted. */
export function answerOmissionKey(claimId: Hex): string {
  return `answer-omission:${claimId}`;
}

/** The dedupe key of our demand to see a claim of a batch: one in a batch. */
export function demandKey(batchId: Hex): string {
  return `demand:${batchId}`;
}

/** A claim and its place, as part of a dedupe key. */
export function placeOf({ batchId, index, claimId }: Omit<PlacedClaim, "claim">): string {
  return `${batchId}:${index}:${claimId}`;
}

function challengeOf(challenged: Omit<ChallengedClaim, "claim">): string {
  return `${placeOf(challenged)}:${challenged.challenger}:${challenged.challengedAt}`;
}

/** What an intent about a placed claim is about. */
export function subjectOf({ batchId, index, claimId }: PlacedClaim) {
  return { batchId, index: String(index), claimId };
}

type Call = Pick<NewIntent, "to" | "data" | "valueWei">;

/** A call of Settlement, to be completed. */
export function call(to: Address, name: string, values: readonly unknown[]): Call {
  return { to, data: SETTLEMENT_INTERFACE.encodeFunctionData(name, values) as Hex, valueWei: 0n };
}

/** A call of Receipts, to be completed. */
export function callReceipts(to: Address, name: string, values: readonly unknown[]): Call {
  return { to, data: RECEIPTS_INTERFACE.encodeFunctionData(name, values) as Hex, valueWei: 0n };
}
