// SPDX-License-Identifier: GPL-3.0-or-later

import type { Hex } from "@meantime/sdk/hex";
import type { Result } from "ethers";
import { lower } from "./events.ts";
import type { EnclaveKeyRecord, MeasurementRecord, MeasurementTerms } from "./record.ts";
import { type BatchRecord, type ChainRecord, pair } from "./record.ts";
import type { Handler, Happened } from "./replay.ts";

/** What events of EnclaveEvidence say of measurements and keys. */
export const ENCLAVE_HANDLERS: Record<string, Handler> = {
  MeasurementAllowed: (happened) => {
    const entry = measurementOf(happened);
    entry.terms = termsOf(happened.args.policy);
  },
  MeasurementTightened: (happened) => {
    const entry = measurementOf(happened);
    entry.terms = termsOf(happened.args.policy);
  },
  MeasurementRemoved: (happened) => {
    const entry = measurementOf(happened);
    delete entry.terms;
    entry.generation++;
  },
  EnclaveKeyRegistered: (happened) => {
    const { record, args, address, place } = happened;
    const { terms, generation } = measurementOf(happened);
    const registration = {
      ...{ contract: address, keyId: lower(args.keyId), measurement: lower(args.measurement), place },
      ...{ number: Number(args.number), expiresAt: Number(args.expiresAt), generation },
      key: { kind: Number(args.key.kind), x: BigInt(args.key.x), y: BigInt(args.key.y) },
      documentHash: lower(args.documentHash),
      revokedCertificates: new Set(record.revokedCertificates),
      ...(terms && { terms }),
    };
    record.registrations.push(registration);
    const key = pair(address, String(args.number));
    const { keyId, measurement } = registration;
    record.enclaveKeys.set(key, { ...record.enclaveKeys.get(key), keyId, measurement, registration });
  },
  EnclaveKeyRevoked: (happened) => {
    for (const entry of keysOf(happened)) entry.revokedAt ??= Number(happened.args.revokedAt);
  },
  EnclaveKeyCompromised: (happened) => {
    for (const entry of keysOf(happened)) entry.compromisedSince = Number(happened.args.since);
  },
};

/** What events of NitroVerifier say. */
export const NITRO_HANDLERS: Record<string, Handler> = {
  CertificateRevoked: ({ record, args }) => {
    record.revokedCertificates.add(pair(lower(args.issuer), String(args.serial)));
  },
};

/** Writes down that an enclave's key vouched for a batch, or for a claim of it, and where the key stood at that moment. */
export function noteVouched(
  { record, args, place }: Pick<Happened, "record" | "args" | "place">,
  batch: BatchRecord,
  claim: { index: number; claimId: Hex } | undefined,
): void {
  const contract = record.policies.get(batch.header.policyId)?.policy.teeEvidence;
  if (contract === undefined) return;
  const key = record.enclaveKeys.get(pair(contract, String(args.source)));
  const { batchId, header } = batch;
  record.vouched.push({
    ...{ batchId, modelId: header.modelId, contract, place, ...claim },
    ...(key && { registration: key.registration }),
    ...standingOf(record, key, place.blockTime),
  });
}

/** Why the key attested nothing at that moment, or why events do not say. */
function standingOf(
  record: ChainRecord,
  key: EnclaveKeyRecord | undefined,
  now: number,
): { fault?: string; doubt?: string } {
  if (key === undefined) return { fault: "no key of this number had been registered" };
  const { registration, revokedAt } = key;
  const { terms, generation } = record.measurements.get(pair(registration.contract, key.measurement)) ?? {
    generation: -1,
  };
  if (revokedAt !== undefined) return { fault: `the key ${key.keyId} had been revoked` };
  if (terms === undefined || generation !== registration.generation)
    return { fault: `the measurement ${key.measurement} of the key ${key.keyId} was not on the list` };
  const attestedAt = registration.place.blockTime;
  if (now >= registration.expiresAt || now >= attestedAt + terms.maxKeySeconds)
    return { fault: `the key ${key.keyId} had run out` };
  const then = registration.terms;
  const isNarrower =
    then !== undefined &&
    ((then.statuses & ~terms.statuses) !== 0 || then.minEvaluationNumber < terms.minEvaluationNumber);
  if (!isNarrower) return {};
  return {
    doubt: `terms were tightened since the key ${key.keyId} was registered: events do not say whether it meets them`,
  };
}

function termsOf(policy: Result): MeasurementTerms {
  const number = (name: string) => Number(policy[name]);
  return {
    ...{ platform: number("platform"), pcrs: number("pcrs"), statuses: number("statuses") },
    ...{ minEvaluationNumber: number("minEvaluationNumber"), maxBlockAge: number("maxBlockAge") },
    maxKeySeconds: number("maxKeySeconds"),
  };
}

function measurementOf({ record, args, address }: Happened): MeasurementRecord {
  const key = pair(address, lower(args.measurement));
  const known = record.measurements.get(key);
  if (known) return known;
  const fresh: MeasurementRecord = { generation: 0 };
  record.measurements.set(key, fresh);
  return fresh;
}

function keysOf({ record, args, address }: Happened): EnclaveKeyRecord[] {
  return [...record.enclaveKeys]
    .filter(([key, { keyId }]) => key.startsWith(address) && keyId === lower(args.keyId))
    .map(([, entry]) => entry);
}
