// SPDX-License-Identifier: GPL-3.0-or-later

import type { Address, Hex } from "@meantime/sdk/hex";
import type { Ledger } from "../ledger/ledger.ts";

/** Which sender carries a transaction. Each has nonces of its own. */
export type Lane = "operator" | "watch";

/** What a transaction is for. */
export type IntentKind =
  | "answer"
  | "void"
  | "reveal"
  | "answerOmission"
  | "challenge"
  | "demand"
  | "resolve"
  | "resolveDemand"
  | "release"
  | "attest"
  | "prove"
  | "commit"
  | "announce";

/** Smaller goes first: an unanswered dispute costs a bond, a late release costs nothing. */
const PRIORITY: Record<IntentKind, number> = {
  answer: 0,
  void: 0,
  reveal: 0,
  answerOmission: 0,
  challenge: 1,
  demand: 1,
  resolve: 2,
  resolveDemand: 2,
  commit: 3,
  attest: 4,
  prove: 5,
  release: 6,
  announce: 7,
};

/**
 * The life of an intent.
 *
 * `queued` nothing signed; `signed` nonce reserved and bytes stored, perhaps not sent; `broadcast` a node took the bytes;
 * `mined` in a block; `confirmed` deep enough. `satisfied`: the chain already says what it should have brought about.
 * `failed`: it can never succeed.
 */
export type IntentState = "queued" | "signed" | "broadcast" | "mined" | "confirmed" | "satisfied" | "failed";

/** What the intent is about: enough to ask the chain whether it is still needed. All text. */
export type Subject = Record<string, string>;

/** A transaction that somebody wants sent. */
export interface NewIntent {
  /** At most one intent per key exists, ever. */
  dedupeKey: string;
  lane: Lane;
  kind: IntentKind;
  subject: Subject;
  to: Address;
  data: Hex;
  valueWei: bigint;
}

/** A stored intent. */
export interface Intent extends NewIntent {
  id: number;
  state: IntentState;
  /** Whether the nonce is being given back by a transfer to oneself. */
  cancelling: boolean;
  sender: Address | undefined;
  nonce: number | undefined;
  tries: number;
  txHash: Hex | undefined;
  blockNumber: number | undefined;
}

interface IntentRow {
  id: number;
  dedupe_key: string;
  lane: Lane;
  kind: IntentKind;
  subject: string;
  to_address: Address;
  data: Hex;
  value_wei: string;
  state: IntentState;
  cancelling: number;
  sender: Address | null;
  nonce: number | null;
  tries: number;
  tx_hash: Hex | null;
  block_number: number | null;
}

const COLUMNS =
  "id, dedupe_key, lane, kind, subject, to_address, data, value_wei, state, cancelling, sender, nonce, tries, tx_hash, block_number";

/** Queues an intent, unless one with its key exists. @returns whether it was new */
export function enqueue(ledger: Ledger, intent: NewIntent): boolean {
  const added = ledger.run(
    `INSERT INTO intents (dedupe_key, lane, kind, priority, subject, to_address, data, value_wei)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (dedupe_key) DO NOTHING`,
    intent.dedupeKey,
    intent.lane,
    intent.kind,
    PRIORITY[intent.kind],
    JSON.stringify(intent.subject),
    intent.to,
    intent.data,
    intent.valueWei.toString(),
  );
  return added === 1;
}

/** Whether an intent with this key was ever queued. */
export function isKnown(ledger: Ledger, dedupeKey: string): boolean {
  return ledger.get("SELECT 1 FROM intents WHERE dedupe_key = ?", dedupeKey) !== undefined;
}

/** The intent with this key. */
export function findIntent(ledger: Ledger, dedupeKey: string): Intent | undefined {
  const row = ledger.get<IntentRow>(`SELECT ${COLUMNS} FROM intents WHERE dedupe_key = ?`, dedupeKey);
  return row && fromRow(row);
}

/** Intents of a lane that hold a nonce and are not done, lowest nonce first. */
export function inFlight(ledger: Ledger, lane: Lane): Intent[] {
  return ledger
    .all<IntentRow>(
      `SELECT ${COLUMNS} FROM intents WHERE lane = ? AND state IN ('signed', 'broadcast', 'mined') ORDER BY nonce`,
      lane,
    )
    .map(fromRow);
}

/** Intents of a lane that may be tried now, most urgent first. */
export function ready(ledger: Ledger, lane: Lane, nowMilliseconds: number, limit: number): Intent[] {
  return ledger
    .all<IntentRow>(
      `SELECT ${COLUMNS} FROM intents WHERE lane = ? AND state = 'queued' AND next_try_at_milliseconds <= ?
       ORDER BY priority, id LIMIT ?`,
      lane,
      nowMilliseconds,
      limit,
    )
    .map(fromRow);
}

/** Intents of a kind that are neither done nor given up. */
export function openOfKind(ledger: Ledger, kind: IntentKind): Intent[] {
  return ledger
    .all<IntentRow>(
      `SELECT ${COLUMNS} FROM intents WHERE kind = ? AND state IN ('queued', 'signed', 'broadcast', 'mined')`,
      kind,
    )
    .map(fromRow);
}

/** How many intents are neither done nor given up. */
export function countOpen(ledger: Ledger): number {
  return (
    ledger.get<{ count: number }>(
      "SELECT COUNT(*) AS count FROM intents WHERE state IN ('queued', 'signed', 'broadcast', 'mined')",
    )?.count ?? 0
  );
}

/** The lowest nonce, from the chain's count on, that no intent holds: gaps close by themselves. */
export function lowestFreeNonce(ledger: Ledger, sender: Address, chainCount: number): number {
  const taken = new Set(
    ledger
      .all<{ nonce: number }>("SELECT nonce FROM intents WHERE sender = ? AND nonce >= ?", sender, chainCount)
      .map((row) => row.nonce),
  );
  let nonce = chainCount;
  while (taken.has(nonce)) nonce += 1;
  return nonce;
}

/** Gives the nonce back and tries again later. */
export function requeue(ledger: Ledger, id: number, error: string, nextTryAtMilliseconds: number): void {
  ledger.run(
    `UPDATE intents SET state = 'queued', sender = NULL, nonce = NULL, cancelling = 0, tx_hash = NULL,
       block_number = NULL, tries = tries + 1, error = ?, next_try_at_milliseconds = ? WHERE id = ?`,
    error,
    nextTryAtMilliseconds,
    id,
  );
}

/** Ends an intent that holds no nonce, or whose nonce the chain never saw. */
export function close(ledger: Ledger, id: number, state: "satisfied" | "failed", error: string | null): void {
  ledger.run(
    "UPDATE intents SET state = ?, sender = NULL, nonce = NULL, cancelling = 0, error = ? WHERE id = ?",
    state,
    error,
    id,
  );
}

function fromRow(row: IntentRow): Intent {
  return {
    id: row.id,
    dedupeKey: row.dedupe_key,
    lane: row.lane,
    kind: row.kind,
    subject: JSON.parse(row.subject) as Subject,
    to: row.to_address,
    data: row.data,
    valueWei: BigInt(row.value_wei),
    state: row.state,
    cancelling: row.cancelling === 1,
    sender: row.sender ?? undefined,
    nonce: row.nonce ?? undefined,
    tries: row.tries,
    txHash: row.tx_hash ?? undefined,
    blockNumber: row.block_number ?? undefined,
  };
}
