// SPDX-License-Identifier: GPL-3.0-or-later

import { type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import type { Policy } from "@meantime/sdk/policy";
import type { Contracts } from "../chain/contracts.ts";
import type { Reader } from "../ledger/schema.ts";
import { readPolicy } from "../registry/policies.ts";
import type { AtStake } from "./fee-caps.ts";
import type { Intent, Subject } from "./intents.ts";
import { type DeadlineSource, type StakeSource, termsOf } from "./kinds.ts";

/** What depends on a transaction now; undefined where it has no time of its own. */
export type StakeOf = (intent: Pick<Intent, "kind" | "subject">) => Promise<AtStake | undefined>;

/** What the stakes are read from. */
export interface StakeContext {
  ledger: Reader;
  contracts: Pick<Contracts, "policies" | "receipts">;
}

type Times = Omit<AtStake, "wei"> & { policyId: Hex; claims: number };

/** Of what has no price, whose terms nobody asks for. */
const UNPRICED = { policyId: "0x" as Hex, claims: 0 };
/** So long a release waits for a cheap block at most, before it is worth as much as anything that can wait. */
const PATIENCE_SECONDS = 86_400;

const BPS = 10_000n;
/** Of what an omission costs the operator, the policy shares out this part (`Limits.PENALTY_PAID_BPS`). */
const SHARED_PART = 4n;
/** A broken promise can be reported for this long (`Limits.REPORT_WINDOW_SECONDS`). */
const REPORT_SECONDS = 7 * 86_400;

/**
 * Reads what depends on a transaction: from the ledger's view of the chain, each time anew, since the guardian and the load
 * lengthen deadlines.
 */
export function createStakes(context: StakeContext): StakeOf {
  const known = new Map<Hex, Promise<Policy>>();
  // Terms never change once they are registered.
  const policyOf = (id: Hex): Promise<Policy> => {
    const read = known.get(id) ?? readPolicy(context.contracts, id).then(({ terms }) => terms);
    known.set(id, read);
    // What could not be read is read again.
    read.catch(() => known.delete(id));
    return read;
  };
  return async ({ kind, subject }) => {
    const { stake, deadline } = termsOf(kind);
    const times = await TIMES[deadline](context, subject);
    if (!times) return undefined;
    const { openedAt, deadline: until, policyId, claims } = times;
    const hasPrice = stake !== "nothing" && stake !== "unpriced";
    const wei = !hasPrice ? undefined : worth(stake, await policyOf(policyId), BigInt(claims));
    return { wei, openedAt, deadline: until };
  };
}

/** @returns undefined: in a token */
function worth(
  stake: Exclude<StakeSource, "nothing" | "unpriced">,
  { bondToken, claimBondWei, challengerBps }: Policy,
  claims: bigint,
): bigint | undefined {
  if (bondToken !== ZERO_ADDRESS) return undefined;
  const rewardWei = (claimBondWei * BigInt(challengerBps)) / BPS;
  switch (stake) {
    case "claimBond":
      return claimBondWei;
    case "claimBonds":
      return claimBondWei * claims;
    case "reward":
      return rewardWei;
    case "omissionReward":
      return rewardWei / SHARED_PART;
  }
}

type TimesOf = (context: StakeContext, subject: Subject) => Promise<Times | undefined>;

const TIMES: Record<DeadlineSource, TimesOf> = {
  dispute: async ({ ledger }, { batchId = "", index = "" }) => {
    const row = await ledger
      .selectFrom("chain_leaves as c")
      .innerJoin("chain_batches as b", "b.batch_id", "c.batch_id")
      .select(["c.disputed_at as openedAt", "c.deadline", "b.policy_id as policyId"])
      .where("c.batch_id", "=", batchId as Hex)
      .where("c.leaf_index", "=", Number(index))
      .executeTakeFirst();
    if (!row || row.openedAt === null || row.deadline === null) return undefined;
    return { openedAt: row.openedAt, deadline: row.deadline, policyId: row.policyId, claims: 1 };
  },
  report: async ({ ledger, contracts }, { batchId = "", claimId = "" }) => {
    const row = await ledger
      .selectFrom("batches")
      .select("policy_id as policyId")
      .where("batch_id", "=", batchId as Hex)
      .executeTakeFirst();
    if (!row) return undefined;
    const { includeBy, answerBy } = await contracts.receipts.omissionOf(claimId);
    return { openedAt: Number(includeBy), deadline: Number(answerBy), policyId: row.policyId, claims: 1 };
  },
  commitBy: async ({ ledger }, { batchId = "" }) => {
    const row = await ledger
      .selectFrom("batches as b")
      .innerJoin("receipts as r", "r.batch_id", "b.batch_id")
      .select((eb) => [
        "b.policy_id as policyId",
        "b.count as claims",
        eb.fn.min<number>("r.served_at").as("openedAt"),
        eb.fn.min<number>("r.commit_by").as("deadline"),
      ])
      .where("b.batch_id", "=", batchId as Hex)
      .groupBy(["b.policy_id", "b.count"])
      .executeTakeFirst();
    return row;
  },
  window: async ({ ledger }, { batchId = "" }) => {
    const row = await ledger
      .selectFrom("chain_batches")
      .select(["committed_at as openedAt", "final_at as deadline", "policy_id as policyId"])
      .where("batch_id", "=", batchId as Hex)
      .executeTakeFirst();
    return row && { ...row, claims: 1 };
  },
  reportBy: async (_, { reportBy, policyId }) => {
    if (reportBy === undefined || policyId === undefined) return undefined;
    const deadline = Number(reportBy);
    return { deadline, openedAt: deadline - REPORT_SECONDS, policyId: policyId as Hex, claims: 1 };
  },
  patience: async ({ ledger }, { batchIds = "" }) => {
    const row = await ledger
      .selectFrom("chain_batches")
      .select((eb) => [eb.fn.min<number | null>("final_at").as("openedAt")])
      .where("batch_id", "in", batchIds.split(",") as Hex[])
      .executeTakeFirst();
    if (!row || row.openedAt === null) return undefined;
    return { openedAt: row.openedAt, deadline: row.openedAt + PATIENCE_SECONDS, ...UNPRICED };
  },
  none: async () => undefined,
};
