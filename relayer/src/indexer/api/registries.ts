// SPDX-License-Identifier: GPL-3.0-or-later

import { type Address, type Hex, ZERO_HASH } from "@meantime/sdk/hex";
import { type Policy, ruleNameOf } from "@meantime/sdk/policy";
import type { Reader, Row } from "../../ledger/schema.ts";
import type { IndexReader } from "../services.ts";
import { termsFromArguments } from "../terms.ts";
import { cut, type Listed } from "./answer.ts";
import { eventRows } from "./events.ts";
import { openGroups } from "./gap.ts";
import { notIndexed, type Page } from "./query.ts";
import { kindNames } from "./standing.ts";

/** `GET /operators`: who staked or committed, the last to come first. */
export async function listOperators(reader: IndexReader, page: Page): Promise<Listed<object>> {
  const { ledger } = reader;
  const [block, offset = 0] = page.cursor ?? [];
  let query = ledger
    .selectFrom("index_operators")
    .selectAll()
    .orderBy("first_block", "desc")
    .orderBy("operator", "desc")
    .limit(page.limit + 1);
  // Several may have come in one block; so few that they are counted off.
  if (block !== undefined) query = query.where("first_block", "<=", block).offset(offset);
  const rows = await query.execute();
  const views = new Map<string, object>();
  for (const { operator } of rows.slice(0, page.limit)) {
    views.set(operator, await operatorSummary(reader, operator));
  }
  const skipped = (row: Row<"index_operators">) =>
    rows.slice(0, page.limit).filter(({ first_block }) => first_block === row.first_block).length +
    (row.first_block === block ? offset : 0);
  return cut(
    rows,
    page,
    (row) => [row.first_block, skipped(row)],
    ({ operator, first_block }) => ({ operator, firstBlock: first_block, ...views.get(operator) }),
  );
}

/** `GET /operators/{address}` @throws HttpError 404 */
export async function oneOperator(reader: IndexReader, operator: Address): Promise<object> {
  const { ledger, clock } = reader;
  const row = await ledger
    .selectFrom("index_operators")
    .selectAll()
    .where("operator", "=", operator)
    .executeTakeFirst();
  if (!row) throw notIndexed("operator");
  const ended = await ledger
    .selectFrom("index_leaves")
    .select((eb) => ["standing", eb.fn.countAll<number>().as("claims")])
    .where("operator", "=", operator)
    .groupBy("standing")
    .execute();
  const of = (standing: string) => ended.find((group) => group.standing === standing)?.claims ?? 0;
  const groups = await openGroups(ledger, clock.nowSeconds(), operator);
  return {
    operator,
    firstBlock: row.first_block,
    ...(await operatorSummary(reader, operator)),
    open: groups.map(({ policyId, claims, oldestServedAt }) => ({ policyId, claims, oldestServedAt })),
    rejected: of("Rejected"),
    voided: of("Voided"),
    challenged: of("Challenged"),
    receiptKeys: await receiptKeysOf(ledger, operator),
    policies: await acceptedPoliciesOf(ledger, operator),
    penalties: await countOf(ledger, operator, "OperatorPenalised"),
    omissionsReported: await countOf(ledger, operator, "OmissionReported"),
    equivocationsReported: await countOf(ledger, operator, "EquivocationReported"),
  };
}

async function operatorSummary({ ledger, clock }: IndexReader, operator: Address) {
  const totals = await ledger
    .selectFrom("index_batches")
    .select((eb) => [
      eb.fn.countAll<number>().as("batches"),
      eb.fn.sum<number | string | null>("count").as("claims"),
      eb.fn.max<number | null>("committed_at").as("lastCommittedAt"),
    ])
    .where("operator", "=", operator)
    .executeTakeFirstOrThrow();
  const accounts = await ledger
    .selectFrom("index_accounts")
    .selectAll()
    .where("operator", "=", operator)
    .orderBy("token")
    .execute();
  const groups = await openGroups(ledger, clock.nowSeconds(), operator);
  return {
    endpoint: await endpointOf(ledger, operator),
    batches: totals.batches,
    claims: Number(totals.claims ?? 0),
    lastCommittedAt: totals.lastCommittedAt,
    openClaims: groups.reduce((sum, { claims }) => sum + claims, 0),
    accounts: accounts.map((account) => ({
      token: account.token,
      stakeWei: account.stake_wei,
      lockedWei: account.locked_wei,
      unbondingWei: account.unbonding_wei,
      lockableBps: account.lockable_bps,
      suspended: account.suspended === 1,
    })),
  };
}

async function endpointOf(db: Reader, operator: Address): Promise<string | null> {
  const row = await db
    .selectFrom("events")
    .select("arguments")
    .where("operator", "=", operator)
    .where("name", "=", "EndpointAnnounced")
    .orderBy("block_number", "desc")
    .orderBy("log_index", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? ((JSON.parse(row.arguments) as { endpoint: string }).endpoint ?? null) : null;
}

function operatorEvents(db: Reader, operator: Address, names: readonly string[]) {
  return db
    .selectFrom("events")
    .selectAll()
    .where("operator", "=", operator)
    .where("name", "in", names)
    .orderBy("block_number")
    .orderBy("log_index")
    .execute();
}

async function receiptKeysOf(db: Reader, operator: Address) {
  const keys = new Map<string, { key: string; validFrom: number; validUntil: number | null }>();
  const names = ["ReceiptKeyAdded", "ReceiptKeyRevoked", "ReceiptKeyCompromised"];
  for (const { name, arguments: text } of await operatorEvents(db, operator, names)) {
    const { key = "", validFrom, validUntil, since } = JSON.parse(text) as Record<string, string>;
    const known = keys.get(key) ?? { key, validFrom: 0, validUntil: null };
    keys.set(key, known);
    if (name === "ReceiptKeyAdded") known.validFrom = Number(validFrom);
    else known.validUntil = Number(validUntil ?? since);
  }
  return [...keys.values()];
}

async function acceptedPoliciesOf(db: Reader, operator: Address) {
  return (await operatorEvents(db, operator, ["PolicyAccepted"])).map(({ arguments: text }) => {
    const { policyId, acceptedAt } = JSON.parse(text) as { policyId: Hex; acceptedAt: string };
    return { policyId, acceptedAt: Number(acceptedAt) };
  });
}

async function countOf(db: Reader, operator: Address, name: string): Promise<number> {
  const { count } = await db
    .selectFrom("events")
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("operator", "=", operator)
    .where("name", "=", name)
    .executeTakeFirstOrThrow();
  return count;
}

/** `GET /models`: as they were registered, the latest first. */
export async function listModels({ ledger }: IndexReader, page: Page): Promise<Listed<object>> {
  const rows = await eventRows(ledger, { name: "ModelRegistered" }, page);
  const retired = await lastBySubject(ledger, rows, "ModelRetired");
  const counts = await claimCounts(ledger, "model_id", rows);
  return cut(
    rows,
    page,
    (row) => [row.block_number, row.log_index],
    (row) => modelView(row, retired, counts),
  );
}

/** `GET /models/{id}` @throws HttpError 404 */
export async function oneModel({ ledger }: IndexReader, modelId: Hex): Promise<object> {
  const row = await firstOf(ledger, modelId, "ModelRegistered");
  if (!row) throw notIndexed("model");
  return modelView(
    row,
    await lastBySubject(ledger, [row], "ModelRetired"),
    await claimCounts(ledger, "model_id", [row]),
  );
}

function modelView(
  row: Row<"events">,
  retired: ReadonlyMap<string, Row<"events">>,
  counts: ReadonlyMap<string, BatchCounts>,
) {
  const { name, version } = JSON.parse(row.arguments) as { name: string; version: string };
  const end = retired.get(row.subject ?? "");
  return {
    modelId: row.subject,
    name,
    version: Number(version),
    provenBy: kindNames(lastByte(row.subject)),
    registered: { at: row.timestamp, block: row.block_number, tx: row.tx_hash },
    retiredAt: end ? Number((JSON.parse(end.arguments) as { retiredAt: string }).retiredAt) : null,
    ...(counts.get(row.subject ?? "") ?? NO_BATCHES),
  };
}

/** `GET /policies`: as they were registered, the latest first. */
export async function listPolicies({ ledger }: IndexReader, page: Page): Promise<Listed<object>> {
  const rows = await eventRows(ledger, { name: "PolicyRegistered" }, page);
  const closed = await lastBySubject(ledger, rows, "PolicyClosing");
  const counts = await claimCounts(ledger, "policy_id", rows);
  return cut(
    rows,
    page,
    (row) => [row.block_number, row.log_index],
    (row) => policyView(row, closed, counts),
  );
}

/** `GET /policies/{id}` @throws HttpError 404 */
export async function onePolicy({ ledger }: IndexReader, policyId: Hex): Promise<object> {
  const row = await firstOf(ledger, policyId, "PolicyRegistered");
  if (!row) throw notIndexed("policy");
  return policyView(
    row,
    await lastBySubject(ledger, [row], "PolicyClosing"),
    await claimCounts(ledger, "policy_id", [row]),
  );
}

function policyView(
  row: Row<"events">,
  closed: ReadonlyMap<string, Row<"events">>,
  counts: ReadonlyMap<string, BatchCounts>,
) {
  const terms = termsFromArguments(row.arguments);
  const end = closed.get(row.subject ?? "");
  return {
    policyId: row.subject,
    terms: termsJson(terms),
    answeredBy: kindNames(terms.answerKinds),
    registered: { at: row.timestamp, block: row.block_number, tx: row.tx_hash },
    closedAt: end ? Number((JSON.parse(end.arguments) as { closedAt: string }).closedAt) : null,
    ...(counts.get(row.subject ?? "") ?? NO_BATCHES),
  };
}

function termsJson(terms: Policy) {
  return {
    ...terms,
    ruleName: ruleNameOf(terms.rule) ?? null,
    claimBondWei: terms.claimBondWei.toString(),
    challengeBondWei: terms.challengeBondWei.toString(),
  };
}

async function firstOf(db: Reader, subject: Hex, name: string): Promise<Row<"events"> | undefined> {
  return db
    .selectFrom("events")
    .selectAll()
    .where("subject", "=", subject)
    .where("name", "=", name)
    .orderBy("block_number")
    .orderBy("log_index")
    .limit(1)
    .executeTakeFirst();
}

async function lastBySubject(
  db: Reader,
  about: readonly Row<"events">[],
  name: string,
): Promise<Map<string, Row<"events">>> {
  const subjects = about.flatMap(({ subject }) => (subject === null ? [] : [subject]));
  if (subjects.length === 0) return new Map();
  const rows = await db
    .selectFrom("events")
    .selectAll()
    .where("subject", "in", subjects)
    .where("name", "=", name)
    .orderBy("block_number")
    .orderBy("log_index")
    .execute();
  return new Map(rows.map((row) => [row.subject ?? "", row]));
}

interface BatchCounts {
  batches: number;
  claims: number;
}

const NO_BATCHES: BatchCounts = { batches: 0, claims: 0 };

/** Batches whose header names a model or policy. Claims of mixed batches are not counted by model. */
async function claimCounts(
  db: Reader,
  column: "model_id" | "policy_id",
  about: readonly Row<"events">[],
): Promise<Map<string, BatchCounts>> {
  const ids = about.flatMap(({ subject }) => (subject === null || subject === ZERO_HASH ? [] : [subject]));
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom("index_batches")
    .select((eb) => [
      `${column} as id`,
      eb.fn.countAll<number>().as("batches"),
      eb.fn.sum<number | string>("count").as("claims"),
    ])
    .where(column, "in", ids as Hex[])
    .groupBy(column)
    .execute();
  return new Map(rows.map(({ id, batches, claims }) => [id, { batches, claims: Number(claims) }]));
}

function lastByte(id: string | null): number {
  return Number.parseInt(id?.slice(-2) ?? "0", 16);
}
