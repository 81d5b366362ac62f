// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";
import { isOpen, type Standing } from "../../chain/claim-standing.ts";
import { lastCheckpoint } from "../../ledger/chain-facts.ts";
import type { Reader } from "../../ledger/schema.ts";
import { keepLastAnswer } from "../../ops/last-answer.ts";
import { lastChange } from "../feed.ts";
import type { IndexReader } from "../services.ts";
import { policyTerms } from "../terms.ts";

/** Open claims of one operator under one policy. */
export interface OpenGroup {
  operator: Address;
  policyId: Hex;
  claims: number;
  /** Unix seconds; no open claim of it was served earlier. */
  oldestServedAt: number | null;
}

/**
 * `GET /gap`: what is open now, and what stands behind it. However many ask, it is computed once for a state of the index and
 * a second, since by the clock alone claims become final.
 */
export function createGap(reader: IndexReader): () => Promise<object> {
  const kept = keepLastAnswer<object>();
  return async () => {
    const at = reader.clock.nowSeconds();
    return kept(`${await stateOf(reader)} ${at}`, () => gapAt(reader, at));
  };
}

/** Another text whenever the answer may be another: the last block that was read, the last change, the receipts that wait. */
async function stateOf({ ledger }: IndexReader): Promise<string> {
  const [block, change, waiting] = [
    await lastCheckpoint(ledger),
    await lastChange(ledger),
    await waitingReceipts(ledger),
  ];
  return `${block?.number} ${block?.hash} ${change} ${waiting}`;
}

async function gapAt({ ledger }: IndexReader, at: number): Promise<object> {
  const groups = await openGroups(ledger, at);
  const terms = await policyTerms(
    ledger,
    groups.map(({ policyId }) => policyId),
  );
  const accounts = await ledger.selectFrom("index_accounts").selectAll().execute();
  const rows = new Map<string, OperatorGap>();
  const rowOf = (operator: Address, token: Address) => {
    const key = `${operator}:${token}`;
    const known = rows.get(key) ?? newRow(operator, token);
    rows.set(key, known);
    return known;
  };
  for (const account of accounts) {
    const row = rowOf(account.operator, account.token);
    row.stakeWei = BigInt(account.stake_wei);
    row.lockedWei = BigInt(account.locked_wei);
  }
  for (const { operator, policyId, claims, oldestServedAt } of groups) {
    const policy = terms.get(policyId);
    const row = rowOf(operator, policy?.bondToken ?? ZERO_ADDRESS);
    row.openClaims += claims;
    row.exposureWei += BigInt(claims) * (policy?.claimBondWei ?? 0n);
    row.oldestServedAt = earlier(row.oldestServedAt, oldestServedAt);
  }
  const all = [...rows.values()].sort((a, b) => b.openClaims - a.openClaims);
  return {
    at,
    open: {
      claims: all.reduce((sum, { openClaims }) => sum + openClaims, 0),
      exposure: exposureOf(all),
      oldestServedAt: all.reduce<number | null>((least, row) => earlier(least, row.oldestServedAt), null),
    },
    byOperator: all.map((row) => ({
      operator: row.operator,
      token: row.token,
      openClaims: row.openClaims,
      exposureWei: row.exposureWei.toString(),
      stakeWei: row.stakeWei.toString(),
      lockedWei: row.lockedWei.toString(),
      oldestServedAt: row.oldestServedAt,
    })),
    byStatus: await countsByStatus(ledger, at),
  };
}

interface OperatorGap {
  operator: Address;
  token: Address;
  openClaims: number;
  exposureWei: bigint;
  stakeWei: bigint;
  lockedWei: bigint;
  oldestServedAt: number | null;
}

function newRow(operator: Address, token: Address): OperatorGap {
  return {
    ...{ operator, token, openClaims: 0, exposureWei: 0n, stakeWei: 0n, lockedWei: 0n },
    oldestServedAt: null,
  };
}

function exposureOf(rows: readonly OperatorGap[]) {
  const tokens = Map.groupBy(rows, ({ token }) => token);
  return [...tokens].map(([token, of]) => ({
    token,
    wei: of.reduce((sum, { exposureWei }) => sum + exposureWei, 0n).toString(),
    stakeWei: of.reduce((sum, { stakeWei }) => sum + stakeWei, 0n).toString(),
  }));
}

/** Committed claims that are neither final nor ended, by operator and policy. */
export async function openGroups(db: Reader, now: number, operator?: Address): Promise<OpenGroup[]> {
  let untouched = db
    .selectFrom("index_batches")
    .select(["operator", "policy_id", "count", "touched", "oldest_served_at"])
    .where("final_at", ">", now)
    .where("standing", "<>", "Final");
  if (operator) untouched = untouched.where("operator", "=", operator);
  const leaves = () => {
    const all = db
      .selectFrom("index_leaves as l")
      .innerJoin("index_batches as b", "b.ordinal", "l.ordinal")
      .select(["b.operator", "b.policy_id", "b.oldest_served_at", "l.standing"]);
    return operator ? all.where("l.operator", "=", operator) : all;
  };
  const waiting = await leaves().where("l.final_at", ">", now).execute();
  const disputed = await leaves().where("l.standing", "=", "Challenged").execute();
  const groups = new Map<string, OpenGroup>();
  const add = (of: Address, policyId: Hex, claims: number, oldestServedAt: number) => {
    if (claims <= 0) return;
    const key = `${of}:${policyId}`;
    const known = groups.get(key) ?? { operator: of, policyId, claims: 0, oldestServedAt: null };
    groups.set(key, known);
    known.claims += claims;
    known.oldestServedAt = earlier(known.oldestServedAt, oldestServedAt);
  };
  for (const row of await untouched.execute()) {
    add(row.operator, row.policy_id, row.count - row.touched, row.oldest_served_at);
  }
  for (const row of waiting) {
    if (isOpen(row.standing)) add(row.operator, row.policy_id, 1, row.oldest_served_at);
  }
  for (const row of disputed) add(row.operator, row.policy_id, 1, row.oldest_served_at);
  return [...groups.values()];
}

/** Every committed claim by where it stands, and the receipts of this relayer that wait. */
export async function countsByStatus(db: Reader, now: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {
    ...{ Served: 0, Committed: 0, Attested: 0, Proven: 0, Final: 0, Challenged: 0, Rejected: 0, Voided: 0 },
  };
  const add = (standing: Standing, claims: number) => {
    counts[standing] = (counts[standing] ?? 0) + claims;
  };
  const last = await db
    .selectFrom("index_batches")
    .select("claims_up_to")
    .orderBy("ordinal", "desc")
    .limit(1)
    .executeTakeFirst();
  const open = await db
    .selectFrom("index_batches")
    .select(["standing", "count", "touched"])
    .where("final_at", ">", now)
    .where("standing", "<>", "Final")
    .execute();
  const leaves = await db
    .selectFrom("index_leaves")
    .select((eb) => ["standing", eb.fn.countAll<number>().as("claims")])
    .groupBy("standing")
    .execute();
  const late = await db.selectFrom("index_leaves").select("standing").where("final_at", ">", now).execute();
  let untouchedFinal = last?.claims_up_to ?? 0;
  for (const { standing, count, touched } of open) {
    add(standing, count - touched);
    untouchedFinal -= count - touched;
  }
  for (const { standing, claims } of leaves) {
    untouchedFinal -= claims;
    // Those that wait for the clock are counted below, and are final where they do not.
    add(isOpen(standing) ? "Final" : standing, claims);
  }
  for (const { standing } of late) {
    if (!isOpen(standing)) continue;
    add(standing, 1);
    add("Final", -1);
  }
  add("Final", untouchedFinal);
  counts.Served = await waitingReceipts(db);
  return counts;
}

async function waitingReceipts(db: Reader): Promise<number> {
  const waiting = await db.selectFrom("exposure").select("waiting").where("waiting", ">", 0).execute();
  return waiting.reduce((sum, row) => sum + row.waiting, 0);
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
