// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Reader, Row } from "../../ledger/schema.ts";
import type { IndexReader } from "../services.ts";
import type { Listed } from "./answer.ts";
import { eventRows } from "./events.ts";
import { type Page, writeCursor } from "./query.ts";

/** What opens a dispute, by the event. */
const KINDS = { ClaimChallenged: "challenge", RevealDemanded: "demand" } as const;

/** What a dispute has come to, by the state of its leaf. */
const OUTCOMES = {
  challenged: "open",
  demanded: "open",
  answered: "answered",
  revealed: "revealed",
  rejected: "rejected",
  voided: "voided",
  quiet: "answered",
} as const;

/** `GET /challenges`: challenges, and demands to see a claim, the latest first. */
export async function listDisputes(
  { ledger }: IndexReader,
  operator: Address | undefined,
  page: Page,
): Promise<Listed<object>> {
  const rows: Row<"events">[] = [];
  for (const name of Object.keys(KINDS)) rows.push(...(await eventRows(ledger, { name, operator }, page)));
  rows.sort((a, b) => b.block_number - a.block_number || b.log_index - a.log_index);
  const shown = rows.slice(0, page.limit);
  const leaves = await leavesOf(ledger, shown);
  const last = shown.at(-1);
  return {
    items: shown.map((row) => disputeView(row, leaves.get(`${row.batch_id}:${row.leaf_index}`))),
    nextCursor: rows.length > page.limit && last ? writeCursor([last.block_number, last.log_index]) : null,
  };
}

type DisputeLeaf = Awaited<ReturnType<typeof leafRows>>[number];

function disputeView(row: Row<"events">, leaf: DisputeLeaf | undefined) {
  const { challenger, demander, proveBy, revealBy } = JSON.parse(row.arguments) as Record<string, string>;
  const isLatest = leaf?.disputed_tx === row.tx_hash;
  return {
    kind: KINDS[row.name as keyof typeof KINDS],
    batchId: row.batch_id,
    index: row.leaf_index,
    claimId: row.claim_id ?? leaf?.claim_id ?? null,
    operator: leaf?.operator ?? null,
    opener: challenger ?? demander ?? null,
    at: row.timestamp,
    block: row.block_number,
    tx: row.tx_hash,
    deadline: isLatest ? (leaf?.deadline ?? null) : Number(proveBy ?? revealBy),
    // A demand that a challenge has followed was met, or there could be none.
    outcome:
      isLatest && leaf ? OUTCOMES[leaf.state] : row.name === "RevealDemanded" ? "revealed" : "answered",
    endedAt: isLatest ? (leaf?.ended_at ?? leaf?.evidence_at ?? null) : null,
    endedTx: isLatest ? (leaf?.ended_tx ?? leaf?.evidence_tx ?? null) : null,
  };
}

async function leavesOf(db: Reader, events: readonly Row<"events">[]): Promise<Map<string, DisputeLeaf>> {
  const batches = [
    ...new Set(events.flatMap(({ batch_id }) => (batch_id === null ? [] : [batch_id as Hex]))),
  ];
  const leaves = new Map<string, DisputeLeaf>();
  if (batches.length === 0) return leaves;
  const places = new Set(events.map(({ batch_id, leaf_index }) => `${batch_id}:${leaf_index}`));
  for (const leaf of await leafRows(db, batches)) {
    const key = `${leaf.batch_id}:${leaf.leaf_index}`;
    if (places.has(key)) leaves.set(key, leaf);
  }
  return leaves;
}

function leafRows(db: Reader, batches: readonly Hex[]) {
  return db
    .selectFrom("chain_leaves as c")
    .innerJoin("chain_batches as b", "b.batch_id", "c.batch_id")
    .select(["c.batch_id", "c.leaf_index", "c.claim_id", "c.state", "c.disputed_tx", "c.deadline"])
    .select(["c.ended_at", "c.ended_tx", "c.evidence_at", "c.evidence_tx", "b.operator"])
    .where("c.batch_id", "in", batches)
    .where("c.disputed_at", "is not", null)
    .execute();
}
