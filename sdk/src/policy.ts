// SPDX-License-Identifier: MIT
import { type Address, type Hex, hexToBytes, keccak256, keccak256Text } from "./hex.ts";
import { encodeWords } from "./words.ts";

/** Which evidence makes a claim final early, numbered as `EvidenceRule` in `contracts/types/Status.sol`. */
export const EVIDENCE_RULES = {
  window: 0,
  tee: 1,
  teeThenWindow: 2,
  zk: 3,
  teeAndZk: 4,
  teeOrZk: 5,
} as const;

/** The name of a rule. */
export type EvidenceRuleName = keyof typeof EVIDENCE_RULES;

/** The name of a rule by its number. Undefined: there is no such rule. */
export function ruleNameOf(rule: number): EvidenceRuleName | undefined {
  return (Object.keys(EVIDENCE_RULES) as EvidenceRuleName[]).find((name) => EVIDENCE_RULES[name] === rule);
}

/** Kinds of evidence, as bit flags. */
export const EVIDENCE_KINDS = { zk: 1, tee: 2, quorum: 4 } as const;

/** Whether evidence of these kinds makes a claim final at once under the rule, as `contracts/types/Status.sol` says. */
export function closes(rule: number, kinds: number): boolean {
  const { zk, tee } = EVIDENCE_KINDS;
  if (rule === EVIDENCE_RULES.tee) return (kinds & tee) !== 0;
  if (rule === EVIDENCE_RULES.zk) return (kinds & zk) !== 0;
  if (rule === EVIDENCE_RULES.teeAndZk) return (kinds & (tee | zk)) === (tee | zk);
  if (rule === EVIDENCE_RULES.teeOrZk) return (kinds & (tee | zk)) !== 0;
  return false;
}

/** Immutable settlement terms; field by field the struct `Policy` of the contracts. */
export interface Policy {
  rule: number;
  /** Flags of `EVIDENCE_KINDS` that answer a challenge. */
  answerKinds: number;
  /** Whether batches commit to the openings of their claims, which anybody may demand to see. */
  publicData: boolean;
  /** What bonds are paid in. Zero: ether. */
  bondToken: Address;
  /** Zero: none. */
  zkEvidence: Address;
  /** Zero: none. */
  teeEvidence: Address;
  /** Zero: none. */
  quorumEvidence: Address;
  challengeWindowSeconds: number;
  attestedWindowSeconds: number;
  proveWindowSeconds: number;
  claimBondWei: bigint;
  challengeBondWei: bigint;
  challengerBps: number;
  requesterBps: number;
}

const POLICY_TYPEHASH = keccak256Text(
  "Policy(uint8 rule,uint8 answerKinds,bool publicData,address bondToken,address zkEvidence,address teeEvidence,address quorumEvidence,uint32 challengeWindowSeconds,uint32 attestedWindowSeconds,uint32 proveWindowSeconds,uint88 claimBondWei,uint88 challengeBondWei,uint16 challengerBps,uint16 requesterBps)",
);

/** The policy id: the content hash, its lowest byte replaced by `answerKinds`. */
export function policyId(policy: Policy): Hex {
  const contentHash = keccak256(
    encodeWords(
      POLICY_TYPEHASH,
      policy.rule,
      policy.answerKinds,
      policy.publicData ? 1 : 0,
      policy.bondToken,
      policy.zkEvidence,
      policy.teeEvidence,
      policy.quorumEvidence,
      policy.challengeWindowSeconds,
      policy.attestedWindowSeconds,
      policy.proveWindowSeconds,
      policy.claimBondWei,
      policy.challengeBondWei,
      policy.challengerBps,
      policy.requesterBps,
    ),
  );
  return tagKinds(contentHash, policy.answerKinds);
}

/** The hash with its lowest byte replaced by the kinds of evidence: the form of model and policy ids. */
export function tagKinds(contentHash: Hex, kinds: number): Hex {
  return `${contentHash.slice(0, -2)}${kinds.toString(16).padStart(2, "0")}` as Hex;
}

/** The kinds that the model can give and the policy accepts as an answer to a challenge. */
export function sharedKinds(modelId: Hex, policyId: Hex): number {
  return lowestByte(modelId) & lowestByte(policyId);
}

/** Whether a challenge of a claim under these ids can be answered at all; other claims settle nowhere. */
export function isAnswerable(modelId: Hex, policyId: Hex): boolean {
  return sharedKinds(modelId, policyId) !== 0;
}

function lowestByte(id: Hex): number {
  return hexToBytes(id).at(-1) ?? 0;
}
