// SPDX-License-Identifier: GPL-3.0-or-later

/** By urgency, the most urgent first. Each can have a sender of its own; lanes that share a key share its nonces. */
export const LANES = ["answer", "challenge", "finalise", "commit"] as const;

/** Which sender carries a transaction. */
export type Lane = (typeof LANES)[number];

/** What is lost when a transaction does not land in time. */
export type StakeSource =
  /** The bond of the claim. */
  | "claimBond"
  /** The bonds of all claims of the batch: each holder of a receipt can report it. */
  | "claimBonds"
  /** What the policy pays whoever shows that the claim is wrong. */
  | "reward"
  /** What the policy pays whoever shows that a promise was broken. */
  | "omissionReward"
  /** Something that has no price: what everything costs at most bounds it. */
  | "unpriced"
  /** Nothing, or nothing that cannot be had later: it waits until it is cheap. */
  | "nothing";

/** By when a transaction has to be in a block, in the chain's time. */
export type DeadlineSource =
  /** The end of the dispute's window. */
  | "dispute"
  /** The end of the answer to a report. */
  | "report"
  /** The nearest `commitBy` of the batch's receipts. */
  | "commitBy"
  /** The end of the batch's or the claim's challenge window. */
  | "window"
  /** The end of the time in which a promise can be reported as broken. */
  | "reportBy"
  /** A day after the batch was final: the stake that it locks is wanted. */
  | "patience"
  | "none";

/** What there is to know about a kind of transaction before it is sent. */
export interface KindTerms {
  lane: Lane;
  /** Among those of one sender, smaller goes first. */
  priority: number;
  /** Without it a bond of ours is lost: it is cancelled by force alone. */
  keepsPromise: boolean;
  /** Who may send it: the operator's senders (`Settlement.setSender`), or anybody who is to be credited or nobody at all. */
  from: "sender" | "credited" | "anybody";
  stake: StakeSource;
  deadline: DeadlineSource;
}

/** Every kind of transaction. */
export const KINDS = {
  answer: terms("answer", 0, "claimBond", "dispute", { keepsPromise: true }),
  void: terms("answer", 0, "claimBond", "dispute", { keepsPromise: true, from: "sender" }),
  reveal: terms("answer", 0, "claimBond", "dispute", { keepsPromise: true }),
  answerOmission: terms("answer", 0, "claimBond", "report", { keepsPromise: true }),
  challenge: terms("challenge", 1, "reward", "window", { from: "credited" }),
  demand: terms("challenge", 1, "reward", "window", { from: "credited" }),
  disprove: terms("challenge", 1, "reward", "window"),
  reopenBatch: terms("challenge", 1, "nothing", "window"),
  reopenClaim: terms("challenge", 1, "nothing", "window"),
  reportOmission: terms("challenge", 1, "omissionReward", "reportBy", { from: "credited" }),
  reportEquivocation: terms("challenge", 1, "omissionReward", "reportBy", { from: "credited" }),
  resolveOmission: terms("challenge", 2, "nothing", "none", { from: "credited" }),
  resolve: terms("challenge", 2, "nothing", "none"),
  resolveDemand: terms("challenge", 2, "nothing", "none"),
  commit: terms("commit", 3, "claimBonds", "commitBy", { keepsPromise: true, from: "sender" }),
  /** Once for each model, before its first attestation, which costs less from then on. */
  rememberModel: terms("finalise", 4, "nothing", "none"),
  attest: terms("finalise", 4, "nothing", "window"),
  prove: terms("finalise", 5, "nothing", "window"),
  release: terms("finalise", 6, "nothing", "patience"),
  /** What cannot be fetched is demanded, claim by claim. */
  announce: terms("commit", 7, "unpriced", "none", { from: "sender" }),
  /** In the least urgent lane of the sender that is credited. */
  withdraw: terms("finalise", 8, "nothing", "none", { from: "credited" }),
  /** Closes a gap of the nonces by a transfer to oneself; of whatever lane the gap holds up. */
  fill: terms("answer", 0, "unpriced", "none"),
} as const satisfies Record<string, KindTerms>;

/** What a transaction is for. */
export type IntentKind = keyof typeof KINDS;

/** The terms of a kind. */
export function termsOf(kind: IntentKind): KindTerms {
  return KINDS[kind];
}

function terms(
  lane: Lane,
  priority: number,
  stake: StakeSource,
  deadline: DeadlineSource,
  { keepsPromise = false, from = "anybody" }: Partial<Pick<KindTerms, "keepsPromise" | "from">> = {},
): KindTerms {
  return { lane, priority, keepsPromise, from, stake, deadline };
}
