// SPDX-License-Identifier: GPL-3.0-or-later

import type { BatchHeader } from "@meantime/sdk/batch";
import type { Claim } from "@meantime/sdk/claim";
import { type Address, type Hex, keccak256Text } from "@meantime/sdk/hex";
import { SETTLEMENT_INTERFACE } from "../chain/contracts.ts";
import type { NewIntent } from "./intents.ts";

/** A claim at its place in a batch. */
export interface PlacedClaim {
  batchId: Hex;
  claimId: Hex;
  index: number;
  claim: Claim;
}

/** Evidence of one kind for one claim. */
export interface Evidence {
  kind: number;
  beneficiary: Address;
  bytes: Hex;
}

/** `Settlement.commit` */
export function commitIntent(settlement: Address, batchId: Hex, header: BatchHeader): NewIntent {
  return {
    dedupeKey: `commit:${batchId}`,
    lane: "operator",
    kind: "commit",
    subject: { batchId },
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
    lane: "operator",
    kind: "attest",
    subject: { batchId },
    ...call(settlement, "attestBatch", [header, evidence]),
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
    lane: "operator",
    kind: "prove",
    subject: { ...subjectOf(placed), kind: String(kind) },
    ...call(settlement, "prove", [header, placed.claim, placed.index, proof, kind, beneficiary, bytes]),
  };
}

/** `Settlement.answer` */
export function answerIntent(
  settlement: Address,
  placed: PlacedClaim,
  { kind, beneficiary, bytes }: Evidence,
): NewIntent {
  return {
    dedupeKey: answerKey(placed),
    lane: "operator",
    kind: "answer",
    subject: subjectOf(placed),
    ...call(settlement, "answer", [placed.batchId, placed.claim, placed.index, kind, beneficiary, bytes]),
  };
}

/** `Settlement.challenge` */
export function challengeIntent(
  settlement: Address,
  header: BatchHeader,
  placed: PlacedClaim,
  proof: readonly Hex[],
  bondWei: bigint,
): NewIntent {
  return {
    dedupeKey: `challenge:${placeOf(placed)}`,
    lane: "watch",
    kind: "challenge",
    subject: subjectOf(placed),
    ...call(settlement, "challenge", [header, placed.claim, placed.index, proof]),
    valueWei: bondWei,
  };
}

/** `Settlement.resolve` */
export function resolveIntent(settlement: Address, placed: PlacedClaim): NewIntent {
  return {
    dedupeKey: `resolve:${placeOf(placed)}`,
    lane: "watch",
    kind: "resolve",
    subject: subjectOf(placed),
    ...call(settlement, "resolve", [placed.batchId, placed.claim, placed.index]),
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
    lane: "operator",
    kind: "release",
    subject: { batchIds },
    ...call(settlement, "release", [batches.map((batch) => batch.header)]),
  };
}

/** `Settlement.announce`; `turn` counts the operator's announcements, so that an endpoint can be announced again. */
export function announceIntent(
  settlement: Address,
  operator: Address,
  endpoint: string,
  turn: number,
): NewIntent {
  return {
    dedupeKey: `announce:${turn}:${endpoint}`,
    lane: "operator",
    kind: "announce",
    subject: { endpoint },
    ...call(settlement, "announce", [operator, endpoint]),
  };
}

/** The dedupe key of a claim's early evidence. */
export function proveKey(placed: Omit<PlacedClaim, "claim">): string {
  return `prove:${placeOf(placed)}`;
}

/** The dedupe key of the answer to a claim's challenge. */
export function answerKey(placed: Omit<PlacedClaim, "claim">): string {
  return `answer:${placeOf(placed)}`;
}

function placeOf({ batchId, index, claimId }: Omit<PlacedClaim, "claim">): string {
  return `${batchId}:${index}:${claimId}`;
}

function subjectOf({ batchId, index, claimId }: PlacedClaim) {
  return { batchId, index: String(index), claimId };
}

function call(
  to: Address,
  name: string,
  values: readonly unknown[],
): Pick<NewIntent, "to" | "data" | "valueWei"> {
  return { to, data: SETTLEMENT_INTERFACE.encodeFunctionData(name, values) as Hex, valueWei: 0n };
}
