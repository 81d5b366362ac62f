// SPDX-License-Identifier: MIT
import type { Deployment } from "../chain/deployment.ts";

/** Who can use a function with effect. */
export type Who =
  | "anybody"
  | "anybody, for its own account"
  | "operator, sender or guardian"
  | "operator or sender"
  | "whoever reported"
  | "curator"
  | "guardian"
  | "administrator"
  | "a contract of the protocol";

/** What using a function can do. */
export interface Power {
  who: Who;
  /** What it can change, in a few words. */
  touches: string;
  /** What stops it, beside its own conditions. Nothing where not given. */
  stoppedBy?: string;
  /** The error that anybody else gets who calls it with arguments of zero. */
  refusal?: string;
}

/** The roles as the AccessManager numbers them. */
export const ROLES = { administrator: 0n, curator: 1n, guardian: 2n } as const;

/** The role a function is assigned to. Undefined: to none. */
export function roleOf({ who }: Power): bigint | undefined {
  if (who === "curator") return ROLES.curator;
  return who === "guardian" || who === "operator, sender or guardian" ? ROLES.guardian : undefined;
}

/** Whether the contract asks the AccessManager before anything else. */
export function isRestricted({ who, refusal }: Power): boolean {
  return who === "curator" || who === "guardian" || refusal === "AccessManagedUnauthorized";
}

const SET_AUTHORITY: Power = {
  who: "a contract of the protocol",
  touches: "which AccessManager rules the restricted functions; for the present one, by `updateAuthority`",
  refusal: "AccessManagedUnauthorized",
};
const WITHDRAW: Power = { who: "anybody, for its own account", touches: "the caller's credit" };
const ADMIN = { who: "administrator", refusal: "AccessManagerUnauthorizedAccount" } as const;
const DISPUTE = { who: "anybody" } as const;

/** Every function that changes state, by contract. */
export const POWERS: Record<keyof Deployment, Record<string, Power>> = {
  manager: {
    labelRole: { ...ADMIN, touches: "a role's label in an event" },
    grantRole: { ...ADMIN, touches: "who has a role, and its delay" },
    revokeRole: { ...ADMIN, touches: "who has a role" },
    renounceRole: { who: "anybody, for its own account", touches: "the caller's role" },
    setRoleAdmin: { ...ADMIN, touches: "who grants a role" },
    setRoleGuardian: { ...ADMIN, touches: "who can cancel a role's announcements" },
    setGrantDelay: { ...ADMIN, touches: "how long before a grant takes effect" },
    setTargetFunctionRole: { ...ADMIN, touches: "which role a restricted function needs" },
    setTargetAdminDelay: { ...ADMIN, touches: "how long before such a change takes effect" },
    setTargetClosed: { ...ADMIN, touches: "whether a contract's restricted functions can be used at all" },
    updateAuthority: { ...ADMIN, touches: "which AccessManager a contract obeys" },
    schedule: {
      who: "anybody",
      touches: "an announcement of what the caller may do after its delay",
    },
    execute: {
      who: "anybody",
      touches: "does what was announced, and what the caller may do without delay",
    },
    cancel: {
      who: "anybody",
      touches: "an announcement of the caller's, or of a role that it guards or administers",
    },
    consumeScheduledOp: {
      who: "a contract of the protocol",
      touches: "marks an announcement as done",
    },
    multicall: { who: "anybody", touches: "what the caller could do one by one" },
  },
  models: {
    register: { who: "anybody", touches: "a new entry, named by its content" },
    retire: { who: "guardian", touches: "a mark for gateways and wallets to see" },
    setAuthority: SET_AUTHORITY,
  },
  policies: {
    register: {
      who: "anybody",
      touches: "a new entry, named by its content",
      stoppedBy: "`disallowEvidence`, `disallowBondToken`",
    },
    allowEvidence: { who: "curator", touches: "which evidence contracts new policies may name" },
    disallowEvidence: { who: "guardian", touches: "which evidence contracts new policies may name" },
    allowBondToken: { who: "curator", touches: "which tokens new policies may name" },
    disallowBondToken: { who: "guardian", touches: "which tokens new policies may name" },
    setAuthority: SET_AUTHORITY,
  },
  groth16Evidence: {
    registerKey: { who: "anybody", touches: "a new key, named by its content" },
    tripBreaker: {
      who: "anybody",
      touches: "a key that proves contradictions, which proves nothing from now on",
    },
    judge: { who: "anybody", touches: "which statements count as proven until the end of the transaction" },
    judgeAndCall: {
      who: "anybody",
      touches: "the same, and what `prove`, `answer` and `disprove` touch, which anybody may call",
    },
  },
  enclaveEvidence: {
    allowMeasurement: { who: "curator", touches: "which enclaves' keys can enter, and on what terms" },
    tightenMeasurement: {
      who: "guardian",
      touches: "the same, and which keys attest: fewer",
    },
    removeMeasurement: {
      who: "guardian",
      touches: "a measurement, whose keys attest nothing from now on",
    },
    registerNitro: {
      who: "anybody",
      touches: "a key that a document of AWS's attests, which can attest for its measurement",
      stoppedBy: "`removeMeasurement`, `tightenMeasurement`, `revoke` of a certificate",
      refusal: "MeasurementNotAllowed",
    },
    registerIntel: {
      who: "anybody",
      touches: "a key that a quote of Intel's attests, which can attest for its measurement",
      stoppedBy: "`removeMeasurement`, `tightenMeasurement`",
      refusal: "MeasurementNotAllowed",
    },
    prune: { who: "anybody", touches: "a key that attests nothing any more, or whose platform was revoked" },
    rememberModel: { who: "anybody", touches: "a copy of a model's measurement" },
    revoke: { who: "guardian", touches: "a key, which attests nothing from now on" },
    markCompromised: {
      who: "guardian",
      touches: "what a key attested that is not final, which can be taken back",
    },
    setAuthority: SET_AUTHORITY,
  },
  nitroVerifier: {
    verify: { who: "anybody", touches: "certificates of a chain from AWS's root, which are remembered" },
    verifyChain: { who: "anybody", touches: "the same" },
    revoke: { who: "guardian", touches: "a certificate, which counts no longer" },
    setAuthority: SET_AUTHORITY,
  },
  intelCollateral: {
    enterAuthority: { who: "anybody", touches: "a certificate that Intel's root signed" },
    enterCrl: { who: "anybody", touches: "a newer revocation list of Intel's" },
    enterTcbInfo: { who: "anybody", touches: "a newer document of Intel's" },
    enterQeIdentity: { who: "anybody", touches: "a newer document of Intel's" },
  },
  intelVerifier: {},
  quorumEvidence: {
    addSigner: { who: "curator", touches: "a new member of the committee, after a delay of its own" },
    removeSigner: {
      who: "guardian",
      touches: "a member, whose verdicts count no more; its stake stays its owner's",
    },
    stakeFor: { who: "anybody", touches: "a member's stake, which grows" },
    resign: {
      who: "anybody, for its own account",
      touches: "a signer of the caller's",
      refusal: "NotOwnerOf",
    },
    completeExit: { who: "anybody", touches: "the stake of a signer that is gone, credited to its owner" },
    reportContradiction: { who: "anybody", touches: "the stake of a signer that contradicted itself" },
    withdraw: WITHDRAW,
    setAuthority: SET_AUTHORITY,
  },
  settlement: {
    stake: { who: "anybody", touches: "an operator's stake, which grows" },
    stakeToken: { who: "anybody", touches: "an operator's stake, which grows", refusal: "TokenNotAllowed" },
    unbond: { who: "anybody, for its own account", touches: "the caller's free stake and receipt keys" },
    completeUnbonding: { who: "anybody, for its own account", touches: "the caller's unbonded stake" },
    setSender: { who: "anybody, for its own account", touches: "who commits for the caller" },
    setLockable: {
      who: "anybody, for its own account",
      touches: "how much of the caller's stake can be locked",
    },
    resume: { who: "anybody, for its own account", touches: "the caller's suspension" },
    withdraw: WITHDRAW,
    commit: {
      who: "operator or sender",
      touches: "a new batch, and as much of the operator's stake as its bonds",
      stoppedBy: "`pauseCommits` (7 days at most), `closePolicy`; for senders also the operator's suspension",
      refusal: "NotSenderOf",
    },
    release: { ...DISPUTE, touches: "bonds of final batches, free again" },
    prove: { ...DISPUTE, touches: "evidence of a claim" },
    attestBatch: { ...DISPUTE, touches: "evidence of a batch" },
    challenge: { ...DISPUTE, touches: "a claim, against the caller's bond" },
    answer: { ...DISPUTE, touches: "a challenge, whose bond the evidence's beneficiary gets" },
    resolve: { ...DISPUTE, touches: "a claim that was not answered: its bond is split" },
    disprove: { ...DISPUTE, touches: "a lie: its bond is split" },
    voidChallenge: {
      who: "operator, sender or guardian",
      touches:
        "a challenge, whose bond goes back; without the guardian only when the means to answer are gone",
    },
    demandReveal: { ...DISPUTE, touches: "a claim that is withheld, against the caller's bond" },
    reveal: { ...DISPUTE, touches: "a demand, whose bond the operator gets" },
    resolveDemand: { ...DISPUTE, touches: "a claim that was not shown: its bond is split" },
    reopenBatch: { ...DISPUTE, touches: "evidence of a compromised enclave, taken back" },
    reopenClaim: { ...DISPUTE, touches: "evidence of a compromised enclave, taken back" },
    record: { ...DISPUTE, touches: "a copy of a final claim's output" },
    pauseCommits: { who: "guardian", touches: "commits, which wait for 7 days at most" },
    resumeCommits: { who: "guardian", touches: "commits, which go on" },
    closePolicy: { who: "guardian", touches: "new work under a policy, for ever" },
    lengthenChallengeWindow: {
      who: "guardian",
      touches: "when a batch becomes final: later, within a bound",
    },
    lengthenDeadline: {
      who: "guardian",
      touches: "until when a dispute can be answered: later, within a bound",
    },
    penalise: {
      who: "a contract of the protocol",
      touches: "free and unbonding stake of an operator that broke a receipt; for `Receipts` alone",
      refusal: "NotReceipts",
    },
    setAuthority: SET_AUTHORITY,
  },
  receipts: {
    addReceiptKey: { who: "anybody, for its own account", touches: "who signs receipts for the caller" },
    revokeReceiptKey: {
      who: "anybody, for its own account",
      touches: "who signs receipts for the caller",
      refusal: "ReceiptKeyNotActive",
    },
    markCompromised: { who: "guardian", touches: "what receipts of a key bind: fewer" },
    acceptPolicies: {
      who: "anybody, for its own account",
      touches: "under which policies receipts bind the caller: more",
    },
    announce: { who: "operator or sender", touches: "an event", refusal: "NotSenderFor" },
    reportOmission: { ...DISPUTE, touches: "an operator's record, against the caller's bond" },
    answerOmission: { ...DISPUTE, touches: "a report, whose bond the operator gets" },
    resolveOmission: {
      who: "whoever reported",
      touches: "a report that was not answered: the operator is penalised",
      refusal: "NoOpenReport",
    },
    reportEquivocation: { ...DISPUTE, touches: "an operator that gave two answers, which is penalised" },
    withdraw: WITHDRAW,
    setAuthority: SET_AUTHORITY,
  },
  requests: {
    request: {
      who: "anybody, for its own account",
      touches: "a new request, with the caller's fee",
      refusal: "NotRequester",
    },
    fulfil: { who: "anybody", touches: "a request, which gets its answer" },
    settle: { who: "anybody", touches: "a request, whose fee is paid or refunded" },
    expire: { who: "anybody", touches: "a request, whose fee is refunded" },
    redeliver: { who: "anybody", touches: "a callback that failed, which is made again" },
    withdraw: WITHDRAW,
  },
  erc8274Verifier: {},
  lens: {},
};
