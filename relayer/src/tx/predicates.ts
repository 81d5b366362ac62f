// SPDX-License-Identifier: GPL-3.0-or-later

import { type Hex, keccak256 } from "@meantime/sdk/hex";
import { EVIDENCE_KINDS } from "@meantime/sdk/policy";
import { MAX_COMMIT_HORIZON_SECONDS } from "@meantime/sdk/receipt";
import { LEAF_STATE } from "@meantime/sdk/status";
import { encodeWords } from "@meantime/sdk/words";
import { toQuantity } from "ethers";
import { earliestBlockSeconds } from "../chain/block-time.ts";
import type { ChainClock } from "../chain/clock.ts";
import { type Contracts, describeRevert, SETTLEMENT_INTERFACE } from "../chain/contracts.ts";
import { COMMIT_GRACE_SECONDS, type CommitPause, excused } from "../chain/pause.ts";
import type { Rpc } from "../chain/rpc.ts";
import type { Predicate, Predicates, Verdict } from "./context.ts";
import type { Subject } from "./intents.ts";

/** What the questions are asked of. */
export interface PredicateContext {
  contracts: Contracts;
  clock: ChainClock;
  rpc: Rpc;
  chainId: number;
  /** So many blocks have to stand on what ends an intent. */
  confirmations: number;
}

/**
 * For each kind of transaction, the question whether the chain still needs it. Asked before the first send and after a
 * restart, so that nothing is done twice whatever happened in between, or whoever did it first.
 */
export function createPredicates(context: PredicateContext): Predicates {
  const atHead = predicatesAsOf(context, "latest");
  const lastingly = (kind: keyof Predicates): Predicate => {
    return async (subject) => {
      const verdict = await atHead[kind](subject);
      const ends = verdict === "done" || verdict === "moot";
      if (!ends || context.confirmations === 1) return verdict;
      // A reorganisation may still take back what ends it, and nobody would look at it again.
      const confirmedBlock = (await context.rpc.getBlockNumber()) - (context.confirmations - 1);
      const confirmed = await predicatesAsOf(context, Math.max(0, confirmedBlock))[kind](subject);
      return confirmed === verdict ? verdict : "later";
    };
  };
  const kinds = Object.keys(atHead) as (keyof Predicates)[];
  return Object.fromEntries(kinds.map((kind) => [kind, lastingly(kind)])) as Predicates;
}

/** The same questions, asked of the state as of one block. */
function predicatesAsOf(context: PredicateContext, blockTag: number | "latest"): Predicates {
  const { settlement, receipts } = context.contracts;
  const asOf = { blockTag };
  const now = () => BigInt(context.clock.nowSeconds());
  const batchOf = (subject: Subject) => settlement.batchOf(field(subject, "batchId"), asOf);
  const leafOf = async (subject: Subject) => {
    const { state, kinds, deadline, tag } = await settlement.leafOf(
      field(subject, "batchId"),
      field(subject, "index"),
      asOf,
    );
    return { state: Number(state), kinds: Number(kinds), deadline, tag };
  };
  /** Until when (exclusive) an undisputed claim is open. */
  const clockFinalAt = async (subject: Subject, leaf: { state: number; deadline: bigint }) => {
    const { batchFinalAt } = await batchOf(subject);
    const isLater = leaf.state === LEAF_STATE.Revealed && leaf.deadline > batchFinalAt;
    return isLater ? leaf.deadline : batchFinalAt;
  };
  const unlessFinal = async (subject: Subject, leaf: { state: number; deadline: bigint }) =>
    now() >= (await clockFinalAt(subject, leaf)) ? "moot" : "needed";
  /** Whether it is time to collect what a dispute that we opened has won. */
  const resolveWhenDue = async (subject: Subject, state: number): Promise<Verdict> => {
    const leaf = await leafOf(subject);
    if (leaf.state !== state || !isOpenedBy(subject, leaf.tag)) return "done";
    // The guardian may have lengthened the deadline since.
    return now() < leaf.deadline ? "later" : "needed";
  };
  /** Whether a challenge against a claim of ours is still open. */
  const whileChallenged: Predicate = async (subject) => {
    const leaf = await leafOf(subject);
    if (leaf.state !== LEAF_STATE.Challenged) return hasEnded(leaf.state) ? "moot" : "done";
    return now() >= leaf.deadline || !isOpenedBy(subject, leaf.tag) ? "moot" : "needed";
  };
  /**
   * Whether no block takes a batch any more: it began after its policy was closed, or the time is over in which receipts from
   * before that are committed. Nothing else ends a commit: the contract takes it however late it is, and whatever else it
   * refuses can be mended.
   */
  const isShutOut = async (subject: Subject, pause: CommitPause, earliestSeconds: number) => {
    const { policyId, oldestServedAt } = subject;
    // A ledger of an earlier version does not say.
    if (policyId === undefined || oldestServedAt === undefined) return false;
    const closedAt = Number(await settlement.closedAtOf(policyId, asOf));
    if (closedAt === 0) return false;
    if (Number(oldestServedAt) >= closedAt) return true;
    return earliestSeconds > excused(closedAt + COMMIT_AFTER_CLOSING_SECONDS, pause);
  };
  /** Calls whose right the contract alone can judge: reports by several watchtowers, marks of the guardian. */
  const whileItWouldSucceed: Predicate = async (subject) => {
    try {
      await context.rpc.call({ to: field(subject, "to"), data: field(subject, "data"), blockTag });
      return "needed";
    } catch (error) {
      if (describeRevert(error) === undefined) throw error;
      return "moot";
    }
  };
  return {
    async commit(subject) {
      if ((await batchOf(subject)).committedAt !== 0n) return "done";
      const { from, until } = await settlement.pauseOf(asOf);
      const earliestSeconds = await earliestBlockSeconds(context);
      const pause = { from: Number(from), until: Number(until) };
      if (await isShutOut(subject, pause, earliestSeconds)) return "moot";
      if (now() < until) return "later";
      return earliestSeconds < Number(field(subject, "lastServedAt")) ? "later" : "needed";
    },
    async attest(subject) {
      const batch = await batchOf(subject);
      if (batch.attestedAt !== 0n) return "done";
      return now() >= batch.batchFinalAt ? "moot" : "needed";
    },
    async prove(subject) {
      const leaf = await leafOf(subject);
      if ((leaf.kinds & Number(field(subject, "kind"))) !== 0) return "done";
      if (leaf.state === LEAF_STATE.Demanded) return "later";
      // A challenged claim is answered, not proven: that is another intent.
      return isDisputed(leaf.state) || hasEnded(leaf.state) ? "moot" : unlessFinal(subject, leaf);
    },
    answer: whileChallenged,
    void: whileChallenged,
    async reveal(subject) {
      const leaf = await leafOf(subject);
      if (leaf.state !== LEAF_STATE.Demanded) return hasEnded(leaf.state) ? "moot" : "done";
      return now() >= leaf.deadline ? "moot" : "needed";
    },
    async answerOmission(subject) {
      const { state, answerBy } = await receipts.omissionOf(field(subject, "claimId"), asOf);
      if (Number(state) !== OMISSION_OPEN) return "done";
      return now() >= answerBy ? "moot" : "needed";
    },
    async challenge(subject) {
      const leaf = await leafOf(subject);
      if (leaf.state === LEAF_STATE.Demanded) return "later";
      if (leaf.state !== LEAF_STATE.Quiet && leaf.state !== LEAF_STATE.Revealed) return "done";
      return (leaf.kinds & EVIDENCE_KINDS.zk) !== 0 ? "moot" : unlessFinal(subject, leaf);
    },
    async demand(subject) {
      const leaf = await leafOf(subject);
      // Whoever disputed or proved it has shown it.
      if (leaf.state !== LEAF_STATE.Quiet || leaf.kinds !== 0) return "done";
      return unlessFinal(subject, leaf);
    },
    async resolve(subject) {
      return resolveWhenDue(subject, LEAF_STATE.Challenged);
    },
    async resolveDemand(subject) {
      return resolveWhenDue(subject, LEAF_STATE.Demanded);
    },
    async disprove(subject) {
      const leaf = await leafOf(subject);
      if (hasEnded(leaf.state)) return "done";
      if ((leaf.kinds & EVIDENCE_KINDS.zk) !== 0) return "moot";
      if (leaf.state === LEAF_STATE.Demanded) return "later";
      if (leaf.state !== LEAF_STATE.Challenged) return unlessFinal(subject, leaf);
      // Somebody else's challenge ends it as well, and only its own challenger fits the call.
      if (!subject.challenger || !isOpenedBy(subject, leaf.tag)) return "later";
      return now() >= leaf.deadline ? "moot" : "needed";
    },
    async reportOmission(subject) {
      const { state } = await receipts.omissionOf(field(subject, "claimId"), asOf);
      if (Number(state) !== OMISSION_NONE) return "done";
      return now() >= BigInt(field(subject, "reportBy")) ? "moot" : "needed";
    },
    async resolveOmission(subject) {
      const { state, reporter, answerBy } = await receipts.omissionOf(field(subject, "claimId"), asOf);
      const isOurs = reporter.toLowerCase() === field(subject, "reporter");
      if (Number(state) !== OMISSION_OPEN || !isOurs) return "done";
      return now() < answerBy ? "later" : "needed";
    },
    reportEquivocation: whileItWouldSucceed,
    reopenBatch: whileItWouldSucceed,
    reopenClaim: whileItWouldSucceed,
    async release(subject) {
      const batchIds = field(subject, "batchIds").split(",");
      const batches = await Promise.all(batchIds.map((batchId) => settlement.batchOf(batchId, asOf)));
      return batches.every((batch) => batch.released) ? "done" : "needed";
    },
    async withdraw(subject) {
      // Read by hand: the contract may be either vault.
      const values = [field(subject, "account"), field(subject, "token")];
      const data = SETTLEMENT_INTERFACE.encodeFunctionData("creditOf", values);
      const credit = await context.rpc.call({ to: field(subject, "contract"), data, blockTag });
      return BigInt(credit) === 0n ? "done" : "needed";
    },
    async rememberModel(subject) {
      // No view tells; but to write what is there already costs a tenth.
      try {
        const call = { to: field(subject, "to"), data: field(subject, "data") };
        // By hand: ethers leaves the block out.
        const asked = blockTag === "latest" ? blockTag : toQuantity(blockTag);
        const gas = (await context.rpc.send("eth_estimateGas", [call, asked])) as string;
        return BigInt(gas) < REMEMBERED_GAS ? "done" : "needed";
      } catch (error) {
        if (describeRevert(error) === undefined) throw error;
        return "moot";
      }
    },
    async announce() {
      return "needed";
    },
  };
}

/** So long after its closing a policy takes what was promised before: the longest promise and its grace. */
const COMMIT_AFTER_CLOSING_SECONDS = Number(MAX_COMMIT_HORIZON_SECONDS) + COMMIT_GRACE_SECONDS;
/** Between 24,000 for a model that is remembered and 49,000 for one that is not. */
const REMEMBERED_GAS = 35_000n;
/** `OmissionState.None` and `Open` of `contracts/interfaces/IReceipts.sol`. */
const OMISSION_NONE = 0;
const OMISSION_OPEN = 1;
/** A leaf keeps this much of the hash that binds a dispute to its claim and its opener. */
const TAG_BITS = 200;
/** The lowest bits of a demand's tag are the source of the leaf's enclave evidence. */
const SOURCE_BITS = 32n;

function isDisputed(state: number): boolean {
  return state === LEAF_STATE.Challenged || state === LEAF_STATE.Demanded;
}

function hasEnded(state: number): boolean {
  return state === LEAF_STATE.Rejected || state === LEAF_STATE.Voided;
}

/** Whether the open dispute is the one that the intent is about; see `LeafLib.tagOf` and `demandTagOf`. */
function isOpenedBy(subject: Subject, tag: bigint): boolean {
  const claimId = (subject.claimId ?? "0x") as Hex;
  const hash = keccak256(encodeWords(claimId, field(subject, "challenger") as Hex));
  const expected = BigInt.asUintN(TAG_BITS, BigInt(hash));
  return subject.claimId ? expected === tag : expected >> SOURCE_BITS === tag >> SOURCE_BITS;
}

function field(subject: Subject, name: string): string {
  const value = subject[name];
  if (value === undefined) throw new TypeError(`the intent's subject has no ${name}`);
  return value;
}
