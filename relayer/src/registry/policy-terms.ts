// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address } from "@meantime/sdk/hex";
import type { Policy } from "@meantime/sdk/policy";

/** The struct `Policy` as a contract returns it or an event has it: numbers, bigints or the text of either. */
export type PolicyFields = Readonly<Record<keyof Policy, unknown>>;

/** A policy's terms. Addresses are lower-case. */
export function policyTermsOf(fields: PolicyFields): Policy {
  const number = (name: keyof Policy) => Number(fields[name]);
  const wei = (name: keyof Policy) => BigInt(String(fields[name]));
  const address = (name: keyof Policy) => String(fields[name]).toLowerCase() as Address;
  return {
    rule: number("rule"),
    answerKinds: number("answerKinds"),
    publicData: String(fields.publicData) === "true",
    bondToken: address("bondToken"),
    zkEvidence: address("zkEvidence"),
    teeEvidence: address("teeEvidence"),
    quorumEvidence: address("quorumEvidence"),
    challengeWindowSeconds: number("challengeWindowSeconds"),
    attestedWindowSeconds: number("attestedWindowSeconds"),
    proveWindowSeconds: number("proveWindowSeconds"),
    claimBondWei: wei("claimBondWei"),
    challengeBondWei: wei("challengeBondWei"),
    challengerBps: number("challengerBps"),
    requesterBps: number("requesterBps"),
  };
}
